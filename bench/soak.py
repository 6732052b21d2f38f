"""`make soak`: very many invocations in one process, and what has grown at the end.

    RSS          a line through the samples; what it rises by is noise, or growth
    p99          of the first and of the last quarter, each in its quiet windows: a neighbour's bursts fill the others
    descriptors  and threads, first and last

The first twentieth is left out of all of them: allocators, caches and the collector's generations are filled there.
Prints one table, and writes it into a page. The exit code is 1 where something has grown; a run that is shorter than
the whole one shows only that the command works, and is not judged.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import kit, table
from bench.__main__ import base_interpreter, positive
from bench.kit import BenchError
from bench.measure import load
from bench.scenarios import ORDER, OURS, WEB, Scenario, request_event, text_event

WHOLE = 1_000_000
SAMPLES = 400
# The part that is left out.
SETTLING = 0.05
WINDOWS = 50  # in a quarter
QUIET = 0.1  # of them
TIMEOUT_S = 7200
# What the allocator takes at once, so that a step up or down says nothing: an arena of CPython's.
STEP_KIB = 1024
# Other programs run beside a run of some minutes: a tail of one quarter may be so much longer than that of another.
TAIL_RATIO = 1.5
HEADER = ("what", "invocations", "RSS, MiB", "rises by, KiB", "noise, KiB", "p99, µs", "descriptors", "threads", "flat")
MARKER_BEGIN = "<!-- soak: begin, written by make soak PAGE=docs/reliability.md -->"
MARKER_END = "<!-- soak: end -->"

# By how many invocations each has where the first one has `WHOLE`.
SOAKS = (
    Scenario("plain", "plain, 64 B", (), invocations=1_000_000),
    Scenario("async", "async, 64 B", (), handler="plain_async.handler", invocations=200_000),
    Scenario(
        "fastapi", "FastAPI, a small JSON body", (), request_event("/orders", ORDER), handler="asgi:web_fastapi:app",
        invocations=200_000, needs=WEB,
    ),
    Scenario("streamed", "streamed, three pieces", (), handler="streams_pieces.handler", invocations=100_000),
    Scenario("1-MB", "plain, 1 MB each way", (), text_event(1_000_000), invocations=50_000),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What is left of one run once it has settled.

    Attributes:
        title: of what was run.
        invocations: how many.
        rss_mib: the resident set at the end.
        rise_kib: what a line through the samples rises by.
        noise_kib: what they are off that line, and no less than the allocator takes at once.
        p99_us: the slowest hundredth of the first quarter, and of the last.
        descriptors: at the beginning and at the end.
        threads: the same.
    """

    title: str
    invocations: int
    rss_mib: float
    rise_kib: float
    noise_kib: float
    p99_us: tuple[float, float]
    descriptors: tuple[int, int]
    threads: tuple[int, int]

    @property
    def grown(self) -> list[str]:
        """What has grown, in words."""
        first, last = self.p99_us
        found = {
            "RSS": self.rise_kib > self.noise_kib,
            "p99": last > first * TAIL_RATIO,
            "descriptors": self.descriptors[1] > self.descriptors[0],
            "threads": self.threads[1] > self.threads[0],
        }
        return [name for name, is_grown in found.items() if is_grown]

    def cells(self) -> tuple[str, ...]:
        """A row as text, in the order of HEADER."""
        p99 = " to ".join(f"{value:,.0f}" for value in self.p99_us)
        descriptors, threads = (" to ".join(map(str, pair)) for pair in (self.descriptors, self.threads))
        flat = f"no: {', '.join(self.grown)}" if self.grown else "yes"
        rss = f"{self.rss_mib:.1f}", f"{self.rise_kib:+,.0f}", f"{self.noise_kib:,.0f}"
        return self.title, f"{self.invocations:,}", *rss, p99, descriptors, threads, flat


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, write; return the exit code."""
    arguments = parse(argv)
    try:
        verdicts = run(arguments.count, arguments.only)
    except BenchError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    text = f"{table.describe_machine()}\n\n{as_markdown(verdicts)}"
    print(f"\n{text}")
    if arguments.docs:
        page = arguments.docs.read_text()
        arguments.docs.write_text(table.between_markers(page, text, MARKER_BEGIN, MARKER_END))
    if arguments.count < WHOLE:
        print("\nToo short to be judged: a whole run has no COUNT.")
        return 0
    return 1 if any(verdict.grown for verdict in verdicts) else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Look for growth.")
    parser.add_argument("--count", type=positive, default=WHOLE, help="of plain invocations; the others in proportion")
    parser.add_argument("--only", nargs="+", choices=[soak.name for soak in SOAKS], help="these alone")
    parser.add_argument("--docs", type=Path, metavar="FILE.md", help="write the table between that file's markers")
    return parser.parse_args(argv)


def run(count: int, only: Sequence[str] | None) -> list[Verdict]:
    """Put a runtime through each. Raises BenchError where one cannot be started, or does not answer as it should."""
    made = kit.prepare(base_interpreter(), peer=False)
    verdicts = []
    for soak in SOAKS:
        if only and soak.name not in only:
            continue
        if soak.needs == WEB:
            kit.bundle_lock(made, soak.needs)
        invocations = max(100, soak.invocations * count // WHOLE)
        print(f"{soak.title}: {invocations:,} invocations", end="", file=sys.stderr, flush=True)
        began = time.monotonic()
        scenario = replace(soak, invocations=invocations, samples=min(SAMPLES, invocations))
        verdicts.append(judge(soak.title, load(made, OURS, scenario, TIMEOUT_S)))
        print(f", {time.monotonic() - began:.0f} s", file=sys.stderr)
    return verdicts


def judge(title: str, raw: Mapping[str, Any]) -> Verdict:
    """Make a verdict of what the load program prints."""
    warm_us = [warm / 1e3 for _, warm, _ in _settled(raw["invocations"])]
    rss_kib = _settled(raw["rss_kib"])
    rise_kib, noise_kib = rise(rss_kib)
    quarter = max(1, len(warm_us) // 4)
    descriptors, threads = _settled(raw["descriptors"]), _settled(raw["threads"])
    return Verdict(
        title,
        len(raw["invocations"]),
        rss_kib[-1] / 1024,
        rise_kib,
        noise_kib,
        (tail(warm_us[:quarter]), tail(warm_us[-quarter:])),
        (descriptors[0], descriptors[-1]),
        (threads[0], threads[-1]),
    )


def rise(samples: Sequence[float]) -> tuple[float, float]:
    """Return what a line through even samples rises by, and twice how far they are off it."""
    times = range(len(samples))
    slope, start = statistics.linear_regression(times, samples)
    off = [sample - start - slope * time for time, sample in zip(times, samples, strict=True)]
    return slope * (len(samples) - 1), max(STEP_KIB, 2 * statistics.pstdev(off))


def tail(values: Sequence[float]) -> float:
    """Return the 99th percentile in the quiet ones of even windows."""
    size = -(-len(values) // WINDOWS)
    windows = [sorted(values[begin : begin + size]) for begin in range(0, len(values), size)]
    tails = sorted(window[len(window) * 99 // 100] for window in windows)
    return tails[int(len(tails) * QUIET)]


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """The table for docs/reliability.md."""
    rule = ["---", *["---:"] * (len(HEADER) - 2), "---"]
    return "\n".join(f"| {' | '.join(line)} |" for line in [HEADER, rule, *(verdict.cells() for verdict in verdicts)])


def _settled(values: Sequence[Any]) -> Sequence[Any]:
    return values[int(len(values) * SETTLING) :]


if __name__ == "__main__":
    sys.exit(main())
