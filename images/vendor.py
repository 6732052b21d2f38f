"""What the images carry of other projects, fetched on the host, each file by its hash.

The pure wheels of requirements.in, `requests`, `tomli` and what they need, go into every image. One folder of them
serves both architectures and every Python of matrix.toml, because only py3-none-any wheels are let in. What boto3.in
asks for besides goes into the boto3 variant, and the programs of tools.in into the build variant, from one wheel an
architecture. So an image build needs the network for `dnf` alone. pip resolves and downloads; the wheels are unpacked
here and not by `pip install`, whose RECORD, scripts and byte code tell which machine made them.

    lock            resolve the files anew and write the locks; with a name, such as boto3, that one alone
    fetch           unpack the pure wheels into build/vendor, and write build/licenses
    boto3           unpack boto3 and what it needs besides into build/boto3, as they lie in an image
    tools ARCH      unpack the programs for one architecture into build/tools/ARCH, as they lie in an image

pip is told the oldest Python of matrix.toml: what serves that one serves the others.
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
from collections import defaultdict
from email.parser import HeaderParser
from pathlib import Path
from typing import NamedTuple

import tomli

from images.facts import Arch, MatrixError, load
from pylambda import names

IMAGES = Path(__file__).parent
ROOT = IMAGES.parent
DECLARED = IMAGES / "requirements.in"
LOCK = IMAGES / "requirements.lock"
BOTO3 = IMAGES / "boto3.in"
BOTO3_LOCK = IMAGES / "boto3.lock"
TOOLS = IMAGES / "tools.in"
TOOLS_LOCK = IMAGES / "tools.lock"
NOTICE = IMAGES / "NOTICE"
ALLOWED = IMAGES / "licences.toml"
LOCK_HEADER = """\
# Written by `make lock` from images/{}: run that again to take newer versions.
# The hashes are of the only wheels that may get in.
"""
# pip takes a wheel that has no architecture and no ABI, or none.
PURE = ("--platform=any", "--implementation=py", "--abi=none")
RUNTIME_DIR = "var/runtime"
VENDOR = f"{RUNTIME_DIR}/vendor"
# Apart, because it is taken whole or not at all: `pylambda.start.image_sdk` says when.
SDK = f"{RUNTIME_DIR}/{names.SDK_FOLDER}"
SDK_PROJECTS = set(names.SDK_FAMILY)
# What these say in the place of SPDX's words.
LICENCES = {"Apache License 2.0": "Apache-2.0", "Dual License": "Apache-2.0 OR BSD-3-Clause"}
# What cannot run in an image, or is no library: a browser's Python, a wrapper of what is not here, commands, tests.
LEFT_OUT = ("urllib3/contrib/emscripten/", "urllib3/contrib/pyopenssl.py", "charset_normalizer/cli/", "certifi/tests/")
READABLE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH
EXECUTABLE = READABLE | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


class VendorError(Exception):
    """Raised when a package cannot be had as the wheel that is asked for."""


class Pin(NamedTuple):
    name: str
    version: str
    sha256: str


def pins(report: str, wheel: str = "-none-any.whl") -> list[Pin]:
    """The pins in the JSON of `pip install --report`, by name; `wheel` ends the files. Raises VendorError."""
    found = []
    for item in json.loads(report)["install"]:
        url: str = item["download_info"]["url"]
        if not url.endswith(wheel):
            raise VendorError(f"{url}: is not a wheel that ends in {wheel}")
        sha256 = item["download_info"]["archive_info"]["hashes"]["sha256"]
        found.append(Pin(item["metadata"]["name"].lower(), item["metadata"]["version"], sha256))
    return sorted(found)


def lock_lines(found: list[Pin]) -> list[str]:
    """One line a package, with the hashes of all its wheels, as pip reads them. Raises VendorError."""
    hashes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for pin in found:
        hashes[pin.name][pin.version].append(f"--hash=sha256:{pin.sha256}")
    for name, versions in hashes.items():
        if len(versions) > 1:
            raise VendorError(f"{name}: its wheels are of different versions, {' and '.join(versions)}")
    return [
        " ".join([f"{name}=={version}", *dict.fromkeys(words)])
        for name, versions in sorted(hashes.items())
        for version, words in versions.items()
    ]


def locked(text: str) -> set[str]:
    """The hashes that a lock file lets in."""
    return set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def versions(text: str) -> dict[str, str]:
    """The packages of a lock file by name."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE))


def unpack(wheels: list[Path], target: Path) -> None:
    """Put the wheels' packages and metadata into an empty target, the same bytes and modes everywhere."""
    shutil.rmtree(target, ignore_errors=True)
    for wheel in sorted(wheels):
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                # *.data holds scripts and headers: nothing that an import needs. RECORD is for who would uninstall.
                if not name.endswith(("/", "/RECORD")) and ".data/" not in name and not name.startswith(LEFT_OUT):
                    content = archive.read(name)
                    if name.endswith(".dist-info/METADATA"):
                        content = content.partition(b"\n\n")[0] + b"\n"  # what follows is the project's README
                    _write(content, target, name, READABLE)


def unpack_programs(wheels: list[Path], target: Path) -> None:
    """Put the wheels' programs and licences into an empty target, where an image has them."""
    shutil.rmtree(target, ignore_errors=True)
    for wheel in sorted(wheels):
        project = wheel.name.partition("-")[0]
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                file = name.rpartition("/")[2]
                if ".data/scripts/" in name:
                    _write(archive.read(name), target, f"usr/local/bin/{file}", EXECUTABLE)
                elif name.endswith(".dist-info/METADATA"):
                    check_licence(HeaderParser().parsestr(archive.read(name).decode())["License-Expression"], project)
                elif ".dist-info/licenses/" in name:
                    _write(archive.read(name), target, f"usr/share/licenses/{project}/{file}", READABLE)


def notices(header: str, *folders: tuple[Path, str]) -> str:
    """The header and a line for each package in folders, each with its place in an image.

    Raises VendorError where one names no licence, or none that is allowed, or lacks its text.
    """
    lines = []
    found = [(metadata, place) for folder, place in folders for metadata in folder.glob("*.dist-info/METADATA")]
    for metadata, place in sorted(found, key=lambda pair: pair[0].parent.name):
        facts = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        licence = facts["License-Expression"] or facts["License"]
        texts = next(metadata.parent.glob("licenses"), None) or next(metadata.parent.glob("LICENSE*"), None)
        if not licence or not texts:
            raise VendorError(f"{metadata}: names no licence, or its text is not there")
        check_licence(LICENCES.get(licence, licence), metadata.parent.name)
        text = f"/{place}/{metadata.parent.name}/{texts.name}{'/' if texts.is_dir() else ''}"
        lines.append(f"{facts['Name']} {facts['Version']}\n    {LICENCES.get(licence, licence)}: {text}\n")
    return "\n".join([header, *lines])


def check_licence(expression: str, package: str) -> None:
    """Refuse what may not be redistributed. Raises VendorError."""
    allowed = tomli.loads(ALLOWED.read_text(encoding="utf-8"))["allowed"]
    choices = (set(choice.split(" AND ")) for choice in expression.split(" OR "))
    if not any(choice <= set(allowed) for choice in choices):
        raise VendorError(f"{package}: its licence, {expression}, is none that images/{ALLOWED.name} allows")


def lock(which: list[str]) -> None:
    """Write the lock files that are named. Raises VendorError."""
    if "requirements" in which:
        _write_lock(LOCK, DECLARED, pins(_resolve(DECLARED, PURE)))
    if "boto3" in which:
        common = versions(LOCK.read_text(encoding="utf-8"))
        found = pins(_resolve(BOTO3, PURE, common))
        _write_lock(BOTO3_LOCK, BOTO3, [pin for pin in found if pin.name not in common])
    if "tools" in which:
        found = [pin for arch in load().archs for pin in pins(_resolve(TOOLS, _platform(arch)), ".whl")]
        _write_lock(TOOLS_LOCK, TOOLS, found)


def boto3(cache: Path, target: Path) -> None:
    """Fill build/boto3; build/vendor is there already. Raises VendorError."""
    root = target / "boto3"
    wheels = _wheels(BOTO3_LOCK, PURE, cache)
    family = [wheel for wheel in wheels if wheel.name.partition("-")[0] in SDK_PROJECTS]
    unpack(family, root / SDK)
    unpack([wheel for wheel in wheels if wheel not in family], root / VENDOR)
    notice = root / RUNTIME_DIR / "licenses" / "NOTICE"
    notice.parent.mkdir(exist_ok=True)
    folders = (target / "vendor", VENDOR), (root / VENDOR, VENDOR), (root / SDK, SDK)
    notice.write_text(notices(NOTICE.read_text(encoding="utf-8"), *folders), encoding="utf-8")
    print(f"{root}: {', '.join(sorted(path.stem for path in root.glob('var/runtime/*/*.dist-info')))}")


def fetch(cache: Path, target: Path) -> None:
    """Fill build/vendor and build/licenses. Raises VendorError."""
    vendor, licenses = target / "vendor", target / "licenses"
    unpack(_wheels(LOCK, PURE, cache), vendor)
    licenses.mkdir(exist_ok=True)
    (licenses / "NOTICE").write_text(notices(NOTICE.read_text(encoding="utf-8"), (vendor, VENDOR)), encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", licenses / "LICENSE")
    print(f"{vendor}: {', '.join(sorted(path.stem for path in vendor.glob('*.dist-info')))}")


def tools(arch: Arch, cache: Path, target: Path) -> None:
    """Fill build/tools/ARCH. Raises VendorError."""
    folder = target / "tools" / arch.name
    unpack_programs(_wheels(TOOLS_LOCK, _platform(arch), cache / arch.name), folder)
    print(f"{folder}: {', '.join(sorted(path.name for path in folder.glob('usr/local/bin/*')))}")


def _platform(arch: Arch) -> tuple[str, ...]:
    return (f"--platform={arch.wheel}", *PURE[1:])


def _resolve(declared: Path, platform: tuple[str, ...], common: dict[str, str] | None = None) -> str:
    """What pip says that it would install; of what is `common` in these versions."""
    # pip wants a target wherever the wheels may be for another machine; a dry run writes nothing into it.
    with tempfile.TemporaryDirectory() as nothing:
        constraints = Path(nothing, "constraints.txt")
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in (common or {}).items()))
        where = (f"--target={nothing}", f"--requirement={declared}", f"--constraint={constraints}")
        return _pip("install", "--dry-run", "--ignore-installed", "--report=-", *where, *platform)


def _write_lock(lock: Path, declared: Path, found: list[Pin]) -> None:
    lines = lock_lines(found)
    lock.write_text("\n".join([LOCK_HEADER.format(declared.name).rstrip(), *lines]) + "\n", encoding="utf-8")
    print(f"images/{lock.name}: {', '.join(line.partition(' ')[0] for line in lines)}")


def _wheels(lock: Path, platform: tuple[str, ...], cache: Path) -> list[Path]:
    """The wheels that a lock lets in for one platform, downloaded where the cache lacks them. Raises VendorError."""
    cache.mkdir(parents=True, exist_ok=True)
    text = lock.read_text(encoding="utf-8")
    wanted = len([line for line in text.splitlines() if line and not line.startswith("#")])
    if len(found := _allowed(cache, locked(text))) < wanted:
        print(f"Downloading what images/{lock.name} names")
        _pip("download", "--no-deps", "--require-hashes", f"--dest={cache}", f"--requirement={lock}", *platform)
        found = _allowed(cache, locked(text))
        if len(found) < wanted:
            raise VendorError(f"the download is not what images/{lock.name} names: its hashes let in {len(found)}")
    return found


def _allowed(cache: Path, hashes: set[str]) -> list[Path]:
    return [wheel for wheel in cache.glob("*.whl") if hashlib.sha256(wheel.read_bytes()).hexdigest() in hashes]


def _write(content: bytes, target: Path, name: str, mode: int) -> None:
    file = target / name
    if not file.resolve().is_relative_to(target.resolve()):
        raise VendorError(f"{name} points out of the folder")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)


def _pip(command: str, *arguments: str) -> str:
    common = ("--quiet", "--disable-pip-version-check", "--only-binary=:all:")
    oldest = f"--python-version={load().pythons[0].version}"
    words = [sys.executable, "-m", "pip", command, *common, oldest, *arguments]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise VendorError(f"pip {command} failed (exit {done.returncode}); its own message is above")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m images.vendor", description="Lock and fetch what images carry")
    parser.add_argument("--cache", type=Path, default=Path(".cache/vendor"))
    parser.add_argument("--target", type=Path, default=Path("build"))
    commands = parser.add_subparsers(dest="command", required=True)
    locks = commands.add_parser("lock", help="resolve each NAME.in into its lock")
    every = ("requirements", "boto3", "tools")
    locks.add_argument("names", nargs="*", metavar="NAME", help="requirements, boto3, tools; without one all three")
    commands.add_parser("fetch", help="download and unpack the pure wheels")
    commands.add_parser("boto3", help="download and unpack what the boto3 variant has besides")
    matrix = load()
    archs = {arch.name: arch for arch in matrix.archs}
    commands.add_parser("tools", help="download and unpack the programs").add_argument("arch", choices=archs)
    chosen = parser.parse_args()
    match chosen.command:
        case "lock":
            if unknown := [name for name in chosen.names if name not in every]:
                locks.error(f"no lock {unknown[0]!r}: {', '.join(every)}")
            lock(chosen.names or list(every))
        case "fetch":
            fetch(chosen.cache, chosen.target)
        case "boto3":
            boto3(chosen.cache, chosen.target)
        case "tools":
            tools(archs[chosen.arch], chosen.cache, chosen.target)


if __name__ == "__main__":
    try:
        main()
    except (VendorError, MatrixError) as error:
        sys.exit(f"images/vendor.py: {error}")
