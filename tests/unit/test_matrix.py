"""images/matrix.toml and what is printed from it."""

import json
from pathlib import Path

import pytest
import tomli

from images import matrix

ROOT = Path(__file__).parents[2]
GOOD = """
default = "3.12"
repository = "ghcr.io/OWNER/pylambda"
base = "example.org/base:1"
[arch.x86_64]
platform = "linux/amd64"
runner = "runner-x"
[arch.arm64]
platform = "linux/arm64"
runner = "runner-a"
[python."3.12"]
eol = 2028-10-31
[python."3.13"]
eol = 2029-10-31
"""


def test_the_file_of_this_project_is_good() -> None:
    facts = matrix.read(matrix.FILE.read_text())
    assert [python.version for python in facts.pythons] == ["3.11", "3.12", "3.13", "3.14"]
    assert [arch.name for arch in facts.archs] == ["x86_64", "arm64"]


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
    ],
)
def test_a_bad_row_is_named(old: str, new: str, said: str) -> None:
    with pytest.raises(matrix.MatrixError) as error:
        matrix.read(GOOD.replace(old, new))
    assert said in str(error.value)


def test_no_row_at_all_is_refused() -> None:
    with pytest.raises(matrix.MatrixError, match="arch needs at least one"):
        matrix.read('default = "3.12"\nrepository = "r"\nbase = "b"\n[arch]\n[python]\n')


def test_build_arguments_are_those_of_the_dockerfile() -> None:
    arguments = matrix.build_args(matrix.read(GOOD), "3.13")
    assert arguments == {"BASE": "example.org/base:1", "PYTHON_VERSION": "3.13"}
    declared = {line.split()[1] for line in (ROOT / "images/Dockerfile").read_text().splitlines() if line[:4] == "ARG "}
    assert {name.partition("=")[0] for name in declared} == arguments.keys()


def test_a_bare_docker_build_stands_on_the_same_base() -> None:
    base = matrix.read(matrix.FILE.read_text()).base
    assert f"\nARG BASE={base}\n" in (ROOT / "images/Dockerfile").read_text()


def test_a_version_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(matrix.MatrixError, match=r"no image for Python '3\.9': matrix\.toml has 3\.12, 3\.13"):
        matrix.build_args(matrix.read(GOOD), "3.9")


def test_the_workflow_gets_every_image_on_its_own_runner() -> None:
    rows = matrix.github(matrix.read(GOOD))["include"]
    assert [(row["version"], row["arch"], row["runner"]) for row in rows] == [
        ("3.12", "x86_64", "runner-x"),
        ("3.12", "arm64", "runner-a"),
        ("3.13", "x86_64", "runner-x"),
        ("3.13", "arm64", "runner-a"),
    ]


def test_the_table_is_renewed_in_its_place() -> None:
    facts = matrix.read(GOOD)
    page = f"before\n{matrix.TABLE_START}\nold\n{matrix.TABLE_END}\nafter\n"
    renewed = matrix.with_table(page, facts)
    assert renewed.startswith(f"before\n{matrix.TABLE_START}\n| ")
    assert renewed.endswith(f"{matrix.TABLE_END}\nafter\n")
    assert "| `ghcr.io/OWNER/pylambda:3.12` (default) | 3.12 | `x86_64`, `arm64` | 2028-10 |" in renewed
    assert matrix.with_table(renewed, facts) == renewed


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(matrix.MatrixError, match="no place for the table"):
        matrix.with_table("nothing here", matrix.read(GOOD))


def test_an_old_table_is_told_and_mended(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"{matrix.TABLE_START}\n{matrix.TABLE_END}\n")
    with pytest.raises(matrix.MatrixError, match="the table is old"):
        matrix.main(["table", "--check", str(page)])
    matrix.main(["table", "--write", str(page)])
    assert matrix.main(["table", "--check", str(page)]) == ""


def test_the_readmes_table_is_what_the_file_says() -> None:
    matrix.main(["table", "--check", str(ROOT / "README.md")])


def test_what_is_printed_is_what_programs_read() -> None:
    assert matrix.main(["list"]).splitlines()[0] == "3.11"
    assert matrix.main(["build-args", "3.12"]).splitlines()[1] == "--build-arg PYTHON_VERSION=3.12"
    assert json.loads(matrix.main(["github"])).keys() == {"include"}


def test_the_package_needs_the_oldest_python_of_the_matrix() -> None:
    project = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={matrix.main(['list']).splitlines()[0]}"
