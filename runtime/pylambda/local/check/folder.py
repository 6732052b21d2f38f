"""A folder and a zip as a target: what is to be a function's /var/task.

Of a folder that is a checkout, what `.dockerignore` names is left out, and so are virtual environments and what tools
keep for themselves: they were made for this machine.
"""

import functools
import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from pylambda.local.check.files import FILE, FOLDER, LINK, OTHER, File, Target, Tree, Unreadable

IGNORE_FILE = ".dockerignore"
# Listed, because a copy of the folder would have them, and not looked into.
CLOSED = {".git", ".hg", ".svn"}
TOOLS_OWN = {"node_modules", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".idea", ".vscode"}
# What a zip says of the system that made it, where that has modes.
UNIX = 3
# What reading a zip raises where it is broken, or made in a way that Python does not know.
BROKEN = (OSError, ValueError, IndexError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, struct.error)


def open_folder(path: Path) -> Target:
    """Return a folder as a target.

    Raises:
        Unreadable: it cannot be listed.
    """
    return Target(os.fspath(path), "folder", Tree(_walk(path)))


def _walk(root: Path) -> Iterator[File]:
    def refuse(error: OSError) -> None:
        raise Unreadable(f"cannot read {error.filename!r}: {error.strerror}")

    ignored = _ignored(root / IGNORE_FILE)
    for folder, folders, files in os.walk(root, onerror=refuse):
        place = Path(folder).relative_to(root)
        names = [name for name in sorted(folders + files) if not ignored((place / name).as_posix())]
        folders[:] = [name for name in folders if name in names and _is_looked_into(Path(folder, name))]
        for name in names:
            if name in folders or name in files or name in CLOSED or Path(folder, name).is_symlink():
                yield _file(Path(folder, name), (place / name).as_posix())


def _is_looked_into(folder: Path) -> bool:
    return folder.name not in CLOSED | TOOLS_OWN and not (folder / "pyvenv.cfg").exists()


def _file(path: Path, name: str) -> File:
    found = path.lstat()
    is_link = stat.S_ISLNK(found.st_mode)
    kind = LINK if is_link else FILE if stat.S_ISREG(found.st_mode) else OTHER
    return File(
        name,
        FOLDER if stat.S_ISDIR(found.st_mode) else kind,
        stat.S_IMODE(found.st_mode),
        None,  # `COPY` and zips give everything to root, whoever has it here
        found.st_size,
        int(found.st_mtime),
        os.readlink(path) if is_link else "",
        opener=functools.partial(_opened, path) if kind == FILE else None,
    )


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _ignored(file: Path) -> Callable[[str], bool]:
    """Return what tells whether `.dockerignore` leaves a path out: its last line that fits decides."""
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        lines = []
    rules = [
        (not line.startswith("!"), re.compile(_expression(line.lstrip("!").strip("/"))))
        for line in lines
        if line and not line.startswith("#")
    ]

    def is_ignored(path: str) -> bool:
        fits = [leaves_out for leaves_out, expression in rules if expression.fullmatch(path)]
        return bool(fits) and fits[-1]

    return is_ignored


def _expression(pattern: str) -> str:
    """Return a pattern of Go's `filepath.Match`, with `**`, as a regular expression; what is below fits too."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(part, re.escape(part)) for part in parts) + "(?:/.*)?"


def open_zip(path: Path) -> Target:
    """Return a zip as a target.

    Raises:
        Unreadable: it is none, or cannot be read.
    """
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise Unreadable(f"cannot read {os.fspath(path)!r}: {error}") from error
    return Target(os.fspath(path), "zip", Tree(_members(archive)), close=archive.close)


def _members(archive: zipfile.ZipFile) -> Iterator[File]:
    for member in archive.infolist():
        mode = member.external_attr >> 16
        path = member.filename.strip("/")
        link = ""
        kind = FOLDER if member.filename.endswith("/") else FILE
        if member.create_system == UNIX and stat.S_ISLNK(mode):
            kind, link = LINK, _unpacked(archive, member).read().decode(errors="replace")
        has_mode = member.create_system == UNIX and mode != 0
        yield File(
            path,
            kind,
            stat.S_IMODE(mode) if has_mode else None,
            size=member.file_size,
            link=link,
            opener=functools.partial(_unpacked, archive, member) if kind == FILE else None,
        )


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    """Return a member as a file that can seek both ways without being unpacked again."""
    try:
        with archive.open(member) as packed:
            unpacked = tempfile.SpooledTemporaryFile(max_size=1_000_000)  # noqa: SIM115  # the caller closes it
            shutil.copyfileobj(packed, unpacked)
    except BROKEN as error:
        raise Unreadable(f"cannot read {member.filename!r} in {archive.filename!r}: {error}") from error
    unpacked.seek(0)
    return unpacked  # type: ignore[return-value]  # it has all of it
