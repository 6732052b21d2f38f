"""The packages of a target: what they installed, and for which Python and which machine their wheels were built."""

import csv
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pylambda.local.check.files import FILE, File, Tree

# A native module by its name: PEP 3149's tag, the stable ABI's, or none.
TAGGED = re.compile(r"(?P<stem>.+?)\.cpython-(?P<python>3\d+)[a-z]*(?:-(?P<machine>\w+)-linux-(?P<libc>\w+))?\.so")
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# Parts of a path that say which machine a library is for: a package may carry one for each.
NAMED_MACHINE = re.compile(
    r"x86[_-]64|amd64|i[3-6]86|x86(?![_-])|aarch64|arm64|armv\d|ppc64|s390x|riscv|musl", re.ASCII
)
MOST_TEXT = 20_000_000


@dataclass(frozen=True)
class Dist:
    """One installed package.

    Attributes:
        name: with its version, as its folder has it.
        file: its `WHEEL` file.
        tags: the wheel's.
    """

    name: str
    file: File
    tags: tuple[str, ...]


def dists(tree: Tree) -> Iterator[Dist]:
    """Find every package that a wheel installed."""
    for file in tree:
        if file.name == "WHEEL" and file.kind == FILE and file.path.endswith(".dist-info/WHEEL"):
            lines = file.head(10_000).decode(errors="replace").splitlines()
            tags = tuple(line.partition(":")[2].strip() for line in lines if line.startswith("Tag:"))
            folder = posixpath.basename(posixpath.dirname(file.path)).removesuffix(".dist-info")
            yield Dist(folder.replace("-", " "), file, tags)


def packaged(tree: Tree) -> set[str]:
    """Return the paths that packages installed, by their records: nobody's own code."""
    found = set()
    for file in tree:
        if file.name == "RECORD" and file.kind == FILE and file.path.endswith(".dist-info/RECORD"):
            root = posixpath.dirname(posixpath.dirname(file.path))
            rows = file.head(MOST_TEXT).decode(errors="replace").splitlines()
            found |= {posixpath.normpath(posixpath.join(root, row[0])) for row in csv.reader(rows) if row}
    return found


def misfit(tags: tuple[str, ...], python: tuple[int, int] | None, arch: str | None) -> str:
    """Return why a wheel with these tags is none for a function, empty where one of them fits.

    Args:
        tags: such as `cp312-cp312-manylinux_2_17_x86_64`.
        python: the function's; None where it is not known.
        arch: the function's; None where it is not known.
    """
    reasons = [_misfit(tag, python, arch) for tag in tags]
    return "" if not reasons or "" in reasons else reasons[0]


def _misfit(tag: str, python: tuple[int, int] | None, arch: str | None) -> str:
    interpreter, _, rest = tag.partition("-")
    abi, _, platform = rest.partition("-")
    found = re.fullmatch(r"cp3(\d+)", interpreter)
    if found and python:
        minor = int(found[1])
        if python[1] < minor or (abi != "abi3" and abi != "none" and python[1] != minor):
            return f"it is for Python 3.{minor}, the function's is {python[0]}.{python[1]}"
    if platform == "any":
        return ""
    if "linux" not in platform:
        return f"it is for {platform.partition('_')[0]}, not for Linux"
    machine = next((ours for theirs, ours in MACHINES.items() if platform.endswith(theirs)), platform)
    if arch and machine != arch:
        return f"it is for {machine}, the function for {arch}"
    return ""


def stands_in(file: File, tree: Tree, python: tuple[int, int] | None, arch: str | None) -> bool:
    """Return whether a native module that does not fit stands beside one of the same name that does."""
    tagged = TAGGED.fullmatch(file.name)
    if tagged is None:
        return False
    folder = posixpath.dirname(file.path)
    stem = tagged["stem"]
    for name in (f"{stem}.abi3.so", f"{stem}.so", f"{stem}.py"):
        if posixpath.join(folder, name) in tree.files:
            return True
    digits = f"{python[0]}{python[1]}" if python else r"3\d+"
    machine = {"arm64": "aarch64"}.get(arch or "", arch or r"\w+")
    wanted = re.compile(rf"{re.escape(stem)}\.cpython-{digits}(-{machine}-linux-gnu)?\.so")
    return any(wanted.fullmatch(other.name) for other in tree.below(folder) if other.path != file.path)
