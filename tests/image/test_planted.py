"""What lies in the function's folders or in /tmp under the name of something else takes no part in the start.

The function's folders are on both search paths, the linker's and Python's, and /tmp keeps what an earlier process of
the same environment has left there. So a library is planted under the name of each one of the system's, and a module
under each name of the standard library's, and each of them would say so.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.contract.fake_api import FakeRuntimeApi
from tests.contract.script import Next
from tests.image.cli import Container, Docker, Image, Start, command, until

pytestmark = [pytest.mark.needs("engine", "cc"), pytest.mark.only("slim"), pytest.mark.timeout(600)]

# What is said by what was planted, by what a package installed, and by the function.
PLANTED, INSTALLED, BEGINS = "PLANTED", "an installed package", "the function begins"
SYSTEMS_OWN = "/lib64:/usr/lib64"
LIBRARY = """\
extern long write(int, const void *, unsigned long);
__attribute__((constructor)) static void tell(void) { write(2, "PLANTED library\\n", 16); }
"""
OWN_LIBRARY = "libof_the_function.so.1"
MODULE = "import posix\nposix.write(2, b'PLANTED ' + __file__.encode() + b'\\n')\n"
APP = """\
import posix
posix.write(2, b"the function begins\\n")
def handler(event, context):
    return 1 / event
def user_site(event, context):
    import site
    return [site.ENABLE_USER_SITE, site.getusersitepackages()]
"""
# Names that are no module of the standard library's, and that an interpreter or the runtime looks for.
MORE_NAMES = ("sitecustomize", "usercustomize", "requests", "tomli", "h11", "awslambdaric", "snapshot_restore_py")
TELL_ALL = """
import json, os, sys, sysconfig
folders = [sysconfig.get_config_var("LIBDIR"), f"/lib/{sysconfig.get_config_var('MULTIARCH')}", "/lib64", "/usr/lib"]
libraries = {name for folder in folders if os.path.isdir(folder) for name in os.listdir(folder) if ".so" in name}
print(json.dumps({"folders": folders, "libraries": sorted(libraries), "modules": sorted(sys.stdlib_module_names),
    "suffix": sysconfig.get_config_var("EXT_SUFFIX"), "packages": sysconfig.get_path("purelib")}))
"""


class System(NamedTuple):
    """What an image has of its own.

    Attributes:
        linker_path: the folders of libraries, in the order of LD_LIBRARY_PATH.
        libraries: the names in the system's.
        modules: the names of the standard library's.
        suffix: of a module that is compiled.
        packages: where packages are installed.
    """

    linker_path: str
    libraries: list[str]
    modules: list[str]
    suffix: str
    packages: str


@pytest.fixture(scope="module")
def system(inside: Container) -> System:
    told = json.loads(inside.says("python", "-c", TELL_ALL))
    path = inside.says("sh", "-c", 'echo "$LD_LIBRARY_PATH"')
    assert path.index(SYSTEMS_OWN) < path.index("/var/task")
    if inside.exec("test", "-e", "/lib64/libc.so.6", check=False).code:
        # A stand-in has its libraries elsewhere: the same path, with the folders in which they are here
        path = path.replace(SYSTEMS_OWN, ":".join(told["folders"]))
    return System(path, told["libraries"], told["modules"], told["suffix"], told["packages"])


@pytest.fixture(scope="module")
def planted(image: Image, system: System, docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A function's image full of planted things, with one package installed that has a .pth file, as many have."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "planted.c").write_text(LIBRARY)
    command("cc", "-shared", "-fPIC", "-nostdlib", "-o", str(folder / "planted.so"), str(folder / "planted.c"))
    library = (folder / "planted.so").read_bytes()
    for part in ("task", "task/lib", "task/lib/glibc-hwcaps/x86-64-v2", "opt/lib", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for name in (*system.libraries, OWN_LIBRARY):
            (folder / part / name).write_bytes(library)
    user_site = folder / f"tmp/.local/lib/python{image.version}/site-packages"
    user_site.mkdir(parents=True)
    for place in (folder / "task", folder / "tmp", user_site):
        for name in {*system.modules, *MORE_NAMES} - {"posix"}:
            (place / f"{name}.py").write_text(MODULE)
        for name in ("_socket", "_json", "gc"):
            (place / f"{name}{system.suffix}").write_bytes(library)
        for package in ("pylambda", "encodings"):
            (place / package).mkdir()
            (place / package / "__init__.py").write_text(MODULE)
    for place in (folder / "tmp", user_site):
        (place / "planted.pth").write_text("import posix; posix.write(2, b'PLANTED .pth\\n')\n")
    (folder / "task/app.py").write_text(APP)
    (folder / "installed.pth").write_text("import posix; posix.write(2, b'an installed package\\n')\n")
    dockerfile = (
        f"FROM {image.tag}\nCOPY task/ /var/task/\nCOPY opt/ /opt/\nCOPY tmp/ /tmp/\n"
        f'COPY installed.pth {system.packages}/\nENV LD_LIBRARY_PATH={system.linker_path}\nCMD ["app.handler"]\n'
    )
    names = ("task", "opt", "tmp", "installed.pth")
    return docker.build("planted", dockerfile, {name: folder / name for name in names})


@pytest.fixture
def api() -> Iterator[FakeRuntimeApi]:
    with FakeRuntimeApi(Next(1), Next(0)) as api:
        yield api


def in_lambda(api: FakeRuntimeApi, user: str = "993:990") -> tuple[str, ...]:
    """The options by which a container is as one in Lambda, with a Runtime API on this machine."""
    variable = f"AWS_LAMBDA_RUNTIME_API={api.address}"
    return ("--network", "host", "--env", variable, "--read-only", "--user", user)


def answer_of(api: FakeRuntimeApi) -> Any:
    return json.loads(next(request.body for request in api.requests if request.endpoint == "response"))


# As many have packages with a .pth file as have none: without one, `site` is not even imported.
@pytest.mark.parametrize("installed", ["a package with a .pth file", "no such package"])
def test_nothing_that_is_planted_takes_part(
    installed: str, planted: str, system: System, start: Start, api: FakeRuntimeApi
) -> None:
    # Given both an event that the function serves and one at which it fails, for which the runtime imports more
    hide = ("--tmpfs", system.packages) if installed.startswith("no") else ()
    container = start(planted, options=(*in_lambda(api), *hide))
    # When Lambda starts it and sends them
    until(lambda: api.idle, "two answers")
    # Then the first that was heard of is what was installed, then the function, and nothing else
    assert [request.endpoint for request in api.requests if request.method == "POST"] == ["response", "error"]
    said = [line for line in container.logs().splitlines() if line.startswith((PLANTED, INSTALLED, BEGINS))]
    assert said == [*([] if hide else [INSTALLED]), BEGINS]


def test_nor_in_the_start_of_the_emulator(planted: str, start: Start) -> None:
    container = start(planted, options=("--user", "993:990"))
    assert container.invoke(1) == 1
    assert PLANTED not in container.logs()


def test_nothing_below_tmp_is_a_users_package(planted: str, start: Start, api: FakeRuntimeApi) -> None:
    api.add(Next(1))
    start(planted, "app.user_site", options=in_lambda(api))
    until(lambda: api.idle, "an answer")
    enabled, folder = answer_of(api)
    assert folder.startswith("/tmp/.local/")
    assert enabled is False


def test_what_is_planted_is_seen_once_somebody_takes_it(planted: str, system: System, docker: Docker) -> None:
    python = ("--entrypoint", "/var/lang/bin/python3")
    # Given a linker that is shown the function's folder first, as it is not
    ended = docker.run(planted, "-c", "print('started')", options=("--env", "LD_LIBRARY_PATH=/var/task/lib", *python))
    # Then the planted library takes part, and nothing starts: the tests above would have seen it
    assert ended.code != 0
    assert "started" not in ended.out
    # And given a program of the function's own, which is to find the function's modules
    assert "PLANTED /var/task/this.py" in docker.run(planted, "-c", "import this", options=python).err
    # And a library that the system has not, for which the function's folders are on the linker's path
    ended = docker.run(planted, "-I", "-c", f"import ctypes; ctypes.CDLL({OWN_LIBRARY!r})", options=python)
    assert (ended.code, ended.err.splitlines()[-1]) == (0, "PLANTED library")
