"""`pylambda build --wrapper` on Amazon's managed Python: its start script, played, hands over to the layer's.

What is real: the layer, unpacked where Lambda unpacks it, a read-only file system, the user that Lambda picks, an
interpreter of each version. The Runtime API is that of tests/contract, so a stream is seen as it is sent.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from images import facts
from tests.contract.raw_api import Chunked, Request, serving
from tests.contract.runtime_process import Run, Runtime
from tests.image import standin
from tests.image.cli import Container, Docker
from tests.image.conftest import Subject, Workshop
from tests.parity import image_form, pythons

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

MANAGED = Path(__file__).with_name("managed")
PYLAMBDA = Path(sys.executable).with_name("pylambda")
MOST_BYTES = 200_000
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/pylambda/bootstrap"}
# As Amazon's images set them; what a start adds is handed over from outside.
ALWAYS = {
    "LANG": "en_US.UTF-8",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
}
HANDED_OVER = ("AWS_LAMBDA_RUNTIME_API", "_HANDLER", "PYLAMBDA_STREAM", *WRAPPER)
AS_LAMBDA_RUNS_IT = ("--read-only", "--tmpfs", "/tmp", "--user", "993:990", "--cap-drop", "ALL", "--network", "host")
# Of the libraries of tests/parity, what a typed handler and a web app need.
PACKAGES = (
    "annotated_doc annotated_types anyio fastapi idna opentelemetry pydantic pydantic_core starlette typing_inspection"
).split()
URL_EVENT = json.loads((Path(__file__).parents[1] / "events/function-url.json").read_text())


class Managed(NamedTuple):
    """Amazon's managed Python with the layer, in a container where nothing runs yet."""

    version: str
    layer: Path
    folder: Path
    container: Container

    def serve(self, handler: str, *events: object, **variables: str) -> Run:
        """Start it as Lambda does, with the layer as its wrapper, and have it answer."""
        run = Runtime(self._scratch()).serve(handler, events=events, command=self._command, env=environ(variables))
        print(run.stdout, run.stderr)
        return run

    def stream(self, handler: str, event: object, **variables: str) -> tuple[Request, Chunked]:
        """The same for one event whose answer is a stream; what ends a web app registers itself before."""
        variables |= {"_HANDLER": handler}
        with serving(self._scratch(), "", environ=environ(variables), command=self._command) as runtime:
            peer = runtime.accept()
            if handler.startswith("asgi:"):
                assert "/extension/register" in peer.read_request().line
                peer.reply(200, b"{}", {"Lambda-Extension-Identifier": "1"})
                peer = runtime.accept()
            peer.give_event(json.dumps(event).encode())
            answer = peer.read_request(), peer.read_chunked()
            peer.reply()
        return answer

    @property
    def _command(self) -> list[str]:
        handed_over = [word for name in HANDED_OVER for word in ("--env", name)]
        return ["docker", "exec", *handed_over, self.container.name, "/var/runtime/bootstrap"]

    def _scratch(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))


def environ(variables: dict[str, str]) -> dict[str, str]:
    """The variables of a start, and what the docker command needs for itself."""
    docker = {name: os.environ[name] for name in ("HOME", "DOCKER_HOST") if name in os.environ}
    return {**docker, **WRAPPER, **variables}


@pytest.fixture(scope="module", params=standin.known(), ids=lambda base: base.version)
def managed(
    request: pytest.FixtureRequest, workshop: Workshop, docker: Docker, tmp_path_factory: pytest.TempPathFactory
) -> Managed:
    base: standin.StandIn = request.param
    here = next((python for python in pythons.found() if python.version == base.version), None)
    if here is None:
        pytest.skip(f"there is no Python {base.version}: make pythons")
    folder = tmp_path_factory.mktemp("managed")
    layer = build_layer(here, folder / "first")
    unpack(layer, folder / "opt")
    # Another layer, of the function's own.
    packages_here = image_form.packages_of(pythons.prefix_of(here).program)
    for name in PACKAGES:
        shutil.copytree(packages_here / name, folder / "opt/python" / name)
    shutil.copy(packages_here / "typing_extensions.py", folder / "opt/python")
    # What Amazon has in its folders, as far as a function could see it.
    lang, packages = folder / "lang", folder / f"lang/lib/python{base.version}/site-packages"
    (lang / "bin").mkdir(parents=True)
    (lang / f"bin/python{base.version}").symlink_to(f"/usr/bin/python{base.version}")
    (packages / "awslambdaric").mkdir(parents=True)
    (packages / "awslambdaric/__init__.py").touch()
    (packages / "boto3.py").touch()
    (folder / "runtime").mkdir()
    (folder / "runtime/amazons.py").touch()
    for name in ("bootstrap", "bootstrap.py"):
        shutil.copy(MANAGED / name, folder / "runtime")
    (folder / "task").mkdir()
    for name in ("app.py", "shop.py"):
        shutil.copy(MANAGED / name, folder / "task")
    places = {"opt": "/opt", "lang": "/var/lang", "runtime": "/var/runtime", "task": "/var/task"}
    options = [word for name, place in places.items() for word in ("--volume", f"{folder / name}:{place}:ro")]
    options += [word for name, value in ALWAYS.items() for word in ("--env", f"{name}={value}")]
    options += [*AS_LAMBDA_RUNS_IT, "--workdir", "/var/task", "--entrypoint", "/bin/sh"]
    image = workshop.base_of(Subject(base.version, facts.UNNAMED, base))
    container = docker.start(image, "-c", "exec sleep 3600", options=tuple(options))
    return Managed(base.version, layer, folder, container)


def build_layer(python: pythons.Python, outdir: Path) -> Path:
    """Type `pylambda build --wrapper` where there is a Python of the version."""
    environ = {**os.environ, "PATH": f"{python.program.parent}{os.pathsep}{os.environ['PATH']}"}
    words = (PYLAMBDA, "build", "--wrapper", "--python", python.version, "--outdir", outdir)
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return outdir / f"pylambda-wrapper-{python.version}.zip"


def unpack(layer: Path, target: Path) -> None:
    """Unpack as Lambda does: with the modes that the zip says."""
    with zipfile.ZipFile(layer) as archive:
        for member in archive.infolist():
            Path(archive.extract(member, target)).chmod(member.external_attr >> 16)


def test_the_layer_is_small_and_the_same_each_time(managed: Managed, tmp_path: Path) -> None:
    assert managed.layer.stat().st_size <= MOST_BYTES
    (here,) = [python for python in pythons.found() if python.version == managed.version]
    assert build_layer(here, tmp_path).read_bytes() == managed.layer.read_bytes()


def test_without_the_variable_amazons_own_runtime_starts(managed: Managed) -> None:
    assert managed.serve("app.plain", 1, AWS_LAMBDA_EXEC_WRAPPER="").stderr == "Amazon's own runtime\n"


def test_a_plain_handler_finds_what_amazon_brings_where_it_was(managed: Managed) -> None:
    run = managed.serve("app.plain", {"n": 1})
    seen = run.responses[0].json
    packages = f"/var/lang/lib/python{managed.version}/site-packages"
    layers = [f"/opt/python/lib/python{managed.version}/site-packages", "/opt/python"]
    assert seen["event"] == {"n": 1}
    assert seen["path"][:6] == ["/var/task", *layers, "/opt/pylambda", packages, "/var/runtime"]
    assert seen["boto3"] == f"{packages}/boto3.py"
    assert seen["amazons"] == seen["a child's"] == "/var/runtime/amazons.py"
    # Who replaces functions of the official client replaces those that run
    assert seen["client"] == "/opt/pylambda/awslambdaric/__init__.py"
    assert seen["runtime_dir"] == "/var/runtime"
    assert seen["execution_env"] == f"AWS_Lambda_python{managed.version}"
    # And it was this runtime that asked, and asks again
    assert str(run.requests[0].header("user-agent")).startswith("pylambda/")
    assert (run.exit_code, run.stderr) == (None, "")


def test_a_failure_is_reported_with_the_functions_own_frames(managed: Managed) -> None:
    (report,) = [error.json for error in managed.serve("app.failing", {}).errors]
    assert (report["errorType"], report["errorMessage"]) == ("LookupError", "nobody home")
    assert "/var/task/app.py" in report["stackTrace"][0]
    assert "/opt/pylambda" not in json.dumps(report)


def test_a_stream_is_sent_as_one(managed: Managed) -> None:
    request, sent = managed.stream("app.streaming", {"n": 3})
    assert request.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert sent == Chunked([b"0 ", b"1 ", b"2 "], {})


def test_async_and_typed_handlers_answer(managed: Managed) -> None:
    assert managed.serve("app.waiting", {"n": 1}).responses[0].json == {"n": 1}
    assert managed.serve("app.typed", {"id": 7}).responses[0].json == 7


def test_a_web_app_answers_and_streams(managed: Managed) -> None:
    (response,) = managed.serve("asgi:shop:app", URL_EVENT).responses
    assert (response.json["statusCode"], response.json["body"]) == (200, "0 1 2 ")
    request, sent = managed.stream("asgi:shop:app", URL_EVENT, PYLAMBDA_STREAM="url")
    assert request.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert sent.body.endswith(b"\0" * 8 + b"0 1 2 ")
