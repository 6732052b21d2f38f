"""Registries on loopback for the tests of pushing: Debian's docker-registry, one process each, ended with its test."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.image.cli import command, free_port, until

CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: "{folder}/data"}}}}
http: {{addr: "127.0.0.1:{port}"}}
{more}
"""
# The user that ECR has, with the password "token": bcrypt, the only hash that the registry reads.
PASSWORD = "token"
HTPASSWD = "AWS:$2b$05$abcdefghijklmnopqrstuuTYZ4IKoV/JIXC/uluHFMHMKgj.SMh9C\n"
AUTH = 'auth: {{htpasswd: {{realm: test, path: "{folder}/htpasswd"}}}}'


class Registry:
    """One registry, read with skopeo."""

    def __init__(self, address: str) -> None:
        self.address = address

    def raw(self, name: str) -> dict[str, Any]:
        """The manifest that stands under NAME:TAG, as the registry has it."""
        found: dict[str, Any] = json.loads(self._inspect("--raw", name))
        return found

    def digest(self, name: str) -> str:
        return self._inspect("--format", "{{.Digest}}", name).strip()

    def tags(self, repository: str) -> set[str]:
        tags = command(
            "skopeo", "list-tags", "--tls-verify=false", f"docker://{self.address}/{repository}", check=False
        )
        return set(json.loads(tags.out)["Tags"]) if tags.code == 0 else set()

    def _inspect(self, *words: str) -> str:
        *options, name = words
        return command("skopeo", "inspect", "--tls-verify=false", *options, f"docker://{self.address}/{name}").out


@contextmanager
def serve(folder: Path, *, with_password: bool = False) -> Iterator[Registry]:
    """Start a registry with its data in a folder, and end it."""
    port = free_port()
    (folder / "htpasswd").write_text(HTPASSWD)
    config = folder / "config.yml"
    config.write_text(CONFIG.format(folder=folder, port=port, more=AUTH.format(folder=folder) if with_password else ""))
    # What the machine's own registry is told must not reach this one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("REGISTRY_", "OTEL_"))}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log, env=environment)
        try:
            until(lambda: _answers(port), f"an answer of docker-registry on port {port}")
            yield Registry(f"127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status in {200, 401}
    except OSError:
        return False
    finally:
        connection.close()
