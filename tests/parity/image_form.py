"""An interpreter and two runtimes in the form that an image has them.

The interpreter is no venv: a venv has a prefix that is not its own, and `site` has work to do in it. It is a prefix of
links to the standard library of one that is here, with packages of its own. Our runtime has the record of packages and
the cold path written; the reference lies with its start script in a folder of its own, as in /var/runtime, so that
nothing of it is among the packages that a function finds under ours.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[2]
START_SCRIPT = Path(__file__).with_name("official") / "start.py"
# Debian keeps its own packages, and what forbids pip to add some, in the standard library's folder.
LEFT_OUT = {"site-packages", "dist-packages", "EXTERNALLY-MANAGED"}
ASK_STDLIB = "import sysconfig; print(sysconfig.get_path('stdlib'))"
ASK_PACKAGES = "import site; print(site.getsitepackages()[0])"
WRITE = "from pylambda.start import cold_path, installed; installed.record({0!r}); cold_path.write({0!r})"
ASK_DEADLINE_S = 60


class Image(NamedTuple):
    """Both runtimes on one interpreter.

    Attributes:
        program: the interpreter.
        packages: where its packages are.
        ours: our runtime's folder.
        official: the reference's.
    """

    program: Path
    packages: Path
    ours: Path
    official: Path


def make_prefix(python: Path, folder: Path) -> Path:
    """Make a prefix of links to an interpreter's standard library, without any package; return its interpreter."""
    stdlib = Path(_ask(python, ASK_STDLIB))
    program = folder / "bin" / stdlib.name
    program.parent.mkdir(parents=True)
    shutil.copy(python, program)
    program.with_name("python3").symlink_to(program.name)
    library = folder / "lib" / stdlib.name
    library.mkdir(parents=True)
    for entry in stdlib.iterdir():
        if entry.name not in LEFT_OUT:
            library.joinpath(entry.name).symlink_to(entry)
    packages_of(program).mkdir(parents=True)
    return program


def packages_of(program: Path) -> Path:
    """Return the folder where an interpreter's packages are installed."""
    return Path(_ask(program, ASK_PACKAGES))


def make(program: Path, client: Path, folder: Path) -> Image:
    """Put both runtimes beside an interpreter.

    Args:
        program: of a prefix that `make_prefix` made.
        client: where the reference is installed.
        folder: for the runtimes.
    """
    ours, official = folder / "ours" / "runtime", folder / "official"
    shutil.copytree(CHECKOUT / "runtime", ours, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    write_record(program, ours)
    official.mkdir()
    for entry in client.iterdir():
        official.joinpath(entry.name).symlink_to(entry)
    shutil.copy(START_SCRIPT, official / "bootstrap.py")
    return Image(program, packages_of(program), ours, official)


def add_packages(image: Image, files: Mapping[str, str], folder: Path) -> Image:
    """Return an image with more files among its packages, which are all that differs."""
    program = make_prefix(image.program, folder / "prefix")
    packages = packages_of(program)
    for entry in image.packages.iterdir():
        packages.joinpath(entry.name).symlink_to(entry)
    for name, text in files.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    ours = folder / "image" / "runtime"
    shutil.copytree(image.ours, ours)
    write_record(program, ours)
    return Image(program, packages, ours, image.official)


def write_record(program: Path, runtime_dir: Path) -> None:
    """Write down what the image's build writes down."""
    environ = {"PYTHONPATH": str(runtime_dir), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([program, "-c", WRITE.format(str(runtime_dir))], env=environ, check=True, timeout=ASK_DEADLINE_S)


def _ask(python: Path, program: str) -> str:
    done = subprocess.run(
        [python, "-c", program], env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=True,
        timeout=ASK_DEADLINE_S,
    )  # fmt: skip
    return done.stdout.strip()
