"""`make chaos`: round after round in every mode, each with a seed of its own, until there were so many faults.

    modes.py      the ways to serve, and the misdeeds of a function
    plan.py       what happens to an invocation, drawn from the seed
    unruly_api.py a Runtime API that does it
    round.py      a process, started anew where it may end, and looked at for growth
    oracle.py     what is wrong with how an invocation was answered
    serving.py    the same for `pylambda serve`, with the clients of unruly_clients.py

The exit code is 1 where an invocation was lost or answered wrongly, the process hung, ended without a reason, or grew.
What was wrong is printed with the command that plays the round again.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from bench import table
from tests.chaos import round, serving
from tests.chaos.modes import MODES
from tests.chaos.round import Outcome

FAULTS = 100_000
# Of a long run; a short one has one round in each mode.
FAULTS_IN_A_ROUND = 2_000
ALL = [*MODES, serving.SERVE]
# A round is mostly waiting: for a request to be sent again, for a worker to be forked.
ROUNDS_AT_ONCE = 2 * (os.cpu_count() or 1)

HEADER = "| mode | faults | invocations | processes | rounds with something wrong |"
MARKER_BEGIN = "<!-- chaos: begin, written by make chaos PAGE=docs/reliability.md -->"
MARKER_END = "<!-- chaos: end -->"


class Round(NamedTuple):
    """What makes a round the same once more."""

    mode: str
    seed: int
    faults: int

    @property
    def play(self) -> Callable[[str, int, int, Path], Outcome]:
        """What plays it."""
        return serving.play if self.mode == serving.SERVE else round.play

    @property
    def command(self) -> str:
        """What plays it again."""
        return f"make chaos MODE={self.mode} SEED={self.seed} FAULTS={self.faults}"


def main(argv: Sequence[str] | None = None) -> int:
    """Play, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break it, before others do.")
    parser.add_argument("--faults", type=int, default=FAULTS, help="how many at least, in all modes together")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the others follow")
    parser.add_argument("--mode", nargs="+", choices=ALL, default=ALL, help="these alone")
    parser.add_argument("--docs", type=Path, metavar="FILE.md", help="write the table between that file's markers")
    arguments = parser.parse_args(argv)
    rounds = list(rounds_of(arguments.mode, arguments.seed, arguments.faults))
    totals = {mode: Outcome() for mode in arguments.mode}
    bad = dict.fromkeys(arguments.mode, 0)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch, ProcessPoolExecutor(ROUNDS_AT_ONCE, context) as pool:
        playing = {pool.submit(one.play, *one, Path(scratch, f"{one.mode}-{one.seed}")): one for one in rounds}
        for done in as_completed(playing):
            outcome = done.result()
            print(_line(playing[done], outcome), flush=True)
            bad[playing[done].mode] += bool(outcome.wrong)
            totals[playing[done].mode] += outcome
    text = f"{table.describe_machine()}\n\n{as_markdown(totals, bad)}"
    print(f"\n{text}")
    if arguments.docs:
        page = arguments.docs.read_text()
        arguments.docs.write_text(table.between_markers(page, text, MARKER_BEGIN, MARKER_END))
    return 1 if any(bad.values()) else 0


def as_markdown(totals: Mapping[str, Outcome], bad: Mapping[str, int]) -> str:
    """The table for docs/reliability.md: a row for each mode, and one for all."""
    rows = [(mode, total, bad[mode]) for mode, total in totals.items()]
    rows.append(("all", sum(totals.values(), Outcome()), sum(bad.values())))
    lines = [HEADER, "| --- | ---: | ---: | ---: | ---: |"]
    for mode, total, rounds in rows:
        lines.append(f"| {mode} | {total.faults:,} | {total.invocations:,} | {total.starts:,} | {rounds} |")
    return "\n".join(lines)


def rounds_of(modes: Sequence[str], seed: int, faults: int) -> Iterator[Round]:
    """Share out faults: as many to each mode, and no more to a round than is soon played again."""
    each = -(-faults // len(modes))
    count = -(-each // FAULTS_IN_A_ROUND)
    for number in range(seed, seed + count):
        for mode in modes:
            yield Round(mode, number, -(-each // count))


def _line(one: Round, outcome: Outcome) -> str:
    """Say what a round came to, and where it was bad what was wrong and how it is played again."""
    line = f"{one.mode:14} {outcome.faults:6} faults {outcome.starts:4} starts {outcome.took_s:5.0f} s"
    return "\n".join([line, *outcome.wrong[:20], f"again: {one.command}"]) if outcome.wrong else line


if __name__ == "__main__":
    sys.exit(main())
