"""The shop in FastAPI, with a lifespan that opens a pool."""

import asyncio
import hashlib
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI, Request, Response, UploadFile, WebSocket
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware

DOWNLOAD = bytes(range(256)) * 64


@asynccontextmanager
async def lifespan(app):
    print("the pool opens")
    yield {"pool": {"queries": 0}}
    print("the pool closes")


app = FastAPI(lifespan=lifespan)
app.add_middleware(GZipMiddleware, minimum_size=1000)
app.add_middleware(SessionMiddleware, secret_key="of the test")
app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example.com"], allow_credentials=True)


@app.get("/hello/{name}")
async def hello(name: str, request: Request):
    return {"hello": name, "query": request.query_params.multi_items()}


@app.get("/login")
async def login(request: Request, response: Response):
    request.session["user"] = "ada"
    response.set_cookie("theme", "dark")
    return {}


@app.get("/whoami")
async def whoami(request: Request):
    return {"user": request.session.get("user"), "theme": request.cookies.get("theme")}


@app.post("/upload")
async def upload(file: UploadFile):
    content = await file.read()
    return {"name": file.filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@app.get("/download")
def download():
    return Response(DOWNLOAD, media_type="application/octet-stream")


@app.get("/text")
def text():
    return Response("grüner Tee\n" * 500, media_type="text/plain")


@app.get("/go")
async def go(request: Request):
    return RedirectResponse(request.url_for("hello", name="you"))


@app.get("/items/")
async def items():
    return []


@app.get("/pool")
def pool(request: Request):
    request.state.pool["queries"] += 1
    return {"pool": id(request.state.pool), "queries": request.state.pool["queries"]}


@app.get("/later")
async def later(path: str, background: BackgroundTasks):
    background.add_task(wait_for, path)
    return {"answered": True}


def wait_for(path):
    print(Path(path).read_text())  # a FIFO: until somebody writes to it


@app.get("/ticks")
async def ticks(path: str):
    async def body():
        yield "data: 0\n\n"
        yield f"data: {await asyncio.to_thread(Path(path).read_text)}\n\n"

    return StreamingResponse(body(), media_type="text/event-stream")


@app.get("/boom")
async def boom():
    raise ValueError("boom")


@app.websocket("/socket")
async def socket(websocket: WebSocket):
    await websocket.accept()
