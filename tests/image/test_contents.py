"""What is in the image, read without starting a function: its configuration, its files, its byte code."""

import json
import re

import pytest

from images import facts
from tests.image.cli import Container, Docker, Image, command
from tests.image.conftest import make_image

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

ENVIRONMENT = {
    "LANG": "en_US.UTF-8",
    "TZ": ":/etc/localtime",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": (
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
    ),
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
}
TOOLS_ENVIRONMENT = {"UV_PYTHON": "/var/lang/bin/python3", "UV_PYTHON_DOWNLOADS": "never"}
# A pyc begins with its magic number, then a word of flags: 1 is "named by its source's hash, and never checked"
# (PEP 552).
LIST_RUNTIME = """
import importlib.util, json, os, stat
rows = []
for folder, folders, files in os.walk("/var/runtime"):
    for name in [*folders, *files]:
        path = os.path.join(folder, name)
        pyc = importlib.util.cache_from_source(path) if name.endswith(".py") else ""
        head = open(pyc, "rb").read(8) if os.path.exists(pyc) else b""
        rows.append([path, stat.filemode(os.lstat(path).st_mode), int.from_bytes(head[4:], "little") if head else None])
print(json.dumps(rows))
"""


@pytest.fixture(scope="session")
def runtime_files(inside: Container) -> dict[str, tuple[str, int | None]]:
    """Path below /var/runtime -> its mode as `ls` shows it, and the flags of its byte code."""
    rows = json.loads(inside.says("python", "-c", LIST_RUNTIME))
    return {path: (mode, flags) for path, mode, flags in rows}


def test_the_configuration_is_that_of_a_lambda_image(image: Image) -> None:
    config = json.loads(command("docker", "inspect", "--format", "{{json .Config}}", image.tag).out)
    # Exact, because a variable more or less is a difference that a function can see
    more = TOOLS_ENVIRONMENT if image.variant == facts.WITH_TOOLS else {}
    assert dict(pair.split("=", 1) for pair in config["Env"]) == ENVIRONMENT | more
    assert config["Entrypoint"] == ["/entry_script.sh"]
    assert config["WorkingDir"] == "/var/task"
    assert not config.get("User")
    assert not config.get("Cmd")


@pytest.mark.parametrize("path", ["/entry_script.sh", "/var/runtime/bootstrap"])
def test_the_scripts_can_be_executed_by_anyone(path: str, inside: Container) -> None:
    # A link is refused by Lambda as an entry point, and a carriage return makes the kernel look for "sh\r"
    assert inside.says("stat", "-c", "%A %U %F", path) == "-rwxr-xr-x root regular file"
    assert "\r" not in inside.says("cat", path)


@pytest.mark.parametrize("name", ["python", "python3", "python{version}"])
def test_each_name_of_python_is_the_images_python(name: str, image: Image, inside: Container) -> None:
    code = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    name = name.format(version=image.version)
    assert inside.says(name, "-c", code) == f"{image.version} /var/lang/bin/{name}"


@pytest.mark.variant("default")
@pytest.mark.parametrize("name", ["pip", "pip3", "pip{version}"])
def test_each_name_of_pip_is_the_images_pip(name: str, image: Image, inside: Container) -> None:
    said = inside.says(name.format(version=image.version), "--version")
    assert re.fullmatch(rf"pip .* \(python {re.escape(image.version)}\)", said)


def test_the_systems_python_is_left_alone(image: Image, docker: Docker, inside: Container) -> None:
    base = docker.run(image.base, "-f", "/usr/bin/python3", options=("--entrypoint", "readlink"))
    assert inside.says("readlink", "-f", "/usr/bin/python3") == base.out.strip()


def test_everybody_can_read_the_runtime(runtime_files: dict[str, tuple[str, int | None]]) -> None:
    modes = {mode for mode, _flags in runtime_files.values()}
    assert modes == {"drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x"}
    executable = {path for path, (mode, _flags) in runtime_files.items() if mode == "-rwxr-xr-x"}
    assert executable == {"/var/runtime/bootstrap"}


def test_every_module_has_byte_code_that_is_never_checked(runtime_files: dict[str, tuple[str, int | None]]) -> None:
    flags = {path: flags for path, (_mode, flags) in runtime_files.items() if path.endswith(".py")}
    assert {path for path, word in flags.items() if word != 1} == set()
    assert {"/var/runtime/pylambda/__main__.py", "/var/runtime/vendor/requests/__init__.py"} <= flags.keys()


def test_the_runtime_is_source_alone(runtime_files: dict[str, tuple[str, int | None]]) -> None:
    # One folder serves both architectures
    assert [path for path in runtime_files if path.endswith((".so", ".pyd"))] == []


@pytest.mark.only("default")
def test_a_base_without_the_emulator_is_refused(image: Image, docker: Docker) -> None:
    # Given a base that is not one of Lambda's
    bare = docker.build("no-emulator", f"FROM {image.base}\nRUN rm /usr/local/bin/aws-lambda-rie\n", {})
    # When an image is built on it
    with pytest.raises(AssertionError) as refused:
        make_image(image._replace(base=bare, tag=docker.own_tag("on-no-emulator")), docker)
    # Then the build says what is missing
    assert "the base has no executable /usr/local/bin/aws-lambda-rie" in str(refused.value)
