"""The commands of docs/build.md, and of docs/migrate.md for a zip, typed in a project's folder."""

import shlex
from pathlib import Path

from tests.build.conftest import APP, Build, write_project
from tests.build.conftest import HERE as PYTHON
from tests.documents import ROOT, Block, blocks

HERE = "tests/build/test_documented_builds.py"
PAGE = ROOT / "docs" / "build.md"


def type_each(commands: Block, build: Build, project: Path, environ: "dict[str, str] | None" = None) -> list[str]:
    """Type the commands of a block, each of which must end well, and return what each said."""
    told = []
    for line in commands.lines:
        program, command, *arguments = shlex.split(line)
        assert (program, command) == ("pylambda", "build")
        code, said, _complaints = build(project, *arguments, environ=environ)
        assert code == 0
        told.append(said)
    return told


def test_each_command_that_makes_a_zip_leaves_one(build: Build, project: Path) -> None:
    commands = next(block for block in blocks(PAGE) if block.runner == HERE and "--zip" in block.text)
    type_each(commands, build, project)
    assert [path.name for folder in ("dist", "out") for path in (project / folder).iterdir()] == ["hello.zip"] * 2


def test_the_command_that_makes_the_wrapper_layer_makes_it(build: Build, project: Path) -> None:
    (commands,) = [block for block in blocks(PAGE) if block.runner == HERE and "--wrapper" in block.text]
    (project / ".python-version").write_text(PYTHON)
    type_each(commands, build, project)
    assert (project / f"dist/pylambda-wrapper-{PYTHON}.zip").is_file()


def test_the_command_that_makes_the_whole_layer_makes_it(build: Build, project: Path, docker: dict[str, str]) -> None:
    (commands,) = [block for block in blocks(PAGE) if block.runner == HERE and "--layer" in block.text]
    for said in type_each(commands, build, project, docker):
        assert "out of ghcr.io/OWNER/pylambda:3.12-slim" in said
    assert (project / "dist/pylambda-layer-3.12-x86_64.zip").is_file()


def test_the_command_that_makes_an_image_makes_it(build: Build, project: Path, docker: dict[str, str]) -> None:
    (commands,) = [block for block in blocks(PAGE) if block.runner == HERE and "--image" in block.text]
    for said in type_each(commands, build, project, docker):
        assert "hello for " in said


def test_a_folder_that_was_zipped_becomes_an_image(build: Build, tmp_path: Path, docker: dict[str, str]) -> None:
    # Given what the console names a function's file and its handler, and a package
    app = APP.replace("def handler", "def lambda_handler")
    project = write_project(tmp_path / "hello", {"lambda_function.py": app, "requirements.txt": "greeting==1.0\n"})
    # When the page's command is typed there
    (commands,) = [block for block in blocks(ROOT / "docs" / "migrate.md") if block.runner == HERE]
    type_each(commands, build, project, docker)
    # Then its image installs that package and starts that handler
    written = (project / "Dockerfile").read_text()
    assert "--requirements requirements.txt" in written
    assert written.endswith('CMD ["lambda_function.lambda_handler"]\n')
