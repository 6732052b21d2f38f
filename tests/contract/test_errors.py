"""Handlers that fail: what the platform hears, what the log says, and that the next invocation is served.

Every case of `tests/handlers/failing.py` runs in one process, each followed by an invocation that must succeed.
"""

import json
import re
from typing import Any, NamedTuple

import pytest

from tests.contract.http_side import Request
from tests.contract.runtime_process import HANDLERS, Run, Runtime
from tests.contract.script import Next

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
XRAY_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
# The platform takes error types of this form only; any other is replaced.
PLATFORM_PATTERN = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
# The platform crops an X-Ray cause at 64 KiB and refuses a head much above 1 MiB.
MAX_XRAY_CAUSE_BYTES = 1 << 20
HEAD_OF_TRACEBACK = "\rTraceback (most recent call last):"


class Expected(NamedTuple):
    """What is said of a failure: a message that is None is judged by a test of its own."""

    error_type: str
    message: str | None
    platform_type: str


RAISED = {
    "plain": Expected("ValueError", "plain", "Function.ValueError"),
    "custom": Expected("OrderRejected", "no stock", "Function.OrderRejected"),
    "nested_class": Expected("Inner", "inside", "Function.Inner"),
    "lower_case_type": Expected("lowercase", "x", "Function.Unknown"),
    "digit_in_type": Expected("Error2", "x", "Function.Unknown"),
    "underscore_in_type": Expected("Order_Rejected", "x", "Function.Unknown"),
    "one_letter_type": Expected("E", "x", "Function.Unknown"),
    "non_ascii_type": Expected("Störung", "Größe überschritten: 10 €", "Function.Unknown"),
    "type_with_line_end": Expected("Bad\r\nX-Injected: yes", "x", "Function.Unknown"),
    "without_message": Expected("OrderRejected", "", "Function.OrderRejected"),
    "key_error": Expected("KeyError", "'k'", "Function.KeyError"),
    "multi_line": Expected("ValueError", "first\nsecond\r\nthird", "Function.ValueError"),
    "control_characters": Expected("ValueError", "nul \0 escape \x1b[31m tab \t bell \a", "Function.ValueError"),
    "unicode": Expected("ValueError", "日本語 😀 \u2028 é", "Function.ValueError"),
    "surrogate": Expected("ValueError", "half \ud800 of a pair", "Function.ValueError"),
    "surrogate_from_bytes": Expected("ValueError", "caf\udce9", "Function.ValueError"),
    "unprintable": Expected("Unprintable", None, "Function.Unprintable"),
    "not_text": Expected("NotText", None, "Function.NotText"),
    "long_message": Expected("ValueError", "x" * 300_000, "Function.ValueError"),
    "very_long_message": Expected("ValueError", "x" * 2_000_000, "Function.ValueError"),
    "recursion": Expected("RecursionError", None, "Function.RecursionError"),
    "mutual_recursion": Expected("RecursionError", None, "Function.RecursionError"),
    "group": Expected("ExceptionGroup", "many (2 sub-exceptions)", "Function.ExceptionGroup"),
    "chained": Expected("OrderRejected", "the effect", "Function.OrderRejected"),
    "while_handling": Expected("OrderRejected", "second", "Function.OrderRejected"),
    "stop_iteration": Expected("StopIteration", "", "Function.StopIteration"),
    "in_a_library": Expected("JSONDecodeError", None, "Function.JSONDecodeError"),
    "in_code_without_a_file": Expected("ZeroDivisionError", "division by zero", "Function.ZeroDivisionError"),
    "non_ascii_function": Expected("ValueError", "x", "Function.ValueError"),
}
UNMARSHALLABLE = {
    "without_a_form_in_json": "Object of type object is not JSON serializable",
    "circular": "Circular reference detected",
    "too_deep": None,
    "tuple_key": "keys must be str, int, float, bool or None, not tuple",
    "bytes_that_are_not_text": None,
}
CASES = [*RAISED, *UNMARSHALLABLE]
LARGE_CAUSES = ["very_long_message"]


class Served(NamedTuple):
    """A run, and the cases that it served."""

    run: Run
    cases: list[str]

    def answer_to(self, request_id: str) -> Request:
        return self.run.answer_to(request_id)

    def log_line(self, name: str) -> str:
        """The one line that a case logged: `fine` logs none."""
        return self.run.log[self.cases.index(name)]


@pytest.fixture(scope="module")
def runs(module_runtime: Runtime) -> dict[str, Served]:
    """All cases in one process. One that ends the process fails alone: the rest goes on in another."""
    found: dict[str, Served] = {}
    left = CASES
    while left:
        run = module_runtime.serve("failing.handler", events=events(left))
        succeeded = sum(response.request_id.startswith("after-") for response in run.responses)
        cases = left if run.exit_code is None else left[: succeeded + 1]
        found.update(dict.fromkeys(cases, Served(run, cases)))
        left = left[len(cases) :]
    return found


@pytest.fixture
def run(runs: dict[str, Served], request: pytest.FixtureRequest) -> Served:
    """The run that served the case of this test; where it has none, the one that served `plain`."""
    return runs[request.node.callspec.params["name"] if hasattr(request.node, "callspec") else "plain"]


def events(cases: list[str]) -> list[Next]:
    """Each case, and after each an invocation that is fine."""
    found = []
    for name in cases:
        found += [Next({"case": name}, request_id=name), Next({"case": "fine"}, request_id=f"after-{name}")]
    return found


def cause_of(run: Served, name: str) -> dict[str, Any]:
    cause: dict[str, Any] = json.loads(run.answer_to(name).header(XRAY_CAUSE) or "")
    return cause


@pytest.mark.parametrize("name", CASES)
def test_a_failure_is_reported_and_the_next_invocation_succeeds(run: Served, name: str) -> None:
    answer = run.answer_to(name)
    assert (answer.endpoint, answer.status) == ("error", 202)
    assert list(answer.json) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert answer.json["requestId"] == name
    assert run.answer_to(f"after-{name}").json == "fine"


def test_the_process_outlives_all_of_it_on_one_connection(runs: dict[str, Served]) -> None:
    (run,) = {id(served.run): served.run for served in runs.values()}.values()
    assert run.exit_code is None
    assert run.stderr == ""
    assert {request.connection for request in run.requests} == {1}


@pytest.mark.parametrize("name", RAISED)
def test_an_exception_is_reported_by_its_class_and_text(run: Served, name: str) -> None:
    answer, expected = run.answer_to(name), RAISED[name]
    assert answer.json["errorType"] == expected.error_type
    if expected.message is not None:
        assert answer.json["errorMessage"] == expected.message
    assert answer.header(ERROR_TYPE) == expected.platform_type


@pytest.mark.parametrize("name", ["unprintable", "not_text"])
def test_an_exception_that_has_no_text_is_reported_by_its_name(run: Served, name: str) -> None:
    assert RAISED[name].error_type in run.answer_to(name).json["errorMessage"]


def test_a_library_keeps_its_words(runs: dict[str, Served]) -> None:
    assert runs["in_a_library"].answer_to("in_a_library").json["errorMessage"].startswith("Expecting property name")
    assert runs["recursion"].answer_to("recursion").json["errorMessage"].startswith("maximum recursion depth exceeded")


@pytest.mark.parametrize("name", UNMARSHALLABLE)
def test_a_result_that_is_no_json_is_the_runtimes_fault_to_tell(run: Served, name: str) -> None:
    answer, detail = run.answer_to(name), UNMARSHALLABLE[name]
    assert answer.json["errorType"] == answer.header(ERROR_TYPE) == "Runtime.MarshalError"
    assert answer.json["errorMessage"].startswith("Unable to marshal response: " + (detail or ""))
    assert answer.json["stackTrace"] == []
    assert cause_of(run, name)["exceptions"][0] == {
        "message": answer.json["errorMessage"],
        "type": "LambdaValidationError",
        "stack": [],
    }
    assert cause_of(run, name)["paths"] == []


@pytest.mark.parametrize("name", CASES)
def test_headers_are_ascii_and_as_the_platform_wants_them(run: Served, name: str) -> None:
    answer = run.answer_to(name)
    assert answer.head.isascii()
    assert PLATFORM_PATTERN.fullmatch(answer.header(ERROR_TYPE) or "")
    assert answer.header("X-Injected") is None
    assert len(answer.header(XRAY_CAUSE) or "") < MAX_XRAY_CAUSE_BYTES


@pytest.mark.parametrize("name", [name for name in RAISED if name not in LARGE_CAUSES])
def test_the_xray_cause_says_what_the_document_says(run: Served, name: str) -> None:
    cause, document = cause_of(run, name), run.answer_to(name).json
    assert list(cause) == ["working_directory", "exceptions", "paths"]
    assert cause["working_directory"] == str(HANDLERS)
    (exception,) = cause["exceptions"]
    assert (exception["message"], exception["type"]) == (document["errorMessage"], document["errorType"])
    frames = exception["stack"]
    assert all(list(frame) == ["label", "path", "line"] for frame in frames)
    assert frames[0]["label"] == "handler"
    assert sorted(cause["paths"]) == sorted({frame["path"] for frame in frames})


@pytest.mark.parametrize("name", LARGE_CAUSES)
def test_an_xray_cause_that_is_too_large_is_left_out(run: Served, name: str) -> None:
    assert not run.answer_to(name).header(XRAY_CAUSE)


@pytest.mark.parametrize("name", RAISED)
def test_a_trace_begins_in_the_handler_and_shows_no_frame_of_the_runtime(run: Served, name: str) -> None:
    trace = run.answer_to(name).json["stackTrace"]
    assert trace[0].startswith(f'  File "{HANDLERS / "failing.py"}", line ')
    assert ", in handler\n    return CASES[" in trace[0]
    assert not any("/pylambda/" in frame for frame in trace)


def test_a_trace_has_one_string_a_frame(runs: dict[str, Served]) -> None:
    outer, inner = runs["plain"].answer_to("plain").json["stackTrace"]
    assert outer.startswith("  File ")
    assert inner.endswith(', in plain\n    raise ValueError("plain")\n')


def test_a_library_called_by_the_handler_is_in_the_trace(runs: dict[str, Served]) -> None:
    assert "json/decoder.py" in runs["in_a_library"].answer_to("in_a_library").json["stackTrace"][-1]


@pytest.mark.parametrize("name", CASES)
def test_a_failure_is_one_line_of_the_log(run: Served, name: str) -> None:
    line, document = run.log_line(name), run.answer_to(name).json
    assert line.startswith(f"[ERROR] {document['errorType']}".replace("\n", "\r"))
    assert HEAD_OF_TRACEBACK in line
    assert len(run.run.log) == len(run.cases)


def test_a_log_line_holds_message_and_trace_as_amazon_writes_them(runs: dict[str, Served]) -> None:
    file, space = HANDLERS / "failing.py", "\u00a0"
    lines = (HANDLERS / "failing.py").read_text().splitlines()
    outer = lines.index('    return CASES[event["case"]]()') + 1
    inner = lines.index('    raise ValueError("plain")') + 1
    assert runs["plain"].log_line("plain").split("\r") == [
        "[ERROR] ValueError: plain",
        "Traceback (most recent call last):",
        f'{space * 2}File "{file}", line {outer}, in handler',
        f'{space * 4}return CASES[event["case"]]()',
        f'{space * 2}File "{file}", line {inner}, in plain',
        f'{space * 4}raise ValueError("plain")',
    ]


def test_a_message_is_logged_whole(runs: dict[str, Served]) -> None:
    assert "x" * 300_000 in runs["long_message"].log_line("long_message")
    assert runs["multi_line"].log_line("multi_line").startswith("[ERROR] ValueError: first\rsecond\r")
    assert runs["unicode"].log_line("unicode").startswith("[ERROR] ValueError: 日本語 😀 \u2028 é\r")


def test_a_message_may_be_empty(runs: dict[str, Served]) -> None:
    assert runs["without_message"].log_line("without_message").startswith("[ERROR] OrderRejected" + HEAD_OF_TRACEBACK)


def test_on_a_terminal_the_lines_of_a_failure_are_lines(runtime: Runtime) -> None:
    run = runtime.serve("failing.handler", events=[{"case": "plain"}], env={"PYLAMBDA_LOCAL": "1"})
    assert run.log[:2] == ["[ERROR] ValueError: plain", "Traceback (most recent call last):"]
    assert "\r" not in run.stdout
    assert len(run.log) == 6


WITHOUT_SHARED_MEMORY = """
import errno, multiprocessing.synchronize, os

def refuses(*arguments):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

multiprocessing.synchronize._multiprocessing.SemLock = refuses

def handler(event, context):
    if event == "lock":
        multiprocessing.Lock()
    if event == "queue":
        multiprocessing.Queue()
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), *event)
"""


def test_a_lock_between_processes_is_refused_with_a_way_out(runtime: Runtime) -> None:
    # Given no /dev/shm, as in Lambda: the C library's semaphores answer so there
    run = runtime.serve(files={"app.py": WITHOUT_SHARED_MEMORY}, events=["lock", "queue", ["file"], []])
    assert [error.json["errorMessage"] for error in run.errors[:2]] == ["[Errno 38] Function not implemented"] * 2
    lock, queue, *others = run.log
    for line in (lock, queue):
        assert line.endswith("\rHint: Lambda has no /dev/shm, which the Lock, Queue and Pool of multiprocessing need:"
                             " take threads, or its Process and Pipe")  # fmt: skip
    # And what else the kernel refuses is the function's own matter
    assert len(others) == 2
    assert not any("Hint" in line for line in others)


def test_an_error_document_may_be_larger_than_the_platform_takes(runtime: Runtime) -> None:
    app = "def handler(event, context):\n    if event:\n        raise ValueError('x' * event)\n    return 'fine'\n"
    run = runtime.serve(files={"app.py": app}, events=[7_000_000, 0])
    assert run.errors[0].status == 413
    assert run.responses[0].json == "fine"


def test_a_handler_may_lose_its_working_directory(runtime: Runtime) -> None:
    app = """\
import os, tempfile
def handler(event, context):
    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)
    raise ValueError("lost")
"""
    run = runtime.serve(files={"app.py": app}, events=[{}, {}])
    assert [error.json["errorMessage"] for error in run.errors] == ["lost", "lost"]


@pytest.mark.parametrize("module", ["bootstrap", "runtime", "loop", "api", "reports", "pylambda_tools"])
def test_frames_of_a_module_named_like_a_runtimes_survive(runtime: Runtime, module: str) -> None:
    text = "def handler(event, context):\n    raise ValueError('mine')\n"
    run = runtime.serve(f"{module}.handler", files={f"{module}.py": text}, events=[{}])
    (frame,) = run.errors[0].json["stackTrace"]
    assert f"/{module}.py" in frame
