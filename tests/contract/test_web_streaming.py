"""Web apps that stream, byte by byte: what has left when, and what an app hears of a client that is gone."""

import base64
import json
import os
import re
import socket
import struct
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.raw_api import Chunked, Peer, Serving, serving

EVENT = {
    "version": "2.0",
    "rawPath": "/",
    "requestContext": {"http": {"method": "GET"}, "domainName": "abc.lambda-url.eu-central-1.on.aws"},
}
# Every app runs `body`, which the test gives, and prints what becomes of it.
ASGI = """
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    print("begin")
    async def part(text):
        await send({{"type": "http.response.body", "body": text, "more_body": True}})
    await receive()
    try:
        headers = [(b"content-type", b"text/event-stream")]
        await send({{"type": "http.response.start", "status": 200, "headers": headers}})
        {body}
        await send({{"type": "http.response.body"}})
    except OSError as error:
        print(type(error).__name__, (await receive())["type"])
        raise
    finally:
        print("finally")
"""
WSGI = """
import os
def app(environ, start_response):
    print("begin")
    try:
        start_response("200 OK", [("content-type", "text/event-stream")])
        {body}
    except GeneratorExit:
        print("closed")
        raise
    finally:
        print("finally")
"""
KINDS = {"asgi": ASGI, "wsgi": WSGI}
each_kind = pytest.mark.parametrize("kind", KINDS)
PRELUDE = b'{"statusCode": 200, "headers": {"content-type": "text/event-stream"}}' + bytes(8)


def streaming(folder: Path, kind: str, *steps: str) -> AbstractContextManager[Serving]:
    """Start the runtime on an app whose function URL streams.

    Args:
        folder: for the module and the output.
        kind: of the app.
        steps: what it does: `send EXPRESSION`, with any indent before it, or a line of Python.
    """
    sends = {"asgi": r"\1await part(\2)", "wsgi": r"\1yield \2"}[kind]
    body = "\n        ".join(re.sub("^( *)send (.*)", sends, step) for step in steps)
    environ = {"_HANDLER": f"{kind}:app:app", "PYLAMBDA_STREAM": "url"}
    return serving(folder, KINDS[kind].format(body=body), environ=environ)


def ask(runtime: Serving) -> Peer:
    """Give the event; return the connection behind the head of the answer."""
    peer = runtime.accept()
    peer.give_event(json.dumps(EVENT).encode())
    request = peer.read_request()
    assert request.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert request.headers["lambda-runtime-function-response-mode"] == "streaming"
    return peer


@each_kind
def test_each_part_is_a_chunk_and_leaves_before_the_next_exists(kind: str, tmp_path: Path) -> None:
    # Given an app that waits between its parts for a gate to open
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with streaming(tmp_path, kind, "send b'first'", f"open({str(gate)!r}).read()", "send b'second'") as runtime:
        peer = ask(runtime)
        # Then the first part is here, with the head before it, while the app stands at the gate
        assert peer.read_chunk() == PRELUDE + b"first"
        assert runtime.stdout() == "begin\n"
        gate.write_text("go on")
        assert peer.read_chunked() == Chunked([b"second"], {})
        peer.reply()
        assert peer.at_end()
        assert runtime.stdout() == "begin\nfinally\n"


@each_kind
def test_an_error_before_the_first_byte_is_a_streamed_500(kind: str, tmp_path: Path) -> None:
    with streaming(tmp_path, kind, "raise KeyError('early')", "send b'never'") as runtime:
        peer = ask(runtime)
        answered = peer.read_chunked()
        peer.reply()
        assert peer.at_end()
        log = runtime.stdout()
    head, _, body = answered.body.partition(bytes(8))
    assert (json.loads(head)["statusCode"], body, answered.trailers) == (500, b"Internal Server Error", {})
    assert log.count("[ERROR] KeyError: 'early'") == 1


@each_kind
def test_an_error_after_the_first_byte_is_in_the_trailers(kind: str, tmp_path: Path) -> None:
    with streaming(tmp_path, kind, "send b'part'", "raise KeyError('late')") as runtime:
        peer = ask(runtime)
        answered = peer.read_chunked()
        peer.reply()
        assert peer.at_end()
        log = runtime.stdout()
    assert answered.chunks == [PRELUDE + b"part"]
    document = json.loads(base64.b64decode(answered.trailers["lambda-runtime-function-error-body"]))
    assert document["errorType"] == "KeyError"
    assert [("app.py" in frame) for frame in document["stackTrace"]] == [True]
    assert log.count("[ERROR] KeyError: 'late'") == 1


@each_kind
def test_a_client_that_is_gone_ends_the_app_and_not_the_runtime(kind: str, tmp_path: Path) -> None:
    # Given an app that streams without end
    with streaming(tmp_path, kind, "send b'first'", "while True:", "    send bytes(60000)") as runtime:
        peer = ask(runtime)
        assert peer.read_chunk() == PRELUDE + b"first"
        # When its client goes away
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.connection.close()
        # Then the app is told, and the next event is asked for
        assert ask(runtime).read_chunk() == PRELUDE + b"first"
        told = {"asgi": "ClientDisconnected http.disconnect\n", "wsgi": "closed\n"}[kind]
        assert runtime.stdout() == f"begin\n{told}finally\nbegin\n"
        (line,) = runtime.stderr().splitlines()
        assert "broke off after" in line


@each_kind
def test_a_large_stream_takes_little_memory(kind: str, tmp_path: Path) -> None:
    # Given an app that sends 50 MB and prints how much memory it took
    total = "import resource; print('grew', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    before = "import resource; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"
    with streaming(tmp_path, kind, before, "for _ in range(800):", "    send bytes(65536)", total) as runtime:
        peer = ask(runtime)
        received = len(peer.read_chunk()) - len(PRELUDE)
        while chunk := peer.read_chunk():
            received += len(chunk)
        # Then memory holds a few chunks of it
        assert received == 800 * 65536
        grew_kib = int(runtime.stdout().partition("grew ")[2].split()[0])
        assert grew_kib < 5_000


def test_the_response_is_whole_before_work_behind_it_goes_on(tmp_path: Path) -> None:
    # Given an app that waits at a gate once it has sent its response
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    source = f"""
        import asyncio
        async def app(scope, receive, send):
            if scope["type"] != "http":
                return
            await send({{"type": "http.response.start", "status": 200, "headers": []}})
            await send({{"type": "http.response.body", "body": b"whole"}})
            await asyncio.to_thread(lambda: open({str(gate)!r}).read())
            print("background")
        """
    for stream in "url", "":
        (tmp_path / (stream or "buffered")).mkdir()
        environ = {"_HANDLER": "asgi:app:app", "PYLAMBDA_STREAM": stream}
        with serving(tmp_path / (stream or "buffered"), source, environ=environ) as runtime:
            peer = runtime.accept()
            peer.give_event(json.dumps(EVENT).encode())
            # Then the response is here while the app stands there
            request = peer.read_request()
            assert b"whole" in (peer.read_chunked().body if stream else request.body)
            peer.reply()
            assert runtime.stdout() == ""
            gate.write_text("go on")
            # And the next event is asked for when the app is at its end
            assert (runtime.accept() if stream else peer).read_request().line.startswith("GET ")
            assert runtime.stdout() == "background\n"


def test_work_behind_a_response_is_cancelled_before_the_deadline(tmp_path: Path) -> None:
    source = """
        import asyncio
        async def app(scope, receive, send):
            if scope["type"] != "http":
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"whole"})
            try:
                await asyncio.Event().wait()
            finally:
                print("cancelled")
        """
    with serving(tmp_path, source, environ={"_HANDLER": "asgi:app:app"}) as runtime:
        peer = runtime.accept()
        request = peer.answer_to(json.dumps(EVENT).encode(), timeout_s=1)
        assert json.loads(request.body)["body"] == "whole"
        peer.give_event(b"{}")
        assert runtime.stdout().startswith("cancelled\n[ERROR] Runtime.DeadlineExceeded")
        assert "in app (app.py" in runtime.stdout()


@pytest.mark.parametrize("stream", ["", "url"])
def test_an_app_that_would_outlive_its_deadline_is_an_error_that_says_where_it_waited(
    stream: str, tmp_path: Path
) -> None:
    source = """
        import asyncio
        async def app(scope, receive, send):
            if scope["type"] == "http":
                await asyncio.Event().wait()
        """
    environ = {"_HANDLER": "asgi:app:app", "PYLAMBDA_STREAM": stream}
    with serving(tmp_path, source, environ=environ) as runtime:
        request = runtime.accept().answer_to(json.dumps(EVENT).encode(), timeout_s=1)
    document: dict[str, Any] = json.loads(request.body)
    assert request.line.endswith("/error HTTP/1.1")
    assert document["errorType"] == "Runtime.DeadlineExceeded"
    assert "in app (app.py" in document["errorMessage"]
