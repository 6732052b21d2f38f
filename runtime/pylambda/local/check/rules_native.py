"""Whether native modules, wheels and Python itself fit the machine that Lambda runs them on."""

import datetime
import random
import re
import time
from collections.abc import Iterator

from pylambda.local.check import packages
from pylambda.local.check.elf import Elf
from pylambda.local.check.files import File
from pylambda.local.check.findings import Found, Rule, Severity
from pylambda.local.check.subject import Subject

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
# The last day of upstream's security fixes: https://devguide.python.org/versions/
END_OF_LIFE = {
    (3, 6): "2021-12-23",
    (3, 7): "2023-06-27",
    (3, 8): "2024-10-07",
    (3, 9): "2025-10-31",
    (3, 10): "2026-10-31",
    (3, 11): "2027-10-31",
    (3, 12): "2028-10-31",
    (3, 13): "2029-10-31",
    (3, 14): "2030-10-31",
}
# Less is compiled in a millisecond or two.
LEAST_SOURCE = 20_000


def _is_for_another(file: File, found: Elf, subject: Subject) -> bool:
    """Whether a library is there for another machine on purpose, as its path says, or has one beside it that fits."""
    if packages.TAGGED.fullmatch(file.name):
        return packages.stands_in(file, subject.target.tree, subject.python, subject.arch)
    named = {packages.MACHINES.get(word, word) for word in packages.NAMED_MACHINE.findall(file.path.lower())}
    return found.machine in named - {subject.arch} or "musl" in named


def native(subject: Subject) -> Iterator[Found]:
    for file, found in subject.natives:
        if subject.arch and found.machine != subject.arch and not _is_for_another(file, found, subject):
            yield Found(file.path, f"{file.name} is for {found.machine}, the function for {subject.arch}")


def abi(subject: Subject) -> Iterator[Found]:
    for file, found in subject.natives:
        tagged = packages.TAGGED.fullmatch(file.name)
        if not tagged or not subject.python or (found.machine != subject.arch and subject.arch):
            continue
        minor = int(tagged["python"][1:])
        if minor != subject.python[1] and not _is_for_another(file, found, subject):
            yield Found(file.path, f"{file.name} is for Python 3.{minor}, the function's is 3.{subject.python[1]}")


def wheel(subject: Subject) -> Iterator[Found]:
    for dist in subject.dists:
        if why := packages.misfit(dist.tags, subject.python, subject.arch):
            yield Found(dist.file.path, f"the wheel of {dist.name}: {why}")


def c_library(subject: Subject) -> Iterator[Found]:
    base, _version = subject.libc
    for file, found in subject.natives:
        if found.libc and found.libc != base and not _is_for_another(file, found, subject):
            yield Found(file.path, f"{file.name} is for {found.libc}, the base has {base}")


def glibc(subject: Subject) -> Iterator[Found]:
    base, version = subject.libc
    for file, found in subject.natives:
        if base == "glibc" and found.glibc and found.glibc > version:
            needs, has = (".".join(map(str, numbers)) for numbers in (found.glibc, version))
            yield Found(file.path, f"{file.name} needs glibc {needs}, the base has {has}")


def end_of_life(subject: Subject) -> Iterator[Found]:
    said = END_OF_LIFE.get(subject.python) if subject.python else None
    if said and datetime.date.fromisoformat(said) < datetime.datetime.now(datetime.UTC).date():
        yield Found("", f"Python {subject.python_text} had its last security fix on {said}")


def byte_code(subject: Subject) -> Iterator[Found]:
    sources = [
        file
        for file in subject.files
        if file.path.endswith(".py") and file.size and re.search(r"(^|/)(tests?|bin)/", file.path) is None
    ]
    missing = [file for file in sources if not _has_byte_code(file, subject)]
    amount = sum(file.size for file in missing)
    if amount < LEAST_SOURCE:
        return
    yield Found(
        "",
        f"{len(missing)} of {len(sources)} modules have no byte code that Python would use ({amount / 1000:,.0f} kB)."
        f" Compiling all of them takes {_seconds(missing, amount):.1f} s on this machine",
    )


def _has_byte_code(file: File, subject: Subject) -> bool:
    folder, _, name = file.path.rpartition("/")
    tag = f"3{subject.python[1]}" if subject.python else r"3\d+"
    stem = re.escape(name.removesuffix(".py"))
    places = subject.byte_code.get(folder, {})
    found = next((pyc for other, pyc in places.items() if re.fullmatch(rf"{stem}\.cpython-{tag}\.pyc", other)), None)
    if found is None:
        return False
    head = found.head(16)
    # The flag of a file that is compared by a hash, or not at all: https://peps.python.org/pep-0552/
    if len(head) < 16 or head[4] & 1 or file.mtime_s is None:
        return len(head) == 16
    return head[8:16] == (file.mtime_s & 0xFFFFFFFF).to_bytes(4, "little") + (file.size & 0xFFFFFFFF).to_bytes(
        4, "little"
    )


def _seconds(files: list[File], amount: int) -> float:
    """Compile some of the files and tell what all of them would take."""
    begin, done = time.process_time(), 0
    for file in random.Random(0).sample(files, len(files)):
        try:
            compile(file.head(packages.MOST_TEXT), file.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        done += file.size
        if time.process_time() - begin > 0.3:
            break
    return (time.process_time() - begin) * amount / done if done else 0.0


RULES = (
    Rule(
        "PL-NATIVE", ERROR, "a native module for another architecture",
        "The import fails: `cannot open shared object file` or `invalid ELF header`.",
        "Install for the function's architecture: build on it, or `uv pip install --python-platform"
        " x86_64-manylinux_2_34` (`aarch64-...` for arm64).",
        native,
    ),
    Rule(
        "PL-ABI", ERROR, "a native module for another Python",
        "Python looks for a module with its own version in the name and does not find it: `No module named`.",
        "Install with the function's Python, or `uv pip install --python-version 3.12`.",
        abi,
    ),
    Rule(
        "PL-WHEEL", ERROR, "a wheel for another Python or system",
        "It was installed for another machine than Lambda's; what is native in it cannot be imported.",
        "Install for Lambda: `uv pip install --target DIR --python-platform x86_64-manylinux_2_34 --python-version 3.12"
        " --only-binary :all:`, or in the image's own build.",
        wheel,
    ),
    Rule(
        "PL-MUSL", ERROR, "a native module for another C library",
        "A module for musl (Alpine) does not load with glibc (Amazon Linux, Debian), nor the other way round.",
        "Install in the image that runs it, or take the manylinux wheel in place of the musllinux one.",
        c_library,
    ),
    Rule(
        "PL-GLIBC", ERROR, "glibc newer than the base's",
        "The import fails: `version GLIBC_2.38 not found`. It was compiled on a newer system than Lambda's.",
        "Compile in an image of the same base (pylambda:3.12-build), or take a wheel of manylinux_2_34 or older.",
        glibc,
    ),
    Rule(
        "PL-EOL", WARNING, "a Python past its end of life",
        "It gets no security fixes, and Lambda stops taking new functions with it.",
        "Move to a newer Python: `FROM pylambda:3.13`.",
        end_of_life,
    ),
    Rule(
        "PL-BYTECODE", NOTE, "byte code is missing",
        "Lambda's file system cannot be written, so what has no byte code is compiled anew in every cold start that"
        " imports it.",
        "In the Dockerfile, last: RUN python -m compileall -q --invalidation-mode unchecked-hash ${LAMBDA_TASK_ROOT};"
        " with uv: UV_COMPILE_BYTECODE=1.",
        byte_code,
    ),
)  # fmt: skip
