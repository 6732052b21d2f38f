"""Colour where a person looks at a terminal, and none elsewhere."""

from collections.abc import Callable, Mapping
from typing import TextIO

Paint = Callable[[str, str], str]


def painter(out: TextIO, environ: Mapping[str, str]) -> Paint:
    """Return what gives a text a colour, by its number, or leaves it.

    Args:
        out: where the text goes.
        environ: `NO_COLOR` is honoured.
    """
    is_wanted = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    def paint(text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if is_wanted else text

    return paint
