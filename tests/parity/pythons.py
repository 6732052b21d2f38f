"""The interpreters that the suite runs under: every CPython of this machine that the images have, each in a venv.

The venv holds the reference, awslambdaric, and the libraries of `cases/libraries.toml`, all pinned by hash. Both
runtimes run on it, so that nothing but the runtime differs. It is made once and kept under `.cache/parity/`, keyed by
the interpreter's version and the pins.
"""

import fcntl
import functools
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from images import facts

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "parity"
# Where `debian` puts what it brings.
DEBIAN = ROOT / ".cache" / "pythons"
REQUIREMENTS = sorted(Path(__file__).with_name("requirements").glob("*.txt"))
INSTALL_DEADLINE_S = 600
ASK_VERSION = "import platform; print(platform.python_implementation(), platform.python_version())"


class PythonError(Exception):
    """Raised when a venv cannot be made; the message is the tool's own."""


class Python(NamedTuple):
    """A CPython of this machine.

    Attributes:
        version: `3.12`.
        full_version: `3.12.1`.
        program: its executable.
    """

    version: str
    full_version: str
    program: Path


@functools.cache
def found() -> tuple[Python, ...]:
    """One CPython for each version of the images that is on this machine, oldest first."""
    versions = [python.version for python in facts.load().pythons]
    return tuple(python for version in versions if (python := _first(version)))


def venv_of(python: Python) -> Path:
    """Return the interpreter of the version's venv, which is made where it is missing. Raises PythonError."""
    pins = hashlib.sha256(b"".join(file.read_bytes() for file in REQUIREMENTS)).hexdigest()[:12]
    folder = CACHE / f"{python.full_version}-{pins}"
    program = folder / "bin" / "python"
    ready = folder / ".ready"
    if ready.exists():
        return program
    CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be making it
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _command(python.program, "-m", "venv", "--without-pip", folder)
            files = [f"--requirement={file}" for file in REQUIREMENTS]
            pip = [sys.executable, "-m", "pip", "--python", str(program), "install", "--quiet", "--only-binary=:all:"]
            _command(*pip, "--no-deps", "--require-hashes", *files)
            ready.touch()
    return program


def _first(version: str) -> Python | None:
    examined = (_examine(program, version) for program in _programs(version))
    return next((python for python in examined if python), None)


def _programs(version: str) -> Iterator[Path]:
    homes = [Path.home() / ".pyenv/versions", Path("/opt/hostedtoolcache/Python"), Path("/usr/local")]
    for home in homes:
        for prefix in sorted(home.glob(f"{version}.*")):
            yield from prefix.glob(f"bin/python{version}")
            yield from prefix.glob(f"*/bin/python{version}")
    if program := shutil.which(f"python{version}"):
        yield Path(program)
    yield from Path(sys.base_prefix).glob(f"bin/python{version}")
    yield from DEBIAN.glob(f"{version}/usr/bin/python{version}")


def _examine(program: Path, version: str) -> Python | None:
    """Ask the program what it is: a shim on PATH may stand for nothing, or for another version."""
    said = subprocess.run([program, "-c", ASK_VERSION], capture_output=True, text=True, timeout=60, check=False).stdout
    implementation, _, full_version = said.strip().partition(" ")
    if implementation != "CPython" or full_version.split(".")[:2] != version.split("."):
        return None
    return Python(version, full_version, program)


def _command(*arguments: str | Path) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=INSTALL_DEADLINE_S, check=False)
    if done.returncode:
        raise PythonError(f"{' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
