"""What a zip weighs, what most of it is, and what Lambda would say to that.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import csv
import zipfile
from collections import Counter
from pathlib import Path

from pylambda.local.build.settings import BuildError

UNZIPPED_LIMIT = 250 * 1024 * 1024
UPLOAD_LIMIT = 50 * 1024 * 1024
LARGEST = 5
NEAR = 0.8


def unzipped(folder: Path) -> int:
    """Return the size of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def check(size: int, folder: Path) -> None:
    """Refuse what Lambda would.

    Raises:
        BuildError: it is too large, and what of it is.
    """
    if size > UNZIPPED_LIMIT:
        largest = ", ".join(f"{name} {amount(count)}" for name, count in packages(folder)[:LARGEST])
        raise BuildError(
            f"{amount(size)} unzipped, and Lambda takes {amount(UNZIPPED_LIMIT)}: build --image, which may have 10 GB; "
            f"the largest are {largest}"
        )


def packages(folder: Path) -> list[tuple[str, int]]:
    """Return what was installed and how large it is, byte code included, the largest first."""
    owners = {}
    for info in folder.glob("*.dist-info"):
        name = " ".join(info.name.removesuffix(".dist-info").rsplit("-", 1))
        with (info / "RECORD").open(newline="") as file:
            owners.update({row[0]: name for row in csv.reader(file) if row})
    sizes: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and (owner := owners.get(_source(path.relative_to(folder)))):
            sizes[owner] += path.stat().st_size
    return sizes.most_common()


def _source(path: Path) -> str:
    """Return the module that byte code was made of; other files are their own."""
    if path.parent.name != "__pycache__":
        return path.as_posix()
    return (path.parent.parent / f"{path.name.partition('.')[0]}.py").as_posix()


def summary(archive: Path, folder: Path) -> str:
    """Return a line for people about a zip and the folder that it was made of."""
    zipped, size = amount(archive.stat().st_size), amount(unzipped(folder))
    with zipfile.ZipFile(archive) as content:
        count = len(content.namelist())
    return f"{zipped} zipped, {size} unzipped of {amount(UNZIPPED_LIMIT)}, {count} files"


def report(archive: Path, folder: Path) -> list[str]:
    """Return lines for people about a function's zip and the folder that it was made of."""
    size, zipped = unzipped(folder), archive.stat().st_size
    lines = [summary(archive, folder)]
    found = packages(folder)
    own = size - sum(count for _name, count in found)
    shown = [*found[:LARGEST], ("the function's own files", own)]
    lines.append("largest: " + ", ".join(f"{name} {amount(count)}" for name, count in shown))
    if zipped > UPLOAD_LIMIT:
        lines.append(f"more than {amount(UPLOAD_LIMIT)} zipped cannot be uploaded directly: put it into S3 first")
    if size > UNZIPPED_LIMIT * NEAR:
        lines.append(f"near the limit of {amount(UNZIPPED_LIMIT)}, which layers count towards: --image may have 10 GB")
    return lines


def amount(count: int) -> str:
    """Return a number of bytes in the megabytes of Lambda's limits, which are of 1024 times 1024."""
    if count < 1 << 20:
        return f"{count / (1 << 10):.0f} kB"
    return f"{count / (1 << 20):.0f} MB" if count >= 10 << 20 else f"{count / (1 << 20):.1f} MB"
