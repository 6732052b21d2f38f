"""Cold start in a container: from before `docker run` to the first response, through the emulator inside.

Most of it is the engine's own work. Only images that are on this machine already are started. The official client runs
in Amazon's image or, where that is not here, in ours, with its packages mounted and in the place of our runtime.
"""

import contextlib
import http.client
import shutil
import socket
import subprocess
import time
import uuid
from typing import NamedTuple

from bench.figures import paired_ratios, spread
from bench.kit import BenchError, Kit, packages_of
from bench.scenarios import CONTAINER
from bench.table import Row

HANDLER = "plain.handler"
PATIENCE_S = 60.0
POLL_S = 0.002
PATH = "/2015-03-31/functions/function/invocations"
MEASURE = "docker run to first response, ms"
# Where the official client's packages are in a container of ours.
MOUNTED = "/opt/awslambdaric"


class Started(NamedTuple):
    """What is started: options of `docker run`, the image, and the words behind it."""

    title: str
    image: str
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = (HANDLER,)


def measure(version: str, made: Kit, runs: int, image: str | None = None) -> list[Row]:
    """Start ours and the official client `runs` times in turn and return the row.

    Args:
        version: of Python, such as 3.12.
        made: has the functions, and an interpreter of that version with the official client.
        runs: how many times.
        image: ours, with that Python and the emulator; `pylambda:VERSION` where it is not said.

    Raises:
        BenchError: no engine answers, there is no image, or it does not respond; the message says what would help.
    """
    ours = Started("pylambda", image or f"pylambda:{version}")
    if shutil.which("docker") is None or not _succeeds("docker", "info"):
        raise BenchError("no container engine answers: make engine")
    if not _succeeds("docker", "image", "inspect", ours.image):
        raise BenchError(f"there is no image {ours.image}: make image VERSION={version} IMAGE={ours.image}")
    peer = Started("Amazon's image", f"public.ecr.aws/lambda/python:{version}")
    if not _succeeds("docker", "image", "inspect", peer.image):
        peer = _client_in_our_image(ours, made)
    functions = ("--volume", f"{made.task}:/var/task:ro")
    figures: dict[str, list[float]] = {ours.title: [], peer.title: []}
    for number in range(runs):
        for started in (ours, peer) if number % 2 else (peer, ours):
            figures[started.title].append(_start_once(started, functions))
    ratios = spread(paired_ratios(figures[ours.title], figures[peer.title]))
    medians = {title: spread(found).median for title, found in figures.items()}
    title = "cold start in a container"
    return [
        Row(CONTAINER, title, MEASURE, medians[ours.title], peer.title, medians[peer.title],
            ratios.median, ratios.low, ratios.high)
    ]  # fmt: skip


def _client_in_our_image(ours: Started, made: Kit) -> Started:
    return Started(
        "awslambdaric in the same image",
        ours.image,
        (
            *("--volume", f"{packages_of(made.python)}:{MOUNTED}:ro", "--env", f"PYTHONPATH={MOUNTED}"),
            *("--entrypoint", "/usr/local/bin/aws-lambda-rie"),
        ),
        ("/var/lang/bin/python3", "-m", "awslambdaric", HANDLER),
    )


def _start_once(started: Started, functions: tuple[str, ...]) -> float:
    name, port = f"pylambda-bench-{uuid.uuid4().hex[:12]}", _free_port()
    line = ["docker", "run", "--rm", "--pull=never", "--name", name, "--publish", f"127.0.0.1:{port}:8080"]
    line += [*functions, *started.options, started.image, *started.command]
    began = time.monotonic()
    container = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _responds(port):
            if container.poll() is not None:
                raise BenchError(f"{started.title} ended with exit code {container.returncode} before it responded")
            if time.monotonic() - began > PATIENCE_S:
                raise BenchError(f"{started.title} did not respond within {PATIENCE_S:.0f} s{_last_words(name)}")
            time.sleep(POLL_S)
        return (time.monotonic() - began) * 1e3
    finally:
        _succeeds("docker", "rm", "--force", name)
        container.wait()


def _last_words(container: str) -> str:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=False)
    errors = [line for line in (done.stdout + done.stderr).splitlines() if "Error: " in line and "(rapid)" not in line]
    return f"; it said: {errors[-1].strip()}" if errors else ""


def _responds(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        try:
            connection.request("POST", PATH, b"{}")
            return connection.getresponse().read() == b"{}"
        except (OSError, http.client.HTTPException):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _succeeds(*line: str) -> bool:
    return subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
