"""What follows from matrix.toml, printed for one consumer each, so that nobody types it.

    list                      one image a line, for make and the tests
    archs                     one architecture a line
    default, base             the default image, and what the images stand on
    build IMAGE               the options of `docker build`, one a line, quoted for xargs; --arch ARCH
    tags IMAGE                the tags of a push, one a line: see `tags` below
    bake                      a file for `docker buildx bake -f -`, as JSON; the context is a folder
    github                    JSON for `strategy.matrix` of a workflow
    table                     the README's tables; --write FILE renews them there, --check FILE compares
    check                     refuses a Python past its end of life; with --release also a base without a digest

The functions are pure: records in, text out. `main` is the only part that touches files and asks git.
"""

import argparse
import datetime
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from images.facts import UNNAMED, WITH_TOOLS, Build, Matrix, MatrixError, check, load, suffix
from pylambda.local.fetch import this_machine
from pylambda.names import VERSION

ROOT = Path(__file__).parents[1]
CONTEXT = "build/context"
TABLE_START = "<!-- images: printed by images/matrix.py -->"
TABLE_END = "<!-- /images -->"


class Source(NamedTuple):
    """What an image is made from."""

    version: str
    revision: str
    date: str


def build_args(matrix: Matrix, build: Build, base: str = "") -> dict[str, str]:
    """What images/Dockerfile takes as ARG; `base` goes before that of the matrix."""
    arguments = {"BASE": base or matrix.base, "PYTHON_VERSION": build.python.version}
    # BuildKit sets it by itself; the classic builder does not, and warns of one that no stage took.
    return {**arguments, "TARGETARCH": build.arch.oci} if build.variant.name == WITH_TOOLS else arguments


def labels(matrix: Matrix, build: Build, source: Source, base: str = "") -> dict[str, str]:
    """The image's labels: https://github.com/opencontainers/image-spec/blob/main/annotations.md.

    There is none for SnapStart, on purpose: docs/images.md says why.
    """
    name, _, digest = (base or matrix.base).partition("@")
    found = {
        "title": f"pylambda {build.image}",
        "description": f"Python {build.python.version} for AWS Lambda, {build.variant.name} variant",
        "source": matrix.source,
        "version": source.version,
        "revision": source.revision,
        "created": source.date,
        "licenses": matrix.licenses,
        "base.name": name,
        "base.digest": digest,
    }
    # What is not known is left out: an empty label would be a claim.
    return {f"org.opencontainers.image.{key}": value for key, value in found.items() if value}


def build_options(matrix: Matrix, build: Build, source: Source, base: str = "") -> list[str]:
    """The options that `docker build`, buildx and `buildah bud` all understand."""
    options = [f"--platform={build.arch.platform}", f"--target={build.variant.name}"]
    options += [f"--build-arg={name}={value}" for name, value in build_args(matrix, build, base).items()]
    options += [f"--label={name}={value}" for name, value in labels(matrix, build, source, base).items()]
    return options


class Edition(NamedTuple):
    """What one push publishes: a release by its version, or a rebuild of what is released."""

    date: datetime.date
    version: str | None

    @property
    def exact(self) -> str:
        """The part of a tag that belongs to this push alone."""
        return self.version or f"{self.date:%Y%m%d}"


def arch_tag(build: Build, edition: Edition) -> str:
    """The tag of one architecture's manifest, which every index of this push points at."""
    return f"{build.image}-{edition.exact}-{build.arch.name}"


def moving_arch_tag(build: Build) -> str:
    """The tag of the newest manifest of one architecture, as Amazon's images have it too: `3.12-arm64`."""
    return f"{build.image}-{build.arch.name}"


def index_tags(build: Build, edition: Edition, patch: str) -> list[str]:
    """The tags of an image's index: the exact one first, and last the one that most people write.

    A release's exact tag is pushed once, ever. All others move: to the last push of a day, of a patch release of
    Python, of the image.
    """
    name = suffix(build.variant.name)
    exact = [f"{build.image}-{edition.version}"] if edition.version else []
    return [*exact, f"{build.image}-{edition.date:%Y%m%d}", patch + name, build.image]


def github(matrix: Matrix) -> dict[str, list[dict[str, str]]]:
    """Rows for `strategy.matrix`: each build on a runner of its own architecture, so nothing is emulated."""
    return {
        "include": [
            {
                "image": build.image,
                "version": build.python.version,
                "variant": build.variant.name,
                "arch": build.arch.name,
                "platform": build.arch.platform,
                "runner": build.arch.runner,
                "base": matrix.base,
            }
            for build in matrix.builds
        ]
    }


def bake(matrix: Matrix, source: Source) -> dict[str, object]:
    """A bake file: a target a build, without the attestations that make an index of a single manifest."""
    targets = {}
    for build in matrix.builds:
        targets[f"{build.image}-{build.arch.name}".replace(".", "_")] = {
            "context": CONTEXT,
            "target": build.variant.name,
            "platforms": [build.arch.platform],
            "args": build_args(matrix, build),
            "labels": labels(matrix, build, source),
            "tags": [f"{matrix.repository}:{build.image}-{source.version}-{build.arch.name}"],
            "attest": ["type=provenance,disabled=true", "type=sbom,disabled=true"],
        }
    return {"group": {"default": {"targets": list(targets)}}, "target": targets}


def table(matrix: Matrix) -> str:
    """The README's tables with their markers, ready to stand between two paragraphs."""
    variants = sorted(matrix.variants, key=lambda variant: variant.name != UNNAMED)
    titles = [f"`{matrix.repository}:`" if row.name == UNNAMED else row.name for row in variants]
    rows = [
        f"| {' | '.join([*titles, 'Architectures', 'Security fixes until'])} |",
        f"| {' | '.join(['---'] * (len(titles) + 2))} |",
    ]
    for python in matrix.pythons:
        builds = [build for build in matrix.builds if build.python == python]
        names = {build.variant.name: f"`{build.image}`" for build in builds}
        archs = ", ".join(dict.fromkeys(f"`{build.arch.name}`" for build in builds))
        cells = [names.get(row.name, "") for row in variants]
        if python.version == matrix.default:
            cells[0] += " (this page's)"
        rows.append(f"| {' | '.join([*cells, archs, f'{python.eol:%Y-%m}'])} |")
    lines = [f"- {row.name}: {row.about}" for row in variants]
    return "\n".join([TABLE_START, *rows, "", *lines, TABLE_END])


def with_table(page: str, matrix: Matrix) -> str:
    """The page with its tables renewed. Raises MatrixError where the page has no place for them."""
    before, start, rest = page.partition(TABLE_START)
    _, end, after = rest.partition(TABLE_END)
    if not start or not end:
        raise MatrixError(f"no place for the table: put {TABLE_START} and {TABLE_END} on lines of their own")
    return before + table(matrix) + after


def source() -> Source:
    """What is checked out: its commit and that commit's date, so that two builds of one commit say the same.

    Outside of a checkout, as in a release's tarball, there is neither.
    """
    done = subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%H %cI"], capture_output=True, text=True, check=False
    )
    revision, _, date = done.stdout.strip().partition(" ")
    return Source(VERSION, revision, date)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m images.matrix", description="Print what follows from matrix.toml")
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="one image a line")
    commands.add_parser("archs", help="one architecture a line")
    commands.add_parser("default", help="the default image")
    commands.add_parser("base", help="what the images stand on")
    build = commands.add_parser("build", help="options for docker build")
    tags = commands.add_parser("tags", help="the tags of a push")
    tags.add_argument("--patch", required=True, metavar="X.Y.Z", help="the Python that is in the image")
    tags.add_argument("--release", metavar="VERSION", help="as a release, not as a rebuild")
    tags.add_argument("--date", type=datetime.date.fromisoformat, default=datetime.date.today())
    for command in (build, tags):
        command.add_argument("image")
        command.add_argument("--arch", default=this_machine())
    build.add_argument("--base", default="", help="in the place of the matrix's base")
    commands.add_parser("bake", help="a buildx bake file")
    commands.add_parser("github", help="JSON for a workflow's matrix")
    tables = commands.add_parser("table", help="the README's tables").add_mutually_exclusive_group()
    tables.add_argument("--check", type=Path, metavar="FILE", help="fail when FILE has another table")
    tables.add_argument("--write", type=Path, metavar="FILE", help="renew the table of FILE")
    commands.add_parser("check", help="refuse what is past its time").add_argument("--release", action="store_true")
    return top


def main(arguments: list[str] | None = None) -> str:
    """What the command prints. Raises MatrixError."""
    chosen = parser().parse_args(arguments)
    matrix = load()
    match chosen.command:
        case "list":
            return "\n".join(matrix.images())
        case "archs":
            return "\n".join(arch.name for arch in matrix.archs)
        case "default" | "base":
            return str(getattr(matrix, chosen.command))
        case "build":
            build = matrix.build(chosen.image, chosen.arch)
            return "\n".join(map(shlex.quote, build_options(matrix, build, source(), chosen.base)))
        case "tags":
            build = matrix.build(chosen.image, chosen.arch)
            edition = Edition(chosen.date, chosen.release)
            of_arch = [arch_tag(build, edition), moving_arch_tag(build)]
            return "\n".join([*of_arch, *index_tags(build, edition, chosen.patch)])
        case "bake":
            return json.dumps(bake(matrix, source()), indent=2)
        case "github":
            return json.dumps(github(matrix))
        case "check":
            check(matrix, today=datetime.date.today(), release=chosen.release)
            return ""
    page_file: Path | None = chosen.check or chosen.write
    if page_file is None:
        return table(matrix)
    page = page_file.read_text(encoding="utf-8")
    renewed = with_table(page, matrix)
    if chosen.check and page != renewed:
        raise MatrixError(f"{page_file}: the table is old; python -m images.matrix table --write renews it")
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
