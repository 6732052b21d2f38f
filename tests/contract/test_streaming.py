"""Streamed responses, byte by byte: what is sent when, how it ends, and what becomes of the generator."""

import base64
import json
import os
import socket
import struct
from pathlib import Path

import pytest

from tests.contract.raw_api import Chunked, serving

HEAD = (
    "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n"
    "Host: {host}\r\n"
    "User-Agent: {agent}\r\n"
    "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
    "Content-Type: {content_type}\r\n"
    "Transfer-Encoding: chunked\r\n"
    "Lambda-Runtime-Invocation-Id: attempt-1\r\n"
    "\r\n"
)
GENERATOR = """
def handler(event, context):
    yield "a\u00fc"
    yield b""
    yield bytearray(b"cd")
"""
PRELUDE = b'{"statusCode": 201, "headers": {"content-type": "text/plain"}, "cookies": ["a=1"]}' + bytes(8)
# Every way to stream the same thing. Each body runs `body`, which the test gives, between its marks.
SYNC_BODY = """
import os, pylambda
def body():
    print("begin")
    try:
        {body}
    except GeneratorExit:
        print("closed")
        raise
    finally:
        print("finally")
"""
ASYNC_BODY = SYNC_BODY.replace("def body", "async def body")
KINDS = {
    "generator": SYNC_BODY.replace("def body()", "def handler(event, context)"),
    "async generator": ASYNC_BODY.replace("def body()", "def handler(event, context)"),
    "response": SYNC_BODY + "\ndef handler(event, context): return pylambda.StreamingResponse(body())",
    "response of async": ASYNC_BODY + "\ndef handler(event, context): return pylambda.StreamingResponse(body())",
    "async response": ASYNC_BODY + "\nasync def handler(event, context): return pylambda.StreamingResponse(body())",
    "async response of sync": SYNC_BODY
    + "\nasync def handler(event, context): return pylambda.StreamingResponse(body())",
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def error_of(streamed: Chunked) -> dict[str, object]:
    """Return the error document in the trailers."""
    document: dict[str, object] = json.loads(
        base64.b64decode(streamed.trailers["lambda-runtime-function-error-body"], validate=True)
    )
    return document


def body_of(streamed: Chunked) -> bytes:
    """Return the body behind the prelude, where there is one."""
    return streamed.body.rpartition(bytes(8))[2]


def test_a_generator_byte_for_byte(tmp_path: Path) -> None:
    with serving(tmp_path, GENERATOR) as runtime:
        peer = runtime.accept()
        peer.give_event(Lambda_Runtime_Invocation_Id="attempt-1")
        received = peer.read_exactly(len(b"POST")) + b"\r\n".join(iter(peer.read_line, b""))
        lines = received.decode().split("\r\n")
        head = HEAD.format(host=lines[1][6:], agent=lines[2][12:], content_type="application/octet-stream")
        assert received.decode() + "\r\n\r\n" == head
        assert peer.read_exactly(20) == b"3\r\na\xc3\xbc\r\n2\r\ncd\r\n0\r\n\r\n"
        peer.reply()
        assert peer.at_end()


def test_an_http_response_begins_with_its_prelude(tmp_path: Path) -> None:
    source = """
        import pylambda
        def handler(event, context):
            return pylambda.StreamingResponse(iter("xy"), 201, {"content-type": "text/plain"}, ["a=1"])
        """
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        peer.give_event()
        request = peer.read_request()
        assert request.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
        assert peer.read_chunked().chunks == [PRELUDE, b"x", b"y"]


def test_a_response_without_a_content_type_gets_one(tmp_path: Path) -> None:
    source = "import pylambda\ndef handler(event, context): return pylambda.StreamingResponse('whole text')"
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        prelude, text = peer.read_chunked().chunks
    assert json.loads(prelude.removesuffix(bytes(8)))["headers"] == {"content-type": "application/octet-stream"}
    assert text == b"whole text"


@each_kind
def test_the_first_chunk_leaves_before_the_second_is_asked_for(kind: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    body = f'yield "first"; open({str(gate)!r}).read(); yield "second"'
    with serving(tmp_path, KINDS[kind].format(body=body)) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        received = peer.read_chunk()
        if received != b"first":
            received = peer.read_chunk()
        assert received == b"first"  # and the body stands in its read of the gate
        gate.write_text("go on")
        assert peer.read_chunked().chunks == [b"second"]
        assert runtime.stdout() == "begin\nfinally\n"


@each_kind
def test_an_error_before_the_first_chunk_is_an_ordinary_error(kind: str, tmp_path: Path) -> None:
    with serving(tmp_path, KINDS[kind].format(body='raise KeyError("early"); yield')) as runtime:
        peer = runtime.accept()
        request = peer.answer_to()
        assert request.line.endswith("/invocation/id-1/error HTTP/1.1")
        document = json.loads(request.body)
        assert document["errorType"] == "KeyError"
        assert [("app.py" in frame) for frame in document["stackTrace"]] == [True]
        assert runtime.stdout().startswith("begin\nfinally\n[ERROR] KeyError: 'early'")
        assert peer.answer_to(request_id="id-2").line.endswith("/invocation/id-2/error HTTP/1.1")


@each_kind
def test_an_error_after_it_goes_into_the_trailers(kind: str, tmp_path: Path) -> None:
    with serving(tmp_path, KINDS[kind].format(body='yield "some"; raise KeyError("late")')) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        streamed = peer.read_chunked()
        peer.reply()
        assert body_of(streamed) == b"some"
        assert list(streamed.trailers) == [
            "lambda-runtime-function-error-type",
            "lambda-runtime-function-error-body",
        ]
        assert streamed.trailers["lambda-runtime-function-error-type"] == "Function.KeyError"
        document = error_of(streamed)
        assert (document["errorType"], document["errorMessage"]) == ("KeyError", "'late'")
        assert len(document["stackTrace"]) == 1  # type: ignore[arg-type]
        assert peer.at_end()
        assert runtime.stdout().count("[ERROR] KeyError: 'late'") == 1
        runtime.accept().give_event(request_id="id-2")


@each_kind
def test_a_client_that_goes_away_closes_the_body(kind: str, tmp_path: Path) -> None:
    body = 'yield "first"\n        while True: yield bytes(60000)'
    with serving(tmp_path, KINDS[kind].format(body=body)) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        peer.read_chunk()
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.connection.close()
        runtime.accept().give_event(request_id="id-2")
        assert runtime.stdout().startswith("begin\nclosed\nfinally\n")
        (line,) = runtime.stderr().splitlines()
        assert "the response to id-1 broke off after" in line


@pytest.mark.parametrize("status", [400, 403, 410, 413])
def test_a_refusal_in_the_middle_closes_the_body(status: int, tmp_path: Path) -> None:
    body = 'yield "first"\n        while True: yield bytes(60000)'
    with serving(tmp_path, KINDS["generator"].format(body=body)) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        peer.read_chunk()
        peer.reply(status, b"no more of it")
        following = runtime.accept()
        following.give_event(request_id="id-2")
        assert runtime.stdout().startswith("begin\nclosed\nfinally\n")
        (line,) = runtime.stderr().splitlines()
        assert f"the answer to id-1 was refused, {status}" in line
        assert "no more of it" in line


def test_a_status_that_ends_the_run_ends_it_after_the_body_is_closed(tmp_path: Path) -> None:
    body = 'yield "first"\n        while True: yield bytes(60000)'
    with serving(tmp_path, KINDS["generator"].format(body=body)) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        peer.reply(500, b"container error")
        assert runtime.wait() == 1
        assert runtime.stdout() == "begin\nclosed\nfinally\n"
        assert "Runtime.UnexpectedStatus" in runtime.stderr()


@pytest.mark.parametrize("before", ["", "yield 'some'; "])
def test_a_status_that_ends_the_run_ends_it_after_an_error_too(before: str, tmp_path: Path) -> None:
    with serving(tmp_path, KINDS["generator"].format(body=f"{before}raise KeyError(1); yield")) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        if before:
            peer.read_chunked()
        peer.reply(500, b"container error")
        assert runtime.wait() == 1
        assert "[ERROR] KeyError: 1" in runtime.stdout()
        assert "Runtime.UnexpectedStatus" in runtime.stderr()


def test_a_body_that_cannot_be_begun_is_an_ordinary_error(tmp_path: Path) -> None:
    source = """
        import pylambda
        class Body:
            def __iter__(self):
                raise KeyError("begin")
        def handler(event, context):
            return pylambda.StreamingResponse(Body()) if event else pylambda.StreamingResponse(Body)
        """
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        assert json.loads(peer.answer_to(b"1").body)["errorType"] == "KeyError"
        assert json.loads(peer.answer_to(b"0").body)["errorType"] == "TypeError"


def test_what_a_body_raises_while_it_is_closed_is_logged(tmp_path: Path) -> None:
    source = """
        def handler(event, context):
            try:
                while True:
                    yield bytes(60000)
            finally:
                raise KeyError("in finally")
        """
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        peer.reply(410)
        runtime.accept().give_event()
        assert runtime.stdout().startswith("[ERROR] KeyError: 'in finally'")


@pytest.mark.parametrize("kind", ["generator", "async generator"])
@pytest.mark.parametrize(("before", "answer"), [("", "error"), ('yield "a"; ', "response")])
def test_a_body_that_ends_the_process_is_reported_and_obeyed(
    kind: str, before: str, answer: str, tmp_path: Path
) -> None:
    source = KINDS[kind].format(body=f"{before}raise SystemExit(7); yield")
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        peer.give_event()
        request = peer.read_request()
        assert request.line.endswith(f"/{answer} HTTP/1.1")
        document = error_of(peer.read_chunked()) if answer == "response" else json.loads(request.body)
        peer.reply()
        assert document["errorType"] == "Runtime.ExitError"
        assert runtime.wait() == 7
        assert runtime.stdout().count("[ERROR] Runtime.ExitError") == 1


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_a_body_without_bytes_is_a_stream_without_bytes(kind: str, tmp_path: Path) -> None:
    with serving(tmp_path, KINDS[kind].format(body='yield ""')) as runtime:
        peer = runtime.accept()
        peer.give_event()
        assert peer.read_request().headers["lambda-runtime-function-response-mode"] == "streaming"
        assert peer.read_chunked() == Chunked([], {})


def test_a_response_without_a_body_is_its_prelude(tmp_path: Path) -> None:
    source = "import pylambda\ndef handler(event, context): return pylambda.StreamingResponse([], 204)"
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        (prelude,) = peer.read_chunked().chunks
        assert json.loads(prelude.removesuffix(bytes(8)))["statusCode"] == 204


@pytest.mark.parametrize(("body", "told"), [("yield 1", "error"), ("yield 'a'; yield 1", "trailers")])
def test_a_chunk_that_is_neither_bytes_nor_text_is_an_error(body: str, told: str, tmp_path: Path) -> None:
    with serving(tmp_path, KINDS["generator"].format(body=body)) as runtime:
        peer = runtime.accept()
        peer.give_event()
        request = peer.read_request()
        document = error_of(peer.read_chunked()) if told == "trailers" else json.loads(request.body)
        assert document["errorMessage"] == "a streamed chunk must be bytes or str, not int"


def test_every_streamed_response_ends_its_connection(tmp_path: Path) -> None:
    with serving(tmp_path, GENERATOR) as runtime:
        for number in range(3):
            peer = runtime.accept()
            peer.give_event(request_id=f"id-{number}")
            peer.read_request()
            peer.read_chunked()
            peer.reply()
            assert peer.at_end()


def test_a_stream_may_need_a_connection_of_its_own(tmp_path: Path) -> None:
    with serving(tmp_path, GENERATOR) as runtime:
        peer = runtime.accept()
        peer.give_event(Connection="close")
        assert peer.at_end()
        peer = runtime.accept()
        assert peer.read_request().line.endswith("/response HTTP/1.1")
        assert peer.read_chunked().body == "a\u00fccd".encode()


def test_a_refusal_after_the_end_costs_one_line(tmp_path: Path) -> None:
    with serving(tmp_path, GENERATOR) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        peer.read_chunked()
        peer.reply(413, b"too large")
        runtime.accept().give_event()
        assert "was refused, 413" in runtime.stderr()


@pytest.mark.parametrize("asynchronous", ["", "async "])
def test_memory_stays_flat_over_200_mb(asynchronous: str, tmp_path: Path) -> None:
    source = f"""
        import resource
        {asynchronous}def handler(event, context):
            yield str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).rjust(20)
            for number in range(3200):
                yield bytes([number % 256]) * 65536
            yield str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).rjust(20)
        """
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        before_kb = int(peer.read_chunk())
        total = sum(len(peer.read_chunk()) for _ in range(3200))
        after_kb = int(peer.read_chunk())
    assert total == 200 << 20
    assert after_kb - before_kb < 2048


@pytest.mark.parametrize("before", ["yield 'one '", "pass"], ids=["after a chunk", "before the first chunk"])
@pytest.mark.parametrize("end", ["yield 'the rest'", "return", "raise ValueError", "sys.exit(7)", "os._exit(7)"])
def test_a_child_that_a_body_forks_sends_nothing(before: str, end: str, tmp_path: Path) -> None:
    # Given a body that forks, and a child that goes on with it
    source = f"""
        import os, sys
        def handler(event, context):
            {before}
            child = os.fork()
            if child == 0:
                {end}
            else:
                yield f"the child ended with {{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}}"
        """
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        peer.give_event()
        # Then what arrives is the parent's, whole
        peer.read_request()
        streamed = peer.read_chunked()
        code = 7 if "7" in end else 1 if "raise" in end else 0
        assert streamed.body.decode().removeprefix("one ") == f"the child ended with {code}"
        assert streamed.trailers == {}
        peer.reply()
        # And the one connection that follows is the parent's
        assert peer.at_end()
        assert "/invocation/next" in runtime.accept().read_request().line
