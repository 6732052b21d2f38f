"""The shop in Quart."""

import asyncio
import hashlib
from pathlib import Path

from quart import Quart, Response, current_app, redirect, request, session, url_for

DOWNLOAD = bytes(range(256)) * 64
app = Quart(__name__)
app.secret_key = "of the test"


@app.before_serving
async def open_pool():
    app.pool = {"queries": 0}


@app.get("/hello/<name>")
async def hello(name):
    return {"hello": name, "query": list(request.args.items(multi=True))}


@app.get("/login")
async def login():
    session["user"] = "ada"
    response = Response("{}")
    response.set_cookie("theme", "dark")
    return response


@app.get("/whoami")
async def whoami():
    return {"user": session.get("user"), "theme": request.cookies.get("theme")}


@app.post("/upload")
async def upload():
    file = (await request.files)["file"]
    content = file.read()
    return {"name": file.filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@app.get("/download")
async def download():
    return Response(DOWNLOAD, mimetype="application/octet-stream")


@app.get("/text")
async def text():
    return Response("grüner Tee\n" * 500, mimetype="text/plain")


@app.get("/go")
async def go():
    return redirect(url_for("hello", name="you"))


@app.get("/items/")
async def items():
    return []


@app.get("/pool")
async def pool():
    app.pool["queries"] += 1
    return {"pool": id(app.pool), "queries": app.pool["queries"]}


@app.get("/later")
async def later():
    path = request.args["path"]
    current_app.add_background_task(lambda: print(Path(path).read_text()))
    return {"answered": True}


@app.get("/ticks")
async def ticks():
    path = request.args["path"]

    async def body():
        yield b"data: 0\n\n"
        yield b"data: %b\n\n" % await asyncio.to_thread(Path(path).read_bytes)

    return Response(body(), mimetype="text/event-stream")


@app.get("/boom")
async def boom():
    raise ValueError("boom")
