"""How a container starts and ends: what becomes process 1, which arguments are refused, how long a stop takes."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.image.cli import Docker, Image, Start, until

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

QUICK_S = 3


class RuntimeApi(ThreadingHTTPServer):
    """A Runtime API that has no event, ever: the state in which an idle function is stopped."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _NoEvent)
        self.asked = threading.Event()
        self.over = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _NoEvent(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_GET(self) -> None:
        self.server.asked.set()
        self.server.over.wait()

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def runtime_api() -> Iterator[RuntimeApi]:
    with RuntimeApi() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def test_locally_the_emulator_is_process_1_and_stops_quickly(users_image: str, start: Start) -> None:
    container = start(users_image)
    container.invoke()
    assert container.program_of_pid_1() == "aws-lambda-rie"
    assert container.stop() < QUICK_S


def test_inside_lambda_the_runtime_is_process_1_and_stops_quickly(
    users_image: str, start: Start, runtime_api: RuntimeApi
) -> None:
    # Given a Runtime API, as in Lambda
    options = ("--network", "host", "--env", f"AWS_LAMBDA_RUNTIME_API={runtime_api.address}")
    # When the container waits for its first event
    container = start(users_image, options=options)
    until(runtime_api.asked.is_set, "a request for the first event")
    # Then no shell is left, and no emulator
    assert container.program_of_pid_1().startswith("python3")
    assert container.stop() < QUICK_S


@pytest.mark.parametrize("arguments", [("app.handler", "more"), ("python", "-m", "app")])
def test_other_than_one_argument_is_refused(arguments: tuple[str, ...], users_image: str, docker: Docker) -> None:
    ended = docker.run(users_image, *arguments)
    assert ended.code == 142
    assert len(ended.err.splitlines()) == 1


def test_no_argument_is_refused(image: Image, docker: Docker) -> None:
    # Given an image whose author forgot CMD
    ended = docker.run(image.tag)
    # Then the line says what to write
    assert ended.code == 142
    assert len(ended.err.splitlines()) == 1
    assert 'CMD ["app.handler"]' in ended.err


def test_an_empty_runtime_api_means_local(users_image: str, start: Start) -> None:
    assert start(users_image, options=("--env", "AWS_LAMBDA_RUNTIME_API=")).invoke({"n": 1})["event"] == {"n": 1}


def test_a_wrapper_starts_the_runtime(
    image: Image, users_image: str, docker: Docker, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Given a wrapper of the kind that observability tools put into /opt
    wrapper = tmp_path_factory.mktemp("wrapper") / "wrapper"
    wrapper.write_text('#!/bin/sh\nexport WRAPPED="$AWS_EXECUTION_ENV" _HANDLER=app.variable\nexec "$@"\n')
    wrapper.chmod(0o755)
    wrapped = docker.build("wrapped", f"FROM {users_image}\nCOPY wrapper /opt/wrapper\n", {"wrapper": wrapper})
    # When the function is invoked
    container = start(wrapped, options=("--env", "AWS_LAMBDA_EXEC_WRAPPER=/opt/wrapper"))
    # Then the wrapper ran, knew Lambda by what Amazon's image sets, and the handler is the one that it chose
    assert container.invoke({"name": "WRAPPED"}) == f"AWS_Lambda_python{image.version}"


@pytest.mark.parametrize("options", [(), ("--env", "AWS_EXECUTION_ENV=AWS_Lambda_Image")], ids=["unset", "set"])
def test_the_execution_environment_is_the_python_of_the_tag(
    options: tuple[str, ...], image: Image, users_image: str, start: Start
) -> None:
    container = start(users_image, "app.variable", options=options)
    assert container.invoke({"name": "AWS_EXECUTION_ENV"}) == f"AWS_Lambda_python{image.version}"
    # And the start script need not ask an interpreter for it
    assert f"\nversion={image.version}\n" in container.says("cat", "/var/runtime/bootstrap")


@pytest.mark.parametrize(
    "words",
    [("python", "-m", "awslambdaric", "app.handler"), ("python3", "/var/runtime/bootstrap.py", "app.handler")],
    ids=["python -m awslambdaric", "bootstrap.py"],
)
def test_the_runtime_starts_by_the_official_clients_names(
    words: tuple[str, ...], users_image: str, start: Start
) -> None:
    # Given an entry point as Dockerfiles for other bases have it, behind the emulator
    container = start(users_image, *words, options=("--entrypoint", "/usr/local/bin/aws-lambda-rie"))
    # When the function is invoked, then it answers
    assert container.invoke({"n": 1})["event"] == {"n": 1}


def test_an_installed_client_takes_the_place_of_ours(
    users_image: str, docker: Docker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Given the official client, where pip would unpack it
    client = tmp_path_factory.mktemp("client")
    (client / "__init__.py").write_text("")
    (client / "__main__.py").write_text("print('the installed one')\n")
    installs = (
        f"FROM {users_image}\nCOPY __init__.py __main__.py /client/\n"
        "RUN packages=$(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))') "
        '&& cp -r /client "$packages/awslambdaric"\n'
    )
    image = docker.build("client", installs, {name: client / name for name in ("__init__.py", "__main__.py")})
    # When it is started by its name, then it is what starts
    ended = docker.run(image, "-m", "awslambdaric", "app.handler", options=("--entrypoint", "python"))
    assert ended.out == "the installed one\n"
    # And ours is untouched
    assert docker.run(image, "/var/runtime/awslambdaric", options=("--entrypoint", "ls")).out.count(".py") > 9
