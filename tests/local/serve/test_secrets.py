"""Nothing that `pylambda serve` says holds a secret of the environment: not its screen, its answers, or its page."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.canaries import CANARIES, found_in
from tests.local.serve.conftest import Serve

# Each event, by what the screen or the answer says of it.
FAULTS = {
    '"boom"': "ZeroDivisionError",
    '"exit"': "Runtime.ExitError",
    '"die"': "exit status 3",
    '"kill"': "signal: killed",
    '"hang"': "Task timed out",
    '"unspeakable"': "Runtime.MarshalError",
    "{": "Could not parse request body",
}
FUNCTION = """
import os, signal, sys, time
def handler(event, context):
    match event:
        case "boom": 1 / 0
        case "exit": sys.exit(3)
        case "die": os._exit(3)
        case "kill": os.kill(os.getpid(), signal.SIGKILL)
        case "hang": time.sleep(600)
        case "unspeakable": return os.environ
    raise KeyError(event["path"])
"""


@pytest.mark.parametrize("flags", [(), ("-v",), ("--log-format", "json")], ids=["screen", "verbose", "json"])
def test_no_secret_comes_out(serve: Serve, tmp_path: Path, flags: tuple[str, ...]) -> None:
    # Given secrets in the environment, and some in a file of variables
    in_file, in_environment = dict(list(CANARIES.items())[:3]), dict(list(CANARIES.items())[3:])
    (tmp_path / "secrets.env").write_text("".join(f"{name}={value}\n" for name, value in in_file.items()))
    options = ("--env-file", str(tmp_path / "secrets.env"), "--timeout", "0.5", "--event-retries", "0", *flags)
    service = serve(FUNCTION, *options, environ=in_environment)
    # When everything fails that can
    answers = [service.invoke(event) for event in FAULTS]
    answers += [httpx.get(f"{service.url}{path}") for path in ("/", "/_pylambda/", "/_pylambda/state", "/2015-03-31/x")]
    service.invoke('"boom"', **{"X-Amz-Invocation-Type": "Event", "X-Amz-Log-Type": "Tail"})
    service.wait_for_output("(?s)" + ".*ZeroDivisionError" * 2)
    # Then it has, and nothing that came out has a secret in it
    heads = [f"{answer.headers.multi_items()}".encode() for answer in answers]
    said = b"\n".join([service.output().encode(), *(answer.content for answer in answers), *heads])
    assert [shows for shows in FAULTS.values() if shows not in said.decode()] == []
    assert found_in(said) == []


def test_nor_of_a_function_that_cannot_be_loaded(serve: Serve) -> None:
    service = serve("1 / 0\n", environ=CANARIES)
    answer = service.invoke()
    assert "ZeroDivisionError" in answer.text
    assert found_in(service.output().encode() + answer.content) == []


REFUSED = {
    "secrets.env": (("--env-file", "secrets.env"), "{name} {value}\n", "utf-8", "line 1: not NAME=value"),
    "latin.env": (("--env-file", "latin.env"), "{name}={value}\n", "latin-1", "it is not UTF-8"),
    "pylambda.toml": ((), "timeout = {value}\n", "utf-8", "cannot read pylambda.toml"),
}


@pytest.mark.parametrize("file", REFUSED)
def test_nor_of_a_file_that_cannot_be_read(tmp_path: Path, file: str) -> None:
    flags, text, encoding, shows = REFUSED[file]
    name, value = "SECRET_KEY", CANARIES["SECRET_KEY"].replace("=", "")
    (tmp_path / file).write_text(text.format(name=name, value=value), encoding=encoding)
    words = [sys.executable, "-m", "pylambda.local", "serve", "app.handler", *flags]
    environ = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert shows in done.stderr.decode()
    assert found_in(done.stdout + done.stderr) == []
