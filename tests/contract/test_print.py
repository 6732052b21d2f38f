"""`PYLAMBDA_PRINT=json`: what a function prints is JSON records, with the request id of its invocation.

The functions are run in one process, each case in an invocation of its own that has the case's name for its id.
"""

import itertools
import json
import os
import re
import struct
from typing import Any

import pytest

from tests.contract.gate import GATE, Gate
from tests.contract.runtime_process import CHECKOUT, Run, Runtime
from tests.contract.script import Next
from tests.contract.test_many_at_once import MODES
from tests.documents import blocks

JSON = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "PYLAMBDA_PRINT": "json"}
PAGE = blocks(CHECKOUT / "docs" / "monitoring.md")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
APP = """
import contextlib, io, logging, os, subprocess, sys, threading, traceback, warnings
print("at import")
own = logging.getLogger("own")
own.addHandler(logging.StreamHandler())
own.propagate = False

def lines():
    print("two\\nlines")
    sys.stdout.write("a\\nb\\n")
    print()
def unicode(): print('é "quoted" \\ud800')
def parts():
    print("be", end="")
    print("gun")
    print("no end", end="")
def flushed(): print(1, end="", flush=True); print(2)
def several(): sys.stdout.writelines(["x\\n", "y\\n"])
def binary(): sys.stdout.buffer.write(b"bytes\\n")
def descriptor(): os.write(1, b"of C\\n")
def child(): subprocess.run(["/bin/echo", "of a child"])
def original(): print("as it is", file=sys.__stdout__)
def stderr(): print("careful", file=sys.stderr)
def warning(): warnings.warn("old")
def objects(): print('{"_aws": {}, "n": 1}'); print('{"broken": ')
def logger(): logging.getLogger().error("a record")
def own_logger(): own.error("by its own handler")
def context_log(): context.log("as it is\\n")
def redirected():
    with contextlib.redirect_stdout(io.StringIO()) as out: print("caught")
    return out.getvalue()
def stream():
    return [sys.stdout.isatty(), sys.stdout.fileno(), sys.stdout.encoding, sys.stdout.mode, sys.stdout.writable(),
            isinstance(sys.stdout, io.TextIOWrapper), sys.stdout.write("four\\n")]
def wrong():
    try: sys.stdout.write(b"x")
    except TypeError as error: return str(error)
def replaced():
    sys.stdout, old = io.TextIOWrapper(sys.stdout.buffer, "utf-8", write_through=True), sys.stdout
    print("as it is")
    sys.stdout.detach(); sys.stdout = old
    print("a record")
def trace():
    try: 1 / 0
    except ZeroDivisionError: traceback.print_exc()
def thread():
    def run(): print("in a thread"); raise ValueError("of a thread")
    one = threading.Thread(target=run); one.start(); one.join()
def tasks():
    print("before ", end="")
    one = threading.Thread(target=print, args=("beside",)); one.start(); one.join()
    print("after")
def failure(): print("last", end=""); raise ValueError("on purpose")

def handler(event, given):
    global context
    context = given
    return globals()[event]()
"""
CASES = re.findall(r"^def (\w+)\(\)", APP, re.MULTILINE)


@pytest.fixture(scope="module")
def run(module_runtime: Runtime) -> Run:
    events = [Next(case, request_id=case) for case in CASES]
    return module_runtime.serve(files={"app.py": APP}, events=events, env=JSON)


def records(text: str, request_id: str) -> list[tuple[str, str]]:
    """The records of an invocation: level and message."""
    found = [json.loads(line) for line in text.splitlines() if line.startswith('{"timestamp"') and '"message"' in line]
    assert all(TIME.fullmatch(record["timestamp"]) for record in found)
    return [(record["level"], record["message"]) for record in found if record["requestId"] == request_id]


def printed(run: Run, case: str) -> list[str]:
    found = records(run.stdout, case)
    assert {level for level, _ in found} <= {"INFO"}
    return [message for _, message in found]


def test_a_print_at_import_has_an_empty_request_id(run: Run) -> None:
    assert json.loads(run.log[0]).keys() == {"timestamp", "level", "message", "requestId"}
    assert printed(run, "") == ["at import"]


@pytest.mark.parametrize(
    ("case", "messages"),
    [
        ("lines", ["two\nlines", "a\nb"]),
        ("unicode", ['é "quoted" \ud800']),
        ("parts", ["begun", "no end"]),
        ("flushed", ["1", "2"]),
        ("several", ["x", "y"]),
        ("stream", ["four"]),
        ("replaced", ["a record"]),
        ("tasks", ["beside", "before after"]),
        ("objects", ['{"broken": ']),
        ("failure", ["last"]),
    ],
)
def test_what_is_printed_is_a_record_a_line(run: Run, case: str, messages: list[str]) -> None:
    assert printed(run, case) == messages


@pytest.mark.parametrize("line", ["bytes", "of C", "of a child", "as it is", '{"_aws": {}, "n": 1}'])
def test_what_is_no_print_or_an_object_already_stays_as_it_is(run: Run, line: str) -> None:
    # Three ways: `sys.__stdout__`, `context.log`, and a stream of the function's own.
    assert run.log.count(line) == (3 if line == "as it is" else 1)


def test_a_redirected_print_is_its_catchers(run: Run) -> None:
    assert run.answer_to("redirected").json == "caught\n"


def test_the_stream_is_like_the_one_before(run: Run) -> None:
    assert run.answer_to("stream").json == [False, 1, "utf-8", "w", True, True, 5]
    assert "must be str" in run.answer_to("wrong").json


def test_what_goes_to_stderr_is_a_warning_there(run: Run) -> None:
    assert records(run.stderr, "stderr") == [("WARNING", "careful")]
    ((level, message),) = records(run.stderr, "warning")
    assert (level, "UserWarning: old" in message) == ("WARNING", True)


def test_a_logger_with_a_handler_of_its_own_makes_a_warning_too(run: Run) -> None:
    assert records(run.stderr, "own_logger") == [("WARNING", "by its own handler")]


def test_a_record_of_logging_is_made_once(run: Run) -> None:
    (record,) = [json.loads(line) for line in run.log if '"a record"' in line and '"logger"' in line]
    assert (record["level"], record["message"], record["requestId"]) == ("ERROR", "a record", "logger")


def test_a_traceback_is_one_record(run: Run) -> None:
    ((level, message),) = records(run.stderr, "trace")
    assert level == "WARNING"
    assert message.startswith("Traceback (most recent call last):\n  File ")
    assert message.endswith("\nZeroDivisionError: division by zero")


def test_a_thread_has_the_invocations_id(run: Run) -> None:
    assert printed(run, "thread") == ["in a thread"]
    assert "ValueError: of a thread" in "\n".join(message for _, message in records(run.stderr, "thread"))


def test_a_failure_is_reported_once_and_as_ever(run: Run) -> None:
    (record,) = [json.loads(line) for line in run.log if '"on purpose"' in line]
    assert (record["level"], record["errorType"], record["requestId"]) == ("ERROR", "ValueError", "failure")


@pytest.mark.parametrize("mode", MODES)
def test_each_of_several_invocations_has_its_own(runtime: Runtime, mode: str) -> None:
    # Given two invocations that begin a line, wait beside each other, and end it, or do not
    plain, env = MODES[mode]
    begin, wait = ("async def", "await wait_async(event)") if "async def" in plain else ("def", "wait(event)")
    app = (
        f"{GATE}{begin} handler(event, context):\n    print(event['name'], end=' ')\n    {wait}\n"
        "    print('end')\n    print('rest of', event['name'], end='')\n"
    )
    with Gate() as gate:
        events = [Next(gate.event(name), request_id=f"id-{name}") for name in "ab"]
        with runtime.start(files={"app.py": app}, events=events, at_once=2, env={**env, **JSON}) as serving:
            gate.wait_for("a", "b")
            gate.open_for("b")
            gate.open_for("a")
            serving.wait_until_idle()
            run = serving.stop()
    # Then each line is whole and has the id of its invocation
    for name in "ab":
        assert printed(run, f"id-{name}") == [f"{name} end", f"rest of {name}"]


def test_where_the_platform_takes_frames_records_go_there(runtime: Runtime) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as end:
        try:
            run = runtime.serve(
                files={
                    "app.py": "import sys\ndef handler(event, context):\n    print(1)\n    print(2, file=sys.stderr)\n"
                },
                events=[Next(request_id="one")],
                env={"_LAMBDA_TELEMETRY_LOG_FD": str(write), **JSON},
                pass_fds=(write,),
            )
        finally:
            os.close(write)
        data = end.read()
    assert (run.stdout, run.stderr) == ("", "")
    found: list[tuple[int, Any]] = []
    while data:
        kind, length, _ = struct.unpack(">IIQ", data[:16])
        found.append((kind, json.loads(data[16 : 16 + length])))
        data = data[16 + length :]
    assert [(kind, record["level"], record["message"]) for kind, record in found] == [
        (0xA55A000E, "INFO", "1"),
        (0xA55A0012, "WARNING", "2"),
    ]


def test_the_example_of_the_page(runtime: Runtime) -> None:
    ((example, below),) = [pair for pair in itertools.pairwise(PAGE) if "print(" in pair[0].text]
    *variables, exchange, first, second, third = below.lines
    event, _, answer = exchange.partition(" -> ")
    run = runtime.serve(
        files={"app.py": example.text},
        events=[Next(json.loads(event), request_id="ID")],
        env=dict(line.split("=") for line in variables),
    )
    assert run.responses[0].json == json.loads(answer)
    assert TIME.sub("TIME", run.stdout + run.stderr).splitlines() == [first, second, third]


def test_where_the_log_is_text_prints_are_as_ever(runtime: Runtime) -> None:
    app = "def handler(event, context):\n    print('plain')\n"
    assert runtime.serve(files={"app.py": app}, events=[1], env={"PYLAMBDA_PRINT": "json"}).log == ["plain"]


def test_another_word_is_a_load_fault(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": "print('imported')"}, env={"PYLAMBDA_PRINT": "yes"})
    assert run.init_error.json["errorMessage"] == "PYLAMBDA_PRINT is 'yes'"
    assert "it may be 'json', or not be set" in run.stdout
    assert "imported" not in run.stdout


@pytest.mark.parametrize("mode", [1, 2], ids=["one-at-a-time", "many-at-once"])
@pytest.mark.parametrize(
    "harm",
    ["del sys.stdout", "sys.stdout = None", "sys.stdout.close()", "os.close(1)", "sys.stdout.buffer.close()"],
)
def test_a_stream_that_the_function_harms_costs_no_answer(runtime: Runtime, harm: str, mode: int) -> None:
    steps = ["print('begun', end='')", harm, "print('and on', end='')"]
    body = "".join(f"    with contextlib.suppress(Exception):\n        {step}\n" for step in steps)
    app = f"import contextlib, os, sys\nasync def handler(event, context):\n{body}    return event\n"
    run = runtime.serve(files={"app.py": app}, events=[1, 2], env=JSON, at_once=mode)
    assert sorted(response.json for response in run.responses) == [1, 2]


def test_an_end_by_the_function_loses_nothing(runtime: Runtime) -> None:
    app = "import sys\ndef handler(event, context):\n    print('last words', end='')\n    sys.exit(3)\n"
    run = runtime.serve(files={"app.py": app}, events=[Next(request_id="one")], env=JSON)
    assert (run.exit_code, printed(run, "one")) == (3, ["last words"])
