"""Bases to build on where no registry is reachable: a Debian root file system that looks like Amazon's base.

What is real: the emulator, a C library, a shell, a Python, its pip, and for the build variant the compilers. What is
played: Amazon's entry point and `dnf`, by the two scripts in standin/. Its tag is its own, never Amazon's, and it sets
none of the variables of Amazon's base, so that what the image needs it has to say itself. Root file systems are kept
in .cache/, the images in the engine; both under a hash of what they are made from.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from images import facts
from pylambda.local import fetch
from tests.image.cli import command, has_image

ROOT = Path(__file__).parents[2]
PARTS = Path(__file__).with_name("standin")
CACHE = ROOT / ".cache" / "rootfs"
# No package manager inside; Python with what makes virtual environments, certificates, C++'s library: as in Amazon's.
INCLUDE = "python3,python3-venv,ca-certificates,libstdc++6"
TOOLS = "gcc,g++,libc6-dev,make,findutils,git,gzip,tar,unzip"
# The mirror's copy of a release that still moves may be older than its own date allows; signatures are checked.
NATIVE = ("--variant=essential", '--aptopt=Acquire::Check-Valid-Until "false"')
# Unpacked and not installed, because another architecture's installation runs in an emulator for minutes.
FOREIGN = ("--variant=extract",)
FOREIGN_INCLUDE = "base-files,base-passwd,bash,coreutils,dash,grep,sed"
# Debian's own Python of each release.
SUITE_OF = {"3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
# A foreign CPython stands on the newest release that is out, whose libraries serve what older systems built.
SUITE_FOR_PREFIXES = "trixie"
# Where Amazon's Python installs packages and their programs, too.
PREFIX_PLACE = "/usr/local"
DOCKERFILE = """\
FROM scratch
ADD rootfs.tar /
{prefix}
# What base-passwd does when it is installed; and Debian's mark that only apt may install, which Amazon has not.
RUN cp -n /usr/share/base-passwd/passwd.master /etc/passwd; cp -n /usr/share/base-passwd/group.master /etc/group; \
    rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
COPY pip/ /usr/share/standin/pip/
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
    """A base with one Python, Debian's own or a prefix copied into it, with or without compilers."""

    version: str
    suite: str
    prefix: Path | None
    tools: bool = False
    arch: str = fetch.this_machine()

    def __str__(self) -> str:
        parts = [self.suite, f"cpython{self.version}" if self.prefix else "", "tools" if self.tools else ""]
        return "-".join([part for part in parts if part] + ([self.arch] if self.is_foreign else []))

    @property
    def is_foreign(self) -> bool:
        return self.arch != fetch.this_machine()

    def rootfs_options(self) -> tuple[str, ...]:
        """What mmdebstrap is told; what is said alike is made once."""
        include = [INCLUDE]
        if self.tools:
            include += [TOOLS] if self.prefix else [TOOLS, "python3-dev"]
        if self.is_foreign:
            platform = facts.load().build(self.version, self.arch).arch.oci
            return *FOREIGN, f"--architectures={platform}", f"--include={','.join([FOREIGN_INCLUDE, *include])}"
        return *NATIVE, f"--include={','.join(include)}"

    def tar(self) -> Path:
        return CACHE / f"{self.suite}-{digest(self.suite, self.arch, *self.rootfs_options())}.tar"

    def tag(self) -> str:
        """The image's name, under a hash of all that it is made from."""
        scripts = [hashlib.sha256(script.read_bytes()).hexdigest() for script in sorted(PARTS.iterdir())]
        made_of = (DOCKERFILE, PREFIX_LINES, str(self.prefix), *pip_parts(), fetch.BINARIES[self.arch].sha256)
        return f"pylambda-standin:{self}-{digest(self.tar().name, *made_of, *scripts)}"


def known() -> list[StandIn]:
    """Every stand-in that can be made here: Debian's Pythons, and those of the matrix with a prefix on this machine."""
    found = []
    for python in facts.load().pythons:
        if suite := SUITE_OF.get(python.version):
            found.append(StandIn(python.version, suite, None))
        elif prefix := next(prefixes(python.version), None):
            found.append(StandIn(python.version, SUITE_FOR_PREFIXES, prefix))
    return found


def prefixes(version: str) -> Iterator[Path]:
    """CPython installations of a version that can be copied as they are: not the system's."""
    homes = [Path.home() / ".pyenv/versions", Path("/opt/hostedtoolcache/Python"), Path("/usr/local")]
    candidates = [path for home in homes for path in sorted(home.glob(f"{version}.*"))]
    candidates += [path / arch for path in candidates for arch in ("x64", "arm64")]
    if program := shutil.which(f"python{version}"):
        candidates.append(Path(program).resolve().parents[1])
    for prefix in candidates:
        is_here = (prefix / "bin" / f"python{version}").exists() and (prefix / "include" / f"python{version}").is_dir()
        if is_here and prefix != Path("/usr"):
            yield prefix


def make(standins: list[StandIn]) -> dict[StandIn, str]:
    """Build what the engine has not yet and return the tags. Raises StandInError."""
    tags = {standin: standin.tag() for standin in standins}
    missing = [standin for standin, tag in tags.items() if not has_image(tag)]
    tars = {standin.tar(): standin for standin in missing if not standin.tar().exists()}
    if tars:
        install_mmdebstrap()
        with ThreadPoolExecutor() as pool:
            list(pool.map(make_rootfs, tars.values()))
    for standin in missing:
        build(standin, tags[standin])
    return tags


def make_rootfs(standin: StandIn) -> None:
    """Make the tar of a Debian release. Raises StandInError."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        unfinished = Path(folder, "rootfs.tar")
        run_or_refuse("mmdebstrap", "--quiet", *standin.rootfs_options(), standin.suite, str(unfinished))
        unfinished.rename(standin.tar())


def refuse_without_engine() -> None:
    """Raise StandInError where no engine answers, before a root file system takes a minute."""
    if shutil.which("docker") is None or command("docker", "version", check=False).code:
        raise StandInError("no container engine answers: make engine")


def install_mmdebstrap() -> None:
    """Install it where it is missing and this is root on Debian. Raises StandInError."""
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise StandInError("no mmdebstrap here, and only root on Debian can install it: apt-get install mmdebstrap")
    apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=120")
    run_or_refuse(*apt, "update")
    # Without what apt recommends, which is many times as much; these are what it needs as root.
    run_or_refuse(*apt, "install", "--yes", "--no-install-recommends", "mmdebstrap", "arch-test", "gpg", "mount")


def run_or_refuse(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StandInError(f"{' '.join(words)} failed: {done.stderr.strip()[-2000:]}")


def build(standin: StandIn, tag: str) -> None:
    """Build one stand-in from its root file system."""
    prefix_lines = ""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        context = Path(folder)
        os.link(standin.tar(), context / "rootfs.tar")
        for source in (emulator(standin.arch), *PARTS.iterdir()):
            name = "aws-lambda-rie" if source.parent != PARTS else source.name
            shutil.copy(source, context / name)
            (context / name).chmod(0o755)
        for part in pip_parts():
            leave_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(site_packages() / part, context / "pip" / part, ignore=leave_out)
        if standin.prefix is not None:
            pack(standin.prefix, standin.version, context / "cpython.tar")
            prefix_lines = PREFIX_LINES.format(place=PREFIX_PLACE, program=f"python{standin.version}")
        (context / "Dockerfile").write_text(DOCKERFILE.format(prefix=prefix_lines))
        platform = facts.load().build(standin.version, standin.arch).arch.platform
        command(
            "docker", "build", f"--platform={platform}", "--quiet", "--force-rm", "--network=none", "-t", tag, folder
        )


def emulator(arch: str) -> Path:
    """The pinned emulator of an architecture."""
    return Path(command(sys.executable, "-m", "pylambda.local", "emulator", "--arch", arch).out.strip())


def site_packages() -> Path:
    return Path(next(path for path in sys.path if path.endswith("site-packages")))


def pip_parts() -> list[str]:
    """The folders of this virtual environment's pip: pure Python, so it serves every stand-in's."""
    return sorted(["pip", *(path.name for path in site_packages().glob("pip-*.dist-info"))])


def pack(prefix: Path, version: str, tar: Path) -> None:
    """Put a CPython prefix into a tar: the program, the standard library, the headers; no packages."""
    library = f"lib/python{version}"

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        inside_packages = member.name.startswith(f"{library}/site-packages/")
        # Of the tests of the standard library the folder is enough, to see that the slim variant has it not.
        is_a_test = member.name.startswith(f"{library}/test/") and member.name != f"{library}/test/__init__.py"
        if inside_packages or is_a_test or member.name.startswith(f"{library}/config-"):
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with tarfile.open(tar, "w") as archive:
        for part in (f"bin/python{version}", library, f"include/python{version}"):
            archive.add(prefix / part, part, filter=wanted)
        for shared in sorted((prefix / "lib").glob(f"libpython{version}*.so*")):
            archive.add(shared, f"lib/{shared.name}", filter=wanted)


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
