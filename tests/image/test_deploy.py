"""docs/deploy.md, from a new project to a function that runs: its commands as they stand there, on moto for an AWS.

moto keeps what it is told and starts no image of a function. So what it was told last is run in the engine here: the
image by the digest that the function has, out of the registry that it was pushed to.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import AWS_CLI
from tests.deploy import aws as moto
from tests.deploy.aws import Aws
from tests.documents import ROOT, blocks
from tests.image import docker_at_ecr, registries
from tests.image.cli import Docker
from tests.image.conftest import Workshop, subjects
from tests.image.docker_at_ecr import HOST
from tests.image.registries import Registry

pytestmark = [pytest.mark.needs("engine", "registry", "iac", "aws-cli"), pytest.mark.timeout(600)]

HERE = "tests/image/test_deploy.py"
BLOCKS = [block for block in blocks(ROOT / "docs" / "deploy.md") if block.runner == HERE]
PROVIDER = "token.actions.githubusercontent.com"


class Typist:
    """Types the page's commands.

    Args:
        aws: where they go.
        environ: the variables that they see.
        folder: where the first one is typed.
        docker: forgets at the end what they build.
        words: what they have in the place of the page's names, so that this run has names of its own.
    """

    def __init__(self, aws: Aws, environ: dict[str, str], folder: Path, docker: Docker, words: dict[str, str]) -> None:
        self.aws = aws
        self.folder = folder
        self.environ = environ
        self._docker = docker
        self._words = words

    def type(self, first: str, *, folder: Path | None = None, check: bool = True) -> str:
        """Type the block that begins so; return what it says."""
        (text,) = [block.text for block in BLOCKS if block.text.startswith(first)]
        for word, own in self._words.items():
            assert word in "".join(block.text for block in BLOCKS)
            text = text.replace(word, own)
        done = subprocess.run(
            ("sh", "-eu"), input=text, cwd=folder or self.folder / "greeter", env=self.environ, capture_output=True,
            text=True, timeout=300, check=False,
        )  # fmt: skip
        self._docker.remember_stages(done.stdout)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def push(self) -> str:
        """Push the image from the checkout, keep its name in IMAGE_URI, and return it."""
        said = self.type("make push-ecr", folder=ROOT)
        assert "Architectures: x86_64" in said
        self.environ["IMAGE_URI"] = re.findall(r"^ImageUri: (.*)$", said, re.MULTILINE)[0]
        return self.environ["IMAGE_URI"]


@pytest.fixture(scope="module")
def hub(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registries.serve(tmp_path_factory.mktemp("registry")) as running:
        docker.remember_registry(running.address)
        yield running


@pytest.fixture(scope="module")
def base(workshop: Workshop, docker: Docker) -> str:
    """What the projects' images are built from: a name that `-build` and `-slim` are appended to."""
    name = f"pylambda-test-{docker.run_id}:deploy"
    image = workshop.image(next((subject for subject in subjects() if subject.variant == "slim"), subjects()[0]))
    for variant in ("build", "slim"):
        docker.tag(workshop.sibling(image, variant).tag, f"{name}-{variant}")
    return name


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with moto.serve(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def typist(aws: Aws, hub: Registry, base: str, docker: Docker, tmp_path: Path) -> Typist:
    """Somebody with an empty AWS account, whose docker finds its ECR in the registry."""
    httpx.post(f"{aws.url}/moto-api/reset").raise_for_status()
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "docker").write_text(f'#!/bin/sh\nexec {sys.executable} {docker_at_ecr.__file__} "$@"\n')
    (programs / "docker").chmod(0o755)
    environ = {
        **aws.environ,
        "PATH": os.pathsep.join(map(str, (programs, Path(sys.executable).parent, AWS_CLI.parent, os.environ["PATH"]))),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "ECR_AT": hub.address,
        "ECR_DOCKER": str(shutil.which("docker")),
        "BASE": base,
    }
    tag = docker.own_tag("greeter")
    words = {"-t greeter .": f"--build-arg BASE={base} -t {tag} .", "IMAGE=greeter": f"IMAGE={tag}"}
    return Typist(aws, environ, tmp_path, docker, words)


def run_function(aws: Aws, hub: Registry, docker: Docker) -> str:
    """Run what the function in AWS is made of, as Lambda would fetch it, and return what its URL would answer."""
    uri = aws.client("lambda").get_function(FunctionName="greeter")["Code"]["ImageUri"]
    local = uri.replace(HOST, hub.address)
    container = docker.start(local)
    container.wait_until_it_answers()
    return httpx.get(f"{container.url}/?name=you", timeout=30).text


def url_of(aws: Aws) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("lambda").get_function_url_config(FunctionName="greeter")
    return found


@pytest.fixture(autouse=True)
def _containers(docker: Docker) -> Iterator[None]:
    before = docker.containers()
    yield
    docker.remove_containers(before)


def test_a_function_is_made_by_hand(typist: Typist, hub: Registry, docker: Docker) -> None:
    # Given a new project and its image in a repository
    typist.type("pylambda new", folder=typist.folder)
    typist.type("aws ecr create-repository")
    uri = typist.push()
    # When the page's commands make a function of it
    typist.type("aws iam create-role")
    # Then AWS has an image function behind a URL that streams
    made = typist.aws.client("lambda").get_function(FunctionName="greeter")
    assert made["Configuration"]["PackageType"] == "Image"
    assert made["Configuration"]["Architectures"] == ["x86_64"]
    assert made["Code"]["ImageUri"] == uri
    assert (url_of(typist.aws)["InvokeMode"], url_of(typist.aws)["AuthType"]) == ("RESPONSE_STREAM", "AWS_IAM")
    # And what the function is made of answers
    assert 'data: {"word": "you"}\n\n' in run_function(typist.aws, hub, docker)


def test_the_pipeline_ships_what_changed_to_the_function_of_the_template(
    typist: Typist, hub: Registry, docker: Docker
) -> None:
    # Given the pipeline's role and repository; moto makes no OIDC provider from a template: there is one
    typist.type("pylambda new", folder=typist.folder)
    made = typist.aws.client("iam").create_open_id_connect_provider(
        Url=f"https://{PROVIDER}", ThumbprintList=["a" * 40]
    )
    pipeline = typist.folder / "greeter" / "deploy" / "role.yaml"
    role = pipeline.read_text()
    assert role.count('Default: ""') == 1
    pipeline.write_text(role.replace('Default: ""', f"Default: {made['OpenIDConnectProviderArn']}"))
    typist.type("aws cloudformation deploy --stack-name greeter-pipeline")
    # And the function, made by the template; an image that is not there is refused first
    typist.environ["IMAGE_URI"] = f"{HOST}/greeter@sha256:{'0' * 64}"
    assert "ImageNotFoundException" in typist.type("aws cloudformation deploy --stack-name greeter --", check=False)
    typist.aws.client("cloudformation").delete_stack(StackName="greeter")
    first = typist.push()
    typist.type("aws cloudformation deploy --stack-name greeter --")
    assert typist.aws.client("lambda").get_function(FunctionName="greeter")["Code"]["ImageUri"] == first
    # When the function changes and the pipeline ships it
    app = typist.folder / "greeter" / "app.py"
    app.write_text(app.read_text().replace('"Hello"', '"Welcome"'))
    said = typist.type("REPOSITORY=")
    # Then the function has another image, by its digest, which answers with what changed
    second = typist.aws.client("lambda").get_function(FunctionName="greeter")["Code"]["ImageUri"]
    assert second != first
    assert f"IMAGE_URI={second}\n" in said
    # And it was checked before the push
    checked = said.index(f"{HOST}/greeter:2: an image, for x86_64")
    assert checked < said.index("The push refers to repository")
    assert second.startswith(f"{HOST}/greeter@sha256:")
    assert run_function(typist.aws, hub, docker).startswith('data: {"word": "Welcome"}\n\n')


def test_the_pipelines_role_may_do_that_and_nothing_else(typist: Typist) -> None:
    # Given the role of a pipeline at GitHub
    typist.type("pylambda new", folder=typist.folder)
    iam = typist.aws.client("iam")
    made = iam.create_open_id_connect_provider(Url=f"https://{PROVIDER}", ThumbprintList=["a" * 40])
    arn = made["OpenIDConnectProviderArn"]
    template = (typist.folder / "greeter" / "deploy" / "role.yaml").read_text()
    parameters = {"Project": "OWNER/greeter", "Provider": arn}
    typist.aws.client("cloudformation").create_stack(
        StackName="pipeline",
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    (role,) = iam.list_roles()["Roles"]
    # Then only that project's main branch takes it
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Federated": arn}
    assert trust["Condition"] == {
        "StringEquals": {
            f"{PROVIDER}:aud": "sts.amazonaws.com",
            f"{PROVIDER}:sub": "repo:OWNER/greeter:ref:refs/heads/main",
        }
    }
    # And it reaches one repository and one function, but for the login, which has no resource
    policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="ship")["PolicyDocument"]
    statements = policy if isinstance(policy, dict) else json.loads(policy.replace("'", '"'))
    reach = {statement["Resource"]: statement["Action"] for statement in statements["Statement"]}
    assert reach.pop("*") == "ecr:GetAuthorizationToken"
    account = f"{moto.REGION}:123456789012"
    assert set(reach) == {f"arn:aws:ecr:{account}:repository/greeter", f"arn:aws:lambda:{account}:function:greeter"}
    assert not [action for actions in reach.values() for action in actions if "*" in action]
