"""Several invocations at once, in each mode: they wait beside each other, answer in any order, keep to themselves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.contract.gate import GATE, Gate
from tests.contract.runtime_process import Run, Runtime, Serving
from tests.contract.script import Next, Reply

PLAIN = (
    GATE
    + """
import logging, os, threading
def handler(event, context):
    logging.warning("before %s", event["name"])
    wait(event)
    logging.warning("after %s", event["name"])
    return {
        "name": event["name"], "process": os.getpid(), "thread": threading.get_ident(),
        "id": context.aws_request_id, "trace": os.environ.get("_X_AMZN_TRACE_ID"), "own_trace": context.trace_id,
        "left_ms": context.get_remaining_time_in_millis(), "tenant": context.tenant_id,
    }
"""
)
ASYNC = PLAIN.replace("def handler", "async def handler").replace("    wait(event)", "    await wait_async(event)")
# Each by the variable that asks for it; the last two by what the handler is.
MODES = {
    "process": (PLAIN, {"PYLAMBDA_CONCURRENCY": "process"}),
    "prefork": (PLAIN, {"PYLAMBDA_PREFORK": "1"}),
    "thread": (PLAIN, {"PYLAMBDA_CONCURRENCY": "thread"}),
    "hybrid": (PLAIN, {"AWS_LAMBDA_CONCURRENCY_MODE": "hybrid"}),
    "async": (ASYNC, {"PYLAMBDA_CONCURRENCY": "async"}),
    "async, plain handler": (PLAIN, {"PYLAMBDA_CONCURRENCY": "async"}),
    "plain handler": (PLAIN, {}),
    "async handler": (ASYNC, {}),
}
IN_ONE_PROCESS = ("thread", "async", "async, plain handler")
every_mode = pytest.mark.parametrize("mode", MODES)


@contextmanager
def serving(
    runtime: Runtime, mode: str, *events: object, at_once: int = 4, app: str = "", **env: str
) -> Iterator[Serving]:
    """Start the runtime in a mode on events."""
    source, variables = MODES[mode]
    with runtime.start(
        files={"app.py": app or source}, events=events, at_once=at_once, env={**variables, **env}
    ) as started:
        yield started


def answers(run: Run) -> dict[str, Any]:
    return {response.json["name"]: response.json for response in run.responses}


def wait_for_answers(started: Serving, count: int) -> None:
    started.api.wait_until(lambda: len([r for r in started.api.requests if r.method == "POST"]) >= count, "answers")


def lines(run: Run) -> list[list[str]]:
    """What was logged, each line by its fields."""
    return [line.split("\t") for line in run.log if line]


# --- All modes ---


@every_mode
def test_as_many_events_are_asked_for_as_may_be_served_at_once(runtime: Runtime, mode: str) -> None:
    with serving(runtime, mode, at_once=5) as started:
        started.api.wait_until(lambda: started.api.waiting == 5, "five requests for an event")
        run = started.stop()
    assert len(run.requests) == 5
    assert (run.stdout, run.stderr) == ("", "")


@every_mode
def test_invocations_are_served_beside_each_other_and_answer_in_any_order(runtime: Runtime, mode: str) -> None:
    with Gate() as gate, serving(runtime, mode, *map(gate.event, "abcd")) as started:
        gate.wait_for(*"abcd")
        for count, name in enumerate("cadb", start=1):
            gate.open_for(name)
            wait_for_answers(started, count)
        started.wait_until_idle()
        run = started.stop()
    assert [response.json["name"] for response in run.responses] == list("cadb")
    assert run.stderr == ""


@every_mode
def test_sixty_four_and_none_lost(runtime: Runtime, mode: str) -> None:
    app = "import os\n{}def handler(event, context):\n    return event".format("async " if "async h" in mode else "")
    with serving(runtime, mode, *range(640), at_once=64, app=app) as started:
        started.wait_until_idle()
        run = started.stop()
    assert sorted(response.json for response in run.responses) == list(range(640))
    assert len(run.posts) == 640


@every_mode
@pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
def test_each_record_has_the_id_of_its_invocation(runtime: Runtime, mode: str, log_format: str) -> None:
    with Gate() as gate, serving(runtime, mode, *map(gate.event, "abcd"), AWS_LAMBDA_LOG_FORMAT=log_format) as started:
        gate.wait_for(*"abcd")
        for name in "dbca":
            gate.open_for(name)
        started.wait_until_idle()
        run = started.stop()
    ids = {name: answer["id"] for name, answer in answers(run).items()}
    if log_format == "JSON":
        said = [(record["message"], record["requestId"]) for record in map(json.loads, run.log)]
    else:
        said = [(message, request_id) for _, _, request_id, message in lines(run)]
    assert sorted(said) == sorted((f"{when} {name}", ids[name]) for name in "abcd" for when in ("before", "after"))


@every_mode
def test_a_trace_id_is_in_the_environment_only_where_a_process_serves_one_invocation(
    runtime: Runtime, mode: str
) -> None:
    events = [Next({}, headers={"Lambda-Runtime-Trace-Id": f"Root={number}"}) for number in range(2)]
    with Gate() as gate:
        given = [Next(gate.event(name), event.headers) for name, event in zip("ab", events, strict=True)]
        with serving(runtime, mode, *given, at_once=2) as started:
            gate.wait_for(*"ab")
            gate.open_for("b")
            gate.open_for("a")
            started.wait_until_idle()
            run = started.stop()
    found = answers(run)
    assert [found[name]["own_trace"] for name in "ab"] == ["Root=0", "Root=1"]
    published = ["Root=0", "Root=1"] if mode in ("process", "prefork", "plain handler") else [None, None]
    assert [found[name]["trace"] for name in "ab"] == published


@every_mode
def test_a_failure_costs_its_own_invocation_alone(runtime: Runtime, mode: str) -> None:
    app = MODES[mode][0].replace("    return {", '    if event["name"] == "b": raise ValueError("not b")\n    return {')
    with Gate() as gate, serving(runtime, mode, *map(gate.event, "abc"), app=app) as started:
        gate.wait_for(*"abc")
        for name in "bca":
            gate.open_for(name)
        started.wait_until_idle()
        run = started.stop()
    assert sorted(answers(run)) == ["a", "c"]
    (error,) = run.errors
    assert error.json["errorMessage"] == "not b"
    assert error.json["requestId"] == error.request_id


@every_mode
def test_an_exit_costs_its_own_invocation_alone(runtime: Runtime, mode: str) -> None:
    app = MODES[mode][0].replace("    return {", '    if event["name"] == "b": raise SystemExit(3)\n    return {')
    with Gate() as gate, serving(runtime, mode, *map(gate.event, "abc"), at_once=3, app=app) as started:
        gate.wait_for(*"abc")
        gate.open_for("b")
        started.api.wait_until(lambda: len(started.api.in_flight) == 2, "b's answer")
        started.add(Next(gate.event("d")))
        for name in "dca":
            gate.open_for(name)
        started.wait_until_idle()
        run = started.stop()
    assert sorted(answers(run)) == ["a", "c", "d"]
    assert [error.json["errorType"] for error in run.errors] == ["Runtime.ExitError"]
    assert run.exit_code is None


@every_mode
def test_a_late_answer_is_refused_and_logged_and_the_time_left_is_never_below_zero(runtime: Runtime, mode: str) -> None:
    with Gate() as gate:
        # An async handler is cancelled before its deadline; one whose deadline is past counts as having none.
        late = Next(gate.event("late"), deadline_ms=-5000)
        with serving(runtime, mode, late, at_once=2) as started:
            gate.wait_for("late")
            started.api.expire(started.api.in_flight[0])
            gate.open_for("late")
            wait_for_answers(started, 1)
            started.add(Next(gate.event("next")), Next(gate.event("another")))
            gate.open_for("next")
            gate.open_for("another")
            started.wait_until_idle()
            run = started.stop()
    assert answers(run)["late"]["left_ms"] == 0
    assert [response.status for response in run.responses] == [410, 202, 202]
    (line,) = run.stderr.splitlines()
    assert "was refused, 410: the invocation timed out" in line


@every_mode
@pytest.mark.parametrize("status", [400, 403, 410])
def test_a_refused_answer_costs_one_line(runtime: Runtime, mode: str, status: int) -> None:
    with Gate() as gate:
        refused = Next(gate.event("a"), answers=(Reply(status=status),))
        with serving(runtime, mode, refused, at_once=2) as started:
            gate.open_for("a")
            started.wait_until_idle()
            started.add(Next(gate.event("b")), Next(gate.event("c")))
            gate.open_for("b")
            gate.open_for("c")
            started.wait_until_idle()
            run = started.stop()
    assert [response.status for response in run.responses] == [status, 202, 202]
    assert len(run.stderr.splitlines()) == 1


AWAY = {
    # More hang-ups than two places send a request again for without a word.
    "it drops the connection": (Reply(cut_at=0),) * 12,
    "it resets the connection": (Reply(raw=b"HTTP/1.1 200", cut_at=5),) * 12,
    "403": (Reply(status=403, body=b"{}"),) * 3,
    "410": (Reply(status=410, body=b"{}"),) * 3,
    "503": (Reply(status=503, body=b"{}"),) * 3,
}


@every_mode
@pytest.mark.parametrize("how", AWAY)
def test_the_next_event_is_asked_for_again_while_the_platform_is_away(runtime: Runtime, mode: str, how: str) -> None:
    with Gate() as gate:
        event = Next(gate.event("a"), replies=AWAY[how])
        with serving(runtime, mode, event, at_once=2) as started:
            gate.open_for("a")
            started.wait_until_idle()
            run = started.stop()
    assert list(answers(run)) == ["a"]
    assert "the next event is asked for again until there is one" in run.stderr
    assert run.stderr.count("\n") <= 4  # one line when a place begins to wait, one when it is over, two places


@every_mode
def test_a_request_is_sent_again_where_the_platform_hangs_up(runtime: Runtime, mode: str) -> None:
    with Gate() as gate:
        unread = Reply(cut_at=0, unread=True)
        event = Next(gate.event("a"), replies=(Reply(cut_at=0),) * 4, answers=(unread,) * 4)
        with serving(runtime, mode, event, at_once=2) as started:
            gate.open_for("a")
            started.wait_until_idle()
            run = started.stop()
    assert [response.status for response in run.responses] == [0, 0, 0, 0, 202]
    assert run.stderr == ""


@every_mode
def test_a_container_error_ends_the_worker(runtime: Runtime, mode: str) -> None:
    with Gate() as gate:
        env = {"AWS_LAMBDA_MAX_CONCURRENCY": "1"}
        event = Next(gate.event("a"), replies=(Reply(status=500),))
        with serving(runtime, mode, event, at_once=1, **env) as started:
            if mode in IN_ONE_PROCESS:
                started.wait_until_ended()
            else:
                gate.open_for("a")
                started.wait_until_idle()
            run = started.stop()
    assert "Runtime.UnexpectedStatus: the Runtime API answered GET /2018-06-01/runtime/invocation/next with 500" in (
        run.stderr
    )
    assert run.exit_code == (1 if mode in IN_ONE_PROCESS else None)
