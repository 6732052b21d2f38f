"""The code blocks of the documents, for the tests that run them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(?:<!-- run by (?P<runner>\S+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)


class Block(NamedTuple):
    """One fenced block.

    Attributes:
        language: what the fence names.
        text: what is between the fences.
        runner: the test file that the comment before it names; empty where there is none.
    """

    language: str
    text: str
    runner: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def pages() -> list[Path]:
    """Every document of the project."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(m["language"], m["text"], m["runner"] or "") for m in BLOCK.finditer(page.read_text())]
