"""The shop in Starlette, mounted routes and files from a folder included."""

import hashlib
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

DOWNLOAD = bytes(range(256)) * 64


@asynccontextmanager
async def lifespan(app):
    yield {"pool": {"queries": 0}}


async def hello(request):
    return JSONResponse({"hello": request.path_params["name"], "query": request.query_params.multi_items()})


async def login(request):
    request.session["user"] = "ada"
    response = JSONResponse({})
    response.set_cookie("theme", "dark")
    return response


async def whoami(request):
    return JSONResponse({"user": request.session.get("user"), "theme": request.cookies.get("theme")})


async def upload(request):
    async with request.form() as form:
        content = await form["file"].read()
        name = form["file"].filename
    return JSONResponse({"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()})


async def download(request):
    return Response(DOWNLOAD, media_type="application/octet-stream")


async def file(request):
    return FileResponse(__file__, filename="shop.py")


async def text(request):
    return PlainTextResponse("grüner Tee\n" * 500)


async def go(request):
    return RedirectResponse(request.url_for("hello", name="you"))


async def items(request):
    return JSONResponse([])


async def pool(request):
    request.state.pool["queries"] += 1
    return JSONResponse({"pool": id(request.state.pool), "queries": request.state.pool["queries"]})


async def later(request):
    task = BackgroundTask(lambda path: print(Path(path).read_text()), request.query_params["path"])
    return JSONResponse({"answered": True}, background=task)


async def ticks(request):
    def body():  # on a thread
        yield "data: 0\n\n"
        yield f"data: {Path(request.query_params['path']).read_text()}\n\n"

    return StreamingResponse(body(), media_type="text/event-stream")


async def boom(request):
    raise ValueError("boom")


app = Starlette(
    routes=[
        Route("/hello/{name}", hello, name="hello"),
        Route("/login", login),
        Route("/whoami", whoami),
        Route("/upload", upload, methods=["POST"]),
        Route("/download", download),
        Route("/file", file),
        Route("/text", text),
        Route("/go", go),
        Route("/items/", items),
        Route("/pool", pool),
        Route("/later", later),
        Route("/ticks", ticks),
        Route("/boom", boom),
    ],
    middleware=[
        Middleware(CORSMiddleware, allow_origins=["https://shop.example.com"], allow_credentials=True),
        Middleware(SessionMiddleware, secret_key="of the test"),
        Middleware(GZipMiddleware, minimum_size=1000),
    ],
    lifespan=lifespan,
)
