"""Cold start in a container: from before `docker run` to the first response, through the emulator inside.

Most of it is the engine's own work. Only images that are on this machine already are started.
"""

import contextlib
import http.client
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

from bench.figures import paired_ratios, spread
from bench.kit import BenchError
from bench.scenarios import CONTAINER
from bench.table import Row

AMAZON = "Amazon's image"
PATIENCE_S = 60.0
POLL_S = 0.002
PATH = "/2015-03-31/functions/function/invocations"
MEASURE = "docker run to first response, ms"


def measure(version: str, task: Path, runs: int) -> list[Row]:
    """Start the images `runs` times in turn and return their row.

    Args:
        version: of Python, such as 3.12.
        task: the functions.
        runs: how many times.

    Raises:
        BenchError: no engine answers, there is no image, or it does not respond; the message says what would help.
    """
    image, peer = f"pylambda:{version}", f"public.ecr.aws/lambda/python:{version}"
    if shutil.which("docker") is None or not _succeeds("docker", "info"):
        raise BenchError("no container engine answers: make engine")
    if not _succeeds("docker", "image", "inspect", image):
        raise BenchError(f"there is no image {image}: make image VERSION={version}")
    has_peer = _succeeds("docker", "image", "inspect", peer)
    ours, others = [], []
    for _ in range(runs):
        ours.append(_start_once(image, task))
        if has_peer:
            others.append(_start_once(peer, task))
    row = Row(CONTAINER, "cold start in a container", MEASURE, spread(ours).median)
    if not has_peer:
        return [row]
    ratios = spread(paired_ratios(ours, others))
    return [
        Row(
            row.scenario,
            row.title,
            row.measure,
            row.ours,
            AMAZON,
            spread(others).median,
            ratios.median,
            ratios.low,
            ratios.high,
        )
    ]


def _start_once(image: str, task: Path) -> float:
    name, port = f"pylambda-bench-{uuid.uuid4().hex[:12]}", _free_port()
    line = ["docker", "run", "--rm", "--pull=never", "--name", name, "--publish", f"127.0.0.1:{port}:8080"]
    line += ["--volume", f"{task}:/var/task:ro", image, "plain.handler"]
    began = time.monotonic()
    container = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _responds(port):
            if container.poll() is not None:
                raise BenchError(f"{image} ended with exit code {container.returncode} before it responded")
            if time.monotonic() - began > PATIENCE_S:
                raise BenchError(f"{image} did not respond within {PATIENCE_S:.0f} s")
            time.sleep(POLL_S)
        return (time.monotonic() - began) * 1e3
    finally:
        _succeeds("docker", "rm", "--force", name)
        container.wait()


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
