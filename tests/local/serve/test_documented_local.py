"""The commands of docs/local.md and of the first pages, as they stand there, on a free port in the place of 8080."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from pylambda.local.function import free_ports
from tests.documents import ROOT, Block, blocks
from tests.local.serve.conftest import CHECKOUT, DEADLINE_S, FOREIGN, wait_for

PAGE = ROOT / "docs" / "local.md"
RUNNER = "tests/local/serve/test_documented_local.py"
BLOCKS = [block for block in blocks(PAGE) if block.runner == RUNNER]
ENVIRON = {
    **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}


def block(first: str) -> Block:
    """The block that begins with some words."""
    (found,) = [each for each in BLOCKS if each.text.startswith(first)]
    return found


def shell(text: str, folder: Path, environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        ("sh", "-e"), input=text, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def typed(text: str, folder: Path, port: int) -> Iterator[Path]:
    """Type a command that goes on until Ctrl-C, and give the file with what it prints."""
    screen = folder.parent / "screen"
    with screen.open("wb") as out:
        process = subprocess.Popen(
            ("sh", "-c", f"exec {text}"),
            cwd=folder,
            env={**ENVIRON, "PYLAMBDA_PORT": str(port)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: "  try " in screen.read_text(), "start")
        yield screen
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "hello"
    shutil.copytree(CHECKOUT / "examples" / "hello", copy)
    return copy


def test_serve_and_send(folder: Path) -> None:
    (port,) = free_ports(1)
    here = f"http://127.0.0.1:{port}"
    sends = block("curl").text.replace("http://127.0.0.1:8080", here).replace("invoke ", f"invoke --url {here} ")
    with typed(block("pylambda serve app.handler\n").text, folder, port) as screen:
        said = shell(sends, folder, ENVIRON)
        assert said.count('{"message": "Hello, you!"}') == 2
        assert said.count('{"message": "Hello, world!"}') == 2
        wait_for(lambda: "GET /any/path?x=1" in screen.read_text(), "line")

        environ = {
            **ENVIRON,
            "AWS_ENDPOINT_URL_LAMBDA": block("export").text.strip().partition("=")[2].replace("8080", str(port)),
        }
        python = block("import boto3").text
        done = subprocess.run(
            [sys.executable, "-c", python], env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["README.md", "docs/index.md"])
def test_the_command_of_the_first_pages_is_that_of_the_page(name: str) -> None:
    (command,) = [each for each in blocks(ROOT / name) if each.runner == RUNNER]
    assert command.text == block("pylambda serve app.handler\n").text


def test_events_are_printed(folder: Path) -> None:
    said = shell(block("pylambda event").text, folder, ENVIRON)
    assert said.startswith("apigw-v2\n")
    assert '"body": "{\\"id\\": \\"A-1001\\"}"' in said
    assert '"rawQueryString": "dry=1"' in said


def test_a_debugger_is_waited_for(folder: Path) -> None:
    port, debug_port = free_ports(2)
    text = block("pylambda serve app.handler --debug").text.replace("5678", str(debug_port))
    with typed(text, folder, port) as screen:
        wait_for(lambda: f"waits for a debugger on 127.0.0.1:{debug_port}" in screen.read_text(), "debugger's port")


def test_the_settings_of_the_page_are_settings(folder: Path) -> None:
    (toml,) = [each for each in blocks(PAGE) if each.language == "toml"]
    (folder / "pyproject.toml").write_text(toml.text)
    (port,) = free_ports(1)
    with typed("pylambda serve", folder, port) as screen:
        assert "as Lambda function URL" in screen.read_text()
