"""The table of deliberate differences in docs/compatibility.md, and the verdict on a case: every difference that is
seen must be explained by a row that the case names, and every row that it names must be seen."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.parity.cases import Case
from tests.parity.explainers import EXPLAINERS
from tests.parity.not_so import NotSo
from tests.parity.observation import Observation
from tests.parity.pair import Both

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
ROW = re.compile(r"^\| ([a-z]{1,2}) \| (.+) \|$", re.MULTILINE)
SHOWN_CHARACTERS = 1500


class Row(NamedTuple):
    """One deliberate difference.

    Attributes:
        id: its letter.
        shown_by: the case that the page names; empty where it names none.
    """

    id: str
    shown_by: str


def table() -> dict[str, Row]:
    """Return the rows of the page by their ids."""
    rows = {}
    for found in ROW.finditer(PAGE.read_text(encoding="utf-8")):
        cells = found[2].split(" | ")
        rows[found[1]] = Row(found[1], cells[2].strip() if len(cells) > 2 else "")
    return rows


def judge(case: Case, seen: Both, version: str) -> list[str]:
    """Return what is wrong on a version of Python: differences that nothing explains, and rows that are not seen."""
    ids = case.differs_on(version)
    unknown = [f"docs/compatibility.md has no row {id_}" for id_ in ids if id_ not in table()]
    if unknown:
        return [*unknown, *differences(seen.official, seen.ours)]
    try:
        left = differences(_explained(ids, case, seen), seen.ours)
        if left:
            return left
        unseen = [id_ for id_ in ids if not differences(_explained_without(id_, ids, case, seen), seen.ours)]
    except NotSo as reason:
        return [f"{reason}\n", *differences(seen.official, seen.ours)]
    return [f"difference {id_} is listed and not seen" for id_ in unseen]


def differences(official: Observation, ours: Observation) -> list[str]:
    """Return each fact that differs, with what both say."""
    theirs, own = official.flat(), ours.flat()
    return [
        f"{fact}\n  official: {_shown(theirs.get(fact))}\n  ours:     {_shown(own.get(fact))}"
        for fact in {**theirs, **own}
        if theirs.get(fact) != own.get(fact)
    ]


def _explained(ids: tuple[str, ...], case: Case, seen: Both) -> Observation:
    official = seen.official
    for id_ in ids:
        if id_ not in EXPLAINERS:
            raise NotSo(f"nothing explains {id_!r}")
        official = EXPLAINERS[id_](official, seen.ours, case)
    return official


def _explained_without(id_: str, ids: tuple[str, ...], case: Case, seen: Both) -> Observation:
    """What is left of a case when one row is taken away; where the others need that row, it is surely seen."""
    others = tuple(other for other in ids if other != id_)
    try:
        return _explained(others, case, seen)
    except NotSo:
        return Observation((), "", "", (), exit_code=-1000)


def _shown(fact: str | None) -> str:
    if fact is None:
        return "nothing"
    return repr(fact) if len(fact) <= SHOWN_CHARACTERS else f"{fact[:SHOWN_CHARACTERS]!r}... ({len(fact)} characters)"
