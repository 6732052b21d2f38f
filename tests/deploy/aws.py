"""An AWS to deploy to: moto's server on loopback, one process, ended with its tests."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]

from tests.conftest import IAC
from tests.image.cli import free_port, until

REGION = "eu-west-1"
FOREIGN = ("AWS_", "MOTO_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


class Aws:
    """A running server, empty at first."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
        }

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)


@contextmanager
def serve(folder: Path) -> Iterator[Aws]:
    """Start moto; a function's image must be in its ECR, and AWS's own policies are there."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environ |= {"MOTO_LAMBDA_STUB_ECR": "false", "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    words = [str(IAC / "bin" / "python"), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, env=environ)
    try:
        until(lambda: b"Running on" in (folder / "moto.log").read_bytes(), "moto's start")
        yield Aws(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=30)
        print((folder / "moto.log").read_text()[-5000:])
