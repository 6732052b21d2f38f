"""Tracebacks as a person wants them: the function's own frames, and how many others lay between.

Nothing is left out where no frame is the function's own: then the others are all there is.
"""

import os
import re
from pathlib import Path

BEGIN = re.compile(r"(\s*)Traceback \(most recent call last\):\s*$")
FRAME = re.compile(r'\s*File "([^"]+)", line \d+')
NOT_WRITTEN_HERE = frozenset({"site-packages", "dist-packages", "node_modules"})


class Tracebacks:
    """Folds the tracebacks in one stream of lines.

    Args:
        root: the function's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root) + os.sep
        self._margin: str | None = None
        self._frames: list[list[str]] = []

    def shown(self, line: str) -> list[str]:
        """Return what to print now that this line has come; a traceback is held until its end."""
        # Lambda's form of a report has spaces that do not break; `\s` takes them too.
        begin = BEGIN.match(line)
        if begin:
            before = self.rest()
            self._margin = begin[1]
            return [*before, line]
        if self._margin is None:
            return [line]
        indent = line.removeprefix(self._margin)[:2]
        if len(indent) < 2 or not indent.isspace():
            return [*self.rest(), line]
        if FRAME.match(line) or not self._frames:
            self._frames.append([])
        self._frames[-1].append(line)
        return []

    def rest(self) -> list[str]:
        """Return what was held, folded."""
        frames, margin = self._frames, self._margin or ""
        self._frames, self._margin = [], None
        if not any(self._is_own(frame) for frame in frames):
            return [line for frame in frames for line in frame]
        lines: list[str] = []
        hidden = 0
        for frame in frames:
            if not self._is_own(frame):
                hidden += 1
                continue
            lines += [*folded(hidden, margin), *frame]
            hidden = 0
        return [*lines, *folded(hidden, margin)]

    def _is_own(self, frame: list[str]) -> bool:
        found = FRAME.match(frame[0])
        if found is None or not found[1].startswith(self._root):
            return False
        return NOT_WRITTEN_HERE.isdisjoint(found[1].removeprefix(self._root).split(os.sep))


def folded(count: int, margin: str) -> list[str]:
    """Return the line that stands for some frames; none for none."""
    return [f"{margin}  ... {count} frame{'s' if count > 1 else ''} of other code; -v shows all"] if count else []
