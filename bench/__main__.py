"""`make bench`: this runtime beside the official client, and beside the limits, on this machine.

In each round every runtime of a scenario is started once, in turn, and the turn moves on by one from round to round.
All of it, load program included, is pinned to one CPU, as a function of 1,769 MB has one: between two CPUs the time
that a sleeping one takes to wake up is as long as a whole invocation, and differs from run to run.

Prints one table. Ratios decide nothing here: the exit code is 0 whatever they are, and 1 only where a
runtime failed.
"""

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import container, crowd, kit, serve, table
from bench.kit import BenchError, Kit
from bench.measure import Run, run_once
from bench.scenarios import CONTAINER, CROWD, MSGSPEC, ORJSON, SCENARIOS, SERVE, WEB, Scenario
from bench.table import Goal, Row

CONTAINER_RUNS = 10
# What puts beside the functions what a scenario needs, or knows that it is there.
BUNDLES: dict[str, Callable[[kit.Kit], bool]] = {
    "boto3": kit.bundle_boto3,
    **{name: partial(kit.bundle_lock, name=name) for name in (WEB, ORJSON, MSGSPEC)},
    **{name: lambda _, name=name: bool(shutil.which(name)) for name in ("dash", "bash")},  # type: ignore[misc]
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure or read, then print and write; return the exit code."""
    arguments = parse(argv)
    try:
        result = read(arguments.read) if arguments.read else measure(arguments)
        rows = table.from_json(result["rows"])
        print(f"\n{describe(result['machine'])}\n\n{table.as_text(rows)}")
        write(arguments, result, rows)
        for failure in result["failures"]:
            print(f"bench: {failure}", file=sys.stderr)
    except (BenchError, OSError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if result["failures"] else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; unknown scenarios end it with the list of those there are."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure pylambda beside awslambdaric.")
    names = [*(scenario.name for scenario in SCENARIOS), CONTAINER, CROWD, SERVE]
    parser.add_argument("--only", nargs="+", choices=names, metavar="SCENARIO", help=f"of {', '.join(names)}")
    parser.add_argument("--runs", type=positive, help="start each runtime this often, in every scenario")
    parser.add_argument("--quick", action="store_true", help="show that it works; the figures mean little")
    parser.add_argument("--python", default=base_interpreter(), help="measure on this interpreter")
    parser.add_argument("--image", help="start this one for the cold start in a container, not pylambda:VERSION")
    parser.add_argument("--versus", type=Path, metavar="FOLDER", help="compare with another checkout instead")
    parser.add_argument(
        "--cpu", type=int, default=max(os.sched_getaffinity(0)), help="pin to this CPU; -1 pins to none"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows for machines")
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw the ratios; needs the extra `bench`")
    parser.add_argument("--docs", type=Path, metavar="FILE.md", help="write the table between that file's markers")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing: take what --json wrote")
    return parser.parse_args(argv)


def positive(text: str) -> int:
    """A count for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def base_interpreter() -> str:
    """The interpreter that this environment was made from: that of the bench is made from the same."""
    executable: str = getattr(sys, "_base_executable", sys.executable)
    return executable


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the chosen scenarios; return the machine and the rows as JSON knows them."""
    made = kit.prepare(arguments.python, peer=arguments.versus is None, versus=arguments.versus)
    goals = table.read_goals((kit.SOURCES / "goals.toml").read_text())
    rows: list[Row] = []
    failures: list[str] = []
    everywhere = os.sched_getaffinity(0)
    pin(everywhere if arguments.cpu < 0 else {arguments.cpu})
    for scenario in SCENARIOS:
        if not arguments.only or scenario.name in arguments.only:
            rows += measure_scenario(made, adjust(scenario, arguments), goals, failures)
    pin(everywhere)
    if not arguments.only or CROWD in arguments.only:
        rows += measure_crowd(made, arguments, goals, failures)
    if not arguments.only or SERVE in arguments.only:
        rows += measure_serve(made, arguments, goals, failures)
    version = kit.version_of(made.python)
    if not arguments.only or CONTAINER in arguments.only:
        rows += measure_container(made, ".".join(version.split(".")[:2]), arguments)
    return {"machine": machine(version), "rows": table.as_json(rows), "failures": failures}


def pin(cpus: set[int]) -> None:
    """Run here only, this process and what it starts. Raises BenchError where there are no such CPUs."""
    try:
        os.sched_setaffinity(0, cpus)
    except OSError:
        raise BenchError(f"there is no CPU {min(cpus)} to run on: name one with --cpu") from None


def read(path: Path) -> dict[str, Any]:
    """What an earlier run wrote with `--json`. Raises BenchError where it is something else."""
    result: dict[str, Any] = json.loads(path.read_text())
    if not result.keys() >= {"machine", "rows", "failures"}:
        raise BenchError(f"{path} was not written by --json")
    return result


def adjust(scenario: Scenario, arguments: argparse.Namespace) -> Scenario:
    """What `--versus`, `--quick` and `--runs` ask for."""
    adjusted = scenario.versus() if arguments.versus else scenario
    adjusted = adjusted.quick() if arguments.quick else adjusted
    return replace(adjusted, runs=arguments.runs) if arguments.runs else adjusted


def measure_scenario(made: Kit, scenario: Scenario, goals: Sequence[Goal], failures: list[str]) -> list[Row]:
    """All rounds of one scenario; none where it needs what is not here, or where a runtime fails, which is noted."""
    if scenario.needs and not BUNDLES[scenario.needs](made):
        say(f"{scenario.title}: skipped, there is no {scenario.needs} here")
        return []
    if scenario.apart and len(os.sched_getaffinity(0)) == os.cpu_count():
        say(f"{scenario.title}: skipped, it needs a second CPU that nothing is pinned to")
        return []
    runtimes = scenario.runtimes
    rounds: dict[str, list[Run]] = {runtime: [] for runtime in runtimes}
    for number in range(scenario.runs):
        say(f"{scenario.title}: round {number + 1} of {scenario.runs}", passing=True)
        turn = number % len(runtimes)
        for runtime in runtimes[turn:] + runtimes[:turn]:
            try:
                rounds[runtime].append(run_once(made, runtime, scenario))
            except BenchError as error:
                failures.append(f"{scenario.title}: {error}")
                return []
    say(f"{scenario.title}: rounds: {scenario.runs}")
    return table.make_rows(scenario, rounds, goals)


def measure_container(made: Kit, version: str, arguments: argparse.Namespace) -> list[Row]:
    """The row of the container; none, and a line that says why, where it cannot be had."""
    try:
        if made.versus:
            raise BenchError("another checkout has no image")
        runs = arguments.runs or (1 if arguments.quick else CONTAINER_RUNS)
        return container.measure(version, made, runs, arguments.image)
    except BenchError as error:
        say(f"cold start in a container: skipped, {error}")
        return []


def measure_crowd(
    made: Kit, arguments: argparse.Namespace, goals: Sequence[Goal], failures: list[str]
) -> list[Row]:  # fmt: skip
    """The rows of many at once; none where a runtime fails, which is noted."""
    if made.versus:
        say("many at once: skipped, they are compared with the official client alone")
        return []
    runs = arguments.runs or (1 if arguments.quick else crowd.RUNS)
    try:
        return crowd.measure(made, runs, goals, quick=arguments.quick)
    except BenchError as error:
        failures.append(f"many at once: {error}")
        return []


def measure_serve(
    made: Kit, arguments: argparse.Namespace, goals: Sequence[Goal], failures: list[str]
) -> list[Row]:  # fmt: skip
    """The rows of `pylambda serve`; none where it or the emulator fails, which is noted."""
    if made.versus:
        say("pylambda serve: skipped, it is compared with Amazon's emulator alone")
        return []
    runs = arguments.runs or (1 if arguments.quick else serve.RUNS)
    try:
        return serve.measure(made, runs, goals, quick=arguments.quick)
    except BenchError as error:
        failures.append(f"pylambda serve: {error}")
        return []


def machine(version: str) -> dict[str, Any]:
    """What kind of machine this is, without naming it."""
    kernel = ".".join(platform.release().split(".")[:2])
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {kernel}",
        "cpython": version,
        "arch": platform.machine(),
    }


def describe(kind: dict[str, Any]) -> str:
    """The machine in one line."""
    return f"{kind['cores']} cores, {kind['arch']}, {kind['system']}, CPython {kind['cpython']}; medians"


def write(arguments: argparse.Namespace, result: dict[str, Any], rows: Sequence[Row]) -> None:
    """Write the files that were asked for."""
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    if arguments.docs:
        text = f"{describe(result['machine'])}.\n\n{table.as_markdown(rows)}"
        arguments.docs.write_text(table.between_markers(arguments.docs.read_text(), text))
    if arguments.chart:
        # Late, for it is the only one that needs what the runtime's developers may not have installed.
        from bench import chart

        chart.draw(rows, arguments.chart, describe(result["machine"]))


def say(text: str, *, passing: bool = False) -> None:
    """Show progress on stderr; a passing line only on a terminal, where the next one takes its place."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="" if passing else "\n", file=sys.stderr, flush=True)
    elif not passing:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
