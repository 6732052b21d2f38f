"""The screen of `pylambda serve`: words always, colour where somebody looks at a terminal that has it."""

import re
from pathlib import Path

import httpx
import pytest

from tests.local.serve.conftest import Serve
from tests.local.serve.test_breakpoint import served

SOURCE = "def handler(event, context):\n    return 1 / event['n']\n"
# The word of a call that failed, in red.
RED_WORD = "\x1b[31merror  \x1b[0m"
ESCAPE = re.compile(r"\x1b\[")


def fail(url: str) -> None:
    answer = httpx.post(f"{url}/2015-03-31/functions/f/invocations", content='{"n": 0}', timeout=60)
    assert answer.json()["errorType"] == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("environ", "has_color"),
    [
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb", "NO_COLOR": ""}, False),
    ],
    ids=["terminal", "NO_COLOR", "dumb"],
)
def test_a_failure_is_red_on_a_terminal_and_a_word_everywhere(
    tmp_path: Path, environ: dict[str, str], has_color: bool
) -> None:
    with served(tmp_path, "--concurrency", "1", source=SOURCE, environ=environ) as (terminal, url):
        fail(url)
        line = terminal.wait_for(r"invoke +(\S*error.*)ZeroDivisionError: division by zero")[0]
    assert (RED_WORD in line) == has_color
    assert bool(ESCAPE.search(line)) == has_color


def test_there_is_no_color_in_a_file(serve: Serve) -> None:
    service = serve(SOURCE, environ={"TERM": "xterm", "NO_COLOR": ""})
    fail(service.url)
    service.wait_for_output(r"invoke +error .*ZeroDivisionError: division by zero")
    assert not ESCAPE.search(service.output())
