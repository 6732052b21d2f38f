"""`console:` handlers: commands as the Runtime API and the log see them."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.contract.raw_api import DEADLINE_S, serving
from tests.contract.runtime_process import Runtime
from tests.contract.script import Next

ARGUMENTS = "import sys\nprint(*sys.argv[1:], sep='|')\n"
LOUD = """
import os, sys
print('to stdout', flush=True)
os.write(2, b'to stderr\\n')
print('folder', os.getcwd())
print('variable', os.environ['WHO'])
print('trace', os.environ.get('_X_AMZN_TRACE_ID'))
print('no end of line', end='')
"""
MANAGE = {"manage.py": ARGUMENTS}


@pytest.mark.parametrize(
    ("event", "printed"),
    [
        ({"args": ["migrate", "--noinput"]}, "migrate|--noinput"),
        ({"args": ["say", "two words", "$HOME", "*", ""]}, "say|two words|$HOME|*|"),
        ({"args": []}, ""),
        ({"command": "migrate --noinput"}, "migrate|--noinput"),
        ({"command": "say 'two words' \"$HOME\" * ; ls"}, "say|two words|$HOME|*|;|ls"),
        ("migrate --noinput", "migrate|--noinput"),
        ("", ""),
        ({"args": None, "command": "check"}, "check"),
    ],
)
def test_the_event_names_the_arguments(runtime: Runtime, event: object, printed: str) -> None:
    run = runtime.serve("console:manage.py", files=MANAGE, events=[event])
    assert [post.json for post in run.responses] == [{"exit_code": 0, "output": f"{printed}\n"}]
    assert run.log == [printed]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({}, "it must have one of 'args' and 'command', or be a text"),
        (None, "it must have one of 'args' and 'command', or be a text"),
        ({"args": [], "command": ""}, "it must have one of 'args' and 'command', or be a text"),
        ({"args": "migrate"}, "its 'args' is no list of texts"),
        ({"args": ["sleep", 1]}, "its 'args' is no list of texts"),
        ({"command": ["migrate"]}, "its 'command' is no text"),
        ("say 'two", "the command cannot be split: No closing quotation"),
    ],
)
def test_an_event_that_names_none(runtime: Runtime, event: object, why: str) -> None:
    run = runtime.serve("console:manage.py", files=MANAGE, events=[event, "next"])
    refused, served = run.posts
    assert refused.json["errorType"] == "Runtime.InvalidEvent"
    assert refused.json["errorMessage"] == f"the event is no command: {why}"
    assert 'send {"args": ["migrate", "--noinput"]}' in run.stdout
    assert served.json["output"] == "next\n"


@pytest.mark.parametrize(
    ("handler", "files"),
    [
        ("console:manage.py", MANAGE),
        ("console:bin/manage.py", {"bin/manage.py": ARGUMENTS}),
        ("console:tool", {"tool.py": ARGUMENTS}),
        ("console:pkg.tool", {"pkg/__init__.py": "", "pkg/tool.py": ARGUMENTS}),
        ("console:pkg/tool", {"pkg/__init__.py": "", "pkg/tool.py": ARGUMENTS}),
        ("console:pkg", {"pkg/__init__.py": "", "pkg/__main__.py": ARGUMENTS}),
    ],
)
def test_a_file_or_a_module(runtime: Runtime, handler: str, files: dict[str, str]) -> None:
    run = runtime.serve(handler, files=files, events=["a b"])
    assert run.responses[0].json == {"exit_code": 0, "output": "a|b\n"}


@pytest.mark.parametrize(
    ("handler", "error_type", "message", "mend"),
    [
        (
            "console:manag.py",
            "HandlerNotFound",
            "Handler 'console:manag.py' names a file that is not there",
            "'manage'",
        ),
        ("console:nothing", "ImportModuleError", "Unable to find module 'nothing'", "there is no nothing.py"),
        ("console:", "MalformedHandlerName", "Bad handler 'console:': neither", "write console:manage.py for a file"),
        ("console:a b", "MalformedHandlerName", "Bad handler 'console:a b': neither", "console:package.module"),
        ("console:manage:main", "MalformedHandlerName", "Bad handler 'console:manage:main'", "console:manage.py"),
    ],
)
def test_a_name_that_leads_nowhere(runtime: Runtime, handler: str, error_type: str, message: str, mend: str) -> None:
    run = runtime.serve(handler, files=MANAGE)
    assert run.init_error.json["errorType"] == f"Runtime.{error_type}"
    assert run.init_error.json["errorMessage"].startswith(message)
    assert mend in run.stdout
    assert run.exit_code == 1


def test_output_is_logged_and_is_the_result(runtime: Runtime) -> None:
    run = runtime.serve("console:manage.py", files={"manage.py": LOUD}, events=["", ""], env={"WHO": "me"})
    first = run.responses[0].json["output"].splitlines()
    assert first[:2] == ["to stdout", "to stderr"]
    assert first[2].startswith("folder ")
    assert first[2].endswith("/task")
    assert first[3] == "variable me"
    assert first[4].startswith("trace Root=")
    assert first[5] == "no end of line"
    assert run.log == first * 2


def test_a_line_is_logged_before_the_command_ends(tmp_path: Path) -> None:
    source = """
        print('a line')
        open('fifo').read()
        print('the end')
        """
    os.mkfifo(tmp_path / "fifo")
    with serving(tmp_path, source, environ={"_HANDLER": "console:app.py"}) as runtime:
        peer = runtime.accept()
        peer.give_event(b'""')
        with (tmp_path / "fifo").open("w"):
            deadline = time.monotonic() + DEADLINE_S
            while runtime.stdout() != "a line\n":
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert peer.is_silent()
        assert json.loads(peer.read_request().body)["output"] == "a line\nthe end\n"


def test_the_end_of_a_long_output_is_kept_whole(runtime: Runtime) -> None:
    source = "print('start')\nfor number in range(30_000): print('zeile', number, 'ü' * (number % 3))\n"
    run = runtime.serve("console:manage.py", files={"manage.py": source}, events=[Next("", deadline_ms=60_000)])
    output = run.responses[0].json["output"]
    assert len(output.encode()) in range(99_997, 100_001)
    assert output.endswith("zeile 29999 üü\n")
    assert "\N{REPLACEMENT CHARACTER}" not in output
    assert len(run.log) == 30_001


def test_bytes_that_are_no_text(runtime: Runtime) -> None:
    source = "import sys\nsys.stdout.buffer.write(b'\\xff\\x00\\n')\n"
    run = runtime.serve("console:manage.py", files={"manage.py": source}, events=[""])
    assert run.responses[0].json["output"] == "\ufffd\0\n"
    assert run.out == b"\xff\x00\n"


def test_a_command_that_fails_is_an_error_with_its_code_and_its_output(runtime: Runtime) -> None:
    source = "import sys\nprint('working')\nsys.exit('it broke')\n"
    run = runtime.serve("console:manage.py", files={"manage.py": source}, events=["migrate"])
    (error,) = run.errors
    assert error.json["errorType"] == "Runtime.ConsoleError"
    assert error.json["errorMessage"] == "manage.py exited with code 1"
    assert error.json["exit_code"] == 1
    assert error.json["output"] == "working\nit broke\n"
    assert error.json["stackTrace"] == []
    assert error.header("Lambda-Runtime-Function-Error-Type") == "Runtime.ConsoleError"
    assert run.stdout.count("it broke") == 1
    assert "[ERROR] Runtime.ConsoleError: manage.py exited with code 1" in run.stdout


def test_a_command_that_a_signal_ends(runtime: Runtime) -> None:
    source = "import os\nos.kill(os.getpid(), 9)\n"
    run = runtime.serve("console:manage.py", files={"manage.py": source}, events=[""])
    assert run.errors[0].json["errorMessage"] == "manage.py was ended by signal SIGKILL"
    assert run.errors[0].json["exit_code"] == 137


@pytest.mark.parametrize("argument", ["a\0b", "x" * 200_000], ids=["NUL", "too long"])
def test_arguments_that_no_process_can_have(runtime: Runtime, argument: str) -> None:
    run = runtime.serve("console:manage.py", files=MANAGE, events=[{"args": [argument]}, "fine"])
    assert run.errors[0].json["errorType"] == "Runtime.ConsoleError"
    assert run.errors[0].json["errorMessage"].startswith("manage.py could not be started: ")
    assert run.responses[0].json["output"] == "fine\n"


LEAVES = """
import subprocess, sys
for own_session in (False, True):
    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'], start_new_session=own_session)
    print(child.pid)
"""
OUTLIVES = """
import os, signal, subprocess, sys, time
{handler}
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print('child', child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("handler", "how", "code"),
    [
        ("signal.signal(signal.SIGTERM, lambda *_: (print('tidied up'), sys.exit(3)))", "with SIGTERM", 3),
        ("", "with SIGTERM", 128 + signal.SIGTERM),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "so it got SIGKILL", 128 + signal.SIGKILL),
    ],
    ids=["tidies up", "dies", "ignores it"],
)
def test_a_command_ends_before_the_deadline_with_all_that_it_started(
    runtime: Runtime, handler: str, how: str, code: int
) -> None:
    files = {"manage.py": OUTLIVES.format(handler=handler)}
    run = runtime.serve(
        "console:manage.py", files=files, events=[Next("", deadline_ms=4000), Next("", deadline_ms=4000)]
    )
    for error in run.errors:
        assert error.json["errorType"] == "Runtime.ConsoleError"
        assert "shortly before the function's deadline" in error.json["errorMessage"]
        assert error.json["errorMessage"].endswith(how)
        assert error.json["exit_code"] == code
        words = error.json["output"].split()
        assert words[0] == "child"
        assert has_ended(int(words[1]))
        assert ("tidied" in words) == (code == 3)
    assert len(run.errors) == 2
    assert run.exit_code is None


def test_what_a_command_left_running_does_not_hold_up_the_answer(runtime: Runtime) -> None:
    """It holds the pipe open, in the command's process group or in one of its own."""
    run = runtime.serve("console:manage.py", files={"manage.py": LEAVES}, events=[Next("", deadline_ms=30_000)])
    result = run.responses[0].json
    in_group, apart = map(int, result["output"].split())
    assert result["exit_code"] == 0
    assert has_ended(in_group)
    os.kill(apart, signal.SIGKILL)


def test_a_command_finds_what_a_handler_would(runtime: Runtime) -> None:
    """The function's own folder comes first for both, what lies beside the runtime last."""
    files = {
        "bin/manage.py": "import json, sys, mine\nprint(json.dumps(sys.path[1:]))\n",
        "mine.py": "",
        "app.py": "import sys\ndef handler(event, context): return sys.path\n",
    }
    handlers = runtime.serve("app.handler", files=files, events=[{}]).responses[0].json[1:]
    childs = json.loads(runtime.serve("console:bin/manage.py", files=files, events=[""]).responses[0].json["output"])
    assert childs[0].endswith("/task")
    found = [folder for folder in childs if folder in handlers]
    assert set(found) == set(handlers)
    assert without_standard_library(found) == without_standard_library(handlers)


def without_standard_library(path: list[str]) -> list[str]:
    standard = os.path.dirname(os.__file__)
    return [folder for folder in path if not folder.startswith(standard) and not folder.endswith(".zip")]


def has_ended(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
