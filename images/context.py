"""Print the images' build context as a tar, or write it into a folder: the same bytes from every checkout of a commit.

Modes, owners and times are set here, so that neither the umask of a host nor the time of a checkout gets into a
layer. Only what the images carry goes in: sources without byte code, and what images/vendor.py fetched. boto3 and the
programs of the build variant are many times as large as the rest, and go in only where they are asked for.
"""

import argparse
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from images.facts import Arch, MatrixError, load

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
FILES = {
    "Dockerfile": ROOT / "images/Dockerfile",
    "bootstrap": ROOT / "bootstrap",
    "bootstrap.py": ROOT / "runtime/bootstrap.py",
    "snapshot_restore_py.py": ROOT / "runtime/snapshot_restore_py.py",
    "entry_script.sh": ROOT / "entry_script.sh",
    "pack.py": ROOT / "images/pack.py",
}
FOLDERS = {
    "pylambda": ROOT / "runtime/pylambda",
    "awslambdaric": ROOT / "runtime/awslambdaric",
    "vendor": BUILD / "vendor",
    "licenses": BUILD / "licenses",
}
# 1980, the first year that a zip can name: some tools make zips from what they find in an image.
MTIME_S = 315532800


def members(tools: tuple[Arch, ...] = (), *, with_boto3: bool = False) -> Iterator[tuple[str, Path]]:
    """Names in the context and where they come from, folders before what is in them; with the tools for some."""
    yield from FILES.items()
    more = {f"tools/{arch.oci}": BUILD / "tools" / arch.name for arch in tools}
    if with_boto3:
        more["boto3"] = BUILD / "boto3"
    else:
        # Empty, because the classic builder makes that stage on its way to the build variant's.
        yield "boto3", ROOT
    for name, folder in {**FOLDERS, **more}.items():
        yield name, folder
        for path in sorted(folder.rglob("*")):
            if "__pycache__" not in path.parts:
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


def is_program(name: str) -> bool:
    """Whether a member is executable in the image."""
    return name in {"bootstrap", "entry_script.sh"} or (name.startswith("tools/") and "/bin/" in name)


def write(stream: IO[bytes], tools: tuple[Arch, ...] = (), *, with_boto3: bool = False) -> None:
    """Write the tar. Raises OSError where a part is missing."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name, path in members(tools, with_boto3=with_boto3):
            member = tarfile.TarInfo(name)
            member.mtime = MTIME_S
            if path.is_dir():
                member.type = tarfile.DIRTYPE
                member.mode = 0o755
                archive.addfile(member)
                continue
            member.mode = 0o755 if is_program(name) else 0o644
            member.size = path.stat().st_size
            with path.open("rb") as content:
                archive.addfile(member, content)


def write_folder(target: Path, tools: tuple[Arch, ...] = (), *, with_boto3: bool = False) -> None:
    """Write the context as a folder, for builders that read no tar. Raises OSError where a part is missing."""
    target.mkdir(parents=True)
    with tempfile.TemporaryFile() as stream:
        write(stream, tools, with_boto3=with_boto3)
        stream.seek(0)
        with tarfile.open(fileobj=stream) as archive:
            archive.extractall(target, filter="fully_trusted")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m images.context", description="Print the images' build context")
    parser.add_argument("--tools", action="store_true", help="with the programs of the build variant")
    parser.add_argument("--boto3", action="store_true", help="with what the boto3 variant has besides")
    parser.add_argument("folder", type=Path, nargs="?", help="write here, into a folder that is not there yet")
    chosen = parser.parse_args()
    tools = load().archs if chosen.tools else ()
    if chosen.folder:
        write_folder(chosen.folder, tools, with_boto3=chosen.boto3)
    else:
        write(sys.stdout.buffer, tools, with_boto3=chosen.boto3)


if __name__ == "__main__":
    try:
        main()
    except (OSError, MatrixError) as error:
        sys.exit(f"images/context.py: {error}")
