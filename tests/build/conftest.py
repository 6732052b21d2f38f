"""Projects for `pylambda build`, and the command as a user types it, without the network."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from pylambda.local.build.settings import PYTHONS
from tests.build import wheels

COMMAND = (os.fspath(Path(sys.executable).with_name("pylambda")), "build")
LOCKS = Path(__file__).with_name("locks")
# The one Python that is here for certain.
HERE = ".".join(map(str, sys.version_info[:2]))
APP = "import greeting\n\n\ndef handler(event, context):\n    return greeting.hello()\n"

# Says that it is there, notes how it was called, knows an image of 12 MB, and what is run gives a tar.
DOCKER = """#!/bin/sh
case $1 in
  build) echo "$BUILDX_NO_DEFAULT_ATTESTATIONS|$*" > "$CALLED" ;;
  run) echo "$*" > "$CALLED"; tar -cC "$(dirname "$0")" docker ;;
  inspect) echo '[{"Size": 12582912}]' ;;
esac
"""


class Build(Protocol):
    """Run `pylambda build` in a folder; return its exit code, standard output and standard error."""

    def __call__(
        self, folder: Path, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]: ...


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels, and the settings that tell uv to look nowhere else."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "wheels").mkdir()
    wheels.write_all(folder / "wheels", PYTHONS)
    (folder / "uv.toml").write_text(f'no-index = true\nfind-links = ["{folder}/wheels"]\n')
    return folder


@pytest.fixture
def build(index: Path) -> Build:
    offline = {**os.environ, "UV_CONFIG_FILE": str(index / "uv.toml"), "PYTHONWARNINGS": "error"}
    offline.pop("SOURCE_DATE_EPOCH", None)

    def build(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**offline, **(environ or {})},
            timeout=110,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return build


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a function that needs a package."""
    return write_project(tmp_path / "hello", {"app.py": APP, "requirements.txt": "greeting==1.0\n"})


@pytest.fixture
def docker(tmp_path: Path) -> dict[str, str]:
    """Variables under which `docker` is a script."""
    write_project(tmp_path / "bin", {"docker": DOCKER})
    (tmp_path / "bin/docker").chmod(0o755)
    return {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "CALLED": f"{tmp_path}/called"}


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a project's files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def content(archive: Path) -> dict[str, bytes]:
    """What a zip holds."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
