"""SIGTERM where there is something to do: hooks, then `atexit`, then exit 0; and the extension that makes it come."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.contract.fake_api import EXTENSION_ID
from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Next, Reply

# What the platform gives is 300 ms; a loaded machine that tests gets more, and no less than the grace of an invocation.
PROMPT_S = 3.0
HOOKS = """\
import asyncio, atexit, logging, os, signal, sys, threading, time
import pylambda
atexit.register(print, "atexit")
@pylambda.on_shutdown
def first():
    print("hook 1")
@pylambda.on_shutdown
async def second():
    await asyncio.sleep(0)
    print("hook 2")
"""
HANDLER = "\ndef handler(event, context):\n    return event\n"
REGISTER, PARKED = "extension/register", "extension/event/next"


def terminated(runtime: Runtime, app: str, *events: object, times: int = 1, **options: object) -> Run:
    """Return the run of a function that got SIGTERM while it waited for an event; it must end in time."""
    with runtime.start(files={"app.py": app}, events=events, **options) as serving:  # type: ignore[arg-type]
        serving.wait_until_parked()
        sent = time.monotonic()
        for _ in range(times):
            serving.signal(signal.SIGTERM)
        serving.wait_until_ended()
        took_s = time.monotonic() - sent
        run = serving.stop()
    assert took_s < PROMPT_S
    return run


def paths(run: Run) -> list[str]:
    return [request.endpoint for request in run.requests]


@pytest.mark.parametrize("events", [(), (1, 2)], ids=["before-the-first-event", "between-events"])
def test_hooks_run_the_newest_first_then_atexit_and_the_exit_is_0(runtime: Runtime, events: Sequence[object]) -> None:
    run = terminated(runtime, HOOKS + HANDLER, *events)
    assert run.log == ["hook 2", "hook 1", "atexit"]
    assert (run.exit_code, run.stderr) == (0, "")
    assert len(run.responses) == len(events)


def test_a_hook_that_fails_costs_one_log_line_and_the_next_one_runs(runtime: Runtime) -> None:
    app = (
        HOOKS
        + """\
@pylambda.on_shutdown
def flush():
    raise ConnectionError("nobody there")
@pylambda.on_shutdown
def leave():
    sys.exit(3)
"""
    )
    run = terminated(runtime, app + HANDLER, 1)
    assert [line.partition("\r")[0] for line in run.log] == [
        "[ERROR] SystemExit: 3", "[ERROR] ConnectionError: nobody there", "hook 2", "hook 1", "atexit",
    ]  # fmt: skip
    assert "in flush" in run.log[1]
    assert run.exit_code == 0


def test_records_of_hooks_belong_to_no_invocation(runtime: Runtime) -> None:
    app = HOOKS + "pylambda.on_shutdown(lambda: logging.warning('going'))\n"
    record = terminated(runtime, app + HANDLER, Next(1, request_id="last")).log[0]
    assert record.split("\t")[2:] == ["", "going"]


def test_the_event_loop_of_the_handler_is_there_for_async_hooks(runtime: Runtime) -> None:
    app = """\
import asyncio, pylambda
@pylambda.on_init
async def connect():
    global queue
    queue = asyncio.Queue()
    global writer
    writer = asyncio.create_task(write())
async def write():
    while True:
        print("wrote", await queue.get())
        queue.task_done()
@pylambda.on_shutdown
async def flush():
    await queue.join()
async def handler(event, context):
    queue.put_nowait(event)
"""
    assert terminated(runtime, app, "a").log == ["wrote a"]


def test_a_second_sigterm_does_not_start_the_hooks_again(runtime: Runtime) -> None:
    app = (
        HOOKS
        + """\
@pylambda.on_shutdown
def again():
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
    print("not disturbed")
"""
    )
    run = terminated(runtime, app + HANDLER, 1, times=3)
    assert run.log == ["not disturbed", "hook 2", "hook 1", "atexit"]
    assert run.exit_code == 0


def test_a_thread_that_never_ends_does_not_keep_the_process(runtime: Runtime) -> None:
    app = HOOKS + "threading.Thread(target=threading.Event().wait).start()\n"
    assert terminated(runtime, app + HANDLER, 1).log == ["hook 2", "hook 1", "atexit"]


def test_an_invocation_that_is_done_in_time_is_answered_first(runtime: Runtime) -> None:
    app = (
        HOOKS
        + """\
def handler(event, context):
    if event == "stop":
        pylambda.after_response(print, "deferred")
        os.kill(os.getpid(), signal.SIGTERM)
    return event
"""
    )
    run = runtime.serve(files={"app.py": app}, events=["go", "stop", "never"])
    assert [response.json for response in run.responses] == ["go", "stop"]
    assert run.log == ["deferred", "hook 2", "hook 1", "atexit"]
    # Nothing was asked for that nobody would have served.
    assert paths(run).count("next") == 2
    assert run.exit_code == 0


WAITS = "{kill}\n    try:\n        while not signal.pause(): ...\n"
LONG = {
    "sync": "def handler(event, context):\n    " + WAITS,
    "stream": "def handler(event, context):\n    " + WAITS + "        yield 'never'\n",
    "async": "async def handler(event, context):\n    {kill}\n    try:\n        await asyncio.Event().wait()\n",
}


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("loop", ["", "1"], ids=["asyncio", "uvloop"])
def test_an_invocation_that_takes_too_long_is_ended_with_its_finally(runtime: Runtime, kind: str, loop: str) -> None:
    handler = LONG[kind].format(kill="os.kill(os.getpid(), signal.SIGTERM)")
    app = f"{HOOKS}{handler}    finally:\n        print('finally')\n"
    run = runtime.serve(files={"app.py": app}, events=[1], env={"PYLAMBDA_UVLOOP": loop})
    lines = [line.partition("\r")[0] for line in run.log]
    said = "[ERROR] Runtime.ExitError: the handler raised Terminated by SIGTERM: the process exits with code 0"
    assert sorted(lines) == sorted([said, "finally", "hook 2", "hook 1", "atexit"])
    assert lines.index("hook 2") > lines.index(said)
    # and its caller hears of it
    assert run.errors[0].json["errorType"] == "Runtime.ExitError"
    assert run.exit_code == 0


def test_a_handler_that_catches_everything_is_ended_when_it_has_answered(runtime: Runtime) -> None:
    app = (
        HOOKS
        + """\
def handler(event, context):
    os.kill(os.getpid(), signal.SIGTERM)
    while True:
        try:
            signal.pause()
        except BaseException:
            return "caught"
"""
    )
    run = runtime.serve(files={"app.py": app}, events=[1, 2])
    assert [response.json for response in run.responses] == ["caught"]
    assert run.log == ["hook 2", "hook 1", "atexit"]


def test_what_a_child_process_does_with_sigterm_is_its_own(runtime: Runtime) -> None:
    app = (
        HOOKS
        + """\
is_ready, ready = os.pipe()
def handler(event, context):
    child = os.fork()
    if child == 0:
        os.write(ready, b"1")
        while True:
            signal.pause()
    os.read(is_ready, 1)
    os.kill(child, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
    )
    run = terminated(runtime, app, 1)
    assert run.responses[0].json == -signal.SIGTERM
    assert run.log == ["hook 2", "hook 1", "atexit"]


def test_a_child_that_a_handler_forked_and_that_ends_runs_no_hook(runtime: Runtime) -> None:
    app = (
        HOOKS
        + """\
def handler(event, context):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print("parent")
"""
    )
    # It ends as a Python program does, with `atexit`.
    assert terminated(runtime, app, 1).log == ["atexit", "parent", "hook 2", "hook 1", "atexit"]


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "1 / 0"])
def test_a_handler_of_the_functions_own_is_called_last(runtime: Runtime, ending: str) -> None:
    app = (
        HOOKS
        + f"""\
def own(number, frame):
    print("own", signal.Signals(number).name)
    {ending}
signal.signal(signal.SIGTERM, own)
"""
    )
    run = terminated(runtime, app + HANDLER, 1)
    assert [line for line in run.log if "[ERROR]" not in line] == ["hook 2", "hook 1", "own SIGTERM", "atexit"]
    assert any("ZeroDivisionError" in line for line in run.log) == (ending == "1 / 0")
    assert run.exit_code == 0


def test_a_handlers_own_exit_runs_the_hooks_too(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": HOOKS + "def handler(event, context): sys.exit(3)\n"}, events=[1])
    assert [line for line in run.log if "[ERROR]" not in line] == ["hook 2", "hook 1", "atexit"]
    assert run.exit_code == 3


def test_the_interrupt_from_the_keyboard_runs_the_hooks_too(runtime: Runtime) -> None:
    with runtime.start(files={"app.py": HOOKS + HANDLER}, events=[1]) as serving:
        serving.wait_until_parked()
        serving.signal(signal.SIGINT)
        serving.wait_until_ended()
        run = serving.stop()
    assert run.log == ["hook 2", "hook 1", "atexit"]
    assert run.exit_code in (130, -signal.SIGINT)


def test_sigterm_while_the_snapshot_is_waited_for_runs_the_hooks(runtime: Runtime) -> None:
    env = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    app = HOOKS + "pylambda.before_snapshot(lambda: print('before'))\n" + HANDLER
    with runtime.start(files={"app.py": app}, env=env, restore=Reply(hold_s=60)) as serving:
        serving.api.wait_until(lambda: any(r.endpoint == "restore/next" for r in serving.api.requests), "restore/next")
        serving.signal(signal.SIGTERM)
        serving.wait_until_ended()
        run = serving.stop()
    assert run.log == ["before", "hook 2", "hook 1", "atexit"]
    assert (run.exit_code, run.posts[1:]) == (0, [])


# --- the extension ---


def test_an_extension_without_events_is_registered_before_the_first_event_is_asked_for(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": HOOKS + HANDLER}, events=[1])
    # Nobody waits for the reply to the second request, so the third may overtake it.
    assert paths(run)[0] == REGISTER
    assert sorted(paths(run)[1:3]) == [PARKED, "next"]
    register = run.requests[0]
    assert register.header("Lambda-Extension-Name") == "pylambda-shutdown"
    assert register.json == {"events": []}
    (parked,) = [request for request in run.requests if request.endpoint == PARKED]
    assert parked.header("Lambda-Extension-Identifier") == EXTENSION_ID
    assert parked.connection == register.connection


def test_it_is_registered_before_the_snapshot(runtime: Runtime) -> None:
    env = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    run = runtime.serve(files={"app.py": HOOKS + HANDLER}, events=[1], env=env)
    assert paths(run).index(REGISTER) < paths(run).index("restore/next")


OWN_HANDLER = "import os, signal\nsignal.signal(signal.SIGTERM, lambda number, frame: os._exit(9))\n" + HANDLER


def test_a_function_with_a_handler_of_its_own_asks_for_the_signal_by_a_variable(runtime: Runtime) -> None:
    run = terminated(runtime, OWN_HANDLER, 1, env={"PYLAMBDA_SHUTDOWN": "1"})
    assert paths(run)[0] == REGISTER
    assert run.exit_code == 9


@pytest.mark.parametrize(
    ("app", "variable"),
    [
        (OWN_HANDLER, None),
        (OWN_HANDLER, "0"),
        (HANDLER, "1"),
        (f"import pylambda\npylambda.middleware\n{HANDLER}", None),
    ],
    ids=["no variable", "0", "no handler", "no hook"],
)
def test_without_something_to_do_nothing_is_registered(runtime: Runtime, app: str, variable: str | None) -> None:
    run = runtime.serve(files={"app.py": app}, events=[1], env={"PYLAMBDA_SHUTDOWN": variable})
    assert paths(run) == ["next", "response", "next"]


@pytest.mark.parametrize(
    ("reply", "why"), [(Reply(status=403), "403"), (Reply(status=404), "404"), (Reply(cut_at=0), "closed")]
)
def test_a_refused_registration_costs_one_log_line(runtime: Runtime, reply: Reply, why: str) -> None:
    run = terminated(runtime, HOOKS + HANDLER, 1, register=reply)
    (line,) = run.stderr.splitlines()
    assert line.startswith("pylambda: the platform will send no SIGTERM")
    assert why in line
    assert run.log == ["hook 2", "hook 1", "atexit"]


def test_no_thread_waits_for_the_extension(runtime: Runtime) -> None:
    """A process with a thread cannot be forked safely, and the fork of one is warned of from Python 3.12 on."""
    app = HOOKS + "def handler(event, context): return len(os.listdir('/proc/self/task'))\n"
    assert runtime.serve(files={"app.py": app}, events=[1]).responses[0].json == 1


LIFESPAN = """\
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            print(message["type"])
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
"""


def test_an_apps_own_shutdown_is_such_a_hook_and_comes_first(runtime: Runtime) -> None:
    app = HOOKS + "pylambda.on_init(lambda: print('init'))\n" + LIFESPAN
    with runtime.start("asgi:app:app", files={"app.py": app}) as serving:
        serving.wait_until_parked()
        serving.signal(signal.SIGTERM)
        serving.wait_until_ended()
        run = serving.stop()
    assert run.log == ["init", "lifespan.startup", "lifespan.shutdown", "hook 2", "hook 1", "atexit"]
    assert run.exit_code == 0


@pytest.mark.parametrize(
    ("source", "registered"), [(LIFESPAN, True), ("async def app(scope, receive, send): 1 / 0", False)]
)
def test_an_app_is_told_of_its_end_only_where_it_has_a_lifespan(
    runtime: Runtime, source: str, *, registered: bool
) -> None:
    run = runtime.serve("asgi:app:app", files={"app.py": source})
    assert (REGISTER in paths(run)) is registered


# --- signals while the runtime waits ---


def test_sigterm_that_another_thread_takes_ends_the_wait(runtime: Runtime, tmp_path: Path) -> None:
    """The kernel interrupts the wait of no other thread; nor that of one which was about to begin to wait."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    app = (
        HOOKS
        + f"""\
def take():
    open({str(fifo)!r}).read()
    signal.raise_signal(signal.SIGTERM)
threading.Thread(target=take, daemon=True).start()
"""
    )
    with runtime.start(files={"app.py": app + HANDLER}, events=[1]) as serving:
        serving.wait_until_parked()
        fifo.open("w").close()
        serving.wait_until_ended()
        run = serving.stop()
    assert run.log == ["hook 2", "hook 1", "atexit"]
    assert run.exit_code == 0


COUNTING = """\
seen = 0
def count(*_):
    global seen
    seen += 1
"""


OWN_SIGNALS = {
    "signal": ("signal.signal(signal.SIGUSR1, count)", ""),
    "signal beside uvloop": ("signal.signal(signal.SIGUSR1, count)", "1"),
    "event loop": ("asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, count)", ""),
}


@pytest.mark.parametrize("name", OWN_SIGNALS)
def test_a_signal_of_the_functions_own_still_comes(runtime: Runtime, name: str) -> None:
    listen, uvloop = OWN_SIGNALS[name]
    app = f"""\
{HOOKS}{COUNTING}
@pylambda.on_init
async def listen():
    {listen}
async def handler(event, context):
    await asyncio.sleep(0.001)
    return seen
"""
    with runtime.start(files={"app.py": app}, events=[1], env={"PYLAMBDA_UVLOOP": uvloop}) as serving:
        for number in range(2):
            serving.wait_until_parked()
            serving.signal(signal.SIGUSR1)
            serving.add(Next(number))
        serving.wait_until_parked()
        run = serving.stop()
    assert [response.json for response in run.responses] == [0, 1, 2]
    assert {request.connection for request in run.requests if request.endpoint == "next"} == {2}
