"""Inside Lambda nothing local starts, whatever variable leaks there: no server, page, reload, debugger or emulator.

The variables are read out of the source, so that a new one is among them from its first day. What counts is what the
kernel says of the processes: which sockets they have, and whether anybody could connect to one.
"""

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylambda.local.__main__ import main
from pylambda.local.service import breakpoints
from tests.contract.runtime_process import CHECKOUT, Run, Runtime, Serving
from tests.contract.script import Next
from tests.contract.test_workers import processes_of

NAME = re.compile(r"PYLAMBDA_[A-Z][A-Z_]*[A-Z]")
# What a variable must hold to mean something, where 1 does not; each as somebody would have it on a laptop.
VALUES = {
    "PYLAMBDA_CONCURRENCY": "process",
    "PYLAMBDA_DEBUG": "5678",
    "PYLAMBDA_DEBUG_CONNECT": "127.0.0.1:5678",
    "PYLAMBDA_EMULATOR": "pylambda",
    "PYLAMBDA_HEALTH_PATH": "/health",
    "PYLAMBDA_HOST": "0.0.0.0",
    "PYLAMBDA_HTTP": "url",
    "PYLAMBDA_JSON": "strict",
    "PYLAMBDA_LOCAL": "streams",
    "PYLAMBDA_LOG_FORMAT": "json",
    "PYLAMBDA_NON_HTTP": "/events",
    "PYLAMBDA_OTEL": "",  # any other word is a load fault where there is no SDK
    "PYLAMBDA_PORT": "8080",
    "PYLAMBDA_PRINT": "json",
    "PYLAMBDA_PYTHON": sys.executable,
    "PYLAMBDA_ROOT_PATH": "/v1",
    "PYLAMBDA_RUNTIME_API_PORT": "9001",
    "PYLAMBDA_STREAM": "url,rest",
    "PYLAMBDA_TERMINAL": os.devnull,
}
# Whose presence would mean that something local is there: it listens, debugs, or is ours of the laptop's side.
LOCAL = re.compile(r"(pylambda\.local|debugpy|pydevd|pdb|bdb|code|http\.server|socketserver|wsgiref\.simple_server)\b")
APP = """
import sys
def tell():
    print("MODULES", *sys.modules)
def handler(event, context):
    tell()
    return event
def wsgi(environ, start_response):
    tell()
    start_response("200 OK", [])
    return [b"served"]
async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    tell()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"served"})
"""
EVENT = json.loads((CHECKOUT / "tests/events/function-url.json").read_text())


def variables() -> Iterator[str]:
    """Every variable of ours that the source names."""
    for path in [*(CHECKOUT / "runtime").rglob("*.py"), CHECKOUT / "bootstrap", CHECKOUT / "entry_script.sh"]:
        if path.suffix != ".py":
            yield from NAME.findall(path.read_text())
        elif "templates" not in path.parts:  # files of a new project, which nobody imports
            strings = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            yield from (node.value for node in strings if isinstance(node.value, str) and NAME.fullmatch(node.value))


NAMES = sorted(set(variables()))
ALL = {name: VALUES.get(name, "1") for name in NAMES}


def open_doors(pid: int) -> list[str]:
    """The sockets of a process to which others could connect or send."""
    own = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        own |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(descriptor)))
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix"):
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            if kind == "unix":
                inode, is_open = fields[6], int(fields[3], 16) & 0x10000  # __SO_ACCEPTCON
            else:
                inode, is_open = fields[9], not kind.startswith("tcp") or fields[3] == "0A"  # TCP_LISTEN
            if inode in own and is_open:
                found.append(f"{kind} {fields[1] if kind != 'unix' else fields[-1]}")
    return found


def assert_closed(one: Serving) -> None:
    """Look at every process that has come of a start."""
    found = processes_of(one.pid)
    assert one.pid in found
    for pid in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            assert Path(words[0]).name.startswith("python"), words
            assert open_doors(pid) == []


def serves(
    runtime: Runtime, leaked: dict[str, str], *command: str, handler: str = "app.handler", at_once: int = 1
) -> Run:
    """Start the runtime with these variables, and look at it before and after an invocation."""
    with runtime.start(handler, files={"app.py": APP}, env=leaked, command=command or None, at_once=at_once) as one:
        one.wait_until_parked()
        assert_closed(one)
        one.add(Next(EVENT))
        one.wait_until_parked()
        assert_closed(one)
        run = one.stop()
    assert len(run.responses) == 1, run.stderr
    (told,) = [line.split()[1:] for line in run.log if line.startswith("MODULES ")]
    assert [name for name in told if LOCAL.match(name)] == []
    assert run.exit_code is None
    return run


# --- The runtime ---


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_that_leaks_opens_nothing(runtime: Runtime, name: str) -> None:
    serves(runtime, {name: ALL[name]})


WAYS = {
    "bootstrap": (),
    "entry script": (str(CHECKOUT / "entry_script.sh"), "app.handler"),
    "python -m pylambda": (sys.executable, "-m", "pylambda", "app.handler"),
    "bootstrap.py": (sys.executable, str(CHECKOUT / "runtime/bootstrap.py"), "app.handler"),
}


@pytest.mark.parametrize("way", WAYS)
def test_all_of_them_at_once_open_nothing(runtime: Runtime, way: str) -> None:
    serves(runtime, {**ALL, "PYTHONPATH": str(CHECKOUT / "runtime")}, *WAYS[way])


@pytest.mark.parametrize("handler", ["wsgi:app:wsgi", "asgi:app:asgi"])
def test_nor_around_a_web_app(runtime: Runtime, handler: str) -> None:
    # An event of the other front: to stream is tested elsewhere
    serves(runtime, {**ALL, "PYLAMBDA_STREAM": "rest"}, handler=handler)


@pytest.mark.parametrize("mode", ["process", "thread", "async"])
def test_nor_where_several_invocations_are_served_at_once(runtime: Runtime, mode: str) -> None:
    # Given no limits, so that no process ends while it is looked at; and what one process for all would refuse
    leaked = {**ALL, "PYLAMBDA_CONCURRENCY": mode, "PYLAMBDA_MAX_INVOCATIONS": "0", "PYLAMBDA_MAX_RSS_MB": "0"}
    if mode != "process":
        leaked |= {"PYLAMBDA_PREFORK": "0", "PYLAMBDA_DEADLINE_DUMP_MS": "0"}
    serves(runtime, leaked, at_once=2)


def test_a_door_that_a_function_opens_is_seen(runtime: Runtime) -> None:
    # Given what the tests above would have to see: a function that listens
    app = "import socket\ndoor = socket.create_server(('127.0.0.1', 0))\ndef handler(event, context): ...\n"
    with runtime.start(files={"app.py": app}) as one:
        one.wait_until_parked()
        # Then it is seen
        (found,) = open_doors(one.pid)
    assert found.startswith("tcp 0100007F:")


def test_breakpoint_stops_nowhere(runtime: Runtime) -> None:
    # Given the variables of a worker of `pylambda serve` in which somebody debugs, and a breakpoint that was left
    leaked = {**ALL, **breakpoints.variables(os.devnull)}
    app = "def handler(event, context):\n    breakpoint()\n    return event\n"
    # When the function is invoked in Lambda, where nobody knows of breakpoints
    run = runtime.serve(files={"app.py": app}, env=leaked, events=[1])
    # Then it goes on
    assert [response.json for response in run.responses] == [1]
    assert "breakpoint() does nothing here" in run.stderr


# --- The laptop's side ---


@pytest.mark.parametrize("name", NAMES)
def test_the_local_service_does_not_start(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    monkeypatch.setenv(name, ALL[name])
    monkeypatch.setattr(sys, "argv", ["pylambda", "serve", "app.handler"])
    assert main() == 2
    assert "nothing local starts here" in capsys.readouterr().err


# Each with its exit code.
LOCAL_PROGRAMS = {
    "pylambda serve": (2, "-m", "pylambda.local", "serve", "app.handler"),
    "the emulator's start": (1, str(CHECKOUT / "runtime/pylambda/local/emulator.py"), str(CHECKOUT / "bootstrap")),
}


@pytest.mark.parametrize("emulator", ["rie", "pylambda"])
@pytest.mark.parametrize("program", LOCAL_PROGRAMS)
def test_nothing_local_starts_with_all_of_them(program: str, emulator: str) -> None:
    environ = {**ALL, "PYLAMBDA_EMULATOR": emulator, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    code, *words = LOCAL_PROGRAMS[program]
    done = subprocess.run(
        [sys.executable, *map(str, words)], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("pylambda: AWS_LAMBDA_RUNTIME_API is set")
