"""`sam local invoke`, which puts an emulator of its own in front of the image's entry point."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SAM
from tests.image.cli import COMMAND_TIMEOUT_S, Docker, Ended, Image
from tests.image.conftest import FUNCTION, Workshop, example_dockerfile

# One Python is enough: what the command puts in front does not look at it.
pytestmark = [
    pytest.mark.needs("engine"),
    pytest.mark.needs("sam"),
    pytest.mark.only("slim"),
    pytest.mark.timeout(600),
]

TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      PackageType: Image
      ImageUri: {image}
      Architectures: [{arch}]
      ImageConfig:
        Command: [{handler}]
      Timeout: 30
"""


class Sam:
    """The command as a user types it, beside a template.

    Args:
        docker: gives images names of this run.
        arch: the images' architecture.
        folder: where the template goes.
    """

    def __init__(self, docker: Docker, arch: str, folder: Path) -> None:
        self._docker = docker
        self._arch = arch
        self._folder = folder

    def invoke(self, image: str, handler: str, event: object) -> Ended:
        # What the command builds on the way stays, in the image's repository: so that is one of this run.
        repository = f"pylambda-test-{self._docker.run_id}"
        self._docker.tag(image, f"{repository}:sam")
        (self._folder / "template.yaml").write_text(
            TEMPLATE.format(image=f"{repository}:sam", arch=self._arch, handler=handler)
        )
        (self._folder / "event.json").write_text(json.dumps(event))
        done = subprocess.run(
            [SAM, "local", "invoke", "--skip-pull-image", "--event", "event.json", "--region", "us-east-1"],
            cwd=self._folder,
            env={**os.environ, "SAM_CLI_TELEMETRY": "0"},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def sam(image: Image, docker: Docker, tmp_path: Path) -> Sam:
    return Sam(docker, image.arch, tmp_path)


def test_sam_local_invoke_gets_the_result(sam: Sam, users_image: str) -> None:
    done = sam.invoke(users_image, "app.handler", {"name": "Zoë"})
    assert json.loads(done.out.splitlines()[-1])["event"] == {"name": "Zoë"}, done.err


def test_sam_local_invoke_shows_why_a_function_does_not_load(sam: Sam, users_image: str) -> None:
    done = sam.invoke(users_image, "ap.handler", {})
    assert "Unable to import module 'ap'" in done.out + done.err


def test_sam_local_invoke_goes_past_the_emulator_of_the_image(
    sam: Sam, image: Image, workshop: Workshop, docker: Docker
) -> None:
    # Given an image that has an emulator already
    default = workshop.sibling(image, "default")
    tag = docker.build("sam-default", example_dockerfile(default), {"app.py": FUNCTION})
    # When
    done = sam.invoke(tag, "app.handler", {"n": 1})
    # Then
    assert json.loads(done.out.splitlines()[-1])["event"] == {"n": 1}, done.err
