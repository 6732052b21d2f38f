"""What a release and a rebuild need beside images: one version everywhere, its notes, and the base by digest.

    check TAG         the version, the newest heading of CHANGELOG.md and the tag say the same, and it is dated
    notes             the newest section of CHANGELOG.md
    bump-base         ask the registry for the base's digest and write it into images/matrix.toml

The base is rewritten as text, because a TOML writer would lose the comments.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from images.facts import FILE, MatrixError, load, read
from pylambda.names import VERSION

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"
HEADING = re.compile(r"^## (?P<version>\S+) \((?P<date>[^)]+)\)$", re.MULTILINE)


class ReleaseError(Exception):
    """Raised when something does not fit together; the message says what to mend."""


class Section(NamedTuple):
    """The newest section of a changelog."""

    version: str
    date: str
    text: str


def newest(changelog: str) -> Section:
    """The first section of a changelog. Raises ReleaseError."""
    headings = list(HEADING.finditer(changelog))
    if not headings:
        raise ReleaseError("CHANGELOG.md has no heading like ## 1.2.3 (2030-01-31)")
    end = headings[1].start() if len(headings) > 1 else len(changelog)
    first = headings[0]
    return Section(first["version"], first["date"], changelog[first.end() : end].strip())


def check_tag(tag: str, version: str, section: Section) -> None:
    """Refuse a release whose parts disagree. Raises ReleaseError."""
    if tag != f"v{version}":
        raise ReleaseError(f"the tag is {tag}, and pylambda.names.VERSION is {version}: the tag must be v{version}")
    if section.version != version:
        raise ReleaseError(f"CHANGELOG.md opens with {section.version}, and pylambda.names.VERSION is {version}")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", section.date):
        raise ReleaseError(f"CHANGELOG.md says {section.version} ({section.date}): a release has its day there")
    if not section.text:
        raise ReleaseError(f"CHANGELOG.md says nothing of {section.version}")


def with_base(text: str, base: str) -> str:
    """matrix.toml with another base. Raises ReleaseError, or MatrixError where it is no longer good."""
    renewed, count = re.subn(r'^base = "[^"]*"$', f'base = "{base}"', text, flags=re.MULTILINE)
    if count != 1:
        raise ReleaseError(f'matrix.toml has {count} lines like base = "...": it needs one')
    read(renewed)
    return renewed


def current_digest(docker: str, name: str) -> str:
    """What a tag means today, for all its architectures. Raises ReleaseError."""
    done = subprocess.run([docker, "pull", name], capture_output=True, text=True, timeout=900, check=False)
    found = re.search(r"^Digest: (sha256:[0-9a-f]{64})$", done.stdout, flags=re.MULTILINE)
    if done.returncode or not found:
        raise ReleaseError(f"{docker} pull {name} told no digest: {done.stderr.strip()}")
    return found[1]


def bump_base(docker: str, file: Path) -> str:
    """Write the base's digest of today into a matrix, and say what happened. Raises ReleaseError."""
    text = file.read_text(encoding="utf-8")
    name, _, old = read(text).base.partition("@")
    digest = current_digest(docker, name)
    if digest == old:
        return f"{name} is still {digest}"
    file.write_text(with_base(text, f"{name}@{digest}"), encoding="utf-8")
    return f"{name} is {digest} now; it was {old or 'not pinned'}"


def main() -> str:
    """What the command prints. Raises ReleaseError."""
    parser = argparse.ArgumentParser(prog="python -m images.release", description="What a release needs beside images")
    parser.add_argument("--docker", default="docker")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("tag")
    commands.add_parser("notes")
    commands.add_parser("bump-base").add_argument("--file", type=Path, default=FILE)
    chosen = parser.parse_args()
    if chosen.command == "bump-base":
        return bump_base(chosen.docker, chosen.file)
    section = newest(CHANGELOG.read_text(encoding="utf-8"))
    if chosen.command == "notes":
        return section.text
    check_tag(chosen.tag, VERSION, section)
    return f"{chosen.tag}: version, changelog and tag agree; base {load().base}"


if __name__ == "__main__":
    try:
        print(main())
    except (ReleaseError, MatrixError) as error:
        sys.exit(f"images/release.py: {error}")
