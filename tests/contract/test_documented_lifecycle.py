"""Every example of docs/lifecycle.md is run, and does what the page says below it.

Below an example stands a transcript: variables first, what the function prints, `EVENT -> ANSWER` for an event that it
is sent, and SIGTERM where it gets that.
"""

import itertools
import json
import re
import signal
from collections.abc import Sequence

import pytest

from tests.contract.runtime_process import CHECKOUT, Runtime, Serving
from tests.contract.script import Next
from tests.documents import Block, blocks

BLOCKS = blocks(CHECKOUT / "docs" / "lifecycle.md")
EXAMPLES = [(block, below) for block, below in itertools.pairwise(BLOCKS) if block.language == "python"]
VARIABLE = re.compile(r"([A-Z_]+)=(.*)")


def test_the_page_has_a_transcript_below_every_example() -> None:
    assert len(EXAMPLES) >= 6
    assert {below.language for _, below in EXAMPLES} == {"text"}


@pytest.mark.parametrize(("example", "below"), EXAMPLES, ids=[str(number) for number in range(len(EXAMPLES))])
def test_an_example_does_what_the_page_says(runtime: Runtime, example: Block, below: Block) -> None:
    variables = {found[1]: found[2] for line in below.lines if (found := VARIABLE.fullmatch(line))}
    told = [line for line in below.lines if not VARIABLE.fullmatch(line)]
    with runtime.start(files={"app.py": example.text}, env=variables) as serving:
        serving.wait_until_parked()
        printed = []
        for place, line in enumerate(told):
            if line == "SIGTERM":
                serving.signal(signal.SIGTERM)
                serving.wait_until_ended()
            elif " -> " in line:
                event, _, answer = line.partition(" -> ")
                assert answer_to(serving, event) == answer
            else:
                printed.append(line)
            if is_step_done(told[place + 1 :]):
                assert serving.printed() == printed
        run = serving.stop()
    assert run.exit_code == (0 if "SIGTERM" in told else None)


def answer_to(serving: Serving, event: str) -> str:
    serving.add(Next(json.loads(event)))
    serving.wait_until_parked()
    return [request for request in serving.api.requests if request.endpoint == "response"][-1].body.decode()


def is_step_done(rest: Sequence[str]) -> bool:
    """Whether nothing more is printed before something happens to the function."""
    return not rest or rest[0] == "SIGTERM" or " -> " in rest[0]
