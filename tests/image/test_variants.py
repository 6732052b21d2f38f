"""What a variant leaves out or adds; what they have in common is tested by the other files, on each of them."""

import json
import re
from pathlib import Path

import pytest

from images import facts
from tests.image.checking import alarms
from tests.image.cli import Container, Docker, Image, Start, command
from tests.image.conftest import EMULATOR_PLACE, Workshop, emulator_mount
from tests.image.standin import ROOT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

TWO_STAGE = ROOT / "examples" / "two-stage"
# Of the standard library: what AWS Lambda's functions do not import, and what installs pip.
STRIPPED = {"ensurepip", "idlelib", "test", "tkinter", "turtle", "turtledemo"}
CAN_BE_FOUND = "import importlib.util, json, sys; print(json.dumps(sorted(filter(importlib.util.find_spec, {names}))))"
EXTENSION = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "built", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_built(void) { return PyModule_Create(&module); }
"""
COMPILE = (
    'cd /tmp && gcc -shared -fPIC $(python -c \'import sysconfig; print("-I" + sysconfig.get_path("include"))\') '
    "built.c -o built.so && python -c 'import built; print(built.__name__)'"
)


def modules(container: Container, names: str) -> set[str]:
    """Which of some modules an image has."""
    return set(json.loads(container.says("python", "-c", CAN_BE_FOUND.format(names=names))))


@pytest.fixture(scope="session")
def default_image(image: Image, workshop: Workshop) -> Image:
    """The default variant of the same Python."""
    return workshop.sibling(image, facts.UNNAMED)


@pytest.fixture(scope="session")
def default_inside(docker: Docker, default_image: Image) -> Container:
    return docker.start(default_image.tag, "-c", "exec sleep 3600", options=("--entrypoint", "/bin/sh"))


@pytest.mark.only("slim")
def test_slim_has_no_pip(inside: Container) -> None:
    for name in ("pip", "pip3", "uv", "easy_install"):
        assert inside.exec("sh", "-c", f"command -v {name}", check=False).out == ""
    assert modules(inside, "['pip', 'setuptools', 'ensurepip']") == set()


@pytest.mark.only("slim")
def test_slim_lacks_of_the_standard_library_only_what_functions_do_not_import(
    inside: Container, default_inside: Container
) -> None:
    names = "[*sys.stdlib_module_names, 'test']"
    assert modules(default_inside, names) - modules(inside, names) <= STRIPPED
    assert modules(inside, names) & STRIPPED == set()


@pytest.mark.only("slim")
def test_every_module_that_slim_has_can_be_imported(inside: Container, default_inside: Container) -> None:
    # What fails in the default variant too, for want of a C library, is not of our making
    code = (
        "import contextlib, importlib, io, json, sys\nfailed = []\n"
        "for name in sorted(sys.stdlib_module_names - {'antigravity', 'this', 'idlelib', 'turtledemo'}):\n"
        "    try: importlib.import_module(name)\n"
        "    except ImportError: failed.append(name)\n"
        "print(json.dumps(failed))"
    )
    failed = json.loads(inside.says("python", "-W", "ignore", "-c", code))
    assert set(failed) - set(json.loads(default_inside.says("python", "-W", "ignore", "-c", code))) <= STRIPPED


@pytest.mark.only("slim")
def test_slim_answers_without_an_emulator(users_image: str, docker: Docker) -> None:
    # Given nothing but the image
    assert docker.run(users_image, "-x", EMULATOR_PLACE, options=("--entrypoint", "test")).code == 1
    # When it is started on a laptop, then `pylambda serve` answers
    container = docker.start(users_image)
    assert container.invoke({"n": 1})["event"] == {"n": 1}


@pytest.mark.only("slim")
def test_slim_answers_with_an_emulator_mounted(users_image: str, image: Image, docker: Docker, start: Start) -> None:
    # `start` mounts it, with the option that the line above names
    container = start(users_image)
    assert container.invoke({"n": 1})["event"] == {"n": 1}
    assert emulator_mount(image.arch)[1] in container.inspect("HostConfig.Binds")


@pytest.mark.only("slim")
def test_slim_does_not_miss_the_emulator_in_lambda(users_image: str, docker: Docker) -> None:
    # Given a Runtime API, at which nobody listens
    ended = docker.run(users_image, options=("--env", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1"))
    # Then that is what the runtime says, and it does not speak of emulators
    assert ended.code not in {0, 127}
    assert "127.0.0.1:1" in ended.err
    assert "aws-lambda-rie" not in ended.err


@pytest.mark.only("slim")
def test_every_variant_has_the_same_layer_of_ours(image: Image, default_image: Image) -> None:
    layers = [
        json.loads(command("docker", "inspect", "--format", "{{json .RootFS.Layers}}", tag).out)
        for tag in (image.tag, default_image.tag)
    ]
    assert layers[0][-1] == layers[1][-1]


@pytest.mark.variant("build")
def test_build_compiles_an_extension(inside: Container) -> None:
    inside.exec("sh", "-c", f"cat > /tmp/built.c <<'E'\n{EXTENSION}\nE")
    assert inside.says("sh", "-c", COMPILE) == "built"


@pytest.mark.variant("build")
@pytest.mark.parametrize("name", ["gcc", "g++", "make", "git", "tar", "gzip", "unzip", "find", "uv", "uvx"])
def test_build_has(name: str, inside: Container) -> None:
    assert inside.says(name, "--version" if name != "unzip" else "-v")


@pytest.mark.variant("build")
def test_uv_uses_the_images_python_and_downloads_none(inside: Container) -> None:
    assert inside.says("uv", "python", "find").startswith("/var/lang/bin/python")
    other = inside.exec("sh", "-c", "unset UV_PYTHON; uv python find 3.8", check=False)
    assert other.code != 0


@pytest.mark.only("build")
def test_the_two_stage_example_ends_in_slim(
    image: Image, docker: Docker, workshop: Workshop, start: Start, wheels_of_example: Path
) -> None:
    # Given the wheels that the first stage would download, where uv looks for them
    offline = "ENV UV_OFFLINE=1 UV_FIND_LINKS=/wheels"
    first = docker.build("wheels", f"FROM {image.tag}\nCOPY wheels /wheels\n{offline}\n", {"wheels": wheels_of_example})
    slim = workshop.sibling(image, "slim")
    # When the example is built as it is written
    dockerfile = (TWO_STAGE / "Dockerfile").read_text()
    froms = iter([f"FROM {first} AS build", f"FROM {slim.tag}"])
    written = re.sub(r"^FROM .*", lambda _match: next(froms), dockerfile, flags=re.MULTILINE)
    files = {path.name: path for path in TWO_STAGE.iterdir() if path.name in {"app.py", "requirements.txt"}}
    tag = docker.build("two-stage", written, files)
    # Then its function answers, from an image without compilers
    container = start(tag, options=emulator_mount(image.arch))
    assert container.invoke({"text": "<b>"}) == {"html": "&lt;b&gt;"}
    assert container.exec("sh", "-c", "command -v uv gcc pip", check=False).out == ""
    assert container.says("sh", "-c", "ls /var/task/markupsafe/_speedups*.so")
    # And `pylambda check` has nothing to say of it
    assert alarms(tag) == {}
