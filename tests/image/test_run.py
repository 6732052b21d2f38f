"""A user's image answers, and does so under everything that Lambda and careful people put on a container."""

from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import boto3  # type: ignore[import-untyped]
import pytest
from botocore import UNSIGNED  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

from tests.image.cli import INVOCATIONS, Docker, Image, Start
from tests.image.conftest import EMULATOR_PLACE, HELLO, example_dockerfile

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

AS_LAMBDA_RUNS_IT = ("--read-only", "--tmpfs", "/tmp", "--user", "993:990", "--cap-drop", "ALL", "--memory", "128m")


def test_the_readmes_example_answers_a_post(image: Image, docker: Docker, start: Start) -> None:
    # Given the README's FROM, COPY and CMD, and `docker run -p`
    example = docker.build(f"hello-{image.version}", example_dockerfile(image), {"app.py": HELLO / "app.py"})
    container = start(example)
    container.wait_until_it_answers()
    # When an event is sent as `curl -d` sends it
    opener = build_opener(ProxyHandler({}))
    with opener.open(container.url + INVOCATIONS, b'{"name": "Zo\xc3\xab"}') as answer:
        body = answer.read()
    # Then the function answers, in real Unicode
    assert body == '{"message": "Hello, Zoë!"}'.encode()


def test_boto3_invokes_it(users_image: str, start: Start) -> None:
    container = start(users_image)
    container.wait_until_it_answers()
    # Given a Lambda client that was pointed at the container
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, proxies={})
    client = boto3.client("lambda", endpoint_url=container.url, region_name="us-east-1", config=config)
    # When it invokes the one name that the emulator serves
    answer = client.invoke(FunctionName="function", Payload=b'{"n": 1}')
    # Then
    assert answer["Payload"].read() == b'{"event": {"n": 1}, "name": "test_function"}'


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--read-only", "--tmpfs", "/tmp"), id="read-only"),
        pytest.param(("--user", "993:990"), id="uid of Lambda"),
        pytest.param(("--user", "54321:54321"), id="any uid"),
        pytest.param(("--cap-drop", "ALL", "--security-opt", "no-new-privileges"), id="no capabilities"),
        pytest.param(("--memory", "128m"), id="128 MB"),
        pytest.param(AS_LAMBDA_RUNS_IT, id="all at once"),
    ],
)
def test_it_answers_within(options: tuple[str, ...], users_image: str, start: Start) -> None:
    container = start(users_image, "app.scratch", options=options)
    assert container.invoke().startswith("/tmp/")


def test_the_user_is_the_one_that_docker_was_told(users_image: str, start: Start) -> None:
    container = start(users_image, "app.user", options=("--user", "993:990"))
    assert container.invoke() == {"uid": 993, "gid": 990, "home": "/tmp"}


def test_it_answers_without_home(users_image: str, start: Start) -> None:
    # Docker always sets HOME; only a program in between can take it away.
    container = start(
        users_image, "-u", "HOME", "/entry_script.sh", "app.user", options=("--entrypoint", "/usr/bin/env")
    )
    # Then the function has one that it can write
    assert container.invoke()["home"] == "/tmp"


def test_it_needs_no_network(users_image: str, start: Start) -> None:
    # Given a container that is cut off
    container = start(users_image, options=("--network", "none"))
    # When an event is sent from inside, by the command that the image brings
    ended = container.exec("python", "-m", "pylambda.local", "invoke", '{"n": 1}')
    # Then
    assert ended.out.strip() == '{"event": {"n": 1}, "name": "test_function"}'


def test_amazons_own_entry_point_works(users_image: str, start: Start) -> None:
    container = start(users_image, "app.handler", options=("--entrypoint", "/lambda-entrypoint.sh"))
    assert container.invoke({"n": 1})["event"] == {"n": 1}


def test_the_python_is_the_one_of_the_tag(image: Image, users_image: str, start: Start) -> None:
    assert start(users_image, "app.python").invoke() == [int(number) for number in image.version.split(".")]


def test_nothing_is_written_outside_tmp(image: Image, users_image: str, start: Start) -> None:
    # Given a container that could write anywhere
    container = start(users_image, "app.scratch")
    # When its function ran
    written = container.invoke()
    # Then what changed is what the function wrote, and the place of a mounted emulator
    place = Path(EMULATOR_PLACE)
    mounted = set() if image.has_emulator else {str(path) for path in (place, *place.parents)} - {"/"}
    assert container.changed_paths() == {"/tmp", written} | mounted
