"""The container commands of docs/index.md, line by line, under names and on a port of this run's own."""

import shlex

import pytest

from tests.documents import ROOT, blocks
from tests.image.cli import Container, Docker, Image, command, free_port, until
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
    port, name = free_port(), f"pylambda-start-{docker.run_id}"
    # When the others are typed
    words = {"hello": tag, "9000:8080": f"127.0.0.1:{port}:8080"}
    started = [words.get(word, word) for word in shlex.split(run.replace("--name hello", f"--name {name}"))]
    command(*started)
    try:
        Container(name).wait_until_it_answers()
        answer = command(*shlex.split(curl.replace("localhost:9000", f"127.0.0.1:{port}"))).out
    finally:
        command(*shlex.split(stop.replace("hello", name)))
    # Then the function answered, and nothing is left
    assert answer == '{"message": "Hello, you!"}'
    until(lambda: command("docker", "ps", "--all", "--quiet", "--filter", f"name={name}").out == "", "its removal")
