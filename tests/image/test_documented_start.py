"""The container commands of docs/index.md, line by line, under names and on a port of this run's own."""

import pytest

from tests.documents import ROOT, blocks
from tests.image.cli import Docker, Image, command, type_as_on_the_page, until
from tests.image.conftest import HELLO, example_dockerfile

pytestmark = [pytest.mark.needs("engine"), pytest.mark.only("default"), pytest.mark.timeout(600)]


def container_commands() -> list[str]:
    (block,) = [block for block in blocks(ROOT / "docs" / "index.md") if "docker run" in block.text]
    return block.lines


def test_the_container_commands_of_the_first_page_work_as_written(image: Image, docker: Docker) -> None:
    # Given an image that `make image` built, as the first command does, and the example on it
    make, build, run, curl, stop = container_commands()
    assert make == "make image VERSION=3.12"
    assert build == "docker build -t hello examples/hello"
    tag = docker.build(f"start-{image.version}", example_dockerfile(image), {"app.py": HELLO / "app.py"})
    name = f"pylambda-start-{docker.run_id}"
    # When the others are typed
    answer = type_as_on_the_page(run, curl, stop, tag, name)
    # Then the function answered, and nothing is left
    assert answer == '{"message": "Hello, you!"}'
    until(lambda: command("docker", "ps", "--all", "--quiet", "--filter", f"name={name}").out == "", "its removal")
