"""SnapStart: hooks before the snapshot and after each restore, and what must differ in each restored environment.

A snapshot cannot be taken here: the process that asks for `/restore/next` is the one that goes on.
"""

from pathlib import Path

import pytest

from tests.contract.delivery import wait_until_asleep
from tests.contract.raw_api import serving
from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Next, Reply, Then

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
HANDLER = "\ndef handler(event, context):\n    return event\n"
HOOKS = """\
import asyncio, pylambda
@pylambda.on_init
def init(): print("init")
@pylambda.before_snapshot
def before_1(): print("before 1")
@pylambda.before_snapshot
async def before_2():
    await asyncio.sleep(0)
    print("before 2")
@pylambda.after_restore
async def after_1():
    await asyncio.sleep(0)
    print("after 1")
@pylambda.after_restore
def after_2(): print("after 2")
"""
# Amazon's package, of which the runtime asks the two functions only.
AMAZONS = """\
_before, _after = [], []
def register_before_snapshot(function, *args, **kwargs):
    _before.append((function, args, kwargs))
    return function
def register_after_restore(function, *args, **kwargs):
    _after.append((function, args, kwargs))
    return function
def get_before_snapshot(): return _before
def get_after_restore(): return _after
"""


def restored(runtime: Runtime, app: str, *events: object, **options: object) -> Run:
    files = {"app.py": app + HANDLER, "snapshot_restore_py.py": AMAZONS}
    return runtime.serve(files=files, events=events or (1,), env=SNAP_START, **options)  # type: ignore[arg-type]


def endpoints(run: Run) -> list[str]:
    return [request.endpoint for request in run.requests]


def test_hooks_run_around_the_snapshot_the_last_first_before_it_and_the_first_first_after(runtime: Runtime) -> None:
    run = restored(runtime, HOOKS)
    assert run.log == ["init", "before 2", "before 1", "after 1", "after 2"]
    assert endpoints(run) == ["restore/next", "next", "response", "next"]


def test_a_function_without_hooks_takes_part_as_well(runtime: Runtime) -> None:
    assert endpoints(restored(runtime, "")) == ["restore/next", "next", "response", "next"]


@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency", ""])
def test_without_snap_start_there_is_no_snapshot_and_no_hook(runtime: Runtime, kind: str) -> None:
    run = runtime.serve(
        files={"app.py": HOOKS + HANDLER}, events=[1], env={"AWS_LAMBDA_INITIALIZATION_TYPE": kind or None}
    )
    assert run.log == ["init"]
    assert endpoints(run) == ["next", "response", "next"]


def test_amazons_hooks_run_too_inside_of_ours(runtime: Runtime) -> None:
    app = (
        HOOKS
        + """\
from snapshot_restore_py import register_after_restore, register_before_snapshot
register_before_snapshot(print, "their before 1")
register_before_snapshot(print, "their before", "2", sep=" ")
register_after_restore(print, "their after")
"""
    )
    assert restored(runtime, app).log == [
        "init", "before 2", "before 1", "their before 2", "their before 1", "their after", "after 1", "after 2",
    ]  # fmt: skip


def test_amazons_package_is_not_imported_for_a_function_that_has_not(runtime: Runtime) -> None:
    files = {"app.py": HOOKS + HANDLER, "snapshot_restore_py.py": "print('imported')"}
    run = runtime.serve(files=files, events=[1], env=SNAP_START)
    assert "imported" not in run.log


def test_nothing_times_out_while_the_snapshot_is_kept_and_a_new_connection_serves(tmp_path: Path) -> None:
    source = "import socket\nsocket.setdefaulttimeout(1e-6)\n" + HANDLER
    with serving(tmp_path, source, environ=SNAP_START) as running:
        peer = running.accept()
        assert peer.read_request().line == "GET /2018-06-01/runtime/restore/next HTTP/1.1"
        wait_until_asleep(running.process.pid)
        peer.reply(200, b"{}")
        assert peer.at_end()
        assert running.accept().answer_to(b"1").body == b"1"


BEFORE = {
    "an exception": ("def hook(): raise ValueError('no flush')", "ValueError", "no flush"),
    "an exit": ("import sys\ndef hook(): sys.exit(3)", "SystemExit", "3"),
    "an async one": ("async def hook(): raise KeyError('k')", "KeyError", "'k'"),
}


@pytest.mark.parametrize("name", BEFORE)
def test_a_hook_that_fails_before_the_snapshot_is_an_init_error(runtime: Runtime, name: str) -> None:
    source, error_type, message = BEFORE[name]
    run = restored(runtime, f"import pylambda\n{source}\npylambda.before_snapshot(hook)\n")
    assert endpoints(run) == ["init/error"]
    report = run.requests[0]
    assert report.header(ERROR_TYPE) == "Runtime.BeforeSnapshotError"
    assert (report.json["errorType"], report.json["errorMessage"]) == (error_type, message)
    assert "in hook" in report.json["stackTrace"][-1]
    assert run.log[-1].startswith(f"[ERROR] {error_type}: {message}\r")
    assert run.exit_code == 64


@pytest.mark.parametrize("name", BEFORE)
def test_a_hook_that_fails_after_the_restore_is_a_restore_error(runtime: Runtime, name: str) -> None:
    source, error_type, message = BEFORE[name]
    run = restored(runtime, f"import pylambda\n{source}\npylambda.after_restore(hook)\n")
    assert endpoints(run) == ["restore/next", "restore/error"]
    report = run.requests[1]
    assert report.header(ERROR_TYPE) == "Runtime.AfterRestoreError"
    assert (report.json["errorType"], report.json["errorMessage"]) == (error_type, message)
    assert run.log[-1].startswith(f"[ERROR] {error_type}: {message}\r")
    assert run.exit_code == 65


@pytest.mark.parametrize("half", ["before_snapshot", "after_restore"])
def test_a_hook_of_amazons_that_fails_is_reported_alike(runtime: Runtime, half: str) -> None:
    app = f"import snapshot_restore_py\nsnapshot_restore_py.register_{half}(lambda: 1 / 0)\n"
    run = restored(runtime, app)
    assert run.posts[0].header(ERROR_TYPE) in ("Runtime.BeforeSnapshotError", "Runtime.AfterRestoreError")
    assert run.exit_code == (64 if half == "before_snapshot" else 65)


@pytest.mark.parametrize(
    ("reply", "why"), [(Reply(status=500), "500"), (Reply(cut_at=0, then=Then.DROP), "closed")], ids=["500", "dropped"]
)
def test_a_platform_that_refuses_the_restore_is_reported_as_before_it(runtime: Runtime, reply: Reply, why: str) -> None:
    run = restored(runtime, HOOKS, restore=reply)
    assert endpoints(run)[-1] == "init/error"
    assert run.init_error.header(ERROR_TYPE) == "Runtime.BeforeSnapshotError"
    assert why in run.init_error.json["errorMessage"]
    assert run.exit_code == 64


def test_the_trace_id_of_the_time_before_is_gone(runtime: Runtime) -> None:
    app = """\
import os, pylambda
pylambda.after_restore(lambda: print(os.environ.get("_X_AMZN_TRACE_ID"), os.popen("echo -n $_X_AMZN_TRACE_ID").read()))
"""
    files = {"app.py": app + HANDLER}
    run = runtime.serve(files=files, events=[1], env={**SNAP_START, "_X_AMZN_TRACE_ID": "Root=1-old"})
    assert run.log == ["None "]


def test_records_of_hooks_belong_to_no_invocation(runtime: Runtime) -> None:
    app = "import logging, pylambda\npylambda.after_restore(lambda: logging.warning('restored'))\n"
    (line,) = restored(runtime, app, Next(1, request_id="first")).log
    assert line.split("\t")[2:] == ["", "restored"]


# Two environments restored from one snapshot: two processes that had come to the same point of their generators.
TWIN = """\
import random, pylambda
{imports}
@pylambda.before_snapshot
def come_to_the_same_point():
    {seed}
@pylambda.after_restore
def draw():
    print({numbers})
"""


def drawn_by_twins(runtime: Runtime, seed: str, numbers: str, imports: str = "") -> list[str]:
    app = TWIN.format(imports=imports, seed=seed, numbers=numbers)
    runs = [restored(runtime, app) for _ in range(2)]
    assert [len(run.responses) for run in runs] == [1, 1]
    return [line for run in runs for line in run.log]


def test_twins_draw_different_numbers_from_the_shared_generator(runtime: Runtime) -> None:
    first, second = drawn_by_twins(runtime, "random.seed(7)", "random.random(), random.getrandbits(64)")
    assert first != second


def test_twins_draw_the_same_numbers_from_a_generator_of_the_functions_own(runtime: Runtime) -> None:
    """What the function made is the function's: `after_restore` is for that. It also shows that twins are twins."""
    first, second = drawn_by_twins(runtime, "global mine; mine = random.Random(7)", "mine.random()")
    assert first == second


def test_twins_draw_different_numbers_from_numpys_shared_generator(runtime: Runtime) -> None:
    first, second = drawn_by_twins(runtime, "numpy.random.seed(7)", "numpy.random.rand()", "import numpy")
    assert first != second
