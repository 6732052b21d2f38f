"""Make a Docker engine answer.

The test of an engine is that `docker version` answers, whatever DOCKER_HOST or a context says; where it does,
nothing is done. Else root on Debian gets `docker.io` from apt and a `dockerd` that outlives this program, with
its log in a file. Everybody else gets one line that says what to do. The standard library is enough, because
this runs on a machine that has nothing yet.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

START_TIMEOUT_S = 60
APT = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=120")


class EngineError(Exception):
    """Raised when no engine can be had; the message says what to do."""


class Daemon(NamedTuple):
    """Where dockerd keeps what outlives it."""

    pid_file: Path = Path("/var/run/docker.pid")
    containerd_pid_file: Path = Path("/var/run/docker/containerd/containerd.pid")
    log: Path = Path("/var/log/dockerd.log")


class Answer(NamedTuple):
    """What `docker version` said: the server's version, or the reason why there is none."""

    version: str
    reason: str = ""


def ask() -> Answer:
    """Ask the engine that the docker client would use."""
    if shutil.which("docker") is None:
        return Answer("", "no docker command on PATH")
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer("", "docker version did not answer in 20 s")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["docker version failed without a word"]
        return Answer("", lines[-1])
    return Answer(done.stdout.strip())


def ensure() -> str:
    """Make an engine answer and return its version. Raises EngineError."""
    answer = ask()
    if answer.version:
        say(f"A Docker engine answers (version {answer.version}): nothing to do")
        return answer.version
    if host := os.environ.get("DOCKER_HOST"):
        raise EngineError(f"DOCKER_HOST={host} does not answer ({answer.reason}): start it, or unset DOCKER_HOST")
    if os.geteuid() != 0:
        raise EngineError(
            f"no Docker engine answers ({answer.reason}), and starting one needs root: "
            "start Docker as this system does (systemctl start docker, say), or run make engine as root"
        )
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        install()
    return start(Daemon())


def install() -> None:
    """Install Debian's engine. Raises EngineError."""
    if shutil.which("apt-get") is None:
        raise EngineError("no dockerd here, and no apt-get to install it with: install Docker as this system does")
    update_lists()
    # From Debian 13 on the client is a package of its own.
    has_client = subprocess.run(["apt-cache", "show", "docker-cli"], capture_output=True, check=False).returncode == 0
    install_packages("docker.io", *(["docker-cli"] if has_client else []))


def update_lists() -> None:
    """Let apt know what there is; a new machine knows of nothing. Raises EngineError."""
    _run(*APT, "update")


def install_packages(*packages: str) -> None:
    """Install Debian packages, without what they only recommend. Raises EngineError."""
    say(f"Installing {', '.join(packages)} with apt-get")
    _run(*APT, "install", "--yes", "--no-install-recommends", *packages)


def start(daemon: Daemon) -> str:
    """Start dockerd, or wait for one that is starting, and return its version. Raises EngineError."""
    pid = _running("dockerd", daemon.pid_file)
    if pid is None:
        _running("containerd", daemon.containerd_pid_file)
        say(f"Starting dockerd; its log is {daemon.log}")
        started = _spawn(daemon.log)
    else:
        say(f"dockerd runs as process {pid} and does not answer yet: waiting for it")
        started = None
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        answer = ask()
        if answer.version:
            say(f"A Docker engine answers (version {answer.version})")
            return answer.version
        if started and os.waitpid(started, os.WNOHANG)[0] == started:
            raise EngineError(f"dockerd ended at once; the end of {daemon.log}:\n{_tail(daemon.log)}")
        if time.monotonic() > deadline:
            raise EngineError(f"dockerd did not answer in {START_TIMEOUT_S} s ({answer.reason}): see {daemon.log}")
        time.sleep(0.2)


def say(text: str) -> None:
    print(text, flush=True)


def _running(name: str, pid_file: Path) -> int | None:
    """The process of a pid file; a number that is dead, or somebody else's by now, is cleared away.

    After a crash, or on a machine restored from a snapshot, dockerd takes any live process of that number for
    its like, and does not start.
    """
    try:
        text = pid_file.read_text().strip()
    except FileNotFoundError:
        return None
    try:
        found = Path("/proc", text, "comm").read_text().strip() if text.isdigit() else ""
    except (FileNotFoundError, ProcessLookupError):
        found = ""
    if found == name:
        return int(text)
    say(f"Removing {pid_file}: process {text or '(none)'} is not {name}")
    pid_file.unlink(missing_ok=True)
    return None


def _spawn(log: Path) -> int:
    """Start dockerd and return its process id; it goes on when the terminal or the CI step that started it ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.posix_spawnp(
        "dockerd",
        ["dockerd"],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:])


def _run(*words: str) -> None:
    done = subprocess.run(words, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)
    if done.returncode:
        raise EngineError(f"{' '.join(words)} failed (exit {done.returncode}); its own message is above")


if __name__ == "__main__":
    try:
        ensure()
    except EngineError as error:
        sys.exit(f"make engine: {error}")
