"""Which lines of a traceback a person sees: the function's own frames, and how many others there were."""

from pathlib import Path

import pytest

from pylambda.local.tracebacks import Tracebacks

OWN = ['  File "/var/task/app.py", line 3, in handler', "    return inner()", "           ^^^^^^^"]
OTHER = ['  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode', "    obj = scan()"]
PACKAGE = ['  File "/var/task/.venv/lib/python3.11/site-packages/web/app.py", line 1, in call', "    go()"]
BEGIN, END = "Traceback (most recent call last):", "ValueError: as asked"
ONE = "  ... 1 frame of other code; -v shows all"
TWO = "  ... 2 frames of other code; -v shows all"


def shown(lines: list[str]) -> list[str]:
    tracebacks = Tracebacks(Path("/var/task"))
    return [each for line in lines for each in tracebacks.shown(line)] + tracebacks.rest()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a line", "  File no frame"], ["a line", "  File no frame"]),
        ([BEGIN, *PACKAGE, *OWN, *OTHER, *OTHER, END, "more"], [BEGIN, ONE, *OWN, TWO, END, "more"]),
        ([BEGIN, *OTHER, *PACKAGE, END], [BEGIN, *OTHER, *PACKAGE, END]),
        ([BEGIN, *OWN, *OTHER], [BEGIN, *OWN, ONE]),
        ([BEGIN, *OWN, "  [Previous line repeated 9 more times]", END],
         [BEGIN, *OWN, "  [Previous line repeated 9 more times]", END]),
        ([BEGIN, *OWN, *OTHER, END, "", BEGIN, *OWN, END], [BEGIN, *OWN, ONE, END, "", BEGIN, *OWN, END]),
        ([BEGIN, *OWN, *OTHER, BEGIN, *OTHER, END], [BEGIN, *OWN, ONE, BEGIN, *OTHER, END]),
    ],
    ids=["none", "between", "no own frame", "cut off", "recursion", "chain", "another one in the middle"],
)  # fmt: skip
def test_lines_shown(given: list[str], expected: list[str]) -> None:
    assert shown(given) == expected


def test_spaces_that_do_not_break_are_spaces() -> None:
    def hard(lines: list[str]) -> list[str]:
        return [line.replace("    ", "\u00a0" * 4).replace("  File", "\u00a0\u00a0File") for line in lines]

    assert shown([BEGIN, *hard(OWN), *hard(OTHER), END]) == [BEGIN, *hard(OWN), ONE, END]
