"""How the runtime is started: the handler's name, the wrapper, the search path."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.runtime_process import BOOTSTRAP, CHECKOUT, Run, Runtime
from tests.contract.script import Next

APP = """\
import os, sys
def handler(event, context):
    return {"path": sys.path, "PYTHONPATH": os.environ.get("PYTHONPATH"), "argv": sys.argv, "cwd": os.getcwd()}
def other(event, context):
    return "other"
"""
FILES = {"app.py": APP}
# As seen at import, in an invocation and by a child process.
KNOWS = {
    "app.py": """\
import os, subprocess
AT_IMPORT = os.environ["AWS_EXECUTION_ENV"]
def handler(event, context):
    child = subprocess.run(["printenv", "AWS_EXECUTION_ENV"], capture_output=True, text=True, check=True)
    return [AT_IMPORT, os.environ["AWS_EXECUTION_ENV"], child.stdout.removesuffix("\\n")]
"""
}
EXECUTION_ENV = f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"
MODULE = [sys.executable, "-m", "pylambda"]
RUNTIME_DIR = str(CHECKOUT / "runtime")
SITE_PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def task_root(runtime: Runtime) -> str:
    return str(runtime.folder / "run-1" / "task")


@pytest.mark.parametrize("command", [[str(BOOTSTRAP)], MODULE], ids=["bootstrap", "module"])
class TestHandlersName:
    ENV = {"PYTHONPATH": RUNTIME_DIR}  # noqa: RUF012 - never changed

    def test_it_is_the_variable(self, runtime: Runtime, command: list[str]) -> None:
        run = runtime.serve("app.other", files=FILES, events=[1], command=command, env=self.ENV)
        assert run.responses[0].json == "other"

    def test_else_the_first_argument(self, runtime: Runtime, command: list[str]) -> None:
        run = runtime.serve(None, files=FILES, events=[1], command=[*command, "app.other"], env=self.ENV)
        assert run.responses[0].json == "other"

    def test_the_variable_wins(self, runtime: Runtime, command: list[str]) -> None:
        run = runtime.serve("app.other", files=FILES, events=[1], command=[*command, "app.handler"], env=self.ENV)
        assert run.responses[0].json == "other"

    @pytest.mark.parametrize("handler", [None, ""], ids=["unset", "empty"])
    def test_without_one_a_line_says_where_to_name_it(
        self, runtime: Runtime, command: list[str], handler: str | None
    ) -> None:
        run = runtime.serve(handler, files=FILES, events=[1], command=command, env=self.ENV)
        (line,) = (run.stdout + run.stderr).removesuffix("\n").split("\n")
        assert "handler" in line.lower()
        assert "CMD" in line
        assert "_HANDLER" in line
        assert run.exit_code not in (0, None)
        assert [request.endpoint for request in run.requests] in ([], ["init/error"])

    def test_what_is_printed_is_not_lost_in_a_buffer(self, runtime: Runtime, command: list[str]) -> None:
        app = """\
import os
print("at import", end="")
def handler(event, context):
    print(1, end="")
    os._exit(3)
"""
        run = runtime.serve(files={"app.py": app}, events=[1], command=command, env=self.ENV)
        assert run.stdout == "at import1"
        assert run.exit_code == 3

    def test_output_keeps_its_order_among_processes(self, runtime: Runtime, command: list[str]) -> None:
        app = """\
import subprocess
def handler(event, context):
    print("one", end=" ")
    subprocess.run(["echo", "two"])
    print("three", end=" ")
"""
        run = runtime.serve(files={"app.py": app}, events=[1], command=command, env=self.ENV)
        assert run.stdout == "one two\nthree "


class TestWrapper:
    def wrap(self, runtime: Runtime, text: str) -> str:
        path = runtime.folder / "wrapper with a space"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def test_it_may_rewrite_the_handlers_name(self, runtime: Runtime) -> None:
        wrapper = self.wrap(runtime, '#!/bin/sh\nexport _HANDLER=app.other\nexec "$@"\n')
        run = runtime.serve(files=FILES, events=[1], env={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
        assert run.responses[0].json == "other"

    def test_it_gets_the_interpreter_first_and_may_add_to_its_arguments(self, runtime: Runtime) -> None:
        """As wrappers do that trace: they put a program of their own before, or an option behind the interpreter."""
        text = '#!/bin/sh\npython=$1\nshift\necho "$python"\nexec "$python" -X dev "$@"\n'
        run = runtime.serve(files=FILES, events=[1], env={"AWS_LAMBDA_EXEC_WRAPPER": self.wrap(runtime, text)})
        assert run.log[0] == sys.executable
        assert len(run.responses) == 1

    def test_it_sees_the_execution_environment(self, runtime: Runtime) -> None:
        text = '#!/bin/sh\necho "$AWS_EXECUTION_ENV"\nexec "$@"\n'
        env = {"AWS_LAMBDA_EXEC_WRAPPER": self.wrap(runtime, text), "AWS_EXECUTION_ENV": "AWS_Lambda_Image"}
        assert runtime.serve(files=FILES, events=[1], env=env).log == [EXECUTION_ENV]

    def test_it_may_change_the_execution_environment(self, runtime: Runtime) -> None:
        text = '#!/bin/sh\nexport AWS_EXECUTION_ENV=other\nexec "$@"\n'
        run = runtime.serve(files=KNOWS, events=[1], env={"AWS_LAMBDA_EXEC_WRAPPER": self.wrap(runtime, text)})
        assert run.responses[0].json == ["other"] * 3

    def test_the_runtime_keeps_its_process_id(self, runtime: Runtime) -> None:
        app = "import os\ndef handler(event, context):\n    return os.getpid() == os.getpgid(0)\n"
        wrapper = self.wrap(runtime, '#!/bin/sh\nexec "$@"\n')
        run = runtime.serve(files={"app.py": app}, events=[1], env={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
        assert run.responses[0].json is True

    def test_one_that_is_missing_is_named(self, runtime: Runtime) -> None:
        run = runtime.serve(files=FILES, events=[1], env={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/no such wrapper"})
        assert run.exit_code == 127
        assert run.stderr == "/opt/no such wrapper: does not exist\n"

    def test_one_that_cannot_be_run_is_named(self, runtime: Runtime) -> None:
        wrapper = self.wrap(runtime, "#!/bin/sh\n")
        Path(wrapper).chmod(0o644)
        run = runtime.serve(files=FILES, events=[1], env={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
        assert run.exit_code == 126
        assert run.stderr == f"{wrapper}: is not an executable\n"

    def test_an_empty_variable_is_no_wrapper(self, runtime: Runtime) -> None:
        run = runtime.serve(files=FILES, events=[1], env={"AWS_LAMBDA_EXEC_WRAPPER": ""})
        assert len(run.responses) == 1


class TestBesideAmazonsRuntime:
    """In a layer: Amazon's start script calls `bootstrap` as its wrapper, LAMBDA_RUNTIME_DIR names Amazon's folder."""

    def serve(self, runtime: Runtime, **env: str) -> Run:
        folder = runtime.folder / "opt"
        folder.mkdir()
        (folder / "pylambda").symlink_to(f"{RUNTIME_DIR}/pylambda")
        shutil.copy(BOOTSTRAP, folder)
        write = f"from pylambda.start import cold_path; cold_path.write({str(folder)!r})"
        subprocess.run([sys.executable, "-c", write], env={"PYTHONPATH": str(folder)}, check=True)
        wrapper = str(folder / "bootstrap")
        env = {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/a script that handed on",
            "PYLAMBDA_PYTHON": "/nowhere/python",
            "LAMBDA_RUNTIME_DIR": "/amazons",
            "AWS_EXECUTION_ENV": "of the start script",
            **env,
        }
        files = {"app.py": APP, "other.py": "import os\ndef handler(event, context):\n    return dict(os.environ)\n"}
        command = [wrapper, sys.executable, "/amazons/bootstrap.py"]
        handler = env.pop("handler", "app.handler")
        return runtime.serve(handler, files=files, events=[1], command=command, env=env)

    def test_the_runtime_beside_the_script_runs_on_amazons_interpreter(self, runtime: Runtime) -> None:
        run = self.serve(runtime)
        seen = run.responses[0].json
        ours = str(runtime.folder / "opt")
        image_own = ["/opt/python", ours, f"/var/lang/{SITE_PACKAGES}", "/amazons"]
        assert seen["path"][2:6] == image_own
        assert seen["PYTHONPATH"] == f"{ours}:/amazons"
        assert seen["argv"] == [f"{ours}/pylambda/__main__.py"]
        assert (run.exit_code, run.stderr) == (None, "")

    def test_the_variables_of_amazons_are_left_alone(self, runtime: Runtime) -> None:
        seen = self.serve(runtime, handler="other.handler").responses[0].json
        assert seen["LAMBDA_RUNTIME_DIR"] == "/amazons"
        assert seen["AWS_EXECUTION_ENV"] == "of the start script"

    def test_a_pythonpath_of_the_users_own_is_kept(self, runtime: Runtime) -> None:
        seen = self.serve(runtime, PYTHONPATH="/mine").responses[0].json
        ours = str(runtime.folder / "opt")
        assert seen["PYTHONPATH"] == "/mine"
        assert seen["path"][:4] == [task_root(runtime), ours, "/amazons", "/mine"]


@pytest.mark.parametrize("before", [None, "", "AWS_Lambda_Image"])
@pytest.mark.parametrize("command", [[str(BOOTSTRAP)], MODULE], ids=["bootstrap", "module"])
def test_a_function_and_its_children_know_lambda_by_the_execution_environment(
    runtime: Runtime, command: list[str], before: str | None
) -> None:
    env = {"PYTHONPATH": RUNTIME_DIR, **({} if before is None else {"AWS_EXECUTION_ENV": before})}
    run = runtime.serve(files=KNOWS, events=[1], command=command, env=env)
    assert run.responses[0].json == [EXECUTION_ENV] * 3


@pytest.mark.parametrize("command", [[str(BOOTSTRAP)], MODULE], ids=["bootstrap", "module"])
class TestSearchPath:
    def seen(self, runtime: Runtime, command: list[str], **env: str) -> tuple[list[str], str]:
        """Return `sys.path` and `PYTHONPATH` as the function sees them."""
        seen = runtime.serve(files=FILES, events=[1], command=command, env=env).responses[0].json
        # A folder that is there twice, as an installed package's may be, counts where it is found first.
        return list(dict.fromkeys(seen["path"])), seen["PYTHONPATH"]

    def test_the_functions_folder_is_first_and_the_layers_are_next(self, runtime: Runtime, command: list[str]) -> None:
        """Without a `PYTHONPATH` the module is found as it is installed in the environment that runs this test."""
        path, pythonpath = self.seen(runtime, command)
        layers = [f"/opt/python/{SITE_PACKAGES}", "/opt/python", f"/var/lang/{SITE_PACKAGES}"]
        assert path[:4] == [task_root(runtime), *layers]
        assert pythonpath == RUNTIME_DIR
        assert "" not in path

    def test_what_is_bundled_with_the_runtime_is_last(self, runtime: Runtime, command: list[str]) -> None:
        path, _ = self.seen(runtime, command)
        assert path[-1] == f"{RUNTIME_DIR}/vendor"
        installed = max(number for number, folder in enumerate(path) if folder.endswith("site-packages"))
        assert path.index(RUNTIME_DIR) > installed

    def test_a_pythonpath_of_the_users_own_is_kept(self, runtime: Runtime, command: list[str]) -> None:
        path, pythonpath = self.seen(runtime, command, PYTHONPATH=f"/mine:{RUNTIME_DIR}")
        assert pythonpath == f"/mine:{RUNTIME_DIR}"
        assert path[:2] == [task_root(runtime), "/mine"]
        assert "/opt/python" not in path


class TestVirtualEnvironment:
    """One whose programs come first on PATH, as `ENV PATH="/var/task/.venv/bin:$PATH"` has it."""

    FILES = {  # noqa: RUF012 - never changed
        "app.py": "import thing\ndef handler(event, context):\n    return thing.VALUE\n",
        "venv/pyvenv.cfg": "home = /usr/bin\n",
        f"venv/{SITE_PACKAGES}/thing.py": "VALUE = 'of the environment'\n",
    }

    def serve(self, runtime: Runtime, files: dict[str, str]) -> Run:
        return runtime.serve(files=files, events=[1], env={"PATH": f"{task_root(runtime)}/venv/bin:/usr/bin:/bin"})

    def test_its_packages_are_found(self, runtime: Runtime) -> None:
        assert self.serve(runtime, self.FILES).responses[0].json == "of the environment"

    def test_its_pth_files_work(self, runtime: Runtime) -> None:
        files = {name: text for name, text in self.FILES.items() if "thing" not in name}
        files |= {f"venv/{SITE_PACKAGES}/more.pth": "more\n", f"venv/{SITE_PACKAGES}/more/thing.py": "VALUE = 'more'\n"}
        assert self.serve(runtime, files).responses[0].json == "more"

    def test_what_the_function_brings_goes_before(self, runtime: Runtime) -> None:
        files = {**self.FILES, "thing.py": "VALUE = 'of the function'\n"}
        assert self.serve(runtime, files).responses[0].json == "of the function"

    def test_a_folder_that_is_none_is_not_searched(self, runtime: Runtime) -> None:
        files = {name: text for name, text in self.FILES.items() if not name.endswith(".cfg")}
        assert "No module named 'thing'" in self.serve(runtime, files).stdout


class TestImports:
    def test_pth_files_in_the_functions_folder_work(self, runtime: Runtime) -> None:
        files = {
            "app.py": "import thing\ndef handler(event, context):\n    return thing.VALUE\n",
            "more.pth": "libs\n",
            "libs/thing.py": "VALUE = 'found'\n",
        }
        assert runtime.serve(files=files, events=[1]).responses[0].json == "found"

    def test_a_child_process_finds_the_runtimes_folder(self, runtime: Runtime) -> None:
        app = """\
import subprocess, sys
def handler(event, context):
    code = "import pylambda; print(pylambda.__file__)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
"""
        run = runtime.serve(files={"app.py": app}, events=[1])
        assert run.responses[0].json == f"{RUNTIME_DIR}/pylambda/__init__.py\n"

    def test_a_function_has_no_arguments_of_the_runtimes_to_trip_over(self, runtime: Runtime) -> None:
        """`argparse` at import reads `sys.argv`: what is there is the program alone."""
        app = (
            "import argparse\nargparse.ArgumentParser().parse_args()\ndef handler(event, context):\n    return 'fine'\n"
        )
        assert runtime.serve(files={"app.py": app}, events=[1]).responses[0].json == "fine"

    def test_the_functions_module_is_imported_once_and_is_not_main(self, runtime: Runtime) -> None:
        app = """\
import sys
print("imported as", __name__)
def handler(event, context):
    import app
    return [app is sys.modules[handler.__module__], app.__name__]
"""
        run = runtime.serve(files={"app.py": app}, events=[1])
        assert run.log == ["imported as app"]
        assert run.responses[0].json == [True, "app"]

    def test_the_working_directory_is_left_alone(self, runtime: Runtime) -> None:
        run = runtime.serve(files=FILES, events=[Next()])
        assert run.responses[0].json["cwd"] == task_root(runtime)
