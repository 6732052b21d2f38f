"""`pylambda serve` beside Amazon's emulator: the same runtime and function, asked over HTTP by one client here.

Both are started anew in each round, in turn, on all CPUs. Only `serve` can do more than one thing at a time: its row of
many at once is compared with what the workers could do if nothing stood in front of them. Beside both stands the least
that a service in Python can be: asyncio and h11, and no function behind them. A stream's function says in each event
when it was made; the clock is the kernel's, the same for all processes.
"""

import asyncio
import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.figures import paired_ratios, spread
from bench.kit import CHECKOUT, BenchError, Kit
from bench.scenarios import SERVE
from bench.table import Goal, Row
from pylambda.local import fetch
from pylambda.local.function import Function, environment, free_ports
from pylambda.local.function import Kit as Parts

RUNS = 5
EMULATOR = "Amazon's emulator"
LEAST = "asyncio and h11 alone"
AT_BEST = "8 workers and nothing else"
CALLS, WARM_UP = 2000, 100
CLIENTS, CROWD_CALLS, WORKERS, WAIT_US = 64, 5000, 8, 10_000
STREAMS = 50
PATIENCE_S = 30.0
POLL_S = 0.001
HOST = "127.0.0.1"
EVENT = b'{"text": "some words of an event, as long as most of them are"}'
HEAD = f"Host: {HOST}\r\nContent-Length: {len(EVENT)}\r\n\r\n".encode()
REQUEST = b"POST /2015-03-31/functions/function/invocations HTTP/1.1\r\n" + HEAD + EVENT
STREAM_REQUEST = "/2021-11-15/functions/function/response-streaming-invocations"
# From the compiled copy, so that both have the same runtime behind them; no PYTHONPATH, which workers would inherit.
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from pylambda.local.__main__ import main; sys.exit(main())"


class Seen(NamedTuple):
    """One start of one of them.

    Attributes:
        first_ms: from just before fork to the first answer.
        call_us: one call after the other on one connection; the median.
    """

    first_ms: float
    call_us: float


def measure(made: Kit, runs: int, goals: Sequence[Goal], *, quick: bool) -> list[Row]:
    """Start both `runs` times in turn; return the rows.

    Raises:
        BenchError: one of them failed, or there is no emulator.
    """
    try:
        emulator = fetch.find(None, CHECKOUT / ".cache")
    except fetch.FetchError as error:
        raise BenchError(f"there is no emulator: {error}") from None
    parts = Parts(CHECKOUT / "entry_script.sh", made.runtime, emulator, made.python)
    count = CALLS // 20 if quick else CALLS
    ours: list[Seen] = []
    theirs: list[Seen] = []
    least: list[Seen] = []
    for number in range(runs):
        order = [(SERVE, ours), (EMULATOR, theirs), (LEAST, least)]
        for who, seen in reversed(order) if number % 2 else order:
            with started(parts, made, who, "plain.handler") as (port, began):
                first_ms = first_answer(port, began)
                seen.append(Seen(first_ms, statistics.median(calls(port, count)) * 1e6))
    crowd, streams = [], []
    for _ in range(runs):
        with started(parts, made, SERVE, "waits.handler", "--concurrency", str(WORKERS)) as (port, began):
            first_answer(port, began)
            asyncio.run(many(port, WORKERS * 20))
            crowd.append(asyncio.run(many(port, CROWD_CALLS // 20 if quick else CROWD_CALLS)))
        with started(parts, made, SERVE, "streams_time.handler") as (port, _):
            streams.append(first_events(port, STREAMS // 10 if quick else STREAMS))
    best = [float(WAIT_US) / WORKERS] * len(crowd)
    return [
        *(
            _row(title, measure, ours, others, against, goals)
            for title, measure in (("serve: one call after the other", "call_us"), ("serve: the start", "first_ms"))
            for against, others in ((EMULATOR, theirs), (LEAST, least))
        ),
        _ratio_row("serve-crowd", f"serve: {CLIENTS} clients, 10 ms each", "wall_us", crowd, best, AT_BEST, goals),
        Row("serve-stream", "serve: first event of a stream", "event_ms", spread(streams).median,
            goal=_goal(goals, "serve-stream", "event_ms", "")),
    ]  # fmt: skip


def row_keys() -> set[tuple[str, str, str]]:
    """Return what names the rows in goals.toml: scenario, measure, against."""
    return {
        ("serve-plain", "call_us", EMULATOR),
        ("serve-plain", "first_ms", EMULATOR),
        ("serve-crowd", "wall_us", AT_BEST),
        ("serve-stream", "event_ms", ""),
    }


def _goal(goals: Sequence[Goal], *key: str) -> float | None:
    return next((goal.at_most for goal in goals if (goal.scenario, goal.measure, goal.against) == key), None)


def _row(
    title: str, measure: str, ours: Sequence[Seen], others: Sequence[Seen], against: str, goals: Sequence[Goal]
) -> Row:  # fmt: skip
    mine, figures = ([getattr(one, measure) for one in seen] for seen in (ours, others))
    return _ratio_row("serve-plain", title, measure, mine, figures, against, goals)


def _ratio_row(
    name: str,
    title: str,
    measure: str,
    ours: Sequence[float],
    others: Sequence[float],
    against: str,
    goals: Sequence[Goal],
) -> Row:
    ratios = spread(paired_ratios(ours, others))
    medians = spread(ours).median, spread(others).median
    goal = _goal(goals, name, measure, against)
    return Row(name, title, measure, medians[0], against, medians[1], ratios.median, ratios.low, ratios.high, goal)


@contextlib.contextmanager
def started(parts: Parts, made: Kit, who: str, handler: str, *flags: str) -> Iterator[tuple[int, float]]:
    """Start one of them, and give its port and when that was; end it and all that it started.

    Args:
        parts: where the emulator and the runtime are.
        made: has the functions.
        who: `SERVE`, `EMULATOR` or `LEAST`.
        handler: the function.
        flags: of `pylambda serve`.
    """
    port, api_port = free_ports(2)
    environ = {**environment(parts, made.task), "PYTHONDONTWRITEBYTECODE": "1"}
    if who == EMULATOR:
        command: list[str] = [str(parts.entry_script), handler]
        environ |= {
            "PYLAMBDA_EMULATOR": "rie",
            "PYLAMBDA_HOST": HOST,
            "PYLAMBDA_PORT": str(port),
            "PYLAMBDA_RUNTIME_API_PORT": str(api_port),
        }
    elif who == LEAST:
        command = [sys.executable, str(CHECKOUT / "bench" / "least_server.py"), str(port)]
    else:
        command = [sys.executable, "-c", START, str(made.runtime), "serve", handler, "--port", str(port)]
        command += ["--no-reload", "--timeout", str(PATIENCE_S), *(flags or ("--concurrency", "1"))]
    with tempfile.NamedTemporaryFile(prefix="bench-") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=made.task,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        function = Function(process, f"http://{HOST}:{port}", Path(log.name))
        try:
            yield port, began
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise BenchError(f"{who}, {handler}: {error} / {function.output()[-300:]}") from None
        finally:
            function.stop()


def first_answer(port: int, began: float) -> float:
    """Return after how many milliseconds the first call was answered.

    Raises:
        OSError: that took too long.
    """
    deadline = began + PATIENCE_S
    while True:
        try:
            with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)) as connection:
                ask(connection)
            return (time.perf_counter() - began) * 1e3
        except ConnectionError:
            if time.perf_counter() > deadline:
                raise
            time.sleep(POLL_S)


def calls(port: int, count: int) -> list[float]:
    """Return how many seconds each call took, of those after the warm-up."""
    took = []
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)) as connection:
        for _ in range(WARM_UP + count):
            before = time.perf_counter()
            ask(connection)
            took.append(time.perf_counter() - before)
    return took[WARM_UP:]


def ask(connection: http.client.HTTPConnection) -> None:
    """Send the event; the answer must be the same.

    Raises:
        ValueError: it is another one.
    """
    connection.request("POST", "/2015-03-31/functions/function/invocations", EVENT)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200 or json.loads(body) != json.loads(EVENT):
        raise ValueError(f"the answer is {answer.status} {body[:80]!r}")


async def many(port: int, count: int) -> float:
    """Send so many calls from `CLIENTS` clients, each on its connection; return microseconds by call.

    Raises:
        ValueError: an answer is not the event.
    """
    left = iter(range(count))

    async def client() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        for _ in left:
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(int(length.partition(b":")[2]))
            if not head.startswith(b"HTTP/1.1 200 ") or json.loads(body) != json.loads(EVENT):
                raise ValueError(f"the answer is {head[:20]!r} {body[:80]!r}")
        writer.close()
        await writer.wait_closed()

    before = time.perf_counter()
    await asyncio.gather(*[client() for _ in range(CLIENTS)])
    return (time.perf_counter() - before) / count * 1e6


def first_events(port: int, count: int) -> float:
    """Return how many milliseconds after it was made the first event of a stream was here; the median.

    Raises:
        OSError: nothing listened.
    """
    took = []
    first_answer_of_stream(port)
    for _ in range(count):
        with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)) as connection:
            connection.request("POST", STREAM_REQUEST, EVENT)
            part = connection.getresponse().read1()
            now_ns = time.monotonic_ns()
            took.append((now_ns - made_at_ns(part)) / 1e6)
    return statistics.median(took)


def first_answer_of_stream(port: int) -> None:
    """Wait until a stream has come whole."""
    deadline = time.perf_counter() + PATIENCE_S
    while True:
        try:
            with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)) as connection:
                connection.request("POST", STREAM_REQUEST, EVENT)
                connection.getresponse().read()
            return
        except ConnectionError:
            if time.perf_counter() > deadline:
                raise
            time.sleep(POLL_S)


def made_at_ns(part: bytes) -> int:
    """Return what the function says in an event that came in a frame.

    Raises:
        ValueError: it is no such event.
    """
    begin, end = part.find(b"<"), part.find(b">")
    if not 0 <= begin < end:
        raise ValueError(f"the stream began with {part[:80]!r}")
    return int(part[begin + 1 : end])
