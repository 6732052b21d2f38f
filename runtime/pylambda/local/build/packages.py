"""Puts what a function needs into a folder, for the machine that will run it and not for this one."""

import csv
import re
import shutil
import sys
from pathlib import Path

from pylambda.local.build import programs
from pylambda.local.build.requirements import Requirements
from pylambda.local.build.settings import BuildError, Settings

# What uv says of a package that has no wheel for the target, of one that it may not compile, of one that is nowhere.
NO_WHEEL = re.compile(r"(\S+?)(?:==(\S+))? has no (?:usable )?wheels")
HAS_SOURCE = "building from source is disabled"
NO_PACKAGE = re.compile(r"(\S+) was not found in the (?:package registry|provided package locations)")
SCRIPTS = "bin"


def install(settings: Settings, requirements: Requirements, target: Path, scratch: Path) -> None:
    """Install into a folder.

    Args:
        settings: name the target.
        requirements: what.
        target: the folder; made.
        scratch: a folder for files of this build.

    Raises:
        BuildError: a wheel is missing, or uv is.
    """
    there = ("--python-version", settings.python, "--python-platform", settings.manylinux, "--only-binary", ":all:")
    if _run(settings, requirements, target, scratch, *there):
        tidy(target)


def install_here(settings: Settings, requirements: Requirements, target: Path, scratch: Path) -> None:
    """Install for this very machine, as in the build image, where what has no wheel is compiled.

    Args:
        settings: name the project.
        requirements: what.
        target: the folder; made.
        scratch: a folder for files of this build.

    Raises:
        BuildError: something is not to be had, or uv is not.
    """
    _run(settings, requirements, target, scratch)


def _run(settings: Settings, requirements: Requirements, target: Path, scratch: Path, *more: str) -> bool:
    """Run uv; return whether there was something to install."""
    target.mkdir(parents=True, exist_ok=True)
    options = requirements.options(str(settings.folder), scratch)
    if not options:
        return False
    words = ("pip", "install", "--python", sys.executable, "--target", str(target), "--no-progress")
    done = programs.run_uv(settings.environ, *words, "--link-mode", "copy", *more, *options, cwd=settings.folder)
    if done.returncode:
        raise explained(done.stderr, settings)
    return True


def explained(said: str, settings: Settings) -> BuildError:
    """Return uv's complaint as one line that names the mend."""
    said = said.strip()
    if found := NO_WHEEL.search(said):
        name = " ".join(filter(None, found.groups()))
        mend = (
            "--docker compiles it in the build image, or another version of it has one"
            if HAS_SOURCE in said
            else "and there is no source to compile: take another version of it, or another --arch or --python"
        )
        return BuildError(f"{name} has no wheel for {settings.target} ({settings.manylinux}); {mend}", said)
    if found := NO_PACKAGE.search(said):
        return BuildError(f"{found[1]} is not to be found: is its name right, and its index named in uv.toml?", said)
    return BuildError("uv could not install what the function needs", said)


def tidy(folder: Path) -> None:
    """Leave out what differs from machine to machine: uv's lock, and scripts that name this machine's Python."""
    (folder / ".lock").unlink(missing_ok=True)
    scripts = folder / SCRIPTS
    gone = set()
    for script in sorted(scripts.iterdir()) if scripts.is_dir() else []:
        if script.is_file() and _names_a_python(script):
            script.unlink()
            gone.add(f"{SCRIPTS}/{script.name}")
    if scripts.is_dir() and not any(scripts.iterdir()):
        scripts.rmdir()
    for info in folder.glob("*.dist-info"):
        for left in ("direct_url.json", "uv_cache.json", "uv_build.json"):
            (info / left).unlink(missing_ok=True)
            gone.add(f"{info.name}/{left}")
        _forget(info / "RECORD", gone)


def _names_a_python(script: Path) -> bool:
    with script.open("rb") as file:
        start = file.read(512)
    # A path that is too long for a first line is in the second one.
    return start.startswith(b"#!") and b"python" in start


def _forget(record: Path, gone: set[str]) -> None:
    """Take lines out of a list of installed files."""
    if not record.is_file():
        return
    with record.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row and row[0].removeprefix("../../") not in gone]
    with record.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def merge(own: list[tuple[str, Path]], target: Path) -> None:
    """Copy the function's own files over what was installed, which they go before in Lambda too.

    Raises:
        BuildError: a file of the function's has the name of a package's folder.
    """
    for name, path in own:
        place = target / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        except OSError as error:
            raise BuildError(f"cannot take {name}: {error.strerror}") from error
