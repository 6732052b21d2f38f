"""Every example of docs/concurrency.md is run, and answers what the page says below it.

Below an example stand variables, and then `EVENT -> ANSWER` for events that are all in flight at once.
"""

import itertools
import json

import pytest

from tests.contract.runtime_process import CHECKOUT, Runtime
from tests.contract.script import Next
from tests.contract.test_documented_lifecycle import VARIABLE
from tests.documents import Block, blocks

BLOCKS = blocks(CHECKOUT / "docs" / "concurrency.md")
EXAMPLES = [(block, below) for block, below in itertools.pairwise(BLOCKS) if block.language == "python"]


def test_the_page_has_a_transcript_below_every_example() -> None:
    assert len(EXAMPLES) >= 5
    assert {below.language for _, below in EXAMPLES} == {"text"}


@pytest.mark.parametrize(("example", "below"), EXAMPLES, ids=[str(number) for number in range(len(EXAMPLES))])
def test_an_example_answers_what_the_page_says(runtime: Runtime, example: Block, below: Block) -> None:
    variables = {found[1]: found[2] for line in below.lines if (found := VARIABLE.fullmatch(line))}
    pairs = [line.partition(" -> ")[::2] for line in below.lines if not VARIABLE.fullmatch(line)]
    events = [Next(json.loads(event)) for event, _ in pairs]
    with runtime.start(files={"app.py": example.text}, events=events, at_once=2, env=variables) as serving:
        serving.wait_until_idle()
        run = serving.stop()
    assert sorted(response.body.decode() for response in run.responses) == sorted(answer for _, answer in pairs)
    assert run.stderr == ""
