"""The commands of docs/build.md, and of docs/migrate.md for a zip, typed in a project's folder."""

import shlex
from pathlib import Path

from tests.build.conftest import APP, Build, write_project
from tests.build.conftest import HERE as PYTHON
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


def test_the_command_that_makes_the_wrapper_layer_makes_it(build: Build, project: Path) -> None:
    (commands,) = [block for block in blocks(PAGE) if block.runner == HERE and "--wrapper" in block.text]
    (project / ".python-version").write_text(PYTHON)
    for line in commands.lines:
        program, command, *arguments = shlex.split(line)
        assert (program, command) == ("pylambda", "build")
        assert build(project, *arguments)[0] == 0
    assert (project / f"dist/pylambda-wrapper-{PYTHON}.zip").is_file()


def test_the_command_that_makes_the_whole_layer_makes_it(build: Build, project: Path, docker: dict[str, str]) -> None:
    (commands,) = [block for block in blocks(PAGE) if block.runner == HERE and "--layer" in block.text]
    for line in commands.lines:
        program, command, *arguments = shlex.split(line)
        assert (program, command) == ("pylambda", "build")
        code, said, _complaints = build(project, *arguments, environ=docker)
        assert (code, "out of ghcr.io/OWNER/pylambda:3.12-slim" in said) == (0, True)
    assert (project / "dist/pylambda-layer-3.12-x86_64.zip").is_file()


def test_the_command_that_makes_an_image_makes_it(build: Build, project: Path, docker: dict[str, str]) -> None:
    (commands,) = [block for block in blocks(PAGE) if block.runner == HERE and "--image" in block.text]
    for line in commands.lines:
        program, command, *arguments = shlex.split(line)
        assert (program, command) == ("pylambda", "build")
        code, said, _complaints = build(project, *arguments, environ=docker)
        assert (code, "hello for " in said) == (0, True)


def test_a_folder_that_was_zipped_becomes_an_image(build: Build, tmp_path: Path, docker: dict[str, str]) -> None:
    # Given what the console names a function's file and its handler, and a package
    app = APP.replace("def handler", "def lambda_handler")
    project = write_project(tmp_path / "hello", {"lambda_function.py": app, "requirements.txt": "greeting==1.0\n"})
    # When the page's command is typed there
    (commands,) = [block for block in blocks(ROOT / "docs" / "migrate.md") if block.runner == HERE]
    program, command, *arguments = shlex.split(commands.text)
    assert (program, command) == ("pylambda", "build")
    assert build(project, *arguments, environ=docker)[0] == 0
    # Then its image installs that package and starts that handler
    written = (project / "Dockerfile").read_text()
    assert "--requirements requirements.txt" in written
    assert written.endswith('CMD ["lambda_function.lambda_handler"]\n')
