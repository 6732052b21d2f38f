"""The commands of docs/images.md, line by line, on the images under test and under names of this run's own."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from images import facts
from tests.documents import ROOT, blocks
from tests.image.cli import Container, Docker, Image, command, free_port
from tests.image.conftest import Workshop, foreign_subject

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]
# Of the default image: pip's scripts, and the rest.
OWN_LAYERS = 2


def commands(first: str, replacements: dict[str, str]) -> str:
    """The block that begins with some words, with the names that this run has for the page's."""
    (text,) = [block.text for block in blocks(ROOT / "docs" / "images.md") if block.text.startswith(first)]
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    return text


def shell(text: str, folder: Path) -> str:
    """Type the lines into a shell and return what they print."""
    done = subprocess.run(
        ("sh", "-e"), input=text, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.only("slim")
def test_slim_runs_with_the_emulator_of_the_default_image(
    image: Image, users_image: str, workshop: Workshop, docker: Docker, tmp_path: Path
) -> None:
    name = f"pylambda-page-{docker.run_id}"
    ours = {
        "pylambda:3.12 ": f"{workshop.sibling(image, facts.UNNAMED).tag} ",
        "--name hello": f"--name {name}",
        "9000:8080": f"127.0.0.1:{free_port()}:8080",
        ':ro" hello': f':ro" {users_image}',
    }
    try:
        shell(commands("docker run --rm --entrypoint cat", ours), tmp_path)
        assert Container(name).invoke({"n": 1})["event"] == {"n": 1}
    finally:
        command("docker", "rm", "--force", name, check=False)


@pytest.mark.slow
@pytest.mark.needs("arm64")
def test_the_other_architecture_is_built_and_measured(workshop: Workshop, docker: Docker) -> None:
    base = workshop.image(foreign_subject()).base
    version, tag = foreign_subject().version, docker.own_tag("page")
    ours = {
        "make image": f"make image BASE={base} IMAGE={tag}",
        "VERSION=3.12": f"VERSION={version}",
        "IMAGE=pylambda:3.12-slim-arm64": f"XZ= IMAGE={tag}",
    }
    said = shell(commands("make image ", ours), ROOT)
    docker.remember_stages(said)
    assert f"{tag}, in MB" in said
    assert command("docker", "inspect", "--format", "{{.Architecture}}", tag).out.strip() == "arm64"


@pytest.mark.only("default")
def test_any_builder_can_build_it(image: Image, docker: Docker, tmp_path: Path) -> None:
    tag = docker.own_tag("without-make")
    ours = {
        "build/context": str(tmp_path / "context"),
        "build 3.12": f"build {image.version} --base {image.base}",
        "--tag pylambda:3.12": f"--tag {tag}",
    }
    docker.remember_stages(shell(commands("make vendor", ours), ROOT))
    by_hand, ours = (json.loads(command("docker", "inspect", name).out)[0] for name in (tag, image.tag))
    # The package manager writes times, so Python's layer may be another one in this cache; ours are the same.
    assert by_hand["RootFS"]["Layers"][-OWN_LAYERS:] == ours["RootFS"]["Layers"][-OWN_LAYERS:]
    assert len(by_hand["RootFS"]["Layers"]) == len(ours["RootFS"]["Layers"])
    assert _made_by(tag) == _made_by(image.tag)
    assert by_hand["Architecture"] == ours["Architecture"]
    # "Image" names the image before the last instruction, so Python's layer is in it.
    assert {**by_hand["Config"], "Image": ""} == {**ours["Config"], "Image": ""}


def _made_by(name: str) -> list[str]:
    """The instructions that made an image, without the digests of what they copied."""
    said = command("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", name).out
    return re.sub(r"(dir|file|multi):[0-9a-f]{64}", r"\1", said).splitlines()
