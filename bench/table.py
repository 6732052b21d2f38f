"""Rounds of runs to rows, and rows to text, Markdown and JSON. Pure: measures nothing, writes nothing."""

import os
import platform
import re
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import paired_ratios, spread
from bench.measure import COLUMNS, Run
from bench.scenarios import OURS, Line, Scenario

HEADER = ("what", "figure", "pylambda", "other", "against", "ratio", "quartiles", "goal", "met")
# Behind a measure: how much more it is than the other's.
OVER = "_over"
RIGHT_ALIGNED = {"pylambda", "other", "ratio"}
MARKER_BEGIN = "<!-- bench: begin, written by python -m bench --docs -->"
MARKER_END = "<!-- bench: end -->"


@dataclass(frozen=True)
class Goal:
    """The most that a row's ratio may be; where it is compared with nothing, the most that its figure may be."""

    scenario: str
    measure: str
    against: str
    at_most: float


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio`, `low` and `high` are None where nothing is compared, `goal` where none is set."""

    scenario: str
    title: str
    measure: str
    ours: float
    against: str = ""
    other: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    goal: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        judged = self.ratio if self.against else self.ours
        return None if self.goal is None or judged is None else judged <= self.goal


def read_goals(text: str) -> list[Goal]:
    """Read goals.toml."""
    return [Goal(**goal) for goal in tomllib.loads(text)["goal"]]


def make_rows(scenario: Scenario, rounds: Mapping[str, Sequence[Run]], goals: Sequence[Goal]) -> list[Row]:
    """The rows of a scenario, from the runs of each runtime in the order of the rounds."""
    return [_make_row(scenario, line, rounds, goals) for line in scenario.lines]


def key_of(scenario: Scenario, line: Line) -> tuple[str, str, str]:
    """What names a line in goals.toml: scenario, measure, against; a difference has a measure of its own."""
    if line.is_difference:
        return scenario.name, f"{line.measure}{OVER}", ""
    return scenario.name, line.measure, line.against


def _make_row(
    scenario: Scenario, line: Line, rounds: Mapping[str, Sequence[Run]], goals: Sequence[Goal]
) -> Row:  # fmt: skip
    def column(runtime: str) -> list[float]:
        return [getattr(run, line.measure) for run in rounds[runtime]]

    key = key_of(scenario, line)
    goal = next((goal.at_most for goal in goals if (goal.scenario, goal.measure, goal.against) == key), None)
    ours = spread(column(OURS)).median
    if line.is_difference:
        over = spread([mine - theirs for mine, theirs in zip(column(OURS), column(line.against), strict=True)]).median
        return Row(scenario.name, scenario.title, key[1], over, goal=goal)
    if not line.against:
        return Row(scenario.name, scenario.title, line.measure, ours, goal=goal)
    other = column(line.against)
    pairs = paired_ratios(column(OURS), other)
    if not pairs:
        return Row(scenario.name, scenario.title, line.measure, ours, line.against, spread(other).median)
    ratios = spread(pairs)
    return Row(
        scenario.name,
        scenario.title,
        line.measure,
        ours,
        line.against,
        spread(other).median,
        ratios.median,
        ratios.low,
        ratios.high,
        goal,
    )


def cells(row: Row) -> tuple[str, ...]:
    """A row as text, in the order of HEADER."""
    met = {None: "", True: "yes", False: "no"}[row.met]
    goal = "" if row.goal is None else f"≤ {row.goal:g}"
    other = "" if row.other is None else digits(row.other)
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    quartiles = "" if row.low is None or row.high is None else f"{row.low:.2f} to {row.high:.2f}"
    figure = COLUMNS.get(row.measure.removesuffix(OVER), row.measure) + (", more" if row.measure.endswith(OVER) else "")
    return row.title, figure, digits(row.ours), other, row.against, ratio, quartiles, goal, met


def digits(value: float) -> str:
    """Three figures that mean something, never in powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def as_text(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    table = [HEADER, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if name in RIGHT_ALIGNED else cell.ljust(width)
            for cell, width, name in zip(line, widths, HEADER, strict=True)
        ).rstrip()
        for line in table
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def as_markdown(rows: Sequence[Row]) -> str:
    """The table for docs/performance.md."""
    rule = ["---:" if name in RIGHT_ALIGNED else "---" for name in HEADER]
    return "\n".join(f"| {' | '.join(line)} |" for line in [HEADER, rule, *map(cells, rows)])


def describe_machine() -> str:
    """Say where and when, for the line above a table."""
    day = time.strftime("%-d %B %Y")
    return f"On CPython {platform.python_version()}, {os.cpu_count()} CPUs, {platform.machine()}, {day}."


def between_markers(document: str, text: str, begin: str = MARKER_BEGIN, end: str = MARKER_END) -> str:
    """Return `document` with what stands between two markers replaced.

    Raises:
        ValueError: the markers are not there.
    """
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"there is no line {begin!r} with {end!r} after it")
    return pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", document)


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows for machines."""
    return [{**vars(row), "met": row.met} for row in rows]


def from_json(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """What `as_json` made, as rows again."""
    return [Row(**{name: value for name, value in row.items() if name != "met"}) for row in rows]
