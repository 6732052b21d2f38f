"""images/matrix.toml and what is printed from it."""

import datetime
import json
import re
import shlex
from pathlib import Path

import pytest
import tomli

from images import facts, matrix

ROOT = Path(__file__).parents[2]
WORKFLOWS = [path.relative_to(ROOT) for path in (ROOT / ".github" / "workflows").iterdir()]
GOOD = """
default = "3.12"
repository = "ghcr.io/OWNER/pylambda"
source = "https://example.org/pylambda"
base = "example.org/base:1"
licenses = "Apache-2.0 AND MIT"
[arch.x86_64]
platform = "linux/amd64"
runner = "runner-x"
wheel = "wheel-x"
[arch.arm64]
platform = "linux/arm64"
runner = "runner-a"
wheel = "wheel-a"
[variant.slim]
about = "less"
[variant.default]
extends = "slim"
about = "usual"
[variant.build]
extends = "default"
about = "more"
[python."3.12"]
eol = 2028-10-31
[python."3.13"]
eol = 2029-10-31
"""
USUAL = GOOD[GOOD.index("[variant.default]") : GOOD.index("[python")]
HOLE = """
[[exclude]]
python = "3.13"
variant = "build"
arch = "arm64"
why = "no compiler there"
"""
SOURCE = matrix.Source("1.2.3", "abc", "2026-11-21T10:00:00+00:00")
DAY = datetime.date(2026, 11, 21)


def test_the_file_of_this_project_is_good() -> None:
    found = facts.load()
    assert [python.version for python in found.pythons] == ["3.11", "3.12", "3.13", "3.14"]
    assert [arch.name for arch in found.archs] == ["x86_64", "arm64"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('default = "3.12"', 'default = "3.10"', "the top level: default = '3.10' has no [python.\"3.10\"]"),
        ('base = "example.org/base:1"', "", "the top level: base is missing"),
        ("[arch.arm64]", "colour = 1\n[arch.arm64]", "[arch.x86_64]: unknown key colour"),
        ('default = "3.12"', 'default = "3.12"\nlatest = 1', "the top level: unknown key latest"),
        ('runner = "runner-a"', "", "[arch.arm64]: runner is missing"),
        ('"linux/arm64"', '"arm64"', "[arch.arm64]: platform = 'arm64' is not a text that matches"),
        ("eol = 2029-10-31", "", '[python."3.13"]: eol is missing'),
        ("eol = 2029-10-31", 'eol = "2029"', "[python.\"3.13\"]: eol = '2029' is not a date"),
        ("eol = 2029-10-31", "eol = 2029-10-31T00:00:00Z", '[python."3.13"]: eol = '),
        ('[python."3.13"]', "[python.latest]", "[python.latest]: is not a table with a key that matches"),
        ("[arch.arm64]", "[arch.arm64", "matrix.toml is not TOML"),
        ('extends = "slim"', 'extends = "build"', "[variant.default]: extends = 'build' is no variant above it"),
        ('about = "less"', "", "[variant.slim]: about is missing"),
        (USUAL, USUAL.replace("default", "usual"), "the top level: variant needs a [variant.default] table"),
    ],
)
def test_a_bad_row_is_named(old: str, new: str, said: str) -> None:
    with pytest.raises(facts.MatrixError) as error:
        facts.read(GOOD.replace(old, new))
    assert said in str(error.value)


def test_no_row_at_all_is_refused() -> None:
    with pytest.raises(facts.MatrixError, match="arch needs at least one"):
        facts.read(GOOD.partition("[arch")[0] + "[arch]\n[variant]\n[python]\n")


def test_a_hole_is_left_out() -> None:
    images = [(build.image, build.arch.name) for build in facts.read(GOOD + HOLE).builds]
    assert ("3.13-build", "x86_64") in images
    assert ("3.13-build", "arm64") not in images
    assert len(images) == 11


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('why = "no compiler there"', "", "[[exclude]] number 1: why is missing"),
        ('python = "3.13"', 'python = "3.9"', "[[exclude]] number 1: {'python': '3.9', 'variant': 'build', "),
        ('python = "3.13"', 'pyton = "3.13"', "[[exclude]] number 1: unknown key pyton"),
        ('python = "3.13"\nvariant = "build"\narch = "arm64"\n', "", "[[exclude]] number 1: names none of python, "),
    ],
)
def test_a_bad_hole_is_named(old: str, new: str, said: str) -> None:
    with pytest.raises(facts.MatrixError) as error:
        facts.read(GOOD + HOLE.replace(old, new))
    assert said in str(error.value)


def test_a_python_past_its_end_of_life_is_named() -> None:
    found = facts.read(GOOD)
    facts.check(found, today=datetime.date(2028, 10, 31), release=False)
    with pytest.raises(facts.MatrixError, match=r'\[python."3.12"\]: eol = 2028-10-31 is past'):
        facts.check(found, today=datetime.date(2028, 11, 1), release=False)


def test_a_release_needs_a_base_with_a_digest() -> None:
    with pytest.raises(facts.MatrixError, match="base:1' has no digest"):
        facts.check(facts.read(GOOD), today=DAY, release=True)
    facts.check(facts.read(GOOD.replace("base:1", f"base:1@sha256:{'0' * 64}")), today=DAY, release=True)


def test_a_variant_is_tested_as_what_it_extends() -> None:
    found = facts.read(GOOD)
    assert found.ancestry("build") == ["build", "default", "slim"]
    with pytest.raises(facts.MatrixError, match=r"no variant 'huge': .* slim, default, build"):
        found.ancestry("huge")


def test_every_variant_is_a_stage_of_the_dockerfile() -> None:
    lines = (ROOT / "images/Dockerfile").read_text().splitlines()
    stages = {line.split()[-1] for line in lines if line.startswith("FROM ")}
    assert {variant.name for variant in facts.load().variants} <= stages


def test_build_arguments_are_those_of_the_dockerfile() -> None:
    found = facts.read(GOOD)
    arguments = matrix.build_args(found, found.build("3.13", "arm64"))
    assert arguments == {"BASE": "example.org/base:1", "PYTHON_VERSION": "3.13"}
    with_tools = matrix.build_args(found, found.build("3.13-build", "arm64"), base="mine:2")
    assert with_tools == {"BASE": "mine:2", "PYTHON_VERSION": "3.13", "TARGETARCH": "arm64"}
    declared = {line.split()[1] for line in (ROOT / "images/Dockerfile").read_text().splitlines() if line[:4] == "ARG "}
    assert {name.partition("=")[0] for name in declared} == with_tools.keys()


def test_labels_leave_out_what_is_not_known() -> None:
    found = facts.read(GOOD)
    build = found.build("3.13-slim", "arm64")
    labels = matrix.labels(found, build, SOURCE)
    assert labels["org.opencontainers.image.revision"] == "abc"
    assert labels["org.opencontainers.image.base.name"] == "example.org/base:1"
    assert "org.opencontainers.image.base.digest" not in labels
    pinned = matrix.labels(found, build, SOURCE._replace(revision=""), base="mine:2@sha256:12")
    assert pinned["org.opencontainers.image.base.digest"] == "sha256:12"
    assert "org.opencontainers.image.revision" not in pinned


@pytest.mark.parametrize(
    ("image", "version", "expected"),
    [
        ("3.13", "1.2.3", ["3.13-1.2.3-arm64", "3.13-arm64", "3.13-1.2.3", "3.13-20261121", "3.13.5", "3.13"]),
        ("3.13", None, ["3.13-20261121-arm64", "3.13-arm64", "3.13-20261121", "3.13.5", "3.13"]),
        (
            "3.12-slim",
            "1.2.3",
            [
                *("3.12-slim-1.2.3-arm64", "3.12-slim-arm64", "3.12-slim-1.2.3"),
                *("3.12-slim-20261121", "3.12.9-slim", "3.12-slim"),
            ],
        ),
    ],
)
def test_tags_follow_from_the_image_and_the_push(image: str, version: str | None, expected: list[str]) -> None:
    build = facts.read(GOOD).build(image, "arm64")
    edition = matrix.Edition(DAY, version)
    patch = "3.13.5" if image == "3.13" else "3.12.9"
    of_arch = [matrix.arch_tag(build, edition), matrix.moving_arch_tag(build)]
    assert [*of_arch, *matrix.index_tags(build, edition, patch)] == expected


def test_no_two_images_share_a_tag() -> None:
    edition = matrix.Edition(DAY, "1.2.3")
    tags = [
        tag
        for build in facts.load().builds
        for tag in (
            *(matrix.arch_tag(build, edition), matrix.moving_arch_tag(build)),
            *matrix.index_tags(build, edition, f"{build.python.version}.0"),
        )
    ]
    # Each index tag is said once an architecture.
    assert len(set(tags)) == len(facts.load().builds) * 2 + len(facts.load().images()) * 4


def test_bake_builds_single_manifests() -> None:
    file = json.loads(json.dumps(matrix.bake(facts.read(GOOD), SOURCE)))
    assert len(file["target"]) == 12
    target = file["target"]["3_12-build-arm64"]
    assert target["platforms"] == ["linux/arm64"]
    assert target["target"] == "build"
    assert target["args"]["PYTHON_VERSION"] == "3.12"
    assert "type=provenance,disabled=true" in target["attest"]
    assert set(file["group"]["default"]["targets"]) == file["target"].keys()


def test_a_bare_docker_build_stands_on_the_same_base() -> None:
    base = facts.read(facts.FILE.read_text()).base
    assert f"\nARG BASE={base}\n" in (ROOT / "images/Dockerfile").read_text()


def test_a_version_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(facts.MatrixError, match=r"no image '3\.9': matrix\.toml has 3\.12-slim, 3\.12, "):
        facts.read(GOOD).build("3.9", "arm64")
    with pytest.raises(facts.MatrixError, match=r"no image '3\.12' for 's390x': only for x86_64, arm64"):
        facts.read(GOOD).build("3.12", "s390x")


def test_the_workflow_gets_every_image_on_its_own_runner() -> None:
    rows = matrix.github(facts.read(GOOD))["include"]
    assert len(rows) == 12
    assert [(row["image"], row["variant"], row["arch"], row["runner"]) for row in rows[:3]] == [
        ("3.12-slim", "slim", "x86_64", "runner-x"),
        ("3.12-slim", "slim", "arm64", "runner-a"),
        ("3.12", "default", "x86_64", "runner-x"),
    ]


def test_the_table_is_renewed_in_its_place() -> None:
    found = facts.read(GOOD)
    page = f"before\n{matrix.TABLE_START}\nold\n{matrix.TABLE_END}\nafter\n"
    renewed = matrix.with_table(page, found)
    assert renewed.startswith(f"before\n{matrix.TABLE_START}\n| ")
    assert renewed.endswith(f"{matrix.TABLE_END}\nafter\n")
    assert "| `ghcr.io/OWNER/pylambda:` | slim | build | Architectures | Security fixes until |\n" in renewed
    assert "| `3.12` (this page's) | `3.12-slim` | `3.12-build` | `x86_64`, `arm64` | 2028-10 |\n" in renewed
    assert "\n- default: usual\n- slim: less\n- build: more\n" in renewed
    assert matrix.with_table(renewed, found) == renewed


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(facts.MatrixError, match="no place for the table"):
        matrix.with_table("nothing here", facts.read(GOOD))


def test_an_old_table_is_told_and_mended(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"{matrix.TABLE_START}\n{matrix.TABLE_END}\n")
    with pytest.raises(facts.MatrixError, match="the table is old"):
        matrix.main(["table", "--check", str(page)])
    matrix.main(["table", "--write", str(page)])
    assert matrix.main(["table", "--check", str(page)]) == ""


def test_the_readmes_table_is_what_the_file_says() -> None:
    matrix.main(["table", "--check", str(ROOT / "README.md")])


def test_what_is_printed_is_what_programs_read() -> None:
    assert matrix.main(["list"]).splitlines()[0] == "3.11-slim"
    options = shlex.split(matrix.main(["build", "3.12-slim", "--arch", "arm64"]))
    assert {"--platform=linux/arm64", "--target=slim", "--build-arg=PYTHON_VERSION=3.12"} <= set(options)
    tags = matrix.main(["tags", "3.12", "--patch", "3.12.9", "--release", "1.2.3", "--date", "2026-11-21"])
    assert tags.splitlines()[2:] == ["3.12-1.2.3", "3.12-20261121", "3.12.9", "3.12"]
    assert json.loads(matrix.main(["github"])).keys() == {"include"}
    assert json.loads(matrix.main(["bake"])).keys() == {"group", "target"}


def test_the_package_needs_the_oldest_python_of_the_matrix() -> None:
    project = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={facts.load().pythons[0].version}"


@pytest.mark.parametrize("path", ["Makefile", "images/Dockerfile", *sorted(map(str, WORKFLOWS))])
def test_nothing_else_names_a_version_or_a_platform(path: str) -> None:
    # Two exceptions: what runs before the matrix can be asked
    text = (ROOT / path).read_text()
    for before in (f"runs-on: {facts.load().archs[0].runner}\n", f"needs Python {facts.load().pythons[0].version} "):
        text = text.replace(before, "")
    assert re.findall(r"\b3\.1\d\b|linux/a\w+64|ubuntu-[\w.]+", text) == []
