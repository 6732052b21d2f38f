"""`pylambda serve` in the place of Amazon's emulator, in a container."""

import os
import time
from pathlib import Path

import httpx
import pytest

from tests.documents import ROOT, blocks
from tests.image.cli import INVOCATIONS, Container, Docker, Image, type_as_on_the_page
from tests.image.conftest import HELLO, example_dockerfile

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

OURS = ("--env", "PYLAMBDA_EMULATOR=pylambda")
AS_LAMBDA_RUNS_IT = ("--read-only", "--tmpfs", "/tmp", "--user", "993:990", "--cap-drop", "ALL", "--memory", "256m")


def ask(container: Container, path: str, **headers: str) -> httpx.Response:
    container.wait_until_it_answers()
    return httpx.post(container.url + path, content='{"n": 1}', headers=headers, timeout=60)


def test_it_takes_any_name_and_says_how_it_went(users_image: str, docker: Docker) -> None:
    container = docker.start(users_image, options=OURS)
    answer = ask(container, INVOCATIONS.replace("function/", "orders/"), **{"X-Amz-Log-Type": "Tail"})
    assert answer.json()["event"] == {"n": 1}
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert answer.headers["x-amz-log-result"]


def test_it_answers_within_what_lambda_allows(users_image: str, docker: Docker) -> None:
    container = docker.start(users_image, "app.scratch", options=(*OURS, *AS_LAMBDA_RUNS_IT))
    assert ask(container, INVOCATIONS).json().startswith("/tmp/")


def test_nothing_is_watched_in_a_container_unless_that_is_said(users_image: str, docker: Docker) -> None:
    quiet = docker.start(users_image, options=OURS)
    watching = docker.start(users_image, options=(*OURS, "--env", "PYLAMBDA_RELOAD=1"))
    for container in (quiet, watching):
        assert ask(container, INVOCATIONS).status_code == 200
    assert "reload on" not in quiet.logs()
    assert "reload on" in watching.logs()


@pytest.mark.only("default")
def test_a_save_on_the_host_is_seen_through_a_bind_mount(users_image: str, docker: Docker, tmp_path: Path) -> None:
    # Given a folder of the host in the place of the function's
    tmp_path.chmod(0o755)
    app = tmp_path / "app.py"
    app.write_text("def handler(event, context): return 'one'\n")
    mount = ("--volume", f"{tmp_path}:/var/task:ro")
    container = docker.start(users_image, options=(*OURS, "--env", "PYLAMBDA_RELOAD=1", *mount))
    assert ask(container, INVOCATIONS).json() == "one"

    # When an editor saves in its three ways: into the file, into another one that takes its place, with an older time
    app.write_text("def handler(event, context): return 'two'\n")
    wait_for_answer(container, "two")
    (tmp_path / "saved").write_text("import other\ndef handler(event, context): return other.SAYS\n")
    (tmp_path / "other.py").write_text("SAYS = 'three'\n")
    (tmp_path / "saved").replace(app)
    wait_for_answer(container, "three")
    (tmp_path / "other.py").write_text("SAYS = 'four!'\n")
    os.utime(tmp_path / "other.py", (1_000_000_000, 1_000_000_000))

    # Then each is seen, and each says what has changed
    wait_for_answer(container, "four!")
    assert container.logs().count(" changed: ") == 3


def wait_for_answer(container: Container, answer: str) -> None:
    deadline = time.monotonic() + 60
    while ask(container, INVOCATIONS).json() != answer:
        assert time.monotonic() < deadline, container.logs()


def test_requests_come_in_as_http_events(users_image: str, docker: Docker) -> None:
    container = docker.start(users_image, options=(*OURS, "--env", "PYLAMBDA_HTTP=v2"))
    assert ask(container, "/any/path").json()["event"]["rawPath"] == "/any/path"


def test_it_ends_at_once_when_docker_stops_it(users_image: str, docker: Docker) -> None:
    container = docker.start(users_image, options=OURS)
    assert ask(container, INVOCATIONS).status_code == 200
    container.stop()
    # Then it has ended by itself, and was not killed
    assert container.inspect("State.ExitCode") == 0


def test_what_a_function_leaves_behind_is_let_go_of(users_image: str, docker: Docker) -> None:
    # Given that it is the first process of the container, to which orphans come
    container = docker.start(users_image, "app.orphan", options=(*OURS, "--env", "PYLAMBDA_TIMEOUT=30"))
    assert ask(container, INVOCATIONS).json() is True


@pytest.mark.only("default")
def test_where_lambda_has_no_shared_memory_the_log_says_what_to_take(users_image: str, docker: Docker) -> None:
    # Given a container without /dev/shm, as in Lambda
    container = docker.start(users_image, "app.lock", options=(*OURS, "--ipc", "none"))
    answer = ask(container, INVOCATIONS)
    # By the version of the C library
    assert answer.json()["errorType"] in ("OSError", "FileNotFoundError")
    assert "Hint: Lambda has no /dev/shm, " in container.logs()


def test_the_command_is_on_the_path_and_writes_nothing(users_image: str, docker: Docker) -> None:
    container = docker.start(users_image, "-c", "exec sleep 3600", options=("--entrypoint", "/bin/sh"))
    assert container.says("pylambda", "event").split()[:2] == ["apigw-v2", "apigw-v1"]
    assert container.changed_paths() == set()


def test_nothing_local_starts_in_lambda(users_image: str, docker: Docker) -> None:
    # Given what a function's own code could do there, whatever variable leaks in
    options = (*OURS, "--env", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "--env", "PYLAMBDA_RELOAD=1")
    ended = docker.run(users_image, "serve", "app.handler", options=(*options, "--entrypoint", "pylambda"))
    assert (ended.code, ended.out) == (2, "")
    assert "nothing local starts here" in ended.err
    # And the entry point goes to the runtime
    assert "127.0.0.1:1" in docker.run(users_image, options=options).err


@pytest.mark.only("default")
def test_the_commands_of_the_page(image: Image, docker: Docker) -> None:
    """Those of docs/local.md, under a name and on a port of this run's own."""
    (block,) = [each for each in blocks(ROOT / "docs" / "local.md") if each.text.startswith("docker run")]
    run, curl, stop = block.lines
    tag = docker.build(f"local-{image.version}", example_dockerfile(image), {"app.py": HELLO / "app.py"})
    answer = type_as_on_the_page(run, curl, stop, tag, f"pylambda-local-{docker.run_id}")
    assert answer == '{"message": "Hello, you!"}'
