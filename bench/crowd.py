"""Sixteen at once: each mode of this runtime beside the official client in its own concurrent mode, on all CPUs.

The load program is crowd.c: it hands an event to whoever waits for one. The CPU time is that of all processes of the
runtime, as the scheduler counts it; the memory is the sum of what each has to itself and its share of the rest (PSS).
"""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.figures import paired_ratios, spread
from bench.kit import BenchError, Kit, bundle_boto3, compile_c
from bench.measure import command, environment
from bench.scenarios import CROWD, OURS, PEER, Scenario
from bench.table import Goal, Row

AT_ONCE = 16
RUNS = 5
TIMEOUT_S = 120
PROCESS = {"PYLAMBDA_CONCURRENCY": "process"}
PREFORK = {"PYLAMBDA_PREFORK": "1"}
THREAD = {"PYLAMBDA_CONCURRENCY": "thread"}
ASYNC = {"PYLAMBDA_CONCURRENCY": "async"}


class Crowd(NamedTuple):
    """One comparison.

    Attributes:
        mode: of ours.
        environ: what asks for it.
        handler: ours.
    """

    mode: str
    environ: Mapping[str, str]
    handler: str


class Group(NamedTuple):
    """What is compared with one handler of the official client's.

    Attributes:
        title: for people.
        handler: the official client's.
        invocations: how many are measured.
        measures: columns of `Seen`.
        crowds: ours.
        needs_boto3: whether the functions import it.
    """

    title: str
    handler: str
    invocations: int
    measures: tuple[str, ...]
    crowds: tuple[Crowd, ...]
    needs_boto3: bool = False


GROUPS = (
    Group(
        "16 at once, 10 ms each",
        "waits.handler",
        4000,
        ("wall_us", "cpu_us"),
        (
            Crowd("process", PROCESS, "waits.handler"),
            Crowd("thread", THREAD, "waits.handler"),
            Crowd("async", ASYNC, "waits_async.handler"),
        ),
    ),
    Group(
        "16 at once, plain",
        "plain.handler",
        160,
        ("pss_mib",),
        (Crowd("thread", THREAD, "plain.handler"), Crowd("async", ASYNC, "plain_async.handler")),
    ),
    Group(
        "16 at once, a boto3 client",
        "boto3_client.handler",
        160,
        ("pss_mib",),
        (
            Crowd("process", PROCESS, "boto3_client.handler"),
            Crowd("one import", PREFORK, "boto3_client.handler"),
            Crowd("thread", THREAD, "boto3_client.handler"),
            Crowd("async", ASYNC, "boto3_client_async.handler"),
        ),
        needs_boto3=True,
    ),
)


class Seen(NamedTuple):
    """One start of one runtime.

    Attributes:
        wall_us: the whole run by the number of invocations.
        cpu_us: the CPU time of all its processes by the number of invocations.
        pss_mib: their memory after it.
    """

    wall_us: float
    cpu_us: float
    pss_mib: float


def measure(made: Kit, runs: int, goals: Sequence[Goal], *, quick: bool) -> list[Row]:
    """Start each runtime `runs` times in turn; return the rows.

    Raises:
        BenchError: a runtime failed.
    """
    program = compile_c("crowd")
    rows: list[Row] = []
    for group in GROUPS:
        if group.needs_boto3 and not bundle_boto3(made):
            continue
        count = group.invocations // 20 if quick else group.invocations
        theirs = Crowd(PEER, {}, group.handler)
        seen: dict[str, list[Seen]] = {crowd.mode: [] for crowd in (*group.crowds, theirs)}
        for number in range(runs):
            everybody = [*group.crowds, theirs]
            turn = number % len(everybody)
            for crowd in everybody[turn:] + everybody[:turn]:
                seen[crowd.mode].append(_run_once(made, program, crowd, count))
        rows += [
            _row(group, crowd, measure, seen, goals) for crowd in group.crowds for measure in group.measures
        ]  # fmt: skip
    return rows


def row_keys() -> set[tuple[str, str, str]]:
    """Return what names the rows in goals.toml: scenario, measure, against."""
    rows = ((group, crowd, measure) for group in GROUPS for crowd in group.crowds for measure in group.measures)
    return {(_name(group, crowd), measure, PEER) for group, crowd, measure in rows}


def _name(group: Group, crowd: Crowd) -> str:
    return f"{CROWD}-{group.handler.partition('.')[0]}-{crowd.mode.replace(' ', '-')}"


def _row(
    group: Group, crowd: Crowd, measure: str, seen: Mapping[str, Sequence[Seen]], goals: Sequence[Goal]
) -> Row:  # fmt: skip
    ours, theirs = ([getattr(one, measure) for one in seen[who]] for who in (crowd.mode, PEER))
    ratios = spread(paired_ratios(ours, theirs))
    name = _name(group, crowd)
    goal = next((goal.at_most for goal in goals if (goal.scenario, goal.measure) == (name, measure)), None)
    title = f"{group.title}: {crowd.mode}"
    medians = spread(ours).median, spread(theirs).median
    return Row(name, title, measure, medians[0], PEER, medians[1], ratios.median, ratios.low, ratios.high, goal)


def _run_once(made: Kit, program: Path, crowd: Crowd, count: int) -> Seen:
    runtime = PEER if crowd.mode == PEER else OURS
    environ = {
        "AWS_LAMBDA_MAX_CONCURRENCY": str(AT_ONCE),
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
        **crowd.environ,
    }
    scenario = Scenario("", "", (), handler=crowd.handler, environ=environ)
    with tempfile.NamedTemporaryFile(prefix="bench-") as event:
        event.write(json.dumps({"text": "x" * 40}).encode())
        event.flush()
        line = [str(program), "-e", event.name, "-c", str(AT_ONCE), "-n", str(count), "-w", str(AT_ONCE * 10), "--"]
        with subprocess.Popen(
            [*line, *command(made, runtime, scenario)],
            cwd=made.task,
            env=environment(made, runtime, scenario),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as load:
            assert load.stdin is not None
            assert load.stdout is not None
            assert load.stderr is not None
            try:
                group = load.stdout.readline().strip()
                if not group:
                    raise BenchError(f"{crowd.mode}, {crowd.handler}: {load.stderr.read().strip()[-300:]}")
                before = _cpu_ns(int(group))
                print("", file=load.stdin, flush=True)
                took_ns, errors = map(int, load.stdout.readline().split() or ("0", "0"))
                if errors or not took_ns:
                    raise BenchError(f"{crowd.mode}, {crowd.handler}: {errors} errors {load.stderr.read()[-300:]}")
                cpu_ns, pss_kib = _cpu_ns(int(group)) - before, _pss_kib(int(group))
            finally:
                load.stdin.close()
                load.wait(TIMEOUT_S)
    return Seen(took_ns / count / 1e3, cpu_ns / count / 1e3, pss_kib / 1024)


def _processes_of(group: int) -> list[Path]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(stat.parent)
    return found


def _cpu_ns(group: int) -> int:
    """What all threads of a process group have had of the CPUs."""
    tasks = [task for process in _processes_of(group) for task in process.glob("task/[0-9]*/schedstat")]
    return sum(int(task.read_text().split()[0]) for task in tasks)


def _pss_kib(group: int) -> int:
    lines = [line for process in _processes_of(group) for line in (process / "smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
