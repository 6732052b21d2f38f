"""Pythons of the images that this machine lacks, taken out of the Debian releases that have them.

A release may be newer than this machine's C library, so its interpreter is told where its own is: it runs here as any
other program, and so does a venv made of it. The root file systems are those that the image tests stand on.
"""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.image import standin
from tests.parity import pythons

PARTS = ("./usr/lib/", "./usr/lib64", "./lib64", "./usr/bin/python")


class NoLoader(Exception):
    """Raised when a root file system has no C library where Debian puts it."""


def missing() -> list[standin.StandIn]:
    """What a Debian release has and this machine has not."""
    here = {python.version for python in pythons.found()}
    return [standin.StandIn(version, suite, None) for version, suite in standin.SUITE_OF.items() if version not in here]


def bring(source: standin.StandIn) -> Path:
    """Unpack the interpreter of a release to where `pythons` looks; return the program.

    Raises:
        StandInError: this machine cannot make the root file system.
        NoLoader: it has no C library.
    """
    if not source.tar().exists():
        standin.install_mmdebstrap()
        standin.make_rootfs(source)
    pythons.DEBIAN.mkdir(parents=True, exist_ok=True)
    return unpack(source.tar(), source.version, pythons.DEBIAN / source.version)


def unpack(tar: Path, version: str, place: Path) -> Path:
    """Unpack the interpreter of a root file system, so that it runs here; return the program.

    Args:
        tar: the root file system.
        version: of the interpreter.
        place: a folder that is not there yet.

    Raises:
        NoLoader: there is no C library in it.
    """
    program = Path("usr/bin", f"python{version}")
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        unfinished = Path(folder, "root")
        with tarfile.open(tar) as rootfs:
            members = [member for member in rootfs if member.name.startswith(PARTS)]
            rootfs.extractall(unfinished, members, filter="tar")
        loader = next(unfinished.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*"), None)
        if loader is None:
            raise NoLoader(f"{tar} has no usr/lib/*-linux-gnu/ld-linux-*.so.*")
        there = place / loader.relative_to(unfinished)
        options = ["--set-interpreter", str(there), "--force-rpath", "--set-rpath", str(there.parent)]
        subprocess.run(["patchelf", *options, str(unfinished / program)], check=True)
        unfinished.rename(place)
    return place / program


def main() -> None:
    for source in missing():
        print(f"Python {source.version} of Debian {source.suite}: {bring(source)}")


if __name__ == "__main__":
    try:
        main()
    except (standin.StandInError, NoLoader) as error:
        sys.exit(f"tests/parity/debian.py: {error}")
