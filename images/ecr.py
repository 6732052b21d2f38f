"""Log in to ECR and push one function's image there, as something that Lambda can run.

Lambda pulls a function's image from a private ECR repository of its own region, takes a single manifest for one
architecture, and tells of a mistake only when the function is made. So `pylambda check` looks at the image before it
is pushed, it is read back after, and what is printed is what the function needs: the ImageUri by digest, and its
architecture.

The login is what https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html does with the AWS CLI:
a token from ECR, twelve hours valid, given to `docker login` for the user AWS. boto3 finds the credentials.
"""

import argparse
import base64
import re
import subprocess
import sys
from typing import Any, NamedTuple

from images.facts import load
from images.registry import Client, PushError

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html; Lambda takes none of the -fips hosts.
HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
USER = "AWS"
# The code that `pylambda check` ends with where it found one.
FOUND_ERRORS = 1


class Repository(NamedTuple):
    """A private ECR repository."""

    host: str
    account: str
    region: str
    name: str


def parse(text: str) -> Repository:
    """The repository that a name means. Raises PushError."""
    host, _, name = text.partition("/")
    found = HOST.fullmatch(host)
    if not found or not re.fullmatch(r"[a-z0-9]+([._/-][a-z0-9]+)*", name):
        raise PushError(
            f"{text!r} is no private ECR repository: Lambda takes ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME"
        )
    return Repository(host, found["account"], found["region"], name)


def password(ecr: Any) -> str:
    """The password that a boto3 client for ECR gives. Raises PushError."""
    try:
        (data,) = ecr.get_authorization_token()["authorizationData"]
    except Exception as error:  # botocore has no common parent for what may go wrong: no credentials, no region, ...
        raise PushError(f"ECR gave no token ({error}): give boto3 credentials, as with `aws configure`") from error
    user, _, secret = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    if user != USER:
        raise PushError(f"ECR gave a token for {user!r}, not for {USER!r}")
    return secret


def check(docker: str, image: str) -> None:
    """Have `pylambda check` look at an image and say what it finds, on standard error. Raises PushError."""
    words = (sys.executable, "-m", "pylambda.local", "check", image, "--docker", docker)
    code = subprocess.run(words, stdout=sys.stderr, check=False).returncode
    if code == FOUND_ERRORS:
        raise PushError(f"{image} is not pushed: see above what to mend; CHECK= pushes it all the same")
    if code:
        raise PushError(f"{image} is not pushed: it could not be checked, for the reason above")


def push(client: Client, image: str, repository: str, tag: str) -> tuple[str, str]:
    """Push an image and return its URI by digest and Lambda's name of its architecture. Raises PushError."""
    found = client.local(image)
    if found is None:
        raise PushError(f"there is no image {image!r} to push: docker build --tag {image} ...")
    archs = {arch.platform: arch.name for arch in load().archs}
    if found.platform not in archs:
        raise PushError(f"{image} is for {found.platform}; Lambda runs {' and '.join(archs)}")
    target = f"{repository}:{tag}"
    client.push(image, target)
    pushed = client.single(target, found.platform)
    return f"{repository}@{pushed.digest}", archs[found.platform]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m images.ecr", description="Push a function's image to ECR")
    parser.add_argument("--docker", default="docker")
    parser.add_argument("--repository", required=True, metavar="ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME")
    parser.add_argument("--tag", default="latest")
    parser.add_argument("--check", action="store_true", help="push nothing in which `pylambda check` finds an error")
    parser.add_argument("image", help="the function's image, by its name in this engine")
    chosen = parser.parse_args()
    repository = parse(chosen.repository)
    if chosen.check:
        check(chosen.docker, chosen.image)
    # Here and not above: the other commands of this folder work without it.
    import boto3  # type: ignore[import-untyped]

    client = Client(chosen.docker, chosen.repository)
    client.login(repository.host, USER, password(boto3.client("ecr", region_name=repository.region)))
    uri, arch = push(client, chosen.image, chosen.repository, chosen.tag)
    print(f"ImageUri: {uri}\nArchitectures: {arch}")


if __name__ == "__main__":
    try:
        main()
    except PushError as error:
        sys.exit(f"images/ecr.py: {error}")
