"""A base in the shape of Amazon's, beside the stand-ins of standin.py, which are Debian's in all but name.

What Debian cannot show by itself is played here with real parts: a database of RPMs, Debian's real `dnf`, a repository
of RPMs by Amazon's names (amazon/packages.py), Python in /usr/lib64 with pip's place below /usr/local as Fedora patches
it, bash as /bin/sh, and a base without `find`, `tar`, `gzip`, `ps`, `which`, Perl and Python (amazon/shape). It is made
of Debian alone, so it is the same on each machine, and of one version: that of Debian's release.

    python -m tests.image.amazon_shaped    make it where it is missing, and print its tag
"""

import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pylambda.local import fetch
from tests.image import standin
from tests.image.cli import command, has_image

# What PYLAMBDA_TEST_BASE says for it.
NAME = "amazon-shaped"
SUITE, VERSION = standin.SUITE_FOR_PREFIXES, "3.13"
PARTS = Path(__file__).with_name("amazon")
BASE_INCLUDE = "dnf,rpm,ca-certificates,libstdc++6,python3"
# As standin.TOOLS, with what an RPM of Python is made of.
TOOLS = f"gcc g++ libc6-dev make findutils git gzip tar unzip libpython{VERSION}-dev python{VERSION}-venv"
REPOSITORY_PARTS = ("packages.py", "python.c")
ENTRY = "lambda-entrypoint.sh"
ARCH = "x86_64"
# The repository is where amazon/shape tells dnf to look.
DOCKERFILE = """\
FROM scratch
ADD base.tar /
ADD repository.tar /usr/share/
RUN ldconfig
COPY aws-lambda-rie /usr/local/bin/aws-lambda-rie
COPY lambda-entrypoint.sh /lambda-entrypoint.sh
ENTRYPOINT ["/lambda-entrypoint.sh"]
"""


def base_tar() -> Path:
    """Where the root file system is kept, under a hash of all that it is made from."""
    return standin.CACHE / f"amazon-base-{standin.digest(SUITE, BASE_INCLUDE, (PARTS / 'shape').read_text())}.tar"


def repository_tar() -> Path:
    """Where the RPMs are kept."""
    parts = [(PARTS / name).read_text() for name in REPOSITORY_PARTS]
    made_of = (SUITE, BASE_INCLUDE, TOOLS, *parts, *standin.pip_parts())
    return standin.CACHE / f"amazon-repository-{standin.digest(*made_of)}.tar"


def tag() -> str:
    """The image's name."""
    entry = (standin.PARTS / ENTRY).read_text()
    made_of = (DOCKERFILE, base_tar().name, repository_tar().name, entry, fetch.BINARIES[ARCH].sha256)
    return f"pylambda-standin:{NAME}-{standin.digest(*made_of)}"


def make() -> str:
    """Build the base where the engine has it not yet, and return its tag. Raises StandInError."""
    standin.refuse_without_engine()
    name = tag()
    if has_image(name):
        return name
    if fetch.this_machine() != ARCH:
        raise standin.StandInError(f"the base in Amazon's shape is made on {ARCH} alone")
    standin.install_mmdebstrap()
    standin.CACHE.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        parts = [pool.submit(part) for part in (make_base, make_repository)]
        base, repository = [part.result() for part in parts]
    with tempfile.TemporaryDirectory(dir=standin.CACHE) as folder:
        context = Path(folder)
        os.link(base, context / "base.tar")
        os.link(repository, context / "repository.tar")
        for place, source in {"aws-lambda-rie": standin.emulator(ARCH), ENTRY: standin.PARTS / ENTRY}.items():
            shutil.copy(source, context / place)
            (context / place).chmod(0o755)
        (context / "Dockerfile").write_text(DOCKERFILE)
        command("docker", "build", "--quiet", "--force-rm", "--network=none", "--tag", name, folder)
    return name


def make_base() -> Path:
    """Make the root file system where it is missing. Raises StandInError."""
    tar = base_tar()
    if tar.exists():
        return tar
    with tempfile.TemporaryDirectory(dir=standin.CACHE) as folder:
        unfinished = Path(folder, "base.tar")
        bootstrap(f"--include={BASE_INCLUDE}", f"--customize-hook={PARTS / 'shape'}", target=unfinished)
        return unfinished.rename(tar)


def make_repository() -> Path:
    """Make the RPMs, in a root file system that has compilers and is thrown away. Raises StandInError."""
    tar = repository_tar()
    if tar.exists():
        return tar
    with tempfile.TemporaryDirectory(dir=standin.CACHE) as folder:
        parts, unfinished = Path(folder, "parts"), Path(folder, "repository.tar")
        parts.mkdir()
        for name in REPOSITORY_PARTS:
            shutil.copy(PARTS / name, parts)
        for part in standin.pip_parts():
            leave_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(standin.site_packages() / part, parts / "pip" / part, ignore=leave_out)
        install = 'chroot "$1" apt-get -q --yes --no-install-recommends install'
        note = 'chroot "$1" dpkg-query --show --showformat="\\${Package}\\n" >'
        hooks = [
            f'{note} "$1/base-packages"',
            f"{install} {TOOLS} >&2",
            f'{note} "$1/tool-packages"',
            f"{install} createrepo-c >&2",
            f"copy-in {parts} /",
            'chroot "$1" python3 /parts/packages.py >&2',
            f"tar-out /standin {unfinished}",
        ]
        bootstrap(f"--include={BASE_INCLUDE},apt", *(f"--customize-hook={hook}" for hook in hooks))
        return unfinished.rename(tar)


def bootstrap(*options: str, target: Path | None = None) -> None:
    """Call mmdebstrap, for a tar or for nothing but what its hooks do. Raises StandInError."""
    what = (SUITE, str(target)) if target else ("--format=null", SUITE, "-")
    standin.run_or_refuse("mmdebstrap", "--quiet", *standin.NATIVE, *options, *what)


if __name__ == "__main__":
    try:
        print(make())
    except standin.StandInError as error:
        sys.exit(f"make {NAME}: {error}")
