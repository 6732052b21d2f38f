"""The interpreters that the suite runs under: every CPython of this machine that the images have, each in a prefix of
its own.

The prefix holds the libraries of the cases, all pinned by hash; the reference, awslambdaric, lies beside it, so that
it is not among the packages that a function finds under our runtime. Both runtimes run on one prefix, so that nothing
but the runtime differs. It is made once and kept under `.cache/parity/`, keyed by the interpreter's version and the
pins.
"""

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from images import facts
from tests.parity import image_form

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "parity"
# Where `debian` puts what it brings.
DEBIAN = (ROOT / ".cache" / "pythons").resolve()
REQUIREMENTS = Path(__file__).with_name("requirements")
LIBRARIES, CLIENT = REQUIREMENTS / "libraries.txt", REQUIREMENTS / "official.txt"
INSTALL_DEADLINE_S = 600
# Names the one interpreter to compare on, which no image has yet; see tests/early.py.
EARLY = "PARITY_EARLY_PYTHON"
PINNED = re.compile(r"^([\w.\[\]-]+==[\w.]+)", re.MULTILINE)
ASK_VERSION = "import platform; print(platform.python_implementation(), platform.python_version())"


class PythonError(Exception):
    """Raised when a prefix cannot be made; the message is the tool's own."""


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
    """One CPython for each version of the images that is on this machine, oldest first; or the one to try early."""
    if program := os.environ.get(EARLY):
        return (_describe(Path(program)),)
    versions = [python.version for python in facts.load().pythons]
    return tuple(python for version in versions if (python := _first(version)))


class Prefix(NamedTuple):
    """A prefix with the libraries, and the reference beside it.

    Attributes:
        program: the prefix's interpreter.
        client: the folder of the reference's packages.
    """

    program: Path
    client: Path


def prefix_of(python: Python) -> Prefix:
    """Return the version's prefix, which is made where it is missing. Raises PythonError."""
    # The prefix is made of links to where the interpreter is today: a checkout that has moved needs another one.
    home = os.path.realpath(python.program).encode()
    made_of = [home, LIBRARIES.read_bytes(), CLIENT.read_bytes(), Path(image_form.__file__).read_bytes()]
    folder = CACHE / f"{python.full_version}-{hashlib.sha256(b''.join(made_of)).hexdigest()[:12]}"
    client = folder / "client"

    def make() -> None:
        program = image_form.make_prefix(python.program, folder)
        install = _install_what_there_is if os.environ.get(EARLY) else _install
        install(LIBRARIES, program, image_form.packages_of(program))
        install(CLIENT, program, client)

    make_once(folder, make)
    return Prefix(next((folder / "bin").glob("python3.*")), client)  # a free-threaded one ends with a t


def client_of_this_python() -> Path:
    """Return a folder with the reference for the interpreter that runs this. Raises PythonError."""
    key = hashlib.sha256(sys.version.encode() + CLIENT.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"client-{key}"
    make_once(folder, lambda: _install(CLIENT, Path(sys.executable), folder))
    return folder


def make_once(folder: Path, make: Callable[[], None]) -> None:
    """Make a folder where it is missing or was not finished; several runs may ask for it at once."""
    ready = folder / ".ready"
    if ready.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be making it
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make()
            ready.touch()


def _install_what_there_is(requirements: Path, program: Path, folder: Path) -> None:
    """Install one by one what has a wheel for a Python that nobody pinned hashes for; the rest is missing for both."""
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    folder.mkdir(exist_ok=True)
    for package in PINNED.findall(requirements.read_text()):
        command = [*uv, "--python", program, f"--target={folder}", package]
        subprocess.run(command, capture_output=True, timeout=INSTALL_DEADLINE_S, check=False)
    if requirements is CLIENT and not (folder / "awslambdaric").exists():
        raise PythonError(f"the official client has no wheel for {program}")


def _install(requirements: Path, program: Path, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(program), "install", "--quiet", "--only-binary=:all:"]
    _command(*pip, "--no-deps", "--require-hashes", f"--requirement={requirements}", f"--target={folder}")


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


def _describe(program: Path) -> Python:
    said = subprocess.run([program, "-c", ASK_VERSION], capture_output=True, text=True, timeout=60, check=True).stdout
    full_version = said.split()[1]
    return Python(".".join(full_version.split(".")[:2]), full_version, program)


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
