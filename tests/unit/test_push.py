"""What `make push` and `make push-ecr` decide before a registry is asked; tests/image/test_push.py asks a real one."""

import base64
import json
import shlex
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from images import ecr, facts, matrix, push
from images.registry import Client, PushError
from tests.check.targets import Image
from tests.documents import ROOT, blocks
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


@pytest.fixture
def ecr_endpoint() -> Iterator[str]:
    """ECR, as far as a login asks it."""

    class GiveToken(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(Ecr("AWS:secret").get_authorization_token()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), GiveToken) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


DOCKER = """#!/bin/sh
echo "$*" >> {folder}/said
case "$1 $2" in
  "login "*) cat >> {folder}/said ;;
  "image inspect") echo '{{"Id": "sha256:1", "Os": "linux", "Architecture": "arm64"}}' ;;
  "manifest inspect") cat {folder}/manifest ;;
  "save hello") cat {folder}/hello.tar ;;
esac
"""
PLAIN = {
    "Descriptor": {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": "sha256:abc",
        "platform": {"os": "linux", "architecture": "arm64"},
    },
    "OCIManifest": {"config": {"digest": "sha256:1"}},
}


def test_the_command_of_docs_images_md_logs_in_pushes_and_reads_back(
    ecr_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the page's command, credentials, and a docker that only notes what it is told
    (block,) = [block for block in blocks(ROOT / "docs" / "images.md") if "make push-ecr" in block.text]
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.format(folder=tmp_path))
    docker.chmod(0o755)
    (tmp_path / "manifest").write_text(json.dumps(PLAIN))
    Image(arch="arm64").saved(tmp_path / "hello.tar")
    environment = {"AWS_ENDPOINT_URL_ECR": ecr_endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for name, value in {**environment, "NO_PROXY": "127.0.0.1", "DOCKER": str(docker)}.items():
        monkeypatch.setenv(name, value)
    # When it is typed
    words = shlex.split(block.text)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    # Then the login is ECR's, and what the function needs is printed
    assert done.returncode == 0, done.stderr
    repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/hello"
    said = (tmp_path / "said").read_text()
    assert f"login --username AWS --password-stdin {repository.partition('/')[0]}\nsecret" in said
    assert f"push --quiet {repository}:latest\n" in said
    assert "secret" not in said.replace("\nsecret", "", 1)
    assert f"ImageUri: {repository}@sha256:abc\nArchitectures: arm64\n" in done.stdout
    # And an index is refused after it was read back
    (tmp_path / "manifest").write_text(json.dumps([PLAIN, PLAIN]))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "is an index (of linux/arm64, linux/arm64), and Lambda takes a single manifest" in done.stderr
    # And an image that Lambda would refuse is not pushed, but where that is asked for
    (tmp_path / "manifest").write_text(json.dumps(PLAIN))
    (tmp_path / "said").unlink()
    Image(arch="arm64", run={"Cmd": ["/bin/sh", "-c", "app.handler"]}).saved(tmp_path / "hello.tar")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "PL-CMD-SHELL" in done.stderr
    assert "hello is not pushed: see above what to mend; CHECK= pushes it all the same" in done.stderr
    assert "login" not in (tmp_path / "said").read_text()
    assert "push" not in (tmp_path / "said").read_text()
    done = subprocess.run([*words, "CHECK="], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert f"push --quiet {repository}:latest\n" in (tmp_path / "said").read_text()
