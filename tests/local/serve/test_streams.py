"""`InvokeWithResponseStream` with a real client: chunks as they are made, and an end that tells how it went."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.serve.conftest import Service, serving

# It makes its second chunk when a file is there: who has the first one then had it before the second was made.
FUNCTION = """
import os, pathlib, time

def handler(event, context):
    yield b"first"
    if event.get("until"):
        until = pathlib.Path(event["until"])
        while not until.exists():
            time.sleep(0.005)
    if event.get("raise"):
        raise ValueError("in the middle")
    if event.get("exit"):
        os._exit(4)
    if event.get("sleep"):
        time.sleep(event["sleep"])
    yield b""
    yield b"second"
    yield "x" * event.get("more", 0)

def plain(event, context):
    if event.get("raise"):
        raise ValueError("before the first")
    return {"n": 1}
"""


def served(tmp_path_factory: pytest.TempPathFactory, handler: str) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp(handler) / "task"
    folder.mkdir()
    (folder / "app.py").write_text(FUNCTION)
    with serving(folder, f"app.{handler}", ("--timeout", "3"), {}) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from served(tmp_path_factory, "handler")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from served(tmp_path_factory, "plain")


def stream(service: Service, event: Any, **more: Any) -> list[dict[str, Any]]:
    answer = service.client().invoke_with_response_stream(FunctionName="f", Payload=json.dumps(event), **more)
    assert answer["ExecutedVersion"] == "$LATEST"
    return list(answer["EventStream"])


def body(events: list[dict[str, Any]]) -> bytes:
    return b"".join([event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event])


def test_a_chunk_is_there_before_the_next_is_made(service: Service, tmp_path: Any) -> None:
    # Given a function that waits between its chunks
    until = tmp_path / "until"
    client = service.client()

    # When the first has come
    answer = client.invoke_with_response_stream(FunctionName="f", Payload=json.dumps({"until": str(until)}))
    events = iter(answer["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"first"}}

    # Then the rest is made, and comes
    until.touch()
    rest = list(events)
    assert body(rest) == b"second"
    assert rest[-1] == {"InvokeComplete": {}}


def test_a_large_stream_comes_whole(service: Service) -> None:
    assert len(body(stream(service, {"more": 9_000_000}))) == 9_000_000 + len(b"firstsecond")


def test_a_result_that_is_not_streamed_is_one_chunk(plain: Service) -> None:
    assert stream(plain, {}) == [{"PayloadChunk": {"Payload": b'{"n": 1}'}}, {"InvokeComplete": {}}]


def test_the_log_comes_with_the_end(service: Service) -> None:
    assert "LogResult" in stream(service, {}, LogType="Tail")[-1]["InvokeComplete"]


def test_a_failure_before_the_first_chunk_is_told_at_the_end(plain: Service) -> None:
    (event,) = stream(plain, {"raise": 1})
    assert event["InvokeComplete"]["ErrorCode"] == "Function.ValueError"
    assert json.loads(event["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "before the first"


def test_a_failure_in_the_middle_is_told_at_the_end(service: Service) -> None:
    *chunks, end = stream(service, {"raise": 1})
    assert body(chunks) == b"first"
    assert end["InvokeComplete"]["ErrorCode"] == "Function.ValueError"
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "in the middle"


@pytest.mark.parametrize("event", [{"exit": 1}, {"sleep": 30}], ids=str)
def test_a_process_that_ends_in_the_middle_is_told_at_the_end(service: Service, event: Any) -> None:
    *chunks, end = stream(service, event)
    assert body(chunks) == b"first"
    assert end["InvokeComplete"]["ErrorCode"] in ("Runtime.TruncatedResponse", "Sandbox.Timedout")
    assert body(stream(service, {})) == b"firstsecond"


def test_a_plain_call_gets_a_stream_in_one_piece(service: Service) -> None:
    assert service.client().invoke(FunctionName="f", Payload="{}")["Payload"].read() == b"firstsecond"


def test_a_plain_call_is_told_of_a_failure_in_the_middle(service: Service) -> None:
    answer = service.client().invoke(FunctionName="f", Payload='{"raise": 1}')
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"


def test_the_function_goes_on_when_its_caller_leaves(service: Service, tmp_path: Any) -> None:
    # Given a caller that has the first chunk and leaves
    until = tmp_path / "until"
    host, port = service.url.removeprefix("http://").split(":")
    payload = json.dumps({"until": str(until)})
    path = "/2021-11-15/functions/f/response-streaming-invocations"
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(payload)}\r\n\r\n{payload}".encode())
        heard = b""
        while b"first" not in heard:
            heard += caller.recv(65536)

    # Then the function ends by itself
    timer = threading.Timer(0, until.touch)
    timer.start()
    timer.join()
    service.wait_for_output(r"stream +ok .*")
