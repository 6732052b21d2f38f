"""One function that gives back what it gets: what goes over the wire for events and results of every kind."""

import json
import sys

import pytest

from pylambda import __version__
from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Next

INVOCATION_ID = {"Lambda-Runtime-Invocation-Id": "attempt-7"}
OCTETS = {"Content-Type": "application/octet-stream"}
# By request id: the event, and the body that must come back.
ECHOES: dict[str, tuple[Next, bytes]] = {
    "object": (Next({"n": 1, "m": [True, None, 2.5]}), b'{"n": 1, "m": [true, null, 2.5]}'),
    "empty-object": (Next({}), b"{}"),
    "array": (Next([1, [2, []]]), b"[1, [2, []]]"),
    "string": (Next("text"), b'"text"'),
    "null": (Next(None), b"null"),
    "zero": (Next(0), b"0"),
    "false": (Next(False), b"false"),
    "beyond-64-bits": (Next(b"123456789012345678901234567890"), b"123456789012345678901234567890"),
    "whitespace": (Next(b' \t\r\n{ "a" :\n1 } \r\n'), b'{"a": 1}'),
    "escapes": (Next(rb'"\u00e9\ud83d\ude00\n\/"'), '"é😀\\n/"'.encode()),
    "unicode-stays-unicode": (Next("日本語 é 😀".encode().join((b'"', b'"'))), '"日本語 é 😀"'.encode()),
    "byte-order-mark": (Next(b'\xef\xbb\xbf{"a": 1}'), b'{"a": 1}'),
    "lone-surrogate": (Next(rb'"\ud800"'), rb'"\ud800"'),
    "last-of-two-keys": (Next(b'{"a": 1, "a": 2}'), b'{"a": 2}'),
    "bytes": (Next({"hex": "00ff0d0a" * 4}), bytes.fromhex("00ff0d0a" * 4)),
    "no-bytes": (Next({"hex": ""}), b""),
    "octets": (Next(b"\x00\xff", headers=OCTETS), b'{"bytes": "00ff"}'),
    "json-with-charset": (Next({"a": 1}, headers={"Content-Type": "application/json; charset=utf-8"}), b'{"a": 1}'),
    "no-content-type": (Next({"a": 1}, headers={"Content-Type": None}), b'{"a": 1}'),
    "empty-content-type": (Next({"a": 1}, headers={"Content-Type": ""}), b'{"a": 1}'),
    "invocation-id": (Next(1, headers=INVOCATION_ID), b"1"),
    "megabytes": (Next(["x" * 1000] * 5_900), json.dumps(["x" * 1000] * 5_900).encode()),
    "one-long-string": (Next("x" * 5_900_000), b'"' + b"x" * 5_900_000 + b'"'),
}
# By request id: a body that is said to be JSON and is not.
NOT_JSON = {
    "empty": b"",
    "blank": b" ",
    "word": b"hello",
    "cut": b'{"a": ',
    "text-behind": b"{} {}",
    "single-quotes": b"{'a': 1}",
    "trailing-comma": b"[1,]",
    "nan": b"NaN",
    "infinity": b"-Infinity",
    "not-utf-8": b'"\xff"',
    "utf-16": "{}".encode("utf-16"),
    "line-end-in-string": b'"a\nb"',
    "too-many-digits": b"1" * 5000,
    "too-deep": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.fixture(scope="module")
def run(module_runtime: Runtime) -> Run:
    """Every echo, and every body that is not JSON with a good event after it, in one process."""
    events = [Next(echo.event, echo.headers, request_id=name) for name, (echo, _) in ECHOES.items()]
    for name, body in NOT_JSON.items():
        events += [
            Next(body, INVOCATION_ID if name == "word" else {}, request_id=f"bad-{name}"),
            Next({"after": name}, request_id=f"after-{name}"),
        ]
    return module_runtime.serve("echo.handler", events=events)


@pytest.mark.parametrize("name", ECHOES)
def test_an_event_comes_back_as_the_result(run: Run, name: str) -> None:
    answer = run.answer_to(name)
    assert (answer.endpoint, answer.body) == ("response", ECHOES[name][1])
    assert answer.status == 202


@pytest.mark.parametrize("name", NOT_JSON)
def test_an_event_that_is_not_json_fails_alone(run: Run, name: str) -> None:
    answer = run.answer_to(f"bad-{name}")
    assert answer.endpoint == "error"
    assert answer.json["errorType"] == "Runtime.UnmarshalError"
    assert answer.json["errorMessage"].startswith("Unable to unmarshal input: ")
    assert answer.json["stackTrace"] == []
    assert answer.header("Lambda-Runtime-Function-Error-Type") == "Runtime.UnmarshalError"
    cause = json.loads(answer.header("Lambda-Runtime-Function-XRay-Error-Cause") or "")
    assert cause["exceptions"][0]["type"] == "LambdaValidationError"
    assert cause["exceptions"][0]["stack"] == []
    assert run.answer_to(f"after-{name}").json == {"after": name}


def test_the_runtime_still_waits_for_events_at_the_end(run: Run) -> None:
    assert run.exit_code is None
    assert run.stderr == ""


def test_events_are_asked_for_and_answered_in_turn(run: Run) -> None:
    prefix = "/2018-06-01/runtime/invocation"
    expected = []
    for name in ECHOES:
        expected += [("GET", f"{prefix}/next"), ("POST", f"{prefix}/{name}/response")]
    assert [(request.method, request.path) for request in run.requests][: len(expected)] == expected


def test_everything_goes_over_one_connection(run: Run) -> None:
    assert {request.connection for request in run.requests} == {1}
    assert [request.opens_connection for request in run.requests].count(True) == 1


def test_every_request_says_who_asks_whom(run: Run) -> None:
    python = ".".join(map(str, sys.version_info[:3]))
    assert {request.header("User-Agent") for request in run.requests} == {f"pylambda/{python}-{__version__}"}
    (host,) = {request.header("Host") for request in run.requests}
    assert host is not None
    assert host.startswith("127.0.0.1:")


def test_the_host_comes_first(run: Run) -> None:
    assert {request.headers[0][0] for request in run.requests} == {"Host"}


def test_bodies_are_told_by_their_length_alone(run: Run) -> None:
    for request in run.requests:
        assert request.header("Transfer-Encoding") is None
        assert request.header("Expect") is None
        assert request.header("Content-Length") == (str(len(request.body)) if request.method == "POST" else None)


def test_a_request_for_an_event_carries_nothing_else(run: Run) -> None:
    asked = [request for request in run.requests if request.endpoint == "next"]
    assert {tuple(sorted(name.lower() for name, _ in request.headers)) for request in asked} <= {
        ("host", "user-agent"),
        ("accept", "host", "user-agent"),
    }


@pytest.mark.parametrize("name", ECHOES)
def test_the_content_type_says_whether_the_handler_made_the_bytes(run: Run, name: str) -> None:
    made_bytes = name in ("bytes", "no-bytes")
    expected = "application/unknown" if made_bytes else "application/json"
    assert run.answer_to(name).header("Content-Type") == expected


def test_an_error_is_json(run: Run) -> None:
    assert {answer.header("Content-Type") for answer in run.errors} == {"application/json"}


@pytest.mark.parametrize("name", [*ECHOES, "bad-word", "bad-cut"])
def test_the_invocation_id_is_sent_back_where_one_came(run: Run, name: str) -> None:
    expected = "attempt-7" if name in ("invocation-id", "bad-word") else None
    assert run.answer_to(name).header("Lambda-Runtime-Invocation-Id") == expected


def test_the_invocation_id_does_not_stick_to_the_next_invocation(runtime: Runtime) -> None:
    run = runtime.serve("echo.handler", events=[Next(1, INVOCATION_ID), Next(2), Next({"bad": 3}, INVOCATION_ID)])
    sent = [answer.header("Lambda-Runtime-Invocation-Id") for answer in run.responses]
    assert sent == ["attempt-7", None, "attempt-7"]
