"""The programs that a build runs: uv, a Python of the function's version, Docker. Each says what brings it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pylambda.local.build.settings import BuildError


def uv(environ: Mapping[str, str]) -> str:
    """Return the path of uv: beside this Python, else on PATH.

    Raises:
        BuildError: it is nowhere.
    """
    beside = Path(sys.executable).with_name("uv")
    found = os.fspath(beside) if beside.is_file() else shutil.which("uv", path=environ.get("PATH"))
    if not found:
        raise BuildError("there is no uv, which installs packages for another machine: pip install 'pylambda[build]'")
    return found


def run_uv(environ: Mapping[str, str], *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run uv to its end and return what it said; a failure is the caller's to explain.

    Raises:
        BuildError: there is none.
    """
    return subprocess.run(
        [uv(environ), *words], cwd=cwd, env=dict(environ), capture_output=True, text=True, check=False
    )


def python(version: str, environ: Mapping[str, str]) -> str:
    """Return an interpreter of a version on this machine; empty where there is none.

    Where it is not on PATH, those that uv or pyenv installed are looked at.
    """
    if version == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    home = Path(environ.get("HOME") or "/")
    candidates = [shutil.which(f"python{version}", path=environ.get("PATH")) or ""]
    candidates += sorted(map(str, home.glob(f".pyenv/versions/{version}.*/bin/python{version}")))
    candidates += sorted(map(str, home.glob(f".local/share/uv/python/cpython-{version}.*/bin/python{version}")))
    return next((found for found in candidates if found and _version_of(found) == version), "")


def _version_of(program: str) -> str:
    words = [program, "-ISc", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def docker(environ: Mapping[str, str]) -> str:
    """Return the path of a Docker client whose engine answers.

    Raises:
        BuildError: there is none.
    """
    found = shutil.which("docker", path=environ.get("PATH"))
    if not found:
        raise BuildError("there is no docker command on PATH: install Docker, or build with --zip, which needs none")
    done = subprocess.run([found, "version"], env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise BuildError(f"no container engine answers: {last}; start Docker")
    return found
