"""The docker command as the image tests use it.

Everything that is started or built carries the name of this run, is remembered, and is removed by that name alone:
two runs on one engine, and whatever else lives there, are left in peace. Conditions are waited for with a deadline.
"""

import itertools
import json
import re
import shlex
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import create_server
from typing import Any, NamedTuple, Protocol

from images import facts

INVOCATIONS = "/2015-03-31/functions/function/invocations"
START_TIMEOUT_S = 30.0
COMMAND_TIMEOUT_S = 300.0
# What docker shows where there is no name.
NONE = "<none>"


class DockerError(AssertionError):
    """Raised when a docker command fails; an assertion, because the test failed with it."""


class Ended(NamedTuple):
    """What a finished command left."""

    code: int
    out: str
    err: str


def command(*words: str, check: bool = True) -> Ended:
    """Run a command to its end. Raises DockerError when it fails and `check` is set."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    if check and done.returncode:
        raise DockerError(f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return Ended(done.returncode, done.stdout, done.stderr)


def has_image(name: str) -> bool:
    """Whether the engine has an image."""
    return command("docker", "image", "inspect", name, check=False).code == 0


def until(holds: Callable[[], bool], what: str) -> None:
    """Return when the condition holds. Raises DockerError at the deadline."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not holds():
        if time.monotonic() > deadline:
            raise DockerError(f"{what}: not within {START_TIMEOUT_S:g} s")
        time.sleep(0.02)


def made_by_build(said: str) -> list[str]:
    """The images that a classic build says it made: not its base's, and not those that it found in its cache."""
    made, step, before = [], "", ""
    for line in said.splitlines():
        if found := re.fullmatch(r"Step \d+/\d+ : (\w+).*", line):
            step = found[1]
        elif (found := re.fullmatch(r" ---> ([0-9a-f]{12})", line)) and step != "FROM" and "Using cache" not in before:
            made.append(found[1])
        before = line
    return made


def names_of_images() -> list[str]:
    """What images of the engine are called, the newest first; what was fetched by its digest has that for a tag."""
    shown = "{{.Repository}} {{.Tag}} {{.Digest}}"
    rows = [line.split() for line in command("docker", "images", "--digests", "--format", shown).out.splitlines()]
    return [
        f"{repository}@{digest}" if tag == NONE else f"{repository}:{tag}"
        for repository, tag, digest in rows
        if repository != NONE and {tag, digest} != {NONE}
    ]


def free_port() -> int:
    with closing(create_server(("127.0.0.1", 0))) as held:
        port: int = held.getsockname()[1]
    return port


class Container:
    """One container that was started with port 8080 published somewhere on loopback."""

    def __init__(self, name: str) -> None:
        self.name = name

    def invoke(self, event: object = None) -> Any:
        """Send one event as `curl -d` does and return the decoded body."""
        self.wait_until_it_answers()
        status, body = self._ask("POST", INVOCATIONS, json.dumps({} if event is None else event))
        assert status == 200, f"status {status}, {body!r}, and the container said:\n{self.logs()}"
        return json.loads(body)

    def wait_until_it_answers(self) -> None:
        until(self._answers, "an HTTP answer of the emulator")

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    @property
    def _address(self) -> str:
        return command("docker", "port", self.name, "8080/tcp").out.splitlines()[0]

    def exec(self, *words: str, check: bool = True) -> Ended:
        return command("docker", "exec", self.name, *words, check=check)

    def says(self, *words: str) -> str:
        """What a program of the image prints."""
        return self.exec(*words).out.strip()

    def logs(self) -> str:
        ended = command("docker", "logs", self.name)
        return ended.out + ended.err

    def program_of_pid_1(self) -> str:
        """The name of the program that process 1 of the container runs."""
        pid = str(self.inspect("State")["Pid"])
        _titles, *processes = command("docker", "top", self.name, "-o", "pid,comm").out.splitlines()
        names = dict(line.split(maxsplit=1) for line in processes)
        return names[pid]

    def changed_paths(self) -> set[str]:
        """What differs from the image."""
        return {line.split(maxsplit=1)[1] for line in command("docker", "diff", self.name).out.splitlines()}

    def stop(self) -> float:
        """Stop it as a user does and return the seconds that it took."""
        before = time.monotonic()
        command("docker", "stop", self.name)
        return time.monotonic() - before

    def inspect(self, part: str) -> Any:
        return json.loads(command("docker", "inspect", "--format", f"{{{{json .{part}}}}}", self.name).out)

    def _answers(self) -> bool:
        if not self.inspect("State")["Running"]:
            raise DockerError(f"the container ended before it answered; it said:\n{self.logs()}")
        try:
            # Docker's own proxy accepts connections before anything listens behind it: only a status is proof.
            self._ask("GET", "/is-anybody-there")
        except (OSError, HTTPException):
            return False
        return True

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        connection = HTTPConnection(self._address, timeout=START_TIMEOUT_S)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def type_as_on_the_page(run: str, curl: str, stop: str, image: str, name: str) -> str:
    """Type the three lines of a page that start a container named `hello`, ask it and stop it.

    Args:
        run, curl, stop: the lines.
        image: in the place of the page's image `hello`.
        name: in the place of the page's container `hello`.

    Returns:
        What the second line printed.
    """
    port = free_port()
    words = {"hello": image, "9000:8080": f"127.0.0.1:{port}:8080"}
    command(*(words.get(word, word) for word in shlex.split(run.replace("--name hello", f"--name {name}"))))
    try:
        Container(name).wait_until_it_answers()
        return command(*shlex.split(curl.replace("localhost:9000", f"127.0.0.1:{port}"))).out
    finally:
        command(*shlex.split(stop.replace("hello", name)))


class Image(NamedTuple):
    """An image under test, with what it must be and the base that it stands on."""

    tag: str
    version: str
    base: str
    variant: str
    arch: str

    @property
    def has_emulator(self) -> bool:
        return "default" in facts.load().ancestry(self.variant)


class Start(Protocol):
    """`docker run -d`, forgotten at the end of the test."""

    def __call__(self, image: str, *arguments: str, options: tuple[str, ...] = ()) -> Container: ...


class Docker:
    """What one test run builds and starts, and nothing else."""

    def __init__(self) -> None:
        self.run_id = uuid.uuid4().hex[:8]
        self._containers: list[str] = []
        self._tags = itertools.count()
        self._registries: list[str] = []
        self._stages: list[str] = []

    def start(self, image: str, *arguments: str, options: tuple[str, ...] = ()) -> Container:
        """`docker run -d -p`: arguments come after the image, options before it."""
        publish = () if "--network" in options else ("--publish", "127.0.0.1::8080")
        name = self._own_name()
        command("docker", "run", "--detach", "--name", name, *publish, *options, image, *arguments)
        return Container(name)

    def run(self, image: str, *words: str, options: tuple[str, ...] = ()) -> Ended:
        """`docker run --rm`: run it to its end, whatever that is."""
        return command("docker", "run", "--rm", "--name", self._own_name(), *options, image, *words, check=False)

    def build(self, name: str, dockerfile: str, files: Mapping[str, Path]) -> str:
        """Build an image without the network from a Dockerfile and its files; return the tag."""
        with tempfile.TemporaryDirectory() as folder:
            for place, source in files.items():
                copy = shutil.copytree if source.is_dir() else shutil.copy
                copy(source, Path(folder, place))
            Path(folder, "Dockerfile").write_text(dockerfile)
            tag = self.own_tag(name)
            self.builds("docker", "build", "--force-rm", "--network", "none", "--tag", tag, folder)
        return tag

    def builds(self, *words: str) -> str:
        """Run a command that builds, and return what it said. Raises DockerError."""
        try:
            said = command(*words).out
        except DockerError as error:
            self.remember_stages(str(error))
            raise
        self.remember_stages(said)
        return said

    def own_tag(self, name: str) -> str:
        """A tag that is this run's, by its id, and is removed with it."""
        return f"pylambda-test:{name}-{self.run_id}-{next(self._tags)}"

    def tag(self, source: str, name: str) -> None:
        """Give an image one more name, with this run's id in it."""
        command("docker", "tag", source, name)

    def remember_registry(self, address: str) -> None:
        """Remove at the end what was pushed to a registry of this run, or fetched from it."""
        self._registries.append(f"{address}/")

    def containers(self) -> int:
        """How many there have been: what `remove_containers` takes for a point in time."""
        return len(self._containers)

    def remove_containers(self, since: int = 0) -> None:
        names = self._containers[since:]
        if names:
            command("docker", "rm", "--force", "--volumes", *names, check=False)
            del self._containers[since:]

    def remember_stages(self, said: str) -> None:
        """Remove at the end what the classic builder keeps without a name: stages, and what a failed build came to."""
        self._stages += made_by_build(said)

    def remove_images(self) -> None:
        """Remove what has this run's name in the engine, whoever gave it, and what never had one."""
        own = (self.run_id, *self._registries)
        named = [name for name in names_of_images() if any(mark in name for mark in own)]
        # Children first, else their parents are still in use.
        if made := [*named, *reversed(self._stages)]:
            subprocess.run(("docker", "rmi", *made), capture_output=True, check=False)
        self._stages.clear()

    def _own_name(self) -> str:
        """A name for a container, remembered before it is there: a run that fails half-way leaves one behind."""
        name = f"pylambda-test-{self.run_id}-{uuid.uuid4().hex[:8]}"
        self._containers.append(name)
        return name
