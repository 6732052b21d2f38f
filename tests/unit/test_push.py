"""What `make push` and `make push-ecr` decide before a registry is asked; tests/image/test_push.py asks a real one."""

import base64
from typing import Any

import pytest

from images import ecr, facts, matrix, push
from images.registry import Client, PushError
from tests.unit.test_matrix import DAY, GOOD

EDITION = matrix.Edition(DAY, None)


class NeverAsked(Client):
    """A client that must not be used."""

    def push_index(self, reference: str, members: list[str], *, exact: bool) -> None:
        raise AssertionError(reference)


class Ecr:
    def __init__(self, token: str) -> None:
        self._token = base64.b64encode(token.encode()).decode()

    def get_authorization_token(self) -> dict[str, Any]:
        return {"authorizationData": [{"authorizationToken": self._token}]}


def note(arch: str, exact: str = EDITION.exact, patch: str = "3.12.9") -> push.Note:
    return push.Note("3.12", arch, exact, f"sha256:{arch}", patch)


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ([note("x86_64")], "3.12: no manifest of this push for arm64, so there is no index to make"),
        ([note("x86_64"), note("arm64", exact="20260101")], "no manifest of this push for arm64"),
        ([note("x86_64"), note("arm64", patch="3.12.8")], "have different Pythons, 3.12.8 and 3.12.9"),
    ],
)
def test_half_an_index_is_not_made(notes: list[push.Note], said: str) -> None:
    builds = facts.read(GOOD).builds_of("3.12")
    with pytest.raises(PushError) as error:
        push.push_index(NeverAsked("docker", "r"), "r", builds, notes, EDITION)
    assert said in str(error.value)


def test_an_ecr_repository_names_its_region() -> None:
    found = ecr.parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/hello")
    assert found == ecr.Repository(
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012", "eu-west-1", "team/hello"
    )


@pytest.mark.parametrize(
    "name",
    [
        "ghcr.io/OWNER/hello",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/hello:latest",
        "123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com/hello",
        "public.ecr.aws/hello/hello",
    ],
)
def test_where_lambda_does_not_pull_from_is_refused(name: str) -> None:
    with pytest.raises(PushError, match="is no private ECR repository"):
        ecr.parse(name)


def test_the_password_is_what_the_token_holds() -> None:
    assert ecr.password(Ecr("AWS:sec:ret")) == "sec:ret"
    with pytest.raises(PushError, match="a token for 'ROOT'"):
        ecr.password(Ecr("ROOT:secret"))


def test_missing_credentials_are_told() -> None:
    with pytest.raises(PushError, match=r"ECR gave no token \(.*\): give boto3 credentials"):
        ecr.password(object())
