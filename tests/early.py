"""Contract and parity on Pythons that no image has yet: an early warning, which judges nothing.

python -m tests.early [PROGRAM ...]

Without a program it is the next Python that Debian has. What fails is named in a table, and the exit code is 0; it is 1
only where the tests could not be run. Each Python has an environment of its own under .cache/early: what these tests
need at least, and of the libraries that some of them use those that have a wheel for it already.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tests.image import standin
from tests.parity import debian, pythons

ROOT = Path(__file__).parents[1]
CACHE = (ROOT / ".cache").resolve() / "early"
# The next Python, and the release of Debian that has it.
VERSION, SUITE = "3.15", "forky"
MIRROR = "http://deb.debian.org/debian"
NEEDED = ("pytest", "pytest-timeout", "pytest-xdist", "requests", "tomli", "h11")
OPTIONAL = ("msgspec", "pydantic", "uvloop", "numpy", "orjson")
CONTRACT, PARITY = ("tests/contract",), ("tests/parity/test_parity.py",)
DESCRIBE = (
    "import os, sys, sysconfig; free = bool(sysconfig.get_config_var('Py_GIL_DISABLED')); "
    "print(sys.version.split()[0] + (', free-threaded' if free else ''))"
)
DEADLINE_S = 3600
MOST_NAMES = 30


class EarlyError(Exception):
    """Raised when tests cannot be run; the message says why."""


class Outcome(NamedTuple):
    """What came of a suite.

    Attributes:
        passed: how many tests; `skipped` and `failed` likewise.
        names: of those that failed.
    """

    passed: int
    skipped: int
    failed: int
    names: list[str]

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


class Row(NamedTuple):
    """What is said of a Python.

    Attributes:
        python: its version.
        missing: the libraries that have no wheel for it.
        contract: what came of that suite; `parity` of the other one.
    """

    python: str
    missing: list[str]
    contract: Outcome
    parity: Outcome


def next_python() -> Path:
    """Return the next Python, which is taken out of Debian where it is missing.

    Raises:
        EarlyError: this machine cannot do that.
    """
    place = CACHE / VERSION
    program = place / "usr" / "bin" / f"python{VERSION}"
    if program.exists():
        return program
    CACHE.mkdir(parents=True, exist_ok=True)
    tar = CACHE / f"{SUITE}-{VERSION}.tar"
    # What moves may be older on a mirror than its own date allows; signatures are checked.
    options = ["--variant=extract", '--aptopt=Acquire::Check-Valid-Until "false"']
    include = f"--include=python{VERSION},python{VERSION}-venv"
    try:
        standin.install_mmdebstrap()
        _run("mmdebstrap", *options, include, SUITE, str(tar), MIRROR)
        return debian.unpack(tar, VERSION, place)
    except (standin.StandInError, debian.NoLoader, OSError) as error:
        raise EarlyError(
            f"Python {VERSION} cannot be had here: {error}; make early PYTHON=... takes another"
        ) from error
    finally:
        tar.unlink(missing_ok=True)


def environment_of(program: Path) -> tuple[Path, list[str]]:
    """Return the Python of an environment with what the tests need, and the libraries that have no wheel for it.

    Args:
        program: the Python that it is made of.

    Raises:
        EarlyError: it cannot be made.
    """
    described = _run(str(program), "-VV") + os.path.realpath(program) + " ".join(NEEDED + OPTIONAL) + str(ROOT)
    folder = CACHE / f"environment-{hashlib.sha256(described.encode()).hexdigest()[:12]}"
    python, missing = folder / "bin" / "python", folder / "missing"

    def make() -> None:
        _run(str(program), "-m", "venv", "--without-pip", str(folder))
        _install(python, *NEEDED)
        # Not installed: that would leave something in the checkout.
        next(folder.glob("lib/python*/site-packages")).joinpath("pylambda.pth").write_text(f"{ROOT / 'runtime'}\n")
        missing.write_text(" ".join(name for name in OPTIONAL if not _has_wheel(python, name)))

    pythons.make_once(folder, make)
    return python, missing.read_text().split()


def examine(program: Path, contract: Sequence[str], parity: Sequence[str]) -> Row:
    """Run both suites on a Python.

    Args:
        program: the Python.
        contract: which tests of the one; `parity` of the other.

    Raises:
        EarlyError: they cannot be run.
    """
    python, missing = environment_of(program)
    # The tests themselves run on it, and so does the runtime that they start. Parity starts both runtimes on it.
    return Row(
        _run(str(program), "-c", DESCRIBE).strip(),
        missing,
        _tests(python, contract, {}),
        _tests(Path(sys.executable), parity, {pythons.EARLY: str(program)}),
    )


def _tests(python: Path, tests: Sequence[str], variables: dict[str, str]) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        options = ["--numprocesses=2", "--quiet", "--tb=no", "-p", "no:cacheprovider", f"--junitxml={report}"]
        # A warning of a new Python is no failure yet, and there are some in the tests' own libraries.
        settings = ["-o", "pythonpath=. runtime", "-o", "filterwarnings=default"]
        done = subprocess.run(
            [str(python), "-m", "pytest", *options, *settings, *tests],
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        if not report.exists():
            raise EarlyError(f"{' '.join(tests)} on {python}:\n{(done.stdout + done.stderr)[-2000:]}")
        return outcome_of(report.read_text())


def outcome_of(report: str) -> Outcome:
    """Read what came of a suite off its report in JUnit's form."""
    cases = list(ElementTree.fromstring(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    names = [f"{case.get('classname')}::{case.get('name')}" for case in failed]
    return Outcome(len(cases) - len(failed) - len(skipped), len(skipped), len(failed), names)


def table(rows: Iterable[Row]) -> str:
    """Return rows as a table, and below it the names of what failed."""
    lines = ["| Python | contract | parity | no wheel yet |", "| --- | --- | --- | --- |"]
    names = []
    for row in rows:
        lines.append(f"| {row.python} | {row.contract} | {row.parity} | {', '.join(row.missing) or 'none'} |")
        names += [f"{row.python}: {name}" for name in row.contract.names + row.parity.names]
    left_out = len(names) - MOST_NAMES
    more = [f"and {left_out} more"] if left_out > 0 else []
    return "\n".join([*lines, "", *names[:MOST_NAMES], *more]).rstrip()


def _install(python: Path, *packages: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    _run(str(uv), "pip", "install", "--quiet", "--python", str(python), "--only-binary", ":all:", *packages)


def _has_wheel(python: Path, package: str) -> bool:
    try:
        _install(python, package)
    except EarlyError:
        return False
    return True


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    if done.returncode:
        raise EarlyError(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def main(argv: Sequence[str] | None = None) -> int:
    """Examine Pythons and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.early", description="Try Pythons that no image has yet.")
    parser.add_argument("programs", nargs="*", type=Path, metavar="PROGRAM", help=f"a CPython; Debian's {VERSION}")
    parser.add_argument("--contract", nargs="+", default=CONTRACT, metavar="TEST", help="which tests of the contract")
    parser.add_argument("--parity", nargs="+", default=PARITY, metavar="TEST", help="which tests of parity")
    arguments = parser.parse_args(argv)
    try:
        programs = arguments.programs or [next_python()]
        print(table([examine(program, arguments.contract, arguments.parity) for program in programs]))
    except (EarlyError, OSError, subprocess.TimeoutExpired) as error:
        print(f"early: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
