"""Starts one runtime under the load program, once, and turns the nanoseconds that it prints into figures."""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench import scenarios
from bench.kit import SOURCES, BenchError, Kit
from bench.scenarios import Scenario

TIMEOUT_S = 300
# Of a run over many invocations, the part before this is the runtime's and the allocator's own warm-up.
GROWTH_FROM = 0.1

COLUMNS = {
    "cold_ms": "start to first /next, ms",
    "warm_us": "round trip, µs",
    "trip_us": "round trip from the event's first byte, µs",
    "cycle_us": "cycle, µs",
    "wall_us": "wall clock per invocation, µs",
    "cpu_us": "CPU per invocation, µs",
    "cpu_total_ms": "CPU with start and warm-up, ms",
    "peak_mib": "peak RSS, MiB",
    "pss_mib": "memory of all processes, MiB",
    "first_ms": "start to first answer, ms",
    "call_us": "call over HTTP, µs",
    "event_ms": "from made to received, ms",
    "growth_kib": "RSS growth, KiB",
}


class Run(NamedTuple):
    """One start of one runtime; medians over its invocations.

    Attributes:
        cold_ms: from just before fork to the first byte of the first `/next`.
        warm_us: from the event's last byte written to the answer's last byte read; of a stream, its first chunk's.
        trip_us: the same from the event's first byte, which a large event is long ahead of its last.
        cycle_us: from the event's last byte written to the next `/next` read.
        wall_us: the whole loop by the number of invocations, whatever happened in between.
        cpu_us: the process's CPU time by the number of invocations, without its start.
        cpu_total_ms: the process's CPU time, start and warm-up included.
        peak_mib: the largest resident set.
        growth_kib: how much the resident set grew after the first tenth.
    """

    cold_ms: float
    warm_us: float
    trip_us: float
    cycle_us: float
    wall_us: float
    cpu_us: float
    cpu_total_ms: float
    peak_mib: float
    growth_kib: float


def command(kit: Kit, runtime: str, scenario: Scenario) -> list[str]:
    """How a runtime is started."""
    python, handler = str(kit.python), scenario.handler_of(runtime)
    if runtime in scenarios.ON_OURS:
        *shell, script = scenario.start
        return [*shell, str(kit.runtime / script)]
    if runtime in scenarios.ON_PEER:
        return [python, "-m", "awslambdaric", handler]
    return {
        scenarios.VERSUS: [str(kit.versus / "bootstrap")] if kit.versus else [],
        scenarios.PEER_SCRIPT: [python, str(SOURCES / "start_script.py")],
        scenarios.BARE: [python, str(SOURCES / "bare.py")],
        scenarios.BARE_NO_SITE: [python, "-I", "-S", str(SOURCES / "bare.py")],
        scenarios.ECHO: [str(kit.echo)],
        scenarios.LEAST: [python, "-I", "-S", str(SOURCES / "least.py")],
    }[runtime]


def environment(kit: Kit, runtime: str, scenario: Scenario) -> dict[str, str]:
    """What every runtime is started with: the same for each, but for where another checkout lies."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "HOME": "/tmp",
        # The functions are writable here and would be cached by one runtime and not by the other.
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_RUNTIME_DIR": str(kit.versus if runtime == scenarios.VERSUS else kit.runtime),
        "LAMBDA_TASK_ROOT": str(kit.task),
        "_HANDLER": scenario.handler_of(runtime),
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]bench",
        **scenario.environ,
    }


def other_cpu() -> int:
    """A CPU that this process is not pinned to.

    Raises:
        BenchError: there is none.
    """
    others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
    if not others:
        raise BenchError("there is no second CPU")
    return max(others)


def run_once(kit: Kit, runtime: str, scenario: Scenario) -> Run:
    """Start `runtime`, put it through `scenario`, end it; return the figures. Raises what `load` raises."""
    return read(load(kit, runtime, scenario))


def load(kit: Kit, runtime: str, scenario: Scenario, timeout_s: int = TIMEOUT_S) -> dict[str, Any]:
    """Start `runtime`, put it through `scenario`, end it; return what the load program prints.

    Raises:
        BenchError: it did not start, or did not answer as it should.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        event, answer = Path(folder, "event"), Path(folder, "answer")
        event.write_bytes(scenario.event)
        line = [str(kit.server), "-e", str(event), "-a", str(answer), "-n", str(scenario.invocations)]
        line += ["-w", str(scenario.warm_up), "-s", str(scenario.samples), "-p", str(scenario.pause_us)]
        line += ["-c", str(other_cpu())] if scenario.apart else []
        line += ["--", *command(kit, runtime, scenario)]
        environ = environment(kit, runtime, scenario)
        raw: dict[str, Any] = json.loads(_run(line, kit.task, environ, runtime, timeout_s))
        expected_errors = scenario.invocations if scenario.fails else 0
        if raw["errors"] != expected_errors:
            raise BenchError(f"{runtime}, {scenario.title}: {raw['errors']} errors, expected {expected_errors}")
        if scenario.handler == "plain.handler" and scenario.invocations:
            _check_echo(scenario, runtime, answer.read_bytes())
        if "web_" in scenario.handler and scenario.invocations:
            _check_status(scenario, runtime, answer.read_bytes())
    return raw


def read(raw: Mapping[str, Any]) -> Run:
    """Turn what the load program prints into figures."""
    count = len(raw["invocations"])
    write, warm, cycle = map(list, zip(*raw["invocations"], strict=True)) if count else ([0], [0], [0])
    rss = raw["rss_kib"]
    return Run(
        cold_ms=raw["cold"] / 1e6,
        warm_us=statistics.median(warm) / 1e3,
        trip_us=statistics.median(map(sum, zip(write, warm, strict=True))) / 1e3,
        cycle_us=statistics.median(cycle) / 1e3,
        wall_us=raw["wall"] / max(1, count) / 1e3,
        cpu_us=raw["cpu"] / max(1, count) / 1e3,
        cpu_total_ms=raw["cpu_total"] / 1e6,
        peak_mib=raw["peak_kib"] / 1024,
        growth_kib=rss[-1] - rss[int(len(rss) * GROWTH_FROM)] if rss else 0,
    )


def _run(line: list[str], folder: Path, environ: dict[str, str], runtime: str, timeout_s: int) -> str:
    try:
        done = subprocess.run(
            line, cwd=folder, env=environ, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{runtime} took more than {timeout_s} s") from None
    if done.returncode:
        raise BenchError(f"{runtime}: {' / '.join(done.stderr.strip().splitlines()[-3:])}")
    return done.stdout


def _check_echo(scenario: Scenario, runtime: str, answer: bytes) -> None:
    if json.loads(answer) != json.loads(scenario.event):
        raise BenchError(f"{runtime}, {scenario.title}: the answer is not the event: {answer[:80]!r}")


def _check_status(scenario: Scenario, runtime: str, answer: bytes) -> None:
    # A streamed answer is kept with its chunks' framing around it, and begins with its status all the same.
    if b'"statusCode": 200' not in answer[:200]:
        raise BenchError(f"{runtime}, {scenario.title}: the answer is no 200: {answer[:80]!r}")
