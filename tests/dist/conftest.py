"""The distributions, built once as a release builds them."""

import fcntl
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.documents import ROOT


class Distributions(NamedTuple):
    """What goes to PyPI."""

    wheel: Path
    source: Path


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    return build(tmp_path_factory.mktemp("dist"))


def build(folder: Path) -> Distributions:
    """Type `make dist`: the wheel is built out of the source distribution."""
    words = ("make", "--directory", ROOT, "dist", f"DIST={folder}")
    # One after the other: setuptools keeps notes beside the sources.
    lock = ROOT / "build" / "dist.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Distributions(wheel, source)
