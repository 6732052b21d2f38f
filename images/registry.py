"""A registry, as far as a plain `docker` client shows it.

Everything goes through `docker push` and `docker manifest`, so that whatever login, helper or proxy the user's client
has works here too, and no second piece of software learns a password. Read back is what the registry has, never what
was meant to be sent.
"""

import json
import re
import subprocess
from typing import Any, NamedTuple

# Docker's own and OCI's type of what Lambda takes: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
SINGLE = {
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
}
LOOPBACK = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:\d+)?/")
TIMEOUT_S = 1800.0
PATCH = "import platform; print(platform.python_version())"


class PushError(Exception):
    """Raised when something cannot be pushed, or is not what it must be; the message says what to do."""


class Local(NamedTuple):
    """An image in the engine."""

    id: str
    platform: str


class Manifest(NamedTuple):
    """A plain manifest in a registry."""

    digest: str
    platform: str
    config: str


class Client:
    """One docker client and one repository."""

    def __init__(self, docker: str, repository: str) -> None:
        self._docker = docker
        # A registry on this machine has no certificate; any other must have one.
        self._insecure = ["--insecure"] if LOOPBACK.match(repository) else []

    def local(self, tag: str) -> Local | None:
        """An image of the engine; None where there is none. Raises PushError."""
        done = self._try("image", "inspect", "--format", "{{json .}}", tag)
        if done.returncode:
            return None
        facts = json.loads(done.stdout)
        return Local(facts["Id"], f"{facts['Os']}/{facts['Architecture']}")

    def python(self, tag: str, platform: str) -> str:
        """The Python that an image of the engine says it has. Raises PushError."""
        options = ("--rm", "--network=none", f"--platform={platform}", "--entrypoint=python3")
        return self._run("run", *options, tag, "-c", PATCH).strip()

    def push(self, local: str, target: str) -> None:
        """Push one image under another name. Raises PushError."""
        self._run("tag", local, target)
        try:
            self._run("push", "--quiet", target)
        finally:
            # The name was for the push alone; the image keeps its own.
            self._try("image", "rm", "--no-prune", target)

    def manifest(self, reference: str) -> Manifest | None:
        """What stands under a reference; None where nothing does. Raises PushError where it is an index."""
        found = self._inspect(reference)
        if found is None:
            return None
        if isinstance(found, list):
            platforms = ", ".join(sorted(_platform(member) for member in found))
            raise PushError(
                f"{reference} is an index (of {platforms}), and Lambda takes a single manifest: build with a plain "
                "docker build, or with buildx and --provenance=false --sbom=false --platform of one architecture"
            )
        media_type = found["Descriptor"]["mediaType"]
        if media_type not in SINGLE:
            raise PushError(f"{reference} is a {media_type}, and Lambda takes {' or '.join(sorted(SINGLE))}")
        body = found.get("SchemaV2Manifest") or found.get("OCIManifest") or {}
        return Manifest(found["Descriptor"]["digest"], _platform(found), body.get("config", {}).get("digest", ""))

    def single(self, reference: str, platform: str) -> Manifest:
        """The plain manifest under a reference, of a platform. Raises PushError."""
        found = self.manifest(reference)
        if found is None:
            raise PushError(f"{reference} is not in the registry")
        if found.platform != platform:
            raise PushError(f"{reference} is for {found.platform}, not for {platform}")
        return found

    def push_index(self, reference: str, members: list[str], *, exact: bool) -> None:
        """Make an index of manifests that are in the repository. Raises PushError.

        An exact one must not be there yet, or be the same.
        """
        there = self._inspect(reference) if exact else None
        if there is not None:
            digests = {member["Descriptor"]["digest"] for member in there} if isinstance(there, list) else set()
            if digests != {member.partition("@")[2] for member in members}:
                raise PushError(f"{reference} is there already and is another index: a release's tag is pushed once")
            return
        # The client keeps unfinished indexes: one that an interrupted push left would get these members too.
        self._try("manifest", "rm", reference)
        self._run("manifest", "create", *self._insecure, reference, *members)
        self._run("manifest", "push", "--purge", *self._insecure, reference)

    def login(self, host: str, user: str, password: str) -> None:
        """Log in as `docker login` does. Raises PushError."""
        words = [self._docker, "login", "--username", user, "--password-stdin", host]
        done = subprocess.run(words, input=password, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise PushError(f"docker login {host} failed: {done.stderr.strip()}")

    def _inspect(self, reference: str) -> Any:
        done = self._try("manifest", "inspect", "--verbose", *self._insecure, reference)
        if done.returncode == 0:
            return json.loads(done.stdout)
        # The client's own word for a tag, or a whole repository, that is not there.
        if re.search("no such manifest|manifest unknown|name unknown|not found", done.stderr):
            return None
        raise PushError(f"docker manifest inspect {reference} failed: {done.stderr.strip()}")

    def _run(self, *words: str) -> str:
        done = self._try(*words)
        if done.returncode:
            raise PushError(f"{self._docker} {' '.join(words)} failed: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def _try(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([self._docker, *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def _platform(found: Any) -> str:
    platform = found["Descriptor"].get("platform", {})
    return f"{platform.get('os', '?')}/{platform.get('architecture', '?')}"
