"""The shop in Flask."""

import hashlib
import io
from pathlib import Path

from flask import Flask, Response, redirect, request, send_file, session, stream_with_context, url_for

DOWNLOAD = bytes(range(256)) * 64
app = Flask(__name__)
app.secret_key = "of the test"


@app.get("/hello/<name>")
def hello(name):
    return {"hello": name, "query": list(request.args.items(multi=True))}


@app.get("/login")
def login():
    session["user"] = "ada"
    response = Response("{}")
    response.set_cookie("theme", "dark")
    return response


@app.get("/whoami")
async def whoami():  # a coroutine, which Flask runs on a loop of its own
    return {"user": session.get("user"), "theme": request.cookies.get("theme")}


@app.post("/upload")
def upload():
    file = request.files["file"]
    content = file.read()
    return {"name": file.filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@app.get("/download")
def download():
    return send_file(io.BytesIO(DOWNLOAD), "application/octet-stream")


@app.get("/file")
def file():
    return send_file(__file__, download_name="shop.py", as_attachment=True)


@app.get("/text")
def text():
    return Response(("grüner Tee\n" for _ in range(500)), mimetype="text/plain")


@app.get("/ticks")
def ticks():
    @stream_with_context
    def body():
        yield "data: 0\n\n"
        yield f"data: {Path(request.args['path']).read_text()}\n\n"

    return Response(body(), mimetype="text/event-stream")


@app.get("/go")
def go():
    return redirect(url_for("hello", name="you", _external=True))


@app.get("/items/")
def items():
    return []


@app.get("/boom")
def boom():
    raise ValueError("boom")
