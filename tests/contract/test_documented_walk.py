"""docs/internals.md, "One event, from socket to socket": an event calls what is named there, in that order."""

import re
import sys
from collections.abc import Iterator

from tests.contract.runtime_process import CHECKOUT, Runtime

PAGE = (CHECKOUT / "docs" / "internals.md").read_text()
WALK = PAGE.partition("## One event")[2].partition("### Where other events")[0]
STEP = re.compile(r"^\d\. (?P<text>.*(?:\n {3}.*)*)", re.MULTILINE)
NAMED = re.compile(r"\]\(\.\./runtime/(?P<file>[\w/]+\.py)#(?P<name>[\w.]+)\)")
# What is named beside the way: where a failed start would go, and a class whose methods are called.
ASIDE = {"Runtime.fail_init", "Template", "to_plain"}
# Starts the runtime as `bootstrap` does, and prints each function of its own that is called, with its file.
FOLLOWED = """
import runpy, sys

def note(frame, what, _):
    if what == "call" and frame.f_code.co_filename.startswith({runtime!r}):
        file = frame.f_code.co_filename.removeprefix({runtime!r})
        print("called", file, frame.f_code.co_qualname, file=sys.__stderr__)

sys.setprofile(note)
runpy.run_path({runtime!r} + "pylambda/__main__.py", run_name="__main__")
"""


def steps() -> Iterator[tuple[str, str]]:
    """What the walk names, file and function, in its order."""
    for step in STEP.finditer(WALK):
        for named in NAMED.finditer(step["text"]):
            if named["name"] not in ASIDE:
                yield named["file"], named["name"]


def test_an_event_goes_the_way_that_the_page_describes(runtime: Runtime) -> None:
    # Given a plain handler in a runtime of which each call is noted
    follow = FOLLOWED.format(runtime=f"{CHECKOUT / 'runtime'}/")
    # When it serves an event, and another one, with whose answer the first is over
    run = runtime.serve(
        files={"app.py": "def handler(event, context):\n    return event\n"},
        events=[{"a": 1}, {"a": 2}],
        command=[sys.executable, "-P", "-S", "-u", "-c", follow],
    )
    assert run.responses[0].json == {"a": 1}
    called = [tuple(line.split()[1:]) for line in run.stderr.splitlines() if line.startswith("called ")]
    # Then what the page names was called, in its order
    after, last = 0, ("", "the start")
    for step in steps():
        assert step in called[after:], f"{step} is not called after {last}"
        after, last = called.index(step, after) + 1, step


def test_the_walk_has_all_of_its_steps() -> None:
    assert len(list(steps())) > 15
