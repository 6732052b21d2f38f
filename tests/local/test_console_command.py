"""`pylambda console`, against a real function with a `console:` handler."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import pylambda
from pylambda.local.function import Kit, free_ports, running

COMMAND = (os.fspath(Path(sys.executable).with_name("pylambda")), "console")
MANAGE = """
import sys
print("grün", *sys.argv[1:], sep="|")
if sys.argv[1:2] == ["fail"]:
    sys.exit(int(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def url(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("function")
    (folder / "manage.py").write_text(MANAGE)
    with running(kit, "console:manage.py", folder) as function:
        yield function.url


def console(*arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error", **(environ or {})},
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def in_aws(url: str) -> dict[str, str]:
    """The emulator in the place of AWS, for boto3."""
    return {
        "AWS_ENDPOINT_URL_LAMBDA": url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONWARNINGS": "default",
    }


def test_what_the_command_wrote_comes_out(url: str) -> None:
    assert console("--url", url, "--", "migrate", "--noinput", "two words") == (
        0,
        "grün|migrate|--noinput|two words\n",
        "",
    )


def test_a_command_without_arguments(url: str) -> None:
    assert console("--url", url) == (0, "grün\n", "")


def test_the_exit_code_is_the_commands(url: str) -> None:
    assert console("--url", url, "--", "fail", "7") == (
        7,
        "grün|fail|7\n",
        "pylambda: Runtime.ConsoleError: manage.py exited with code 7\n",
    )


def test_a_function_in_aws_is_asked_through_boto3(url: str) -> None:
    code, out, err = console("--function-name", "function", "--", "fail", "3", environ=in_aws(url))
    assert (code, out) == (3, "grün|fail|3\n")
    assert err.splitlines()[-1] == "pylambda: Runtime.ConsoleError: manage.py exited with code 3"
    code, out, _ = console("--function-name", "function", "--", "check", environ=in_aws(url))
    assert (code, out) == (0, "grün|check\n")


def test_a_function_that_is_not_there(url: str) -> None:
    (port,) = free_ports(1)
    code, out, err = console("--function-name", "function", environ=in_aws(f"http://127.0.0.1:{port}"))
    assert (code, out) == (3, "")
    assert err.splitlines()[-1].startswith("pylambda: cannot invoke function: Could not connect to the endpoint URL")
    code, _, err = console("--url", f"http://127.0.0.1:{port}")
    assert code == 3
    assert err.startswith(f"pylambda: nothing listens at 127.0.0.1:{port}")


def test_a_function_whose_handler_is_another(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n    if event['args']: raise ValueError('no')\n    return event\n"
    )
    with running(kit, "app.handler", tmp_path) as function:
        assert console("--url", function.url) == (
            1,
            "",
            'pylambda: the function failed: its handler is no console: handler, it answered {"args": []}\n',
        )
        assert console("--url", function.url, "x") == (1, "", "pylambda: the function failed: ValueError: no\n")


def test_without_boto3_there_is_one_line(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(pylambda.__file__).parents[1])}
    command = [sys.executable, "-S", "-m", "pylambda.local", "console", "--function-name", "orders"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("pylambda: No module named 'boto3'; `console --function-name` needs it: pip install boto3\n")


@pytest.mark.parametrize("arguments", [(), ("--function-name", "a", "--url", "b"), ("--url",)], ids=json.dumps)
def test_a_command_line_that_makes_no_sense(arguments: tuple[str, ...]) -> None:
    code, out, err = console(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: ")
