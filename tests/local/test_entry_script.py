"""`entry_script.sh` and the emulator's start: the one decision, and what is said when it cannot be carried out."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pylambda.local.function import Kit, free_ports
from pylambda.local.invoke import send

CHECKOUT = Path(__file__).parents[2]


def enter(kit: Kit, *arguments: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the script to its end with these variables and no others of Lambda's."""
    base = {
        "PATH": os.fspath(kit.emulator.parent),
        "PYLAMBDA_PYTHON": os.fspath(kit.python),
        "LAMBDA_RUNTIME_DIR": os.fspath(kit.runtime_dir),
        "PYLAMBDA_HOST": "127.0.0.1",
    }
    return subprocess.run(
        [kit.entry_script, *arguments],
        env={**base, **environ},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the one line that a refusal prints."""
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def mirror(kit: Kit, tmp_path: Path) -> Kit:
    """A kit whose bootstrap prints how it was started."""
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_text('#!/bin/sh\necho "bootstrap: $# arguments, handler $_HANDLER, local ${PYLAMBDA_LOCAL:-no}"\n')
    bootstrap.chmod(0o755)
    return Kit(kit.entry_script, tmp_path, kit.emulator)


@pytest.mark.parametrize("arguments", [(), ("app.handler", "more"), ("/bin/sh", "-c", "app.handler")], ids=len)
def test_other_than_one_argument(kit: Kit, arguments: tuple[str, ...]) -> None:
    line = refusal(enter(kit, *arguments, environ={}), 142)
    assert line.startswith("entrypoint requires the handler name to be the first argument")
    assert f"{len(arguments)} arguments" in line


@pytest.mark.parametrize("handler", ["app.handler", "pkg/app.handler", "a b.c d", "--log-level"])
def test_with_a_runtime_api_the_runtime_starts_and_no_emulator_is_needed(
    mirror: Kit, tmp_path: Path, handler: str
) -> None:
    environ = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "PATH": os.fspath(tmp_path)}
    done = enter(mirror, handler, environ=environ)
    assert done.stdout == f"bootstrap: 0 arguments, handler {handler}, local no\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_amazons_is_asked_for_and_missing(kit: Kit, tmp_path: Path) -> None:
    environ = {"PYLAMBDA_EMULATOR": "rie", "PATH": os.fspath(tmp_path)}
    line = refusal(enter(kit, "app.handler", environ=environ), 127)
    assert line.startswith("pylambda: aws-lambda-rie is not on PATH, and PYLAMBDA_EMULATOR is rie.")


def test_an_emulator_that_there_is_not(kit: Kit) -> None:
    line = refusal(enter(kit, "app.handler", environ={"PYLAMBDA_EMULATOR": "localstack"}), 1)
    assert line.startswith("pylambda: PYLAMBDA_EMULATOR is 'localstack': it takes rie ")


@pytest.mark.parametrize(
    ("amazons_is_there", "environ"),
    [
        (False, {}),
        (False, {"AWS_LAMBDA_RUNTIME_API": ""}),
        (True, {"PYLAMBDA_EMULATOR": "pylambda"}),
    ],
    ids=["unset", "empty", "chosen"],
)
def test_ours_takes_its_place(kit: Kit, tmp_path: Path, amazons_is_there: bool, environ: dict[str, str]) -> None:
    # Given a function, and an environment in which Amazon's emulator is not to be used
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return event\n")
    (port,) = free_ports(1)
    base = {
        "PATH": f"{kit.emulator.parent if amazons_is_there else tmp_path}:/usr/bin:/bin",
        "PYLAMBDA_PYTHON": os.fspath(kit.python),
        "LAMBDA_RUNTIME_DIR": os.fspath(kit.runtime_dir),
        "PYLAMBDA_HOST": "127.0.0.1",
        "PYLAMBDA_PORT": str(port),
    }
    command = [os.fspath(kit.entry_script), "app.handler"]
    with subprocess.Popen(command, cwd=tmp_path, env={**base, **environ}, stdout=subprocess.PIPE) as process:
        try:
            # When it says that it listens, then it answers
            assert process.stdout is not None
            assert b" \xc2\xb7 app.handler \xc2\xb7 " in process.stdout.readline()
            while b"  try " not in process.stdout.readline():
                pass
            assert send(f"http://127.0.0.1:{port}", b'{"n": 1}', timeout=30).body == b'{"n": 1}'
        finally:
            process.terminate()
            assert process.wait(timeout=10) == 0


def test_the_emulator_is_not_executable(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "aws-lambda-rie").write_text("")
    line = refusal(enter(kit, "app.handler", environ={"PATH": os.fspath(tmp_path)}), 126)
    assert line == f"pylambda: {tmp_path}/aws-lambda-rie is not executable: chmod +x it."


def test_the_emulator_is_for_another_machine(kit: Kit, tmp_path: Path) -> None:
    emulator = tmp_path / "aws-lambda-rie"
    emulator.write_bytes(b"\x7fELF\x02\x01\x01\x00" + bytes(56))
    emulator.chmod(0o755)
    port, api_port = free_ports(2)
    environ = {"PATH": os.fspath(tmp_path), "PYLAMBDA_PORT": str(port), "PYLAMBDA_RUNTIME_API_PORT": str(api_port)}
    line = refusal(enter(kit, "app.handler", environ=environ), 126)
    assert f"{emulator} cannot be run here" in line
    assert os.uname().machine in line


def test_the_port_for_events_is_taken(kit: Kit, taken_port: int) -> None:
    (free,) = free_ports(1)
    environ = {"PYLAMBDA_PORT": str(taken_port), "PYLAMBDA_RUNTIME_API_PORT": str(free)}
    line = refusal(enter(kit, "app.handler", environ=environ), 1)
    assert line.startswith(f"pylambda: cannot listen on 127.0.0.1:{taken_port} (Address already in use)")
    assert "PYLAMBDA_PORT" in line


def test_the_port_of_the_runtime_api_is_taken(kit: Kit, taken_port: int) -> None:
    (free,) = free_ports(1)
    environ = {"PYLAMBDA_PORT": str(free), "PYLAMBDA_RUNTIME_API_PORT": str(taken_port)}
    line = refusal(enter(kit, "app.handler", environ=environ), 1)
    assert line.startswith(f"pylambda: cannot listen on 127.0.0.1:{taken_port} (Address already in use)")
    assert "PYLAMBDA_RUNTIME_API_PORT" in line


def test_one_port_for_both(kit: Kit) -> None:
    environ = {"PYLAMBDA_PORT": "18123", "PYLAMBDA_RUNTIME_API_PORT": "18123"}
    assert "are both 18123" in refusal(enter(kit, "app.handler", environ=environ), 1)


@pytest.mark.parametrize("name", ["PYLAMBDA_PORT", "PYLAMBDA_RUNTIME_API_PORT"])
@pytest.mark.parametrize(
    "value", ["0", "65536", "-1", "http", "80 80", "8080.0", "٣", "9" * 5000], ids=lambda text: text[:6]
)
def test_what_is_no_port(kit: Kit, name: str, value: str) -> None:
    line = refusal(enter(kit, "app.handler", environ={name: value}), 1)
    assert line == f"pylambda: {name} is {value!r}: it takes a port number from 1 to 65535."


def test_an_address_of_another_machine(kit: Kit) -> None:
    line = refusal(enter(kit, "app.handler", environ={"PYLAMBDA_HOST": "192.0.2.1"}), 1)
    assert "cannot listen on 192.0.2.1:8080" in line


@pytest.mark.parametrize("value", ["3.5", "30s", "0", "-1", " 3", "1e3", "9" * 20])
def test_what_is_no_time_limit(kit: Kit, value: str) -> None:
    line = refusal(enter(kit, "app.handler", environ={"AWS_LAMBDA_FUNCTION_TIMEOUT": value}), 1)
    assert line.startswith(f"pylambda: AWS_LAMBDA_FUNCTION_TIMEOUT is {value!r}")


def test_files_of_the_function_have_no_say(kit: Kit, tmp_path: Path) -> None:
    """A function's `socket.py` or its PYTHONPATH must not break the start of the emulator."""
    for name in ("socket.py", "shutil.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')\n")
    environ = {"PYTHONPATH": os.fspath(tmp_path), "PYLAMBDA_PORT": "none"}
    assert "PYLAMBDA_PORT is 'none'" in refusal(enter(kit, "app.handler", environ=environ), 1)
