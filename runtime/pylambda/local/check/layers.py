"""The layers of an image, laid over each other as a container sees them.

What a later layer hides is kept apart, because it is pushed all the same. A compressed layer is unpacked into a file
that has no name; every other one is read where it lies.

Source of whiteouts: https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

import contextlib
import functools
import gzip
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from pylambda.local.check.files import FILE, FOLDER, LINK, OTHER, File, Tree, Unreadable

# Kinds of files, by how they begin.
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"


class Slice(io.RawIOBase):
    """A part of a file as a file.

    Args:
        stream: the whole; others may read it between two reads of this one.
        start: where the part begins.
        size: how long it is.
    """

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._stream, self._start, self._size, self._place = stream, start, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place in the part."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(22, os.strerror(22))
        self._place = base + offset
        return self._place

    def readinto(self, buffer: "memoryview", /) -> int:  # type: ignore[override]
        """Read on."""
        wanted = max(0, min(len(buffer), self._size - self._place))
        self._stream.seek(self._start + self._place)
        data = self._stream.read(wanted)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def unpacked(stream: BinaryIO, held: contextlib.ExitStack) -> BinaryIO:
    """Return a layer's tar as a file that can seek.

    Args:
        stream: the layer as it lies in the image.
        held: closes what is opened here.

    Raises:
        Unreadable: nothing here can unpack it.
    """
    begin = stream.read(4)
    stream.seek(0)
    if not begin.startswith((GZIP, ZSTD)):
        return stream
    plain = held.enter_context(tempfile.TemporaryFile(prefix="pylambda-check-"))  # noqa: SIM115
    if begin.startswith(GZIP):
        with gzip.open(stream) as packed:
            shutil.copyfileobj(packed, plain)
    else:
        _unpack_zstd(stream, plain)
    plain.seek(0)
    return plain


def _unpack_zstd(stream: BinaryIO, plain: BinaryIO) -> None:
    with tempfile.TemporaryFile(prefix="pylambda-check-") as packed:
        shutil.copyfileobj(stream, packed)
        packed.seek(0)
        try:
            subprocess.run(("zstd", "-dc"), stdin=packed, stdout=plain.fileno(), check=True, capture_output=False)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unreadable(f"a layer is compressed with zstd, and that program does not do it: {error}") from error


def laid_over(streams: list[BinaryIO]) -> tuple[Tree, list[File]]:
    """Return what a container sees, and the files that a later layer hides.

    Args:
        streams: the layers' tars, the lowest first.
    """
    seen: dict[str, File] = {}
    hidden: list[File] = []

    def hide(path: str, layer: int, *, itself: bool) -> None:
        before = seen.get(path)
        # Of all that is seen something lies below it only where it is no file, and most that are hidden are files.
        is_file = before is not None and before.kind != FOLDER
        gone = [] if is_file else [name for name in seen if name.startswith(f"{path}/" if path else "")]
        gone += [path] if itself and before is not None else []
        hidden.extend(seen.pop(name) for name in gone if seen[name].layer < layer)

    for number, stream in enumerate(streams):
        for file in _members(stream, number):
            folder, _, name = file.path.rpartition("/")
            if name == OPAQUE:
                hide(folder, number, itself=False)
            elif name.startswith(WHITEOUT):
                hide("/".join(filter(None, (folder, name.removeprefix(WHITEOUT)))), number, itself=True)
            else:
                before = seen.get(file.path)
                if before is not None and not before.kind == file.kind == FOLDER:
                    hide(file.path, number, itself=True)
                seen[file.path] = file
    return Tree(iter(seen.values())), [file for file in hidden if file.kind == FILE]


def _members(stream: BinaryIO, layer: int) -> Iterator[File]:
    contents: dict[str, tarfile.TarInfo] = {}
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            path = os.path.normpath(member.name).lstrip("/")
            kind = FOLDER if member.isdir() else LINK if member.issym() else FILE if member.isfile() else OTHER
            content = member
            if member.islnk():  # one more name of a file that came before
                kind, content = FILE, contents[os.path.normpath(member.linkname).lstrip("/")]
            if path == ".":
                continue
            contents[path] = content
            opener = None
            if kind == FILE and not content.issparse():
                opener = functools.partial(_part, stream, content.offset_data, content.size)
            yield File(
                path,
                kind,
                member.mode & 0o7777,
                (member.uid, member.gid),
                content.size,
                int(member.mtime),
                member.linkname if member.issym() else "",
                layer,
                opener,
            )


def _part(stream: BinaryIO, start: int, size: int) -> BinaryIO:
    return io.BufferedReader(Slice(stream, start, size))
