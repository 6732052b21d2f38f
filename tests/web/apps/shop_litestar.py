"""The shop in Litestar."""

import hashlib
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from litestar import Litestar, Request, get, post
from litestar.background_tasks import BackgroundTask
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect, Response

DOWNLOAD = bytes(range(256)) * 64


@asynccontextmanager
async def lifespan(app):
    app.state.pool = {"queries": 0}
    yield


@get("/hello/{who:str}", name="hello")
async def hello(who: str, request: Request) -> dict:
    return {"hello": who, "query": list(request.query_params.multi_items())}


@get("/login")
async def login() -> Response:
    response = Response({})
    response.set_cookie("user", "ada")
    response.set_cookie("theme", "dark")
    return response


@get("/whoami")
async def whoami(request: Request) -> dict:
    return {"user": request.cookies.get("user"), "theme": request.cookies.get("theme")}


@post("/upload", status_code=200)
async def upload(data: Annotated[dict[str, UploadFile], Body(media_type=RequestEncodingType.MULTI_PART)]) -> dict:
    content = await data["file"].read()
    return {"name": data["file"].filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@get("/download", media_type="application/octet-stream", sync_to_thread=False)
def download() -> bytes:
    return DOWNLOAD


@get("/text", media_type="text/plain", sync_to_thread=False)
def text() -> str:
    return "grüner Tee\n" * 500


@get("/go")
async def go(request: Request) -> Redirect:
    return Redirect(request.url_for("hello", who="you"))


@get("/pool")
async def pool(request: Request) -> dict:
    pool = request.app.state.pool
    pool["queries"] += 1
    return {"pool": id(pool), "queries": pool["queries"]}


def wait_for(path):
    print(Path(path).read_text())


@get("/later")
async def later(path: str) -> Response:
    return Response({"answered": True}, background=BackgroundTask(wait_for, path))


@get("/boom")
async def boom() -> None:
    raise ValueError("boom")


app = Litestar(
    [hello, login, whoami, upload, download, text, go, pool, later, boom],
    lifespan=[lifespan],
    compression_config=CompressionConfig(backend="gzip", minimum_size=1000),
    cors_config=CORSConfig(allow_origins=["https://shop.example.com"], allow_credentials=True),
    request_max_body_size=None,
)
