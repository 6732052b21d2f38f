"""The commands of docs/build.md, typed in a project's folder."""

import shlex
from pathlib import Path

from tests.build.conftest import Build
from tests.documents import ROOT, blocks

HERE = "tests/build/test_documented_builds.py"
PAGE = ROOT / "docs" / "build.md"


def test_each_command_that_makes_a_zip_leaves_one(build: Build, project: Path) -> None:
    commands = next(block for block in blocks(PAGE) if block.runner == HERE and "--zip" in block.text)
    for line in commands.lines:
        program, command, *arguments = shlex.split(line)
        assert (program, command) == ("pylambda", "build")
        assert build(project, *arguments)[0] == 0
    assert [path.name for folder in ("dist", "out") for path in (project / folder).iterdir()] == ["hello.zip"] * 2


def test_the_command_that_makes_an_image_makes_it(build: Build, project: Path, docker: dict[str, str]) -> None:
    (commands,) = [block for block in blocks(PAGE) if block.runner == HERE and "--image" in block.text]
    for line in commands.lines:
        program, command, *arguments = shlex.split(line)
        assert (program, command) == ("pylambda", "build")
        code, said, _complaints = build(project, *arguments, environ=docker)
        assert (code, "hello for " in said) == (0, True)
