"""Print the image's build context as a tar: the same bytes from every checkout of one commit.

Modes, owners and times are set here, so that neither the umask of a host nor the time of a checkout gets into a
layer. Only what the image carries goes in: sources without byte code, and what images/vendor.py fetched.
"""

import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parents[1]
FILES = {
    "Dockerfile": ROOT / "images/Dockerfile",
    "bootstrap": ROOT / "bootstrap",
    "entry_script.sh": ROOT / "entry_script.sh",
}
FOLDERS = {"pylambda": ROOT / "runtime/pylambda", "vendor": ROOT / "build/vendor"}
PROGRAMS = {"bootstrap", "entry_script.sh"}
# 1980, the first year that a zip can name: some tools make zips from what they find in an image.
MTIME_S = 315532800


def members() -> Iterator[tuple[str, Path]]:
    """Names in the context and where they come from, folders before what is in them."""
    yield from FILES.items()
    for name, folder in FOLDERS.items():
        yield name, folder
        for path in sorted(folder.rglob("*")):
            if "__pycache__" not in path.parts:
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


def write(stream: BinaryIO) -> None:
    """Write the tar. Raises OSError where a part is missing."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name, path in members():
            member = tarfile.TarInfo(name)
            member.mtime = MTIME_S
            if path.is_dir():
                member.type = tarfile.DIRTYPE
                member.mode = 0o755
                archive.addfile(member)
                continue
            member.mode = 0o755 if name in PROGRAMS else 0o644
            member.size = path.stat().st_size
            with path.open("rb") as content:
                archive.addfile(member, content)


if __name__ == "__main__":
    try:
        write(sys.stdout.buffer)
    except OSError as error:
        sys.exit(f"images/context.py: {error}")
