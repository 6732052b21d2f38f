"""Streaming responses of real frameworks: each piece leaves before the next one is made, whole files in pieces."""

import json
import os
from pathlib import Path

import pytest

from tests.web.conftest import begin, streaming

pytestmark = pytest.mark.needs("web-frameworks")

SHOPS = {
    "fastapi": "asgi:shop_fastapi:app",
    "starlette": "asgi:shop_starlette:app",
    "quart": "asgi:shop_quart:app",
    "django-asgi": "asgi:shop.asgi:application",
    "django-wsgi": "wsgi:shop.wsgi:application",
    "flask": "wsgi:shop_flask:app",
}


@pytest.mark.parametrize("handler", SHOPS.values(), ids=SHOPS)
def test_an_event_leaves_before_the_next_one_is_made(handler: str, tmp_path: Path) -> None:
    # Given an app that waits between two events for a word of the test's
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with streaming(tmp_path, handler) as runtime:
        peer = begin(runtime, f"/ticks?path={fifo}")
        # Then the first one is there, behind the head of the response
        first = b""
        while not first.endswith(b"data: 0\n\n"):
            first += peer.read_chunk()
        prelude, _, body = first.partition(bytes(8))
        head = json.loads(prelude)
        assert (head["statusCode"], body) == (200, b"data: 0\n\n")
        assert head["headers"].get("content-type", head["headers"].get("Content-Type")).startswith("text/event-stream")
        # When the word is said
        fifo.write_text("1")
        # Then the second follows, and the end
        assert peer.read_chunked().body == b"data: 1\n\n"


@pytest.mark.parametrize(
    ("handler", "target", "status"),
    [
        ("asgi:shop_fastapi:app", "/items", 307),
        ("asgi:shop_fastapi:app", "/nothing", 404),
        ("asgi:shop_fastapi:app", "/boom", 500),
        ("wsgi:shop_flask:app", "/items", 308),
        ("wsgi:shop_flask:app", "/boom", 500),
        ("wsgi:shop.wsgi:application", "/items", 301),
        ("wsgi:shop.wsgi:application", "/nothing", 404),
    ],
)
def test_what_has_no_stream_in_it_streams_too(handler: str, target: str, status: int, tmp_path: Path) -> None:
    """In a function URL's stream mode the client would see the JSON of a buffered result."""
    with streaming(tmp_path, handler) as runtime:
        peer = begin(runtime, target)
        prelude, zeros, _ = peer.read_chunked().body.partition(bytes(8))
        assert zeros
        assert json.loads(prelude)["statusCode"] == status


@pytest.mark.parametrize("handler", ["asgi:shop_starlette:app", "wsgi:shop_flask:app", "wsgi:shop.wsgi:application"])
def test_a_file_comes_whole(handler: str, tmp_path: Path) -> None:
    with streaming(tmp_path, handler) as runtime:
        peer = begin(runtime, "/file")
        prelude, _, body = peer.read_chunked().body.partition(bytes(8))
        names = {name.lower() for name in json.loads(prelude)["headers"]}
        assert "content-length" not in names
        assert "content-disposition" in names
        assert body.startswith(b'"""The ')
