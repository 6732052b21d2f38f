"""matrix.toml as records: read once, checked where it is read.

TOML in, records out, and nothing but the text decides: `read` turns it into a `Matrix` or raises `MatrixError`,
whose message names the row. What depends on something else than the text, the day and whether this is a release,
is asked of `check`. An image is a Python and a variant; a build is an image for one architecture.
"""

import datetime
import json
import re
from pathlib import Path
from typing import NamedTuple

import tomli

FILE = Path(__file__).with_name("matrix.toml")
# The variant that tags do not name, the one whose build takes programs of other projects, and the one that takes boto3.
UNNAMED = "default"
WITH_TOOLS = "build"
WITH_BOTO3 = "boto3"
AXES = ("python", "variant", "arch")


class MatrixError(ValueError):
    """Raised when matrix.toml, or a question to it, names something that is not there."""


class Arch(NamedTuple):
    name: str
    platform: str
    runner: str
    wheel: str

    @property
    def oci(self) -> str:
        """What OCI and the builders call it: the second half of a platform."""
        return self.platform.partition("/")[2]


class Variant(NamedTuple):
    name: str
    about: str
    extends: str | None


class Python(NamedTuple):
    version: str
    eol: datetime.date


class Build(NamedTuple):
    """One image for one architecture: what one `docker build` makes."""

    python: Python
    variant: Variant
    arch: Arch

    @property
    def image(self) -> str:
        """The image's name: its moving tag too."""
        return self.python.version + suffix(self.variant.name)

    def place(self) -> dict[str, str]:
        """Where it is on each axis."""
        return dict(zip(AXES, (self.python.version, self.variant.name, self.arch.name), strict=True))


class Exclude(NamedTuple):
    """A hole in the matrix: every build that agrees with all of `place`."""

    where: str
    place: dict[str, str]
    why: str

    def matches(self, build: Build) -> bool:
        return self.place.items() <= build.place().items()


class Matrix(NamedTuple):
    default: str
    repository: str
    source: str
    base: str
    licenses: str
    archs: tuple[Arch, ...]
    variants: tuple[Variant, ...]
    pythons: tuple[Python, ...]
    builds: tuple[Build, ...]

    def images(self) -> list[str]:
        """Every image by its name, in the order of the file."""
        return list(dict.fromkeys(build.image for build in self.builds))

    def builds_of(self, image: str) -> list[Build]:
        """The builds of one image. Raises MatrixError."""
        found = [build for build in self.builds if build.image == image]
        if not found:
            raise MatrixError(f"no image {image!r}: matrix.toml has {', '.join(self.images())}")
        return found

    def build(self, image: str, arch: str) -> Build:
        """One image for one architecture. Raises MatrixError."""
        builds = self.builds_of(image)
        for build in builds:
            if build.arch.name == arch:
                return build
        raise MatrixError(f"no image {image!r} for {arch!r}: only for {', '.join(b.arch.name for b in builds)}")

    def ancestry(self, variant: str) -> list[str]:
        """A variant, then what it extends, and so on. Raises MatrixError."""
        by_name = {row.name: row for row in self.variants}
        if variant not in by_name:
            raise MatrixError(f"no variant {variant!r}: matrix.toml has {', '.join(by_name)}")
        parent = by_name[variant].extends
        return [variant, *(self.ancestry(parent) if parent else [])]


def suffix(variant: str) -> str:
    """What a variant adds to a tag."""
    return "" if variant == UNNAMED else f"-{variant}"


def load() -> Matrix:
    """This project's own matrix. Raises MatrixError."""
    return read(FILE.read_text(encoding="utf-8"))


def read(text: str) -> Matrix:
    """The matrix that a TOML text describes. Raises MatrixError."""
    try:
        document: dict[str, object] = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise MatrixError(f"matrix.toml is not TOML: {error}") from error
    top = Row("the top level", document)
    default, repository, source, base, licenses = map(top.text, ("default", "repository", "source", "base", "licenses"))
    archs = [
        Arch(row.key, platform=row.text("platform", r"linux/\w+"), runner=row.text("runner"), wheel=row.text("wheel"))
        for row in top.rows("arch")
    ]
    variants = [Variant(row.key, row.text("about"), row.maybe_text("extends")) for row in top.rows("variant")]
    pythons = [Python(row.key, eol=row.date("eol")) for row in top.rows("python", key=r"3\.\d+")]
    excludes = [_exclude(row) for row in top.list("exclude")]
    top.finish()
    _check_order(variants)
    builds = _builds(pythons, variants, archs, excludes)
    axes = (tuple(archs), tuple(variants), tuple(pythons))
    matrix = Matrix(default, repository, source, base, licenses, *axes, builds)
    if matrix.default not in {python.version for python in pythons}:
        raise MatrixError(f"the top level: default = {matrix.default!r} has no [python.{json.dumps(matrix.default)}]")
    return matrix


def check(matrix: Matrix, *, today: datetime.date, release: bool) -> None:
    """What the text alone cannot tell. Raises MatrixError."""
    for python in matrix.pythons:
        if python.eol < today:
            raise MatrixError(
                f'[python."{python.version}"]: eol = {python.eol} is past: remove the row, or say until when it is safe'
            )
    if release and "@sha256:" not in matrix.base:
        raise MatrixError(
            f"the top level: base = {matrix.base!r} has no digest, so a release could not say what it stands on: "
            "make bump-base writes it"
        )


def _exclude(row: "Row") -> Exclude:
    place = {axis: value for axis in AXES if (value := row.maybe_text(axis))}
    exclude = Exclude(row.where, place, row.text("why"))
    if not place:
        raise MatrixError(f"{row.where}: names none of {', '.join(AXES)}, and would exclude every image")
    return exclude


def _check_order(variants: list[Variant]) -> None:
    """What is extended stands above, so that nothing extends itself in a circle."""
    seen: set[str] = set()
    for variant in variants:
        if variant.extends and variant.extends not in seen:
            raise MatrixError(f"[variant.{variant.name}]: extends = {variant.extends!r} is no variant above it")
        seen.add(variant.name)
    if UNNAMED not in seen:
        raise MatrixError(f"the top level: variant needs a [variant.{UNNAMED}] table, the one that tags do not name")


def _builds(
    pythons: list[Python], variants: list[Variant], archs: list[Arch], excludes: list[Exclude]
) -> tuple[Build, ...]:
    every = [Build(python, variant, arch) for python in pythons for variant in variants for arch in archs]
    for exclude in excludes:
        if not any(exclude.matches(build) for build in every):
            raise MatrixError(f"{exclude.where}: {exclude.place} excludes no image: remove it, or mend its names")
    return tuple(build for build in every if not any(exclude.matches(build) for exclude in excludes))


class Row:
    """One TOML table, read key by key, so that what nobody read can be refused by name."""

    def __init__(self, where: str, facts: dict[str, object], key: str = "") -> None:
        self.where = where
        self.key = key
        self._left = dict(facts)
        self._children: list[Row] = []

    def text(self, key: str, pattern: str = r".+") -> str:
        value = self._take(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise MatrixError(f"{self.where}: {key} = {value!r} is not a text that matches {pattern}")
        return value

    def maybe_text(self, key: str) -> str | None:
        return self.text(key) if key in self._left else None

    def date(self, key: str) -> datetime.date:
        value = self._take(key)
        # A datetime is a date too: only the plain one is meant.
        if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
            raise MatrixError(f"{self.where}: {key} = {value!r} is not a date, as in 2030-10-31")
        return value

    def rows(self, name: str, key: str = r"\w+") -> "list[Row]":
        """The tables [name.KEY], at least one."""
        tables = self._take(name)
        if not isinstance(tables, dict) or not tables:
            raise MatrixError(f"{self.where}: {name} needs at least one [{name}.KEY] table")
        rows = []
        for row_key, value in tables.items():
            where = f"[{name}.{row_key}]" if re.fullmatch(r"\w+", row_key) else f'[{name}."{row_key}"]'
            if not re.fullmatch(key, row_key) or not isinstance(value, dict):
                raise MatrixError(f"{where}: is not a table with a key that matches {key}")
            rows.append(Row(where, value, row_key))
        self._children += rows
        return rows

    def list(self, name: str) -> "list[Row]":
        """The tables [[name]], none where there are none."""
        tables = self._left.pop(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise MatrixError(f"{self.where}: {name} is not a list of [[{name}]] tables")
        rows = [Row(f"[[{name}]] number {number}", table) for number, table in enumerate(tables, 1)]
        self._children += rows
        return rows

    def finish(self) -> None:
        """Refuse what was not read, here and in every row below."""
        if self._left:
            raise MatrixError(f"{self.where}: unknown key {', '.join(self._left)}")
        for row in self._children:
            row.finish()

    def _take(self, key: str) -> object:
        if key not in self._left:
            raise MatrixError(f"{self.where}: {key} is missing")
        return self._left.pop(key)
