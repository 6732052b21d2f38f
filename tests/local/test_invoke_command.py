"""`python -m pylambda.local invoke`, against a real function."""

import json
import os
import pty
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import pylambda
from pylambda.local.function import Kit, free_ports, running

COMMAND = (sys.executable, "-m", "pylambda.local", "invoke")
# A proxy that nobody serves: the command must not ask it for the way to this machine.
ENVIRON = {
    **os.environ,
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
    "PYTHONWARNINGS": "error",
}


@pytest.fixture(scope="module")
def url(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a function listens that gives events back, and raises what is asked for."""
    folder = tmp_path_factory.mktemp("function")
    (folder / "app.py").write_text(
        "def handler(event, context):\n"
        "    if event == 'raise':\n"
        "        raise ValueError('as\\nasked')\n"
        "    return event\n"
    )
    with running(kit, "app.handler", folder) as function:
        yield function.url


def invoke(*arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Return exit code, standard output and standard error."""
    done = subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, env=ENVIRON, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr.decode()


def refusal(*arguments: str, stdin: bytes = b"", expected: int = 2) -> str:
    code, out, err = invoke(*arguments, stdin=stdin)
    assert (code, out) == (expected, b"")
    (line,) = err.splitlines()
    return line.removeprefix("pylambda: ")


def test_an_event_as_an_argument(url: str) -> None:
    assert invoke("--url", url, '{"name": "grün"}') == (0, '{"name": "grün"}'.encode(), "")


def test_no_event_is_an_empty_object(url: str) -> None:
    assert invoke("--url", url) == (0, b"{}", "")


def test_an_event_from_a_file(url: str, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("[1, 2]")
    assert invoke("--url", url, f"@{tmp_path}/event.json") == (0, b"[1, 2]", "")


def test_an_event_from_standard_input(url: str) -> None:
    assert invoke("--url", url, "-", stdin=b'"from stdin"') == (0, b'"from stdin"', "")


def test_the_whole_url(url: str) -> None:
    assert invoke("--url", f"{url}/2015-03-31/functions/function/invocations", "1") == (0, b"1", "")


def test_a_function_that_failed(url: str) -> None:
    code, out, err = invoke("--url", url, '"raise"')
    assert code == 1
    assert json.loads(out)["errorType"] == "ValueError"
    assert err == "pylambda: the function failed: ValueError: as\n"


def test_another_path_is_not_served(url: str) -> None:
    code, _, err = invoke("--url", f"{url}/2015-03-31/functions/other/invocations")
    assert (code, err) == (1, "pylambda: the function failed: HTTP status 404\n")


def test_people_get_indented_json(url: str) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*COMMAND, "--url", url, '{"a": ["ü"]}'], stdout=theirs, env=ENVIRON)
    os.close(theirs)
    assert process.wait(timeout=30) == 0
    assert os.read(ours, 4096).decode() == '{\r\n  "a": [\r\n    "ü"\r\n  ]\r\n}\r\n'
    os.close(ours)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("{'a': 1}", "Expecting property name enclosed in double quotes at line 1, column 2"),
        ('{"a":\n 1,}', "Expecting property name enclosed in double quotes at line 2, column 4"),
        ("hello", "Expecting value at line 1, column 1"),
        ("NaN", "NaN is not a JSON number"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
    ],
    ids=["quotes", "comma", "text", "NaN", "nesting"],
)
def test_an_event_that_is_not_json(event: str, why: str) -> None:
    assert refusal(event).startswith(f"EVENT is not JSON: {why}")


def test_a_file_name_without_its_sign(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("{}")
    assert refusal(f"{tmp_path}/event.json").endswith(f"; to send the file, write @{tmp_path}/event.json")


def test_a_file_that_is_not_json(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(b'{"a": "\xff"}')
    assert refusal(f"@{path}") == (
        f"{path} is not JSON: 'utf-8' codec can't decode byte 0xff in position 7: invalid start byte"
    )
    assert refusal("-") == "standard input is not JSON: Expecting value at line 1, column 1"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert refusal(f"@{tmp_path}/none.json") == f"cannot read '{tmp_path}/none.json': No such file or directory"
    assert refusal(f"@{tmp_path}") == f"cannot read '{tmp_path}': Is a directory"


def test_an_event_that_the_emulator_would_cut_off() -> None:
    line = refusal("-", stdin=b'"%s"' % (b"x" * 6_291_555))
    assert line == "standard input is 6,291,557 bytes long; an invocation takes at most 6,291,556"


@pytest.mark.parametrize("arguments", [("--timeout", "0"), ("--timeout", "soon"), ("{}", "{}"), ("--bogus",)])
def test_a_command_line_that_makes_no_sense(arguments: tuple[str, ...]) -> None:
    code, out, err = invoke(*arguments)
    assert (code, out) == (2, b"")
    assert err.startswith(("usage: pylambda", "pylambda: invoke takes no "))


def test_what_is_no_url() -> None:
    assert refusal("--url", "localhost:9000") == "'localhost:9000' is not a URL such as http://127.0.0.1:8080"


def test_nobody_listens() -> None:
    (port,) = free_ports(1)
    line = refusal("--url", f"http://127.0.0.1:{port}", expected=3)
    assert line.startswith(f"nothing listens at 127.0.0.1:{port}: start a function first")


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        line = refusal("--url", f"http://{place}", "--timeout", "0.1", expected=3)
    assert line == f"no response from {place} within 0.1 seconds; --timeout allows more"


def test_the_connection_ends_without_an_answer() -> None:
    """As it does when the emulator dies of a second event."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)

        thread = threading.Thread(target=hang_up)
        thread.start()
        place = f"127.0.0.1:{server.getsockname()[1]}"
        line = refusal("--url", f"http://{place}", expected=3)
        thread.join()
    assert line.startswith(f"{place} closed the connection without a response")


def test_the_help_of_both_commands() -> None:
    code, out, _ = invoke("--help")
    assert code == 0
    assert b"@FILE, or - for standard input" in out
    done = subprocess.run(
        [sys.executable, "-m", "pylambda.local", "--help"], capture_output=True, text=True, timeout=30, check=True
    )
    assert "invoke" in done.stdout
    assert "emulator" in done.stdout


def test_without_requests_there_is_one_line() -> None:
    command = [sys.executable, "-S", "-m", "pylambda.local", "invoke"]
    environ = {**ENVIRON, "PYTHONPATH": str(Path(pylambda.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "pylambda: No module named 'requests'; `invoke` needs it: pip install requests\n"
