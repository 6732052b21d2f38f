"""`pylambda build --zip`: what is in the zip, for which machine, the same bytes twice, and what is said."""

import os
import shutil
import stat
import sys
import tomllib
import zipfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

import pytest

from pylambda.local.build import programs, sizes, zips
from pylambda.local.build.settings import OPTIONS, BuildError, Settings
from tests.build import wheels
from tests.build.conftest import APP, HERE, LOCKS, Build, content, write_project

PROJECTS = tomllib.loads((LOCKS / "projects.toml").read_text())
REFUSALS = tomllib.loads(Path(__file__).with_name("refusals.toml").read_text())["case"]
UNCHECKED_HASH = b"\x01\x00\x00\x00"


def test_one_zip_with_the_function_and_what_it_needs(build: Build, project: Path) -> None:
    # Given a project in which more lies about than its function
    write_project(
        project,
        {
            "shop/data.csv": "1",
            ".env": "SECRET=1",
            ".git/HEAD": "",
            "tests/test_app.py": "",
            "shop/tests/__init__.py": "",
            "old.zip": "",
        },
    )
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o700)
    # When it is built
    code, said, complaints = build(project, "--zip", "--python", HERE, "--outdir", "out")
    # Then one zip is there, with the function, its packages and no secret
    assert (code, complaints) == (0, "")
    assert [path.name for path in (project / "out").iterdir()] == ["hello.zip"]
    found = content(project / "out/hello.zip")
    assert {"app.py", "run.sh", "shop/data.csv", "shop/tests/__init__.py", "greeting.py", "speed/__init__.py"} < set(
        found
    )
    assert not {name for name in found if name.startswith((".", "tests/", "bin/", "out/")) or name.endswith(".zip")}
    # And modules have byte code that nothing needs to compare
    byte_code = found[f"__pycache__/app.{sys.implementation.cache_tag}.pyc"]
    assert byte_code[:8] == MAGIC_NUMBER + UNCHECKED_HASH
    assert b"/var/task/app.py" in byte_code
    # And it says what it weighs and what comes next
    assert "zipped" in said
    assert "unzipped of 250 MB" in said
    assert "greeting 1.0" in said
    assert "aws lambda update-function-code --function-name hello" in said
    assert "no byte code" not in said


def test_modes_say_who_may_read_and_what_runs(build: Build, project: Path) -> None:
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o700)
    (project / "app.py").chmod(0o600)
    assert build(project, "--zip")[0] == 0
    with zipfile.ZipFile(project / "dist/hello.zip") as archive:
        modes = {member.filename: stat.S_IMODE(member.external_attr >> 16) for member in archive.infolist()}
    assert (modes["app.py"], modes["run.sh"]) == (0o644, 0o755)


def test_two_builds_of_the_same_files_are_the_same_bytes(build: Build, project: Path, tmp_path: Path) -> None:
    # Given a second checkout elsewhere, written at another time by somebody with another umask
    other = tmp_path / "elsewhere" / "hello"
    shutil.copytree(project, other)
    for path in other.iterdir():
        os.utime(path, (1, 1))
        path.chmod(0o600)
    # When both are built
    assert build(project, "--zip", "--python", HERE)[0] == 0
    assert build(other, "--zip", "--python", HERE)[0] == 0
    # Then nothing tells them apart
    first, second = (folder / "dist/hello.zip" for folder in (project, other))
    assert first.read_bytes() == second.read_bytes()


def test_files_have_the_time_of_source_date_epoch(build: Build, project: Path) -> None:
    assert build(project, "--zip", environ={"SOURCE_DATE_EPOCH": "1700000000"})[0] == 0
    with zipfile.ZipFile(project / "dist/hello.zip") as archive:
        assert {member.date_time for member in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}


@pytest.mark.parametrize(
    ("python", "arch", "built"),
    [
        ("3.12", "x86_64", "cp312-cp312-manylinux_2_34_x86_64"),
        ("3.13", "arm64", "cp313-cp313-manylinux_2_34_aarch64"),
        ("3.11", "x86_64", "cp311-cp311-manylinux2014_x86_64"),  # Amazon's 3.11 stands on Amazon Linux 2
    ],
)
def test_wheels_are_those_of_the_target(build: Build, project: Path, python: str, arch: str, built: str) -> None:
    assert build(project, "--zip", "--python", python, "--arch", arch)[0] == 0
    assert content(project / "dist/hello.zip")["speed/__init__.py"].decode() == f"BUILT = {built!r}\n"


@pytest.mark.parametrize("name", PROJECTS)
def test_what_each_tool_locks_is_installed(build: Build, tmp_path: Path, index: Path, name: str) -> None:
    # Given a project of that tool
    files = {file: wheels.with_digests(text, index / "wheels") for file, text in PROJECTS[name].items()}
    with_uv = files.pop("uv_lock", None)
    project = write_project(tmp_path / "hello", {"app.py": APP, **files})
    if with_uv:
        environ = {**os.environ, "UV_CONFIG_FILE": str(index / "uv.toml")}
        assert programs.run_uv(environ, "lock", cwd=project).returncode == 0
    # When it is built
    code, said, complaints = build(project, "--zip")
    assert (code, complaints) == (0, "")
    # Then the locked version is in the zip, what it needs is, and what only a developer needs is not
    found = content(project / "dist/hello.zip")
    assert found["greeting.py"].startswith(b"VERSION = '1.0'")
    assert "speed/__init__.py" in found
    assert "checker.py" not in found
    assert ("does not settle" in said) == (name in ("requirements", "pyproject"))


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["name"])
def test_what_cannot_be_built_is_one_line_with_the_mend(build: Build, tmp_path: Path, case: dict[str, Any]) -> None:
    project = write_project(tmp_path / "hello", case["files"])
    code, _said, complaints = build(project, "--zip", *case.get("flags", ()), environ=case.get("environ"))
    assert code == 2
    assert case["says"] in complaints.splitlines()[0]
    assert not list(project.rglob("*.zip"))


def test_the_project_says_what_to_leave_out_and_where_its_function_is(build: Build, tmp_path: Path) -> None:
    settings = '[project]\nname = "Shop App"\n[tool.pylambda]\nroot = "src"\nexclude = ["*.csv"]\narch = "arm64"\n'
    own = {"src/shop/app.py": "", "src/shop/a.csv": "", "src/shop/notes/x": "", "x.py": ""}
    project = write_project(tmp_path / "any", {"pyproject.toml": settings, **own})
    # A flag takes the place of what the file has
    assert build(tmp_path, "--zip", "any", "--outdir", "first")[0] == 0
    found = content(tmp_path / "first/shop-app.zip")
    assert [name for name in found if "__pycache__" not in name] == ["shop/app.py", "shop/notes/x"]
    code, said, _complaints = build(tmp_path, "--zip", "any", "--exclude", "*.csv,shop/notes")
    assert code == 0
    assert "on arm64" in said
    assert [name for name in content(project / "dist/shop-app.zip") if "__pycache__" not in name] == ["shop/app.py"]


def test_links_are_what_they_lead_to(build: Build, tmp_path: Path) -> None:
    write_project(tmp_path / "shared", {"money.py": ""})
    project = write_project(tmp_path / "hello", {"app.py": ""})
    (project / "shared").symlink_to(tmp_path / "shared")
    assert build(project, "--zip")[0] == 0
    assert "shared/money.py" in content(project / "dist/hello.zip")
    (project / "loop").symlink_to(project)
    code, _said, complaints = build(project, "--zip")
    assert (code, "loop is a link to a folder that it is in" in complaints) == (2, True)


def test_without_the_python_it_says_that_there_is_no_byte_code(build: Build, project: Path, tmp_path: Path) -> None:
    other = "3.14" if HERE != "3.14" else "3.13"
    code, said, _complaints = build(
        project, "--zip", "--python", other, environ={"HOME": str(tmp_path), "PATH": "/nowhere"}
    )
    assert code == 0
    assert f"no byte code: there is no Python {other} here" in said


def test_what_lambda_would_not_take_is_not_left_behind(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "UNZIPPED_LIMIT", 100)
    (project / "requirements.txt").unlink()
    (project / "app.py").write_text("#" * 101)
    values = {option.key: option.default for option in OPTIONS}
    with pytest.raises(BuildError, match="0 kB unzipped, and Lambda takes 0 kB: build --image"):
        zips.build(Settings(project, values, os.environ), lambda line: None)
    assert not list(project.rglob("*.zip"))


def test_without_uv_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(BuildError, match=r"there is no uv, .*: pip install 'pylambda\[build\]'"):
        programs.uv({"PATH": "/nowhere"})
