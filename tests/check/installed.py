"""What `make check-packages` installs, with uv: packages for Lambda's machine and Python, and one for others.

python -m tests.check.installed UV FOLDER
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
# Small, and native.
MISFIT = "markupsafe==3.0.3"
PYTHON = "3.12"


class Place(NamedTuple):
    """A folder, and for which Python and system its packages are, by uv's names."""

    python: str
    system: str
    what: tuple[str, ...]


PLACES = {
    "fits": Place(PYTHON, "x86_64-manylinux_2_34", ("--requirement", str(REQUIREMENTS))),
    "arm64": Place(PYTHON, "aarch64-manylinux_2_34", (MISFIT,)),
    "musl": Place(PYTHON, "x86_64-unknown-linux-musl", (MISFIT,)),
    "python311": Place("3.11", "x86_64-manylinux_2_34", (MISFIT,)),
    "macos": Place(PYTHON, "aarch64-apple-darwin", (MISFIT,)),
}


def install(uv: str, folder: Path) -> None:
    """Install everything anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, place in PLACES.items():
        target = ("--target", str(folder / name), "--python-version", place.python, "--python-platform", place.system)
        subprocess.run(
            (uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", *target, *place.what), check=True
        )


if __name__ == "__main__":
    install(sys.argv[1], Path(sys.argv[2]))
