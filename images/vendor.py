"""What the image carries beside the runtime: `requests`, `tomli` and what they need, fetched on the host.

One folder serves both architectures and every Python of matrix.toml, because only pure wheels (py3-none-any)
are let in; so the image build needs the network for `dnf` alone. pip resolves and downloads; the wheels are
unpacked here and not by `pip install`, whose RECORD, scripts and byte code tell which machine made them.

    lock     resolve requirements.in and write requirements.lock
    fetch    download what requirements.lock names and .cache lacks, check every hash, unpack into a folder

Both are told the oldest Python of matrix.toml: what serves that one serves the others.
"""

import argparse
import hashlib
import json
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

IMAGES = Path(__file__).parent
DECLARED = IMAGES / "requirements.in"
LOCK = IMAGES / "requirements.lock"
LOCK_HEADER = """\
# Written by `make lock` from images/requirements.in: run that again to take newer versions.
# One hash a package, that of its pure wheel, so that nothing else can get in.
"""
# pip takes a wheel that has no architecture and no ABI, or none.
PURE = ("--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none")


class VendorError(Exception):
    """Raised when a package cannot be had as a pure wheel of the right hash."""


class Pin(NamedTuple):
    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def pins(report: str) -> list[Pin]:
    """The pins in the JSON of `pip install --report`, by name. Raises VendorError."""
    found = []
    for item in json.loads(report)["install"]:
        url: str = item["download_info"]["url"]
        if not url.endswith("-none-any.whl"):
            raise VendorError(f"{url}: is not a pure wheel")
        metadata = item["metadata"]
        found.append(
            Pin(
                metadata["name"].lower(),
                metadata["version"],
                sha256=item["download_info"]["archive_info"]["hashes"]["sha256"],
            )
        )
    return sorted(found)


def unpack(wheels: list[Path], target: Path) -> None:
    """Put the wheels' packages and metadata into an empty target, the same bytes and modes everywhere."""
    shutil.rmtree(target, ignore_errors=True)
    for wheel in sorted(wheels):
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                # *.data holds scripts and headers: nothing that an import needs.
                if name.endswith("/") or ".data/" in name:
                    continue
                file = target / name
                if not file.resolve().is_relative_to(target.resolve()):
                    raise VendorError(f"{wheel.name}: {name} points out of the folder")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(name))
                file.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH)


def locked(text: str) -> set[str]:
    """The hashes that a lock file lets in."""
    return set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def lock(oldest: str) -> None:
    """Write requirements.lock. Raises VendorError."""
    # pip wants a target wherever the wheels may be for another Python; a dry run writes nothing into it.
    with tempfile.TemporaryDirectory() as nothing:
        where = (f"--target={nothing}", f"--requirement={DECLARED}", f"--python-version={oldest}")
        report = _pip("install", "--dry-run", "--ignore-installed", "--report=-", *where, *PURE)
    lines = [str(pin) for pin in pins(report)]
    LOCK.write_text("\n".join([LOCK_HEADER.rstrip(), *lines]) + "\n", encoding="utf-8")
    print(f"images/requirements.lock: {len(lines)} packages")


def fetch(oldest: str, cache: Path, target: Path) -> None:
    """Fill the target with what requirements.lock names. Raises VendorError."""
    cache.mkdir(parents=True, exist_ok=True)
    wanted = locked(LOCK.read_text(encoding="utf-8"))
    if not wanted <= _by_hash(cache).keys():
        print("Downloading what images/requirements.lock names")
        where = (f"--dest={cache}", f"--requirement={LOCK}", f"--python-version={oldest}")
        _pip("download", "--no-deps", "--require-hashes", *where, *PURE)
    found = _by_hash(cache)
    unpack([found[sha256] for sha256 in wanted], target)
    print(f"{target}: {', '.join(sorted(path.stem for path in target.glob('*.dist-info')))}")


def _by_hash(cache: Path) -> dict[str, Path]:
    return {hashlib.sha256(wheel.read_bytes()).hexdigest(): wheel for wheel in cache.glob("*.whl")}


def _pip(command: str, *arguments: str) -> str:
    words = [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise VendorError(f"pip {command} failed (exit {done.returncode}); its own message is above")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description="Lock and fetch what the image carries")
    parser.add_argument("--oldest", required=True, metavar="X.Y", help="the oldest Python of matrix.toml")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("lock", help="resolve requirements.in into requirements.lock")
    fetching = commands.add_parser("fetch", help="download and unpack what requirements.lock names")
    fetching.add_argument("--cache", type=Path, default=Path(".cache/vendor"))
    fetching.add_argument("--target", type=Path, default=Path("build/vendor"))
    chosen = parser.parse_args()
    if chosen.command == "lock":
        lock(chosen.oldest)
    else:
        fetch(chosen.oldest, chosen.cache, chosen.target)


if __name__ == "__main__":
    try:
        main()
    except VendorError as error:
        sys.exit(f"images/vendor.py: {error}")
