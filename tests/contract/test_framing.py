"""Replies of every form that HTTP/1.1 allows, and some that it does not, however they arrive.

The replies that no switch of `Reply` can make are the files in `tests/wire/`; its README says how to read them.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import AS_AWS, WIRE_FILES, Framing, Next, Reply, Then, scripted

FILES = {"app.py": "def handler(event, context):\n    return [event, context.aws_request_id]\n"}
# No reply of the runs below is longer: 400 bytes of usual head, and the events are short.
LONGEST_REPLY = 600
SERVED = sorted(WIRE_FILES.glob("served-*.http"))
REFUSED = sorted(WIRE_FILES.glob("refused-*.http"))
FORMS = {
    "length": Reply(),
    "announced-chunks": Reply(framing=Framing.CHUNKED, chunk_bytes=5, interim=b"HTTP/1.1 100 Continue\r\n\r\n"),
}


def name_of(path: Path) -> str:
    """Return a file's name without what says how it is judged."""
    return re.sub(r"^(served|refused)-|-then-end$", "", path.stem)


@pytest.mark.parametrize("path", SERVED, ids=name_of)
def test_a_reply_that_http_allows_is_served(runtime: Runtime, path: Path) -> None:
    run = runtime.serve(files=FILES, events=[scripted(path), 2])
    assert [response.json[0] for response in run.responses] == [{"wire": True}, 2]
    assert run.responses[0].request_id == "wire-1"
    assert (run.stdout, run.stderr, run.exit_code) == ("", "", None)


@pytest.mark.parametrize("path", REFUSED, ids=name_of)
def test_a_reply_that_is_none_ends_the_run_in_one_line(runtime: Runtime, path: Path) -> None:
    run = runtime.serve(files=FILES, events=[scripted(path), 2])
    assert run.posts == []
    assert run.exit_code not in (0, None)
    (line,) = run.stderr.removesuffix("\n").split("\n")
    assert "Traceback" not in line


@pytest.mark.parametrize("form", FORMS)
def test_a_reply_may_come_in_two_parts_wherever_it_is_split(runtime: Runtime, form: str) -> None:
    """Both the event and the reply to the answer, at every byte, in one process."""
    run = split_at_every_byte(runtime, FORMS[form])
    assert [response.json[0] for response in run.responses] == list(range(LONGEST_REPLY))
    assert {response.status for response in run.responses} == {202}
    assert (run.stdout, run.stderr, run.exit_code) == ("", "", None)
    assert {request.connection for request in run.requests} == {1}


@pytest.mark.parametrize("form", FORMS)
def test_no_reply_is_longer_than_what_is_split(runtime: Runtime, form: str) -> None:
    cut = replace(FORMS[form], cut_at=LONGEST_REPLY)
    run = runtime.serve(files=FILES, events=[Next(LONGEST_REPLY, replies=(cut,), answers=(cut,)), 2])
    assert len(run.responses) == 2
    assert run.stderr == ""


def split_at_every_byte(runtime: Runtime, form: Reply) -> Run:
    events = []
    for offset in range(LONGEST_REPLY):
        split = replace(form, split_at=(offset,))
        events.append(Next(offset, replies=(split,), answers=(split,)))
    return runtime.serve(files=FILES, events=events)


def test_a_reply_may_come_byte_by_byte(runtime: Runtime) -> None:
    drip = replace(FORMS["announced-chunks"], split_at=range(LONGEST_REPLY))
    run = runtime.serve(files=FILES, events=[Next("drip", replies=(drip,), answers=(drip,)), 2])
    assert [response.json[0] for response in run.responses] == ["drip", 2]


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.swapcase], ids=["lower", "upper", "swapped"])
def test_names_of_headers_have_no_case(runtime: Runtime, spelling: Callable[[str], str]) -> None:
    spelled = Reply(spelling=spelling)
    headers = {"Lambda-Runtime-Invocation-Id": "attempt-7"}
    run = runtime.serve(files=FILES, events=[Next(1, headers, replies=(spelled,), answers=(spelled,)), 2])
    assert [response.json[0] for response in run.responses] == [1, 2]
    assert run.responses[0].header("Lambda-Runtime-Invocation-Id") == "attempt-7"
    assert {request.connection for request in run.requests} == {1}


@pytest.mark.parametrize("chunk_bytes", [1, 7, 4096, 65_536, 10_000_000])
def test_a_large_event_may_come_in_chunks(runtime: Runtime, chunk_bytes: int) -> None:
    size = 3_000 if chunk_bytes == 1 else 3_000_000
    chunks = Reply(framing=Framing.CHUNKED, chunk_bytes=chunk_bytes)
    run = runtime.serve(files=FILES, events=[Next("x" * size, replies=(chunks,), answers=(chunks,)), 2])
    assert [response.json[0] for response in run.responses] == ["x" * size, 2]
    assert {request.connection for request in run.requests} == {1}


def test_a_large_event_may_stop_anywhere_and_go_on(runtime: Runtime) -> None:
    halting = Reply(split_at=(1, 300, 65_536, 65_537, 131_072, 2_999_999))
    run = runtime.serve(files=FILES, events=[Next("x" * 3_000_000, replies=(halting,)), 2])
    assert [response.json[0] for response in run.responses] == ["x" * 3_000_000, 2]


def test_a_body_may_end_with_the_connection(runtime: Runtime) -> None:
    to_end = Reply(framing=Framing.TO_END, then=Then.CLOSE)
    run = runtime.serve(files=FILES, events=[Next("x" * 200_000, replies=(to_end,), answers=(to_end,)), 2])
    assert [response.json[0] for response in run.responses] == ["x" * 200_000, 2]
    assert run.stderr == ""


def test_a_client_context_may_be_large(runtime: Runtime) -> None:
    headers = {"Lambda-Runtime-Client-Context": '{"custom": {"a": "' + "x" * 60_000 + '"}}'}
    app = "def handler(event, context):\n    return context.client_context.custom\n"
    run = runtime.serve(files={"app.py": app}, events=[Next(1, headers)])
    assert run.responses[0].json == {"a": "x" * 60_000}


def test_a_head_that_does_not_end_is_not_read_for_ever(runtime: Runtime) -> None:
    endless = Reply(raw=b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 20_000_000)
    run = runtime.serve(files=FILES, events=[Next(1, replies=(endless,) * 10)])
    assert run.exit_code not in (0, None)
    assert "Traceback" not in run.stderr


def test_an_event_may_be_empty_and_is_then_no_json(runtime: Runtime) -> None:
    run = runtime.serve(files=FILES, events=[Next(b"", replies=(AS_AWS,)), 2])
    assert [post.endpoint for post in run.posts] == ["error", "response"]
