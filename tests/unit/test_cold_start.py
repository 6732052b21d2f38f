"""A plain handler's cold start imports what it needs and no more. Counts, not times: they hold on any machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
# Each costs milliseconds, and none is needed until something fails or the function asks for it.
HEAVY = {
    "asyncio", "collections", "dataclasses", "enum", "functools", "http", "importlib.metadata", "inspect", "json",
    "logging", "os", "re", "requests", "runpy", "selectors", "signal", "site", "socket", "ssl", "subprocess",
    "tempfile", "threading", "tomli", "traceback", "types", "typing", "urllib", "warnings", "weakref",
}  # fmt: skip
OURS = {
    "pylambda", "pylambda.function", "pylambda.function.context", "pylambda.function.handler", "pylambda.log",
    "pylambda.log.failures", "pylambda.log.sinks", "pylambda.loop", "pylambda.main", "pylambda.names",
    "pylambda.payload", "pylambda.payload.codec", "pylambda.runtime_api", "pylambda.runtime_api.client",
    "pylambda.runtime_api.connection", "pylambda.runtime_api.invocation", "pylambda.runtime_api.wire",
    "pylambda.start", "pylambda.start.environment", "pylambda.start.installed", "pylambda.start.search_path",
    "pylambda.start.settings", "pylambda.start.source_code",
}  # fmt: skip
# Sees what is loaded when the Runtime API would be asked for work: at import, the runtime's own modules are all there.
HANDLER = """
import sys
with open("modules", "w") as out:
    out.write("\\n".join(sys.modules))
def handler(event, context): return event
"""


# The one file has no docstrings, unlike the byte code beside each module and the modules themselves.
NAMES_AND_DOCSTRINGS = """
import sys
MODULES = [f"{name}:{bool(module.__doc__)}" for name, module in sys.modules.items()]
"""
INTERPRETER = os.path.realpath(sys.executable)
# What the image's build does; see images/Dockerfile.
BUILD = """
from pylambda.start import cold_path, installed
cold_path.write_byte_code({0!r} + "/pylambda", {0!r} + "/pylambda")
installed.record({0!r})
cold_path.write({0!r})
"""


@pytest.fixture(scope="session")
def runtime_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runtime as the image has it: with the record of where packages are installed, and its cold path in a file."""
    folder = tmp_path_factory.mktemp("runtime")
    # Other Pythons may have left byte code in the checkout, as `make early` does.
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "runtime" / "pylambda", folder / "pylambda", ignore=without)
    subprocess.run([INTERPRETER, "-c", BUILD.format(str(folder))], env={"PYTHONPATH": str(folder)}, check=True)
    version = "{}.{}".format(*sys.version_info)
    bootstrap = (CHECKOUT / "bootstrap").read_text().replace("/var/lang/bin/python3", INTERPRETER)
    (folder / "bootstrap").write_text(bootstrap.replace("\nversion=\n", f"\nversion={version}\n"))
    (folder / "bootstrap").chmod(0o755)
    # The interpreter that runs the tests may have `.pth` files among its packages; the image's has none.
    recorded = folder / "site-packages"
    recorded.write_text(recorded.read_text().splitlines()[0] + "\n")
    return folder


def modules_loaded(runtime_dir: Path, task_root: Path, source: str, handler: str = "app.handler") -> set[str]:
    """Start the runtime on `source` with a Runtime API that is not there; return what was loaded at its import."""
    run = start(runtime_dir, task_root, source, handler)
    assert "Connection refused" in run.stderr
    return set((task_root / "modules").read_text().split())


def start(
    runtime_dir: Path, task_root: Path, source: str, handler: str = "app.handler", **more: str
) -> "subprocess.CompletedProcess[str]":
    (task_root / "app.py").write_text(source)
    return subprocess.run(
        [str(runtime_dir / "bootstrap")],
        cwd=task_root,
        env={
            "LAMBDA_RUNTIME_DIR": str(runtime_dir),
            "LAMBDA_TASK_ROOT": str(task_root),
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
            "_HANDLER": handler,
            **more,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def modules_of_a_bare_interpreter() -> set[str]:
    program = "import sys; print(*sys.modules)"
    run = subprocess.run([INTERPRETER, "-S", "-c", program], env={}, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_a_plain_handler_loads_nothing_heavy(runtime_dir: Path, tmp_path: Path) -> None:
    added = modules_loaded(runtime_dir, tmp_path, HANDLER) - modules_of_a_bare_interpreter()
    assert not added & HEAVY


def test_a_plain_handler_loads_only_these_modules_of_ours(runtime_dir: Path, tmp_path: Path) -> None:
    ours = {name for name in modules_loaded(runtime_dir, tmp_path, HANDLER) if name.startswith("pylambda")}
    assert ours == OURS


def test_a_plain_handler_adds_few_modules_to_the_interpreter(runtime_dir: Path, tmp_path: Path) -> None:
    added = modules_loaded(runtime_dir, tmp_path, HANDLER) - modules_of_a_bare_interpreter() - OURS
    assert added == {"app", "gc", "_json", "_operator", "_socket"}


def test_a_function_without_byte_code_is_compiled_without_the_classes_of_syntax_trees(
    runtime_dir: Path, tmp_path: Path
) -> None:
    # Given a function of two files that has no byte code
    (tmp_path / "orders.py").write_text("import sys\nPRICES = {'tea': 3}\n")
    made = "open('made', 'w').write(str('AST' in [kind.__name__ for kind in object.__subclasses__()]))"
    # When the runtime starts on it
    modules_loaded(runtime_dir, tmp_path, f"import orders\n{made}\n{HANDLER}")
    # Then what `compile` makes before its first source is not there
    assert (tmp_path / "made").read_text() == "False"


# One of each kind that needs no event loop; what is loaded is looked at when everything has run, the last hook too.
HOOKED = """
import atexit, sys
import pylambda
def see():
    with open("modules", "w") as out:
        out.write("\\n".join(sys.modules))
atexit.register(see)
@pylambda.on_init
def connect(): ...
@pylambda.after_restore
def renew(): ...
@pylambda.on_shutdown
def close(): ...
pylambda.after_response
def handler(event, context): return event
"""


def test_a_plain_handler_with_sync_hooks_loads_nothing_heavy_either(runtime_dir: Path, tmp_path: Path) -> None:
    added = modules_loaded(runtime_dir, tmp_path, HOOKED) - modules_of_a_bare_interpreter()
    assert "pylambda.lifecycle.shutdown" in added
    assert not added & HEAVY


# Notes what is loaded in init behind everything else: what the runtime needs to serve an app is there by then.
APP = """
import pylambda, sys
{app}
@pylambda.on_init
def note():
    with open("modules", "w") as out:
        out.write("\\n".join(sys.modules))
"""
APPS = {
    "wsgi": "def app(environ, start_response): ...",
    "asgi": "async def app(scope, receive, send): ...",
}
# No framework of either kind would load these for an app that does not ask for them.
HEAVY_FOR_APPS = {
    "wsgi": {"asyncio", "concurrent", "email", "http.client", "json", "logging", "selectors", "socket", "ssl"},
    "asgi": {"email", "http.client", "json", "requests", "wsgiref"},
}


@pytest.mark.parametrize("kind", APPS)
def test_a_web_app_loads_nothing_that_its_framework_would_not(kind: str, runtime_dir: Path, tmp_path: Path) -> None:
    source = APP.format(app=APPS[kind])
    loaded = modules_loaded(runtime_dir, tmp_path, source, handler=f"{kind}:app:app")
    assert not loaded & HEAVY_FOR_APPS[kind]
    assert f"pylambda.web.{kind}" in loaded
    assert f"pylambda.web.{'asgi' if kind == 'wsgi' else 'wsgi'}" not in loaded


def test_the_image_opens_one_file_for_all_modules_of_a_start(runtime_dir: Path, tmp_path: Path) -> None:
    # Given a handler that notes which modules of ours have a docstring
    source = HANDLER.replace("(sys.modules)", "(MODULES)").replace("import sys\n", NAMES_AND_DOCSTRINGS)
    # When the runtime starts on it
    documented = dict(line.split(":") for line in modules_loaded(runtime_dir, tmp_path, source) if "pylambda" in line)
    # Then none of them was looked for
    assert documented.keys() == OURS
    assert set(documented.values()) == {"False"}


def test_a_module_of_that_file_is_what_importing_it_would_have_made(runtime_dir: Path, tmp_path: Path) -> None:
    # Given a handler that finds a module of ours anew
    source = """
import importlib.util
import pylambda.runtime_api.client, pylambda.log
for module in pylambda, pylambda.log, pylambda.runtime_api.client:
    found = importlib.util.find_spec(module.__name__)
    for attribute in "name", "origin", "has_location", "parent", "submodule_search_locations":
        assert getattr(found, attribute) == getattr(module.__spec__, attribute), (module, attribute)
    fresh = importlib.util.module_from_spec(found)
    assert {"__cached__", *vars(module)} >= vars(fresh).keys()
    for attribute in "__file__", "__package__", "__path__":
        assert getattr(fresh, attribute, None) == getattr(module, attribute, None), (module, attribute)
"""
    # When the runtime starts on it, then nothing differs
    assert "Connection refused" in start(runtime_dir, tmp_path, source + HANDLER).stderr


def test_a_cold_path_is_of_the_folder_that_it_is_written_for(runtime_dir: Path, tmp_path: Path) -> None:
    # Given an image, where the package is imported through a link from the installed packages when it is built
    (tmp_path / "link").symlink_to(runtime_dir)
    command = "from pylambda.start import cold_path; cold_path.write({0!r})"
    words = [INTERPRETER, "-c", command.format(str(runtime_dir))]
    subprocess.run(words, env={"PYTHONPATH": str(tmp_path / "link")}, check=True)
    # When a function looks for what lies beside the runtime
    (runtime_dir / "vendor").mkdir(exist_ok=True)
    (runtime_dir / "vendor" / "bundled.py").touch()
    run = start(runtime_dir, tmp_path, "import bundled\n" + HANDLER)
    # Then it is there
    assert "Connection refused" in run.stderr


# What a function may see of the way in which it was started, whichever that was.
SEEN = """
import __main__, gc, sys
with open("modules", "w") as out:
    print(__main__.__file__, sys.argv, gc.isenabled(), "awslambdaricmain" in dir(__main__), file=out, sep="\\n")
    print(*[name for name in sys.modules if name.startswith("pylambda")], file=out)
    print(*[path for path in sys.path if "pylambda" in path], file=out)
def handler(event, context): return event
"""


@pytest.fixture
def byte_code_of_another_version(runtime_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("another") / "runtime"
    shutil.copytree(runtime_dir, folder)
    program = folder / "cold-path.pyc"
    program.write_bytes(b"\0" + program.read_bytes()[1:])
    return folder


def seen(runtime_dir: Path, task_root: Path, **more: str) -> str:
    assert "Connection refused" in start(runtime_dir, task_root, SEEN, **more).stderr
    return (task_root / "modules").read_text().replace(str(runtime_dir), "RUNTIME")


def test_a_function_does_not_see_which_file_was_run(
    runtime_dir: Path, byte_code_of_another_version: Path, tmp_path: Path
) -> None:
    # Given that the image's interpreter runs the byte code of a start
    as_in_an_image = seen(runtime_dir, tmp_path)
    assert as_in_an_image.startswith("RUNTIME/pylambda/__main__.py\n['RUNTIME/pylambda/__main__.py']\nTrue\n")
    # Then nothing is different where another one of its kind does, or one that cannot
    assert seen(runtime_dir, tmp_path, PYLAMBDA_PYTHON=INTERPRETER) == as_in_an_image
    without = seen(byte_code_of_another_version, tmp_path, PYLAMBDA_PYTHON=INTERPRETER)
    assert sorted(without.split()) == sorted(as_in_an_image.split())


def test_what_is_loaded_late_has_byte_code_without_types_too(runtime_dir: Path, tmp_path: Path) -> None:
    # Given a handler that looks at a module that no start loads, and at one of its classes that is made by its types
    source = """
from pylambda.function import aio
runner = aio.Runner.__init__
print(runner.__doc__, runner.__annotations__, aio.__doc__, aio._Offer._fields, runner.__code__.co_filename)
"""
    # When the runtime starts on it
    printed = start(runtime_dir, tmp_path, source + HANDLER).stdout
    # Then nothing is there that nobody asks for, and the class is whole
    assert printed.startswith("None {} None ('")
    assert printed.endswith(f" {runtime_dir}/pylambda/function/aio.py\n")
    # And its source is not looked at again
    flags = [path.read_bytes()[4:8] for path in runtime_dir.glob("pylambda/**/*.pyc") if "local" not in path.parts]
    assert set(flags) == {b"\1\0\0\0"}


def test_a_failure_of_the_function_still_shows_its_source(runtime_dir: Path, tmp_path: Path) -> None:
    run = start(runtime_dir, tmp_path, "raise ValueError('at import')\n")
    assert "raise ValueError('at import')" in run.stdout


def test_logging_is_set_up_only_for_a_function_that_imports_it(runtime_dir: Path, tmp_path: Path) -> None:
    logs = modules_loaded(runtime_dir, tmp_path, "import logging\n" + HANDLER)
    assert "pylambda.log.records" in logs
    assert "pylambda.log.records" not in OURS


def test_packages_of_the_users_own_are_looked_for_where_there_are_some(runtime_dir: Path, tmp_path: Path) -> None:
    # Given a home without packages
    source = "import sys\nassert 'site' not in sys.modules\n" + HANDLER
    # When the runtime starts, then `site` is not asked
    assert "Connection refused" in start(runtime_dir, tmp_path, source, HOME=str(tmp_path)).stderr
    # And given one with a package, then it is found
    packages = tmp_path / ".local/lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "package.py").touch()
    run = start(runtime_dir, tmp_path, "import package\n" + HANDLER, HOME=str(tmp_path))
    assert "Connection refused" in run.stderr


def test_logging_is_set_up_whatever_finders_a_pth_file_has_put_behind_the_usual_ones(
    runtime_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "finder.pth").write_text("import finder\n")
    (tmp_path / "finder.py").write_text(
        "import sys\nclass Finder:\n    def find_spec(*_): return None\nsys.meta_path.append(Finder())\n"
    )
    source = "import logging\nassert logging.getLogger().handlers\n" + HANDLER
    assert "Connection refused" in start(runtime_dir, tmp_path, source).stderr
