"""`pylambda check` with an engine: images by their names, started once, on docs/check.md's own words.

That it raises no false alarm is tested where images are built: nine examples and a new web project here, in
test_web_examples.py and in test_variants.py, and people's Dockerfiles in test_dockerfiles.py.
"""

import shlex
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT, blocks
from tests.image.checking import alarms, findings
from tests.image.cli import Docker, Image, command
from tests.image.conftest import Workshop, example_dockerfile

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

EXAMPLES = ROOT / "examples"
FAULTS = {
    "a write while it starts": (
        "open('/var/task/cache', 'w')\n",
        "",
        {"PL-IMPORT": "Read-only file system", "PL-IMPORT-WRITE": "/var/task/cache", "PL-WRITE": "/var/task/cache"},
    ),
    "a file for root alone": (
        "import table\n",
        "RUN echo 'A = 1' > table.py && chmod 0600 table.py",
        {"PL-IMPORT": "Permission denied", "PL-READ": "var/task/table.py has mode 0600"},
    ),
    "CMD in shell form": ("", "CMD app.handler", {"PL-CMD-SHELL": "without brackets", "PL-IMPORT": "142"}),
}


@pytest.mark.only("slim")
def test_the_pages_command_finds_nothing_in_the_example(image: Image, docker: Docker) -> None:
    (block,) = [block for block in blocks(ROOT / "docs" / "check.md") if block.runner == "tests/image/test_check.py"]
    assert block.lines == ["pylambda check hello --arch x86_64"]
    tag = docker.build("check-hello", example_dockerfile(image), {"app.py": EXAMPLES / "hello" / "app.py"})
    words = [{"hello": tag, "x86_64": image.arch}.get(word, word) for word in shlex.split(block.text)[1:]]
    ended = command(sys.executable, "-m", "pylambda.local", *words)
    assert ended.out.splitlines()[1:] == ["nothing found"]


@pytest.mark.only("slim")
@pytest.mark.parametrize("name", ["orders", "tokens"])
def test_nothing_is_wrong_with_the_other_examples(name: str, image: Image, docker: Docker) -> None:
    dockerfile = (EXAMPLES / name / "Dockerfile").read_text().replace("pylambda:3.12", image.tag)
    tag = docker.build(f"check-{name}", dockerfile, {"app.py": EXAMPLES / name / "app.py"})
    assert alarms(tag) == {}


@pytest.mark.only("slim")
def test_nothing_is_wrong_with_a_new_projects_image(image: Image, docker: Docker, workshop: Workshop) -> None:
    # Given the project of examples/deploy, which `pylambda new` makes, on this image and its build variant
    base = f"pylambda-test:check-deploy-{docker.run_id}"
    docker.tag(workshop.sibling(image, "build").tag, f"{base}-build")
    docker.tag(image.tag, f"{base}-slim")
    folder = EXAMPLES / "deploy"
    dockerfile = (folder / "Dockerfile").read_text().replace("pylambda:3.12", base)
    parts = {name: folder / name for name in ("app.py", "requirements.txt")}
    assert alarms(docker.build("check-deploy-app", dockerfile, parts)) == {}


@pytest.mark.only("slim")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_an_image_is_found(fault: str, image: Image, docker: Docker, tmp_path: Path) -> None:
    # Given a function's image with a fault
    source, line, expected = FAULTS[fault]
    app = tmp_path / "app.py"
    app.write_text(f"{source}def handler(event, context):\n    return event\n")
    tag = docker.build("check-fault", f"{example_dockerfile(image)}\n{line}\n", {"app.py": app})
    # When it is checked
    found = alarms(tag)
    # Then that is found, and nothing else
    assert found.keys() == expected.keys()
    assert {rule: what for rule, what in expected.items() if what not in found[rule]} == {}
    # And no container of it is left
    assert command("docker", "ps", "--all", "--quiet", "--filter", f"ancestor={tag}").out == ""


@pytest.mark.only("slim")
def test_a_start_that_does_not_end_is_ended(image: Image, docker: Docker, tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text("import threading\nthreading.Event().wait()\n")
    tag = docker.build("check-hangs", example_dockerfile(image), {"app.py": app})
    found = {finding["id"]: finding["what"] for finding in findings(tag, "--timeout", "1")}
    assert "asked for no event within 1 s" in found["PL-IMPORT"]
    assert command("docker", "ps", "--all", "--quiet", "--filter", f"ancestor={tag}").out == ""
