"""What a function does to the interpreter that it shares with the runtime: names, streams, settings."""

import pytest

from tests.contract.runtime_process import Runtime
from tests.contract.script import Next, Reply

HOSTILE = "raise RuntimeError('the runtime imported a file of the function')\n"
APP = """\
import logging
def handler(event, context):
    logging.getLogger().error("logged")
    context.log("as it is\\n")
    if event == "boom":
        raise ValueError("boom")
    return {"event": event, "when": __import__("datetime").date(2026, 11, 21)}
"""
EVENTS = [1, "boom", Next(b"not json"), Next(2, {"Lambda-Runtime-Client-Context": "{}"}), 3]
OURS = "pylambda api codec context faults handler invocation log loop names reports search_path settings wire".split()
AMAZONS = "runtime bootstrap awslambdaric lambda_context lambda_runtime_client runtime_client".split()
STANDARD = (
    "json logging types typing traceback signal socket time site enum string copy re os io abc token warnings email "
    "http linecache tokenize decimal uuid"
).split()


@pytest.mark.parametrize("name", OURS + AMAZONS + STANDARD)
def test_a_file_with_any_name_lies_beside_the_function_in_peace(runtime: Runtime, name: str) -> None:
    run = runtime.serve(files={"app.py": APP, f"{name}.py": HOSTILE}, events=EVENTS)
    assert [post.endpoint for post in run.posts] == ["response", "error", "error", "response", "response"]
    assert [error.json["errorType"] for error in run.errors] == ["ValueError", "Runtime.UnmarshalError"]
    assert run.responses[0].json == {"event": 1, "when": "2026-11-21"}
    assert run.stderr == ""


@pytest.mark.parametrize("name", [name for name in OURS + AMAZONS if name != "pylambda"])
def test_a_handlers_own_module_may_have_any_name_of_a_runtimes(runtime: Runtime, name: str) -> None:
    text = "def handler(event, context):\n    return __file__\n"
    run = runtime.serve(f"{name}.handler", files={f"{name}.py": text}, events=[1])
    assert run.responses[0].json.endswith(f"/task/{name}.py")


# What a handler may do to the streams, and then fail or succeed.
STREAMS = {
    "closed": "sys.stdout.close()",
    "both closed": "sys.stdout.close(); sys.stderr.close()",
    "none": "sys.stdout = None",
    "both none": "sys.stdout = sys.stderr = None",
    "deleted": "del sys.stdout",
    "in memory": "sys.stdout = io.StringIO()",
    "only ascii": "sys.stdout = io.TextIOWrapper(io.FileIO(1, 'w', closefd=False), encoding='ascii')",
    "detached": "sys.stdout.detach()",
    "broken": "sys.stdout = Broken()",
    "descriptor closed": "os.close(1)",
    "both descriptors closed": "os.close(1); os.close(2)",
    "descriptor elsewhere": "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)",
}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_handler_may_ruin_the_output_and_is_served_still(runtime: Runtime, stream: str) -> None:
    app = f"""\
import io, os, sys
class Broken:
    def write(self, text):
        raise RuntimeError("broken")
def handler(event, context):
    if event == 0:
        {STREAMS[stream]}
    else:
        raise ValueError("é 日本語")
"""
    run = runtime.serve(files={"app.py": app}, events=[0, 1, 2])
    assert [post.endpoint for post in run.posts] == ["response", "error", "error"]
    assert {error.json["errorMessage"] for error in run.errors} == {"é 日本語"}
    assert run.exit_code is None


def test_output_in_another_encoding_costs_characters_at_most(runtime: Runtime) -> None:
    app = "def handler(event, context):\n    raise ValueError('é 日本語')\n"
    run = runtime.serve(files={"app.py": app}, events=[0, 1], env={"PYTHONIOENCODING": "ascii"})
    assert [error.json["errorMessage"] for error in run.errors] == ["é 日本語"] * 2
    assert len(run.log) == 2


def test_a_refused_answer_is_survived_without_a_stderr(runtime: Runtime) -> None:
    app = "import os\ndef handler(event, context):\n    event > 1 and os.close(2)\n    return 'x' * event\n"
    run = runtime.serve(files={"app.py": app}, events=[7_000_000, 1])
    assert [response.status for response in run.responses] == [413, 202]
    assert run.exit_code is None


def test_warnings_as_errors_do_not_reach_the_runtime(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": APP}, events=EVENTS, env={"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"})
    assert [post.endpoint for post in run.posts] == ["response", "error", "error", "response", "response"]
    assert run.stderr == ""


@pytest.mark.parametrize(
    "line",
    [
        "sys.setrecursionlimit(120)",
        "gc.disable(); gc.freeze()",
        "sys.modules.pop('json', None); sys.modules.pop('traceback', None)",
        "sys.path.clear()",
        "os.environ.clear()",
        "sys.excepthook = None",
        "json.dumps = json.loads = None",
        "time.time = time.time_ns = None",
        "builtins.print = None",
        "locale.setlocale(locale.LC_ALL, 'C')",
        "signal.set_wakeup_fd(-1)",
        "sys.settrace(lambda *_: None)",
    ],
)
def test_a_function_may_change_what_is_shared_and_is_served_still(runtime: Runtime, line: str) -> None:
    app = f"""\
import builtins, gc, json, locale, os, signal, socket, sys, time
{line}
def handler(event, context):
    if event == "boom":
        raise ValueError("boom")
    return event
"""
    run = runtime.serve(files={"app.py": app}, events=[1, "boom", 3])
    assert [post.endpoint for post in run.posts] == ["response", "error", "response"]
    assert run.exit_code is None


def test_a_functions_default_for_timeouts_is_not_the_runtimes(runtime: Runtime) -> None:
    """`socket.setdefaulttimeout(10)` is common, and Lambda may let a runtime wait for hours."""
    app = "import socket\nsocket.setdefaulttimeout(0.05)\ndef handler(event, context):\n    return event\n"
    slow = Reply(hold_s=0.5)
    run = runtime.serve(files={"app.py": app}, events=[Next(1, replies=(slow,), answers=(slow,)), 2])
    assert [response.json for response in run.responses] == [1, 2]
    assert {request.connection for request in run.requests} == {1}


def test_a_function_that_ran_out_of_descriptors_is_served_still(runtime: Runtime) -> None:
    """What the runtime first needs at a failure cannot be opened any more: each caller hears why, and nobody waits."""
    app = """\
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
def handler(event, context):
    while event == "leak":
        os.open(os.devnull, os.O_RDONLY)
    return event
"""
    run = runtime.serve(files={"app.py": app}, events=["leak", "leak", Next(b"not json"), 3])
    assert [error.json["errorType"] for error in run.errors] == ["OSError"] * 3
    assert all("Too many open files" in error.json["errorMessage"] for error in run.errors)
    assert run.responses[0].json == 3


def test_a_child_process_does_not_inherit_the_connection(runtime: Runtime) -> None:
    app = """\
import subprocess
def handler(event, context):
    return subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True, close_fds=False).stdout
"""
    listing = runtime.serve(files={"app.py": app}, events=[1]).responses[0].json
    assert "->" in listing
    assert "socket:" not in listing


@pytest.mark.parametrize("line", ["event.clear()", "event['more'] = {1: 2}", "context.aws_request_id = 'mine'"])
def test_a_handler_may_change_what_it_was_given(runtime: Runtime, line: str) -> None:
    app = f"def handler(event, context):\n    {line}\n    return 'fine'\n"
    run = runtime.serve(files={"app.py": app}, events=[Next({"a": 1}, request_id="one"), {"b": 2}])
    assert run.answer_to("one").json == "fine"
    assert [response.json for response in run.responses] == ["fine", "fine"]


def test_a_thread_that_is_left_behind_does_not_hold_up_the_next_event(runtime: Runtime) -> None:
    app = """\
import threading
def handler(event, context):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return event
"""
    assert [response.json for response in runtime.serve(files={"app.py": app}, events=[1, 2, 3]).responses] == [1, 2, 3]


def test_memory_does_not_grow_with_the_number_of_events(runtime: Runtime) -> None:
    app = """\
def handler(event, context):
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
"""
    events = [Next(["x" * 1000] * 100) for _ in range(600)]
    used = [response.json for response in runtime.serve(files={"app.py": app}, events=events).responses]
    assert used[-1] - used[100] < 500_000
