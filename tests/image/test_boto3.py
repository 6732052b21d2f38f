"""The boto3 variant: boto3 is there for everyone, whole, and stays out where a function brings a part of its own."""

from pathlib import Path

import pytest

from images import vendor
from tests.image.cli import Docker, Image, Start
from tests.image.test_run import AS_LAMBDA_RUNS_IT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.only("boto3"), pytest.mark.timeout(600)]

SDK = "/var/runtime/aws-sdk"
CLIENT = """\
import boto3, sys
def handler(event, context):
    client = boto3.client("s3", region_name="eu-west-1")
    return [boto3.__version__, client.meta.endpoint_url, client.can_paginate("list_objects_v2"), sys.path[-1]]
"""


@pytest.mark.parametrize("name", sorted(vendor.SDK_PROJECTS))
def test_each_of_its_parts_is_the_images(name: str, users_image: str, start: Start) -> None:
    found = start(users_image, "app.module").invoke({"name": name})
    assert found["version"] == vendor.versions(vendor.BOTO3_LOCK.read_text())[name]
    assert found["file"] == f"{SDK}/{name}/__init__.py"


@pytest.mark.parametrize("name", ["dateutil", "jmespath", "six", "urllib3"])
def test_what_it_needs_can_be_imported_by_itself(name: str, users_image: str, start: Start) -> None:
    # As from Amazon's image, where people found it and used it
    assert start(users_image, "app.module").invoke({"name": name})["file"].startswith("/var/runtime/vendor/")


def test_a_client_can_be_made_as_lambda_runs_it(image: Image, docker: Docker, start: Start, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CLIENT)
    tag = docker.build("boto3-client", f"FROM {image.tag}\nCOPY app.py ./\n", {"app.py": tmp_path / "app.py"})
    container = start(tag, "app.handler", options=AS_LAMBDA_RUNS_IT)
    version = vendor.versions(vendor.BOTO3_LOCK.read_text())["boto3"]
    assert container.invoke() == [version, "https://s3.eu-west-1.amazonaws.com", True, SDK]


def test_a_part_of_a_functions_own_keeps_the_images_out(
    users_image: str, docker: Docker, start: Start, tmp_path: Path
) -> None:
    # Given a function that was built with another botocore, and counts on the image for boto3
    (tmp_path / "botocore").mkdir()
    (tmp_path / "botocore" / "__init__.py").write_text("")
    tag = docker.build("half", f"FROM {users_image}\nCOPY botocore botocore\n", {"botocore": tmp_path / "botocore"})
    container = start(tag, "app.module")
    # When it imports boto3
    assert container.invoke({"name": "boto3"})["errorMessage"] == "No module named 'boto3'"
    # Then a line of the log says why it is not there, and what to do
    assert "boto3 of the image stays out, because botocore is the function's own" in container.logs()
    assert container.invoke({"name": "botocore"})["file"] == "/var/task/botocore/__init__.py"


@pytest.mark.only("slim")
def test_an_image_without_it_says_which_has_it(image: Image, docker: Docker, start: Start, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CLIENT)
    tag = docker.build("no-boto3", f"FROM {image.tag}\nCOPY app.py ./\n", {"app.py": tmp_path / "app.py"})
    container = start(tag, "app.handler")
    with pytest.raises(AssertionError, match="Unable to import module 'app': No module named 'boto3'"):
        container.invoke()
    assert f"FROM pylambda:{image.version}-boto3" in container.logs()
