"""Bases to build on where no registry is reachable: a Debian root file system that looks like Amazon's base.

What is real: the emulator, a C library, a shell, a Python with pip. What is played: Amazon's entry point and `dnf`, by
the two scripts in standin/. Its tag is its own, never Amazon's, and it sets none of the variables of Amazon's base, so
that what the image needs it has to say itself. Root file systems are kept in .cache/, the images in the engine; both
under a hash of what they are made from.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from images import matrix
from tests.image.cli import command

ROOT = Path(__file__).parents[2]
PARTS = Path(__file__).with_name("standin")
CACHE = ROOT / ".cache" / "rootfs"
# What mmdebstrap is told: no package manager inside, Python and pip, certificates.
ROOTFS_OPTIONS = ("--variant=essential", "--include=python3,python3-pip,ca-certificates")
# Debian's own Python of each release.
SUITE_OF = {"3.11": "bookworm", "3.13": "trixie"}
# A foreign CPython stands on the newest release, whose libraries serve what older systems built.
SUITE_FOR_PREFIXES = "trixie"
PREFIX_PLACE = "/usr/local/cpython"
DOCKERFILE = """\
FROM scratch
ADD rootfs.tar /
{prefix}
# Debian's mark that only apt may install; Amazon Linux has none.
RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
COPY aws-lambda-rie /usr/local/bin/aws-lambda-rie
COPY lambda-entrypoint.sh /lambda-entrypoint.sh
COPY dnf /usr/bin/dnf
ENTRYPOINT ["/lambda-entrypoint.sh"]
"""
# A shared libpython goes where the loader looks: the program may know it by its path on this machine alone.
PREFIX_LINES = """\
ADD cpython.tar {place}
RUN ln -s {place}/bin/{program} /usr/bin/{program} \
    && find {place}/lib -maxdepth 1 -name 'libpython*' -exec ln -s {{}} /usr/lib/ ';'
"""


class StandInError(Exception):
    """Raised when this machine cannot make a root file system; the message says what would enable it."""


class StandIn(NamedTuple):
    """A base with one Python: Debian's own, or a prefix copied into it."""

    version: str
    suite: str
    prefix: Path | None

    def __str__(self) -> str:
        return self.suite if self.prefix is None else f"{self.suite}-cpython{self.version}"


def known() -> list[StandIn]:
    """Every stand-in that can be made here: Debian's Pythons, and those of the matrix with a prefix on this machine."""
    found = []
    for python in matrix.read(matrix.FILE.read_text(encoding="utf-8")).pythons:
        if suite := SUITE_OF.get(python.version):
            found.append(StandIn(python.version, suite, None))
        elif prefix := next(prefixes(python.version), None):
            found.append(StandIn(python.version, SUITE_FOR_PREFIXES, prefix))
    return found


def prefixes(version: str) -> Iterator[Path]:
    """CPython installations of a version that can be copied as they are: not the system's, and with pip."""
    homes = [Path.home() / ".pyenv/versions", Path("/opt/hostedtoolcache/Python"), Path("/usr/local")]
    candidates = [path for home in homes for path in sorted(home.glob(f"{version}.*"))]
    candidates += [path / arch for path in candidates for arch in ("x64", "arm64")]
    if program := shutil.which(f"python{version}"):
        candidates.append(Path(program).resolve().parents[1])
    for prefix in candidates:
        library = prefix / "lib" / f"python{version}"
        program_is_here = (prefix / "bin" / f"python{version}").exists()
        if program_is_here and prefix != Path("/usr") and (library / "site-packages" / "pip").is_dir():
            yield prefix


def make(standins: list[StandIn]) -> dict[StandIn, str]:
    """Build what is not there yet and return the tags. Raises StandInError."""
    suites = sorted({standin.suite for standin in standins})
    if not all(tar_of(suite).exists() for suite in suites):
        install_mmdebstrap()
    with ThreadPoolExecutor() as pool:
        rootfs = dict(zip(suites, pool.map(rootfs_of, suites), strict=True))
    emulator = Path(command(sys.executable, "-m", "pylambda.local", "emulator", "--arch", architecture()).out.strip())
    return {standin: build(standin, rootfs[standin.suite], emulator) for standin in standins}


def architecture() -> str:
    """Lambda's name of this machine's architecture."""
    machine = platform.machine()
    return {"aarch64": "arm64"}.get(machine, machine)


def tar_of(suite: str) -> Path:
    return CACHE / f"{suite}-{architecture()}-{digest(suite, *ROOTFS_OPTIONS)}.tar"


def rootfs_of(suite: str) -> Path:
    """The tar of a Debian release, made once. Raises StandInError."""
    tar = tar_of(suite)
    if tar.exists():
        return tar
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        unfinished = Path(folder, "rootfs.tar")
        run_or_refuse("mmdebstrap", "--quiet", *ROOTFS_OPTIONS, suite, str(unfinished))
        unfinished.rename(tar)
    return tar


def install_mmdebstrap() -> None:
    """Install it where it is missing and this is root on Debian. Raises StandInError."""
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise StandInError("no mmdebstrap here, and only root on Debian can install it: apt-get install mmdebstrap")
    apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=120")
    run_or_refuse(*apt, "update")
    # Without what apt recommends, which is many times as much; these two are what it needs as root.
    run_or_refuse(*apt, "install", "--yes", "--no-install-recommends", "mmdebstrap", "gpg", "mount")


def run_or_refuse(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StandInError(f"{' '.join(words)} failed: {done.stderr.strip()[-2000:]}")


def build(standin: StandIn, rootfs: Path, emulator: Path) -> str:
    """Build one stand-in where the engine has it not, and return its tag."""
    scripts = sorted(PARTS.iterdir())
    contents = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (emulator, *scripts)]
    key = digest(rootfs.name, DOCKERFILE, PREFIX_LINES, str(standin.prefix), *contents)
    tag = f"pylambda-standin:{standin}-{key}"
    if command("docker", "image", "inspect", tag, check=False).code == 0:
        return tag
    prefix_lines = ""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        context = Path(folder)
        os.link(rootfs, context / "rootfs.tar")
        for source, name in [(emulator, "aws-lambda-rie"), *((script, script.name) for script in scripts)]:
            shutil.copy(source, context / name)
            (context / name).chmod(0o755)
        if standin.prefix is not None:
            pack(standin.prefix, standin.version, context / "cpython.tar")
            prefix_lines = PREFIX_LINES.format(place=PREFIX_PLACE, program=f"python{standin.version}")
        (context / "Dockerfile").write_text(DOCKERFILE.format(prefix=prefix_lines))
        command("docker", "build", "--quiet", "--force-rm", "--network", "none", "--tag", tag, folder)
    return tag


def pack(prefix: Path, version: str, tar: Path) -> None:
    """Put what runs of a CPython prefix into a tar: the program, the standard library, pip."""
    library = f"lib/python{version}"
    left_out = {f"{library}/{name}" for name in ("test", "idlelib", "tkinter", "turtledemo", "ensurepip")}

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        inside_packages = member.name.removeprefix(f"{library}/site-packages/")
        foreign = inside_packages != member.name and not inside_packages.startswith("pip")
        if member.name in left_out or foreign or member.name.startswith(f"{library}/config-"):
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with tarfile.open(tar, "w") as archive:
        archive.add(prefix / "bin" / f"python{version}", f"bin/python{version}", filter=wanted)
        archive.add(prefix / library, library, filter=wanted)
        for shared in sorted((prefix / "lib").glob(f"libpython{version}*.so*")):
            archive.add(shared, f"lib/{shared.name}", filter=wanted)


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
