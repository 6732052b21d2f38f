"""The images, as a pure function of matrix.toml.

The file holds facts that cannot be derived; everything that follows from them is a function here, so that a
version, a platform or a runner is typed nowhere else. `read` turns text into a `Matrix` or raises
`MatrixError`, which names the row; the functions below it turn a `Matrix` into what one consumer needs;
`main` is the only part that touches files.

    list                     one version a line, for make and the tests
    build-args VERSION       one `--build-arg NAME=VALUE` a line, for `docker build`
    github                   JSON for `strategy.matrix` of a workflow
    table                    the README's table; --write FILE renews it there, --check FILE compares
"""

import argparse
import datetime
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import tomli

FILE = Path(__file__).with_name("matrix.toml")
TABLE_START = "<!-- images: printed by images/matrix.py -->"
TABLE_END = "<!-- /images -->"


class MatrixError(ValueError):
    """Raised when matrix.toml, or a question to it, names something that is not there."""


class Arch(NamedTuple):
    name: str
    platform: str
    runner: str


class Python(NamedTuple):
    version: str
    eol: datetime.date


class Matrix(NamedTuple):
    default: str
    repository: str
    base: str
    archs: tuple[Arch, ...]
    pythons: tuple[Python, ...]

    def python(self, version: str) -> Python:
        """The row of one version. Raises MatrixError."""
        for python in self.pythons:
            if python.version == version:
                return python
        known = ", ".join(python.version for python in self.pythons)
        raise MatrixError(f"no image for Python {version!r}: matrix.toml has {known}")


def read(text: str) -> Matrix:
    """The matrix that a TOML text describes. Raises MatrixError."""
    try:
        document: dict[str, object] = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise MatrixError(f"matrix.toml is not TOML: {error}") from error
    top = _Row("the top level", document)
    default, repository, base = (top.text(key) for key in ("default", "repository", "base"))
    archs = []
    for row in top.rows("arch"):
        archs.append(Arch(row.key, platform=row.text("platform", r"linux/\w+"), runner=row.text("runner")))
        row.finish()
    pythons = []
    for row in top.rows("python", key=r"3\.\d+"):
        pythons.append(Python(row.key, eol=row.date("eol")))
        row.finish()
    top.finish()
    matrix = Matrix(default, repository, base, tuple(archs), tuple(pythons))
    if default not in {python.version for python in pythons}:
        raise MatrixError(f"the top level: default = {default!r} has no [python.{json.dumps(default)}]")
    return matrix


def build_args(matrix: Matrix, version: str) -> dict[str, str]:
    """What images/Dockerfile takes as ARG for one version."""
    return {"BASE": matrix.base, "PYTHON_VERSION": matrix.python(version).version}


def github(matrix: Matrix) -> dict[str, list[dict[str, str]]]:
    """Rows for `strategy.matrix`: each image on a runner of its own architecture, so nothing is emulated."""
    return {
        "include": [
            {
                "version": python.version,
                "arch": arch.name,
                "platform": arch.platform,
                "runner": arch.runner,
                "base": matrix.base,
            }
            for python in matrix.pythons
            for arch in matrix.archs
        ]
    }


def table(matrix: Matrix) -> str:
    """The README's table with its markers, ready to stand between two paragraphs."""
    archs = ", ".join(f"`{arch.name}`" for arch in matrix.archs)
    rows = ["| `FROM` | Python | Architectures | Security fixes until |", "| --- | --- | --- | --- |"]
    for python in matrix.pythons:
        mark = " (default)" if python.version == matrix.default else ""
        image = f"`{matrix.repository}:{python.version}`{mark}"
        rows.append(f"| {image} | {python.version} | {archs} | {python.eol:%Y-%m} |")
    return "\n".join([TABLE_START, *rows, TABLE_END])


def with_table(page: str, matrix: Matrix) -> str:
    """The page with its table renewed. Raises MatrixError where the page has no place for it."""
    before, start, rest = page.partition(TABLE_START)
    _, end, after = rest.partition(TABLE_END)
    if not start or not end:
        raise MatrixError(f"no place for the table: put {TABLE_START} and {TABLE_END} on lines of their own")
    return before + table(matrix) + after


class _Row:
    """One TOML table, read key by key, so that what nobody read can be refused by name."""

    def __init__(self, where: str, facts: dict[str, object], key: str = "") -> None:
        self.where = where
        self.key = key
        self._left = dict(facts)

    def text(self, key: str, pattern: str = r".+") -> str:
        value = self._take(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise MatrixError(f"{self.where}: {key} = {value!r} is not a text that matches {pattern}")
        return value

    def date(self, key: str) -> datetime.date:
        value = self._take(key)
        # A datetime is a date too: only the plain one is meant.
        if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
            raise MatrixError(f"{self.where}: {key} = {value!r} is not a date, as in 2030-10-31")
        return value

    def rows(self, name: str, key: str = r"\w+") -> "list[_Row]":
        tables = self._take(name)
        if not isinstance(tables, dict) or not tables:
            raise MatrixError(f"{self.where}: {name} needs at least one [{name}.KEY] table")
        rows = []
        for row_key, value in tables.items():
            where = f"[{name}.{row_key}]" if re.fullmatch(r"\w+", row_key) else f'[{name}."{row_key}"]'
            if not re.fullmatch(key, row_key) or not isinstance(value, dict):
                raise MatrixError(f"{where}: is not a table with a key that matches {key}")
            rows.append(_Row(where, value, row_key))
        return rows

    def finish(self) -> None:
        if self._left:
            raise MatrixError(f"{self.where}: unknown key {', '.join(self._left)}")

    def _take(self, key: str) -> object:
        if key not in self._left:
            raise MatrixError(f"{self.where}: {key} is missing")
        return self._left.pop(key)


def main(arguments: list[str] | None = None) -> str:
    """What the command prints. Raises MatrixError."""
    parser = argparse.ArgumentParser(description="Print what follows from matrix.toml")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="one version a line")
    commands.add_parser("build-args", help="arguments for docker build").add_argument("version")
    commands.add_parser("github", help="JSON for a workflow's matrix")
    table_command = commands.add_parser("table", help="the README's table")
    where = table_command.add_mutually_exclusive_group()
    where.add_argument("--check", type=Path, metavar="FILE", help="fail when FILE has another table")
    where.add_argument("--write", type=Path, metavar="FILE", help="renew the table of FILE")
    chosen = parser.parse_args(arguments)
    matrix = read(FILE.read_text(encoding="utf-8"))
    if chosen.command == "list":
        return "\n".join(python.version for python in matrix.pythons)
    if chosen.command == "build-args":
        arguments_by_name = build_args(matrix, chosen.version)
        return "\n".join(f"--build-arg {name}={value}" for name, value in arguments_by_name.items())
    if chosen.command == "github":
        return json.dumps(github(matrix))
    page_file: Path | None = chosen.check or chosen.write
    if page_file is None:
        return table(matrix)
    page = page_file.read_text(encoding="utf-8")
    renewed = with_table(page, matrix)
    if chosen.check and page != renewed:
        raise MatrixError(f"{page_file}: the table is old; images/matrix.py table --write renews it")
    if chosen.write and page != renewed:
        page_file.write_text(renewed, encoding="utf-8")
    return ""


if __name__ == "__main__":
    try:
        printed = main()
    except MatrixError as error:
        sys.exit(f"images/matrix.py: {error}")
    if printed:
        print(printed)
