"""The start of `pylambda serve`: a worker starts before the service is loaded, and none outlives a start that fails."""

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.local.serve.conftest import FOREIGN, MARK, Serve, Service, wait_for

DEADLINE_S = 40
# Its import is seen from outside.
STARTS = """
import pathlib
pathlib.Path("started").write_text("")

def handler(event, context):
    return event
"""


def start(folder: Path, *flags: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, list[int]]:
    """Return how `pylambda serve` ended, what it said on both outputs, and which processes of it were left."""
    mark = uuid.uuid4().hex
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    process = subprocess.Popen(
        [sys.executable, "-m", "pylambda.local", "serve", "app.handler", *flags],
        cwd=folder,
        env={**inherited, MARK: mark, "PYTHONWARNINGS": "error", **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = process.communicate(timeout=DEADLINE_S)
    return process.returncode, said.decode(), Service(process, folder, folder, mark).processes()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "192.0.2.1", "no-such-host.invalid"])
def test_where_it_cannot_listen_no_worker_is_started(host: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(STARTS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said, left = start(tmp_path, "--host", host, "--port", str(port))
    assert code == 2
    assert said.startswith(f"pylambda: cannot listen on {host}:{port}: ")
    assert said.endswith("; set --port\n")
    assert said.count("\n") == 1
    assert left == []
    assert not (tmp_path / "started").exists()


def test_a_service_that_cannot_be_loaded_ends_the_worker_that_it_began_with(tmp_path: Path) -> None:
    # Given an installation without h11
    (tmp_path / "app.py").write_text(STARTS)
    without = tmp_path / "without"
    without.mkdir()
    (without / "sitecustomize.py").write_text("import sys\nsys.modules['h11'] = None\n")
    # When it is started
    code, said, left = start(tmp_path, "--port", "0", environ={"PYTHONPATH": str(without)})
    # Then it says what is missing, and nothing is left of it
    assert code == 2
    assert said.splitlines()[-1].endswith("; `serve` needs it: pip install 'pylambda[local]'")
    assert left == []


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_it_starts_ends_both(name: str, tmp_path: Path) -> None:
    # Given a function whose import, which goes on while the service is loaded, ends the service
    (tmp_path / "app.py").write_text(f"import os, signal\nos.kill(os.getppid(), signal.{name})\n{STARTS}")
    code, said, left = start(tmp_path, "--port", "0")
    assert code == 0, said
    assert left == []


def test_what_is_called_as_soon_as_somebody_listens_is_answered(serve: Serve) -> None:
    service = serve("def handler(event, context): return 'here'")
    assert service.invoke().json() == "here"
    assert wait_for(lambda: "cold" in service.output(), "line of a cold start")
    assert len(service.workers()) == 1


def test_a_name_of_two_addresses_is_one_port(serve: Serve) -> None:
    service = serve("def handler(event, context): return 'here'", "--host", "localhost")
    assert service.invoke().json() == "here"
    found = socket.getaddrinfo("localhost", int(service.url.rpartition(":")[2]), type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as client:
            client.settimeout(10)
            client.connect(address)


def test_a_command_loads_no_other_one() -> None:
    code = (
        "import sys; from pylambda.local import __main__, serve; __main__.parser('serve');"
        "print(*sorted({'asyncio', 'h11', 'inspect', 'dataclasses', 'requests', 'ssl', 'pylambda.local.fetch',"
        " 'pylambda.local.samples', 'pylambda.local.build.command', 'pylambda.local.fronts.front'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "\n"
