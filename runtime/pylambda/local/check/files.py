"""One shape for whatever is checked: files with their mode, owner, size and link, and a reader that can seek.

A folder, a zip and the layers of an image all become a `Tree`. Nothing large is held in memory: a file is read when
a rule looks into it.
"""

import io
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "other"
# As the kernel has it.
MOST_LINKS = 40


class Unreadable(Exception):
    """Raised when a target cannot be read; the message is one line that names the mend."""


@dataclass(frozen=True, slots=True)
class File:
    """What stands under one path.

    Attributes:
        path: from the root of the target, without a slash before it.
        kind: `file`, `folder`, `link` or `other`.
        mode: the permission bits; None where the target does not say.
        owner: user and group; None where the target's are not those that it will have.
        size: in bytes.
        mtime_s: when it was changed; None where the target does not say.
        link: where a link leads.
        layer: the number of its layer in an image.
        opener: opens it; the reader can seek.
    """

    path: str
    kind: str
    mode: int | None = None
    owner: tuple[int, int] | None = None
    size: int = 0
    mtime_s: int | None = None
    link: str = ""
    layer: int = 0
    opener: Callable[[], BinaryIO] | None = None

    def open(self) -> BinaryIO:
        """Return a reader; an empty one of what is no file."""
        return self.opener() if self.opener else io.BytesIO()

    def head(self, size: int) -> bytes:
        """Return how it begins."""
        if self.size == 0:
            return b""
        with self.open() as stream:
            return stream.read(size)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return posixpath.basename(self.path)


class Tree:
    """Files by their paths.

    Args:
        files: in any order; a later one takes the place of an earlier one.
    """

    def __init__(self, files: Iterator[File]) -> None:
        self.files = {file.path: file for file in files}

    def __iter__(self) -> Iterator[File]:
        return iter(self.files.values())

    def find(self, path: str) -> File | None:
        """Return what a path leads to, through links in any part of it; None where it leads nowhere."""
        return self.files.get(self.resolved(path))

    def resolved(self, path: str) -> str:
        """Return a path without links in it; the empty one of the root, and where links go in a ring."""
        parts = [part for part in path.split("/") if part not in ("", ".")][::-1]
        here: list[str] = []
        links = 0
        while parts:
            part = parts.pop()
            if part == "..":
                here = here[:-1]
                continue
            found = self.files.get("/".join([*here, part]))
            if found is not None and found.kind == LINK:
                links += 1
                if links > MOST_LINKS:
                    return ""
                if found.link.startswith("/"):
                    here = []
                parts += [step for step in found.link.split("/") if step not in ("", ".")][::-1]
                continue
            here.append(part)
        return "/".join(here)

    def below(self, folder: str) -> Iterator[File]:
        """Return all that is in a folder, at any depth."""
        start = f"{folder.strip('/')}/" if folder.strip("/") else ""
        return (file for file in self.files.values() if file.path.startswith(start))

    def folders_of(self, path: str) -> Iterator[File]:
        """Return the folders on the way to a path."""
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            found = self.files.get("/".join(parts[:count]))
            if found is not None:
                yield found


@dataclass
class ImageFacts:
    """What an image says beside its files.

    Attributes:
        config: its configuration, as it stands there.
        media_types: what each part is called, by what it is: `manifest`, `config`, `layer 1`; empty where the format
            has none.
        platforms: of the manifests that an index lists, when one stands where a single manifest should.
        attestations: how many of what is listed are statements about an image and no image.
        name: under which the engine knows it; empty for a file.
    """

    config: dict[str, Any]
    media_types: dict[str, str] = field(default_factory=dict)
    platforms: list[str] = field(default_factory=list)
    attestations: int = 0
    name: str = ""

    @property
    def run(self) -> dict[str, Any]:
        """How it is started."""
        return self.config.get("config") or {}

    @property
    def variables(self) -> dict[str, str]:
        """Its environment."""
        return dict(entry.partition("=")[::2] for entry in self.run.get("Env") or [])


@dataclass
class Target:
    """What is checked.

    Attributes:
        name: as the command line has it.
        kind: `folder`, `zip` or `image`.
        tree: what the function sees.
        hidden: files of layers that a later layer removes or replaces: they are pushed all the same.
        image: of an image.
        close: gives back what reading it holds.
    """

    name: str
    kind: str
    tree: Tree
    hidden: list[File] = field(default_factory=list)
    image: ImageFacts | None = None
    close: Callable[[], None] = lambda: None
