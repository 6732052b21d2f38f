"""Functions that cannot be loaded: `/init/error` says so in Amazon's words, the log names the mend, the exit is 1."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.contract.runtime_process import BOOTSTRAP, Run, Runtime
from tests.contract.script import Next, Reply

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
APP = "def handler(event, context):\n    return 'fine'\n"


class Fault(NamedTuple):
    """One way not to be loadable.

    Attributes:
        handler: its name.
        files: the function's.
        error_type: what is reported, byte by byte; `message` likewise.
        named: words that the log line must hold: the thing, and the mend where there is one.
    """

    handler: str
    files: dict[str, str]
    error_type: str
    message: str
    named: tuple[str, ...] = ()


FAULTS = {
    "no-function": Fault(
        "nodot",
        {},
        "Runtime.MalformedHandlerName",
        "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)",
        ("nodot", "module.function"),
    ),
    "built-in": Fault(
        "sys.handler",
        {},
        "Runtime.BuiltInModuleConflict",
        "Cannot use built-in module sys as a handler module",
        ("sys", "name"),
    ),
    "built-in-package": Fault(
        "time.clock.handler",
        {},
        "Runtime.BuiltInModuleConflict",
        "Cannot use built-in module time.clock as a handler module",
    ),
    "missing-module": Fault(
        "nomod.handler",
        {"app.py": APP},
        "Runtime.ImportModuleError",
        "Unable to import module 'nomod': No module named 'nomod'",
        ("nomod.py", "app.py"),
    ),
    "missing-module-near-another": Fault(
        "ap.handler",
        {"app.py": APP},
        "Runtime.ImportModuleError",
        "Unable to import module 'ap': No module named 'ap'",
        ("did you mean 'app'",),
    ),
    "missing-module-in-package": Fault(
        "shop.order.handler",
        {"shop/orders.py": APP},
        "Runtime.ImportModuleError",
        "Unable to import module 'shop.order': No module named 'shop.order'",
        ("did you mean 'orders'",),
    ),
    "missing-package-with-slashes": Fault(
        "no/such.handler",
        {},
        "Runtime.ImportModuleError",
        "Unable to import module 'no/such': No module named 'no'",
    ),
    "missing-dependency": Fault(
        "app.handler",
        {"app.py": "import thatlib\n" + APP},
        "Runtime.ImportModuleError",
        "Unable to import module 'app': No module named 'thatlib'",
        ("'thatlib'", "not installed"),
    ),
    "missing-name-in-dependency": Fault(
        "app.handler",
        {"app.py": "from helper import thing\n" + APP, "helper.py": ""},
        "Runtime.ImportModuleError",
        "Unable to import module 'app': cannot import name 'thing' from 'helper' ({root}/helper.py)",
        ("thing", "helper"),
    ),
    "relative-import": Fault(
        "app.handler",
        {"app.py": "from . import helper\n" + APP, "helper.py": ""},
        "Runtime.ImportModuleError",
        "Unable to import module 'app': attempted relative import with no known parent package",
    ),
    "syntax": Fault(
        "syn.handler",
        {"syn.py": "def handler(event, context)\n    return 1\n"},
        "Runtime.UserCodeSyntaxError",
        "Syntax error in module 'syn': expected ':' (syn.py, line 1)",
        ("syn.py", "line 1"),
    ),
    "syntax-of-dependency": Fault(
        "app.handler",
        {"app.py": "import helper\n" + APP, "helper.py": "a = 1\nb = = 2\n"},
        "Runtime.UserCodeSyntaxError",
        "Syntax error in module 'app': invalid syntax (helper.py, line 2)",
        ("helper.py", "line 2"),
    ),
    "indentation": Fault(
        "app.handler",
        {"app.py": "def handler(event, context):\nreturn 1\n"},
        "Runtime.UserCodeSyntaxError",
        "Syntax error in module 'app': expected an indented block after function definition on line 1 (app.py, line 2)",
        ("app.py", "line 2"),
    ),
    "missing-function": Fault(
        "app.missing",
        {"app.py": APP},
        "Runtime.HandlerNotFound",
        "Handler 'missing' missing on module 'app'",
        ("handler",),
    ),
    "missing-function-near-another": Fault(
        "app.handle",
        {"app.py": APP},
        "Runtime.HandlerNotFound",
        "Handler 'handle' missing on module 'app'",
        ("did you mean 'handler'",),
    ),
    "missing-function-near-an-imported-one": Fault(
        "app.lambda_handle",
        {"app.py": "from helper import lambda_handler\n", "helper.py": APP.replace("handler", "lambda_handler")},
        "Runtime.HandlerNotFound",
        "Handler 'lambda_handle' missing on module 'app'",
        ("did you mean 'lambda_handler'",),
    ),
    "missing-function-with-slashes": Fault(
        "pkg/app.missing",
        {"pkg/app.py": APP},
        "Runtime.HandlerNotFound",
        "Handler 'missing' missing on module 'pkg/app'",
    ),
    "own-exception": Fault(
        "app.handler",
        {"app.py": "import os\nos.environ['TABLE_NAME']\n" + APP},
        "KeyError",
        "'TABLE_NAME'",
        ("KeyError", "app.py", "line"),
    ),
    "own-class-of-exception": Fault(
        "app.handler",
        {"app.py": "class NotReady(Exception):\n    pass\nraise NotReady('später')\n"},
        "NotReady",
        "später",
        ("NotReady", "später"),
    ),
    "recursion": Fault(
        "app.handler",
        {"app.py": "def f():\n    return f()\nf()\n"},
        "RecursionError",
        "maximum recursion depth exceeded",
    ),
}


def fail(runtime: Runtime, fault: Fault) -> Run:
    """Start a function that is not loadable; the event must not be asked for."""
    return runtime.serve(fault.handler, files=fault.files, events=[Next()])


def task_root(runtime: Runtime) -> Path:
    return runtime.folder / "run-1" / "task"


@pytest.mark.parametrize("name", FAULTS)
def test_a_load_fault_is_reported_in_amazons_words_and_ends_the_process(runtime: Runtime, name: str) -> None:
    fault = FAULTS[name]
    run = fail(runtime, fault)
    assert [request.endpoint for request in run.requests] == ["init/error"]
    report = run.init_error
    assert list(report.json) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert report.json["errorType"] == report.header(ERROR_TYPE) == fault.error_type
    assert report.json["errorMessage"] == fault.message.format(root=task_root(runtime))
    assert report.json["requestId"] == ""
    assert report.header("Lambda-Runtime-Invocation-Id") is None
    assert run.exit_code == 1
    (line,) = run.log
    assert line.startswith(f"[ERROR] {fault.error_type}: ")
    assert [word for word in fault.named if word not in line] == []
    assert run.stderr == ""


def test_a_syntax_error_shows_file_line_and_text_as_amazon_does(runtime: Runtime) -> None:
    trace = fail(runtime, FAULTS["syntax"]).init_error.json["stackTrace"]
    assert trace == [f'  File "{task_root(runtime)}/syn.py" Line 1\n    def handler(event, context)\n']


@pytest.mark.parametrize("name", ["missing-dependency", "own-exception", "missing-name-in-dependency"])
def test_a_fault_in_the_functions_own_code_shows_its_line_and_no_frame_of_ours(runtime: Runtime, name: str) -> None:
    trace = fail(runtime, FAULTS[name]).init_error.json["stackTrace"]
    assert trace[0].startswith(f'  File "{task_root(runtime)}/app.py", line ')
    assert not any("importlib" in frame or "/pylambda/" in frame for frame in trace)


def test_a_missing_dependency_is_told_from_a_missing_module(runtime: Runtime) -> None:
    """People read "No module named" and look for the wrong file."""
    (own,) = fail(runtime, FAULTS["missing-module"]).log
    (dependency,) = fail(runtime, FAULTS["missing-dependency"]).log
    assert "not installed" not in own
    assert "there is no thatlib.py" not in dependency


@pytest.mark.parametrize("value", ["None", "42", "{'a': 1}", "'text'"])
def test_a_handler_that_cannot_be_called_is_a_load_fault(runtime: Runtime, value: str) -> None:
    run = runtime.serve(files={"app.py": f"handler = {value}\n"}, events=[Next()])
    assert run.init_error.json["errorType"] == "Runtime.HandlerNotFound"
    assert "'handler'" in run.init_error.json["errorMessage"]
    assert "not callable" in run.log[0]
    assert run.exit_code == 1


def test_an_unreadable_file_is_named_with_its_mend(runtime: Runtime) -> None:
    command = [str(BOOTSTRAP)]
    if os.geteuid() == 0:  # root reads everything, until it gives that up
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root needs setpriv, of util-linux, to give up reading everything")
        command = [setpriv, "--bounding-set", "-all", *command]
    # Made unreadable before the runtime starts, by the process that then becomes the runtime.
    command = ["/bin/sh", "-c", 'chmod 000 app.py && exec "$@"', "sh", *command]
    run = runtime.serve(files={"app.py": APP}, events=[Next()], command=command)
    assert run.init_error.json["errorType"] == "PermissionError"
    (line,) = run.log
    assert f"{task_root(runtime)}/app.py" in line
    assert "chmod" in line
    assert run.exit_code == 1


@pytest.mark.parametrize(("call", "code"), [("sys.exit(3)", 3), ("sys.exit('no config')", 1), ("raise SystemExit", 0)])
def test_an_exit_at_import_is_reported_and_obeyed(runtime: Runtime, call: str, code: int) -> None:
    run = runtime.serve(files={"app.py": f"import sys\n{call}\n"}, events=[Next()])
    assert run.init_error.json["errorType"] == run.init_error.header(ERROR_TYPE) == "Runtime.ExitError"
    assert run.exit_code == code


@pytest.mark.parametrize("raised", ["KeyboardInterrupt", "GeneratorExit", "BaseException('enough')"])
def test_any_other_end_at_import_is_reported_too(runtime: Runtime, raised: str) -> None:
    run = runtime.serve(files={"app.py": f"raise {raised}\n"}, events=[Next()])
    assert run.init_error.json["requestId"] == ""
    assert run.exit_code not in (0, None)


def test_what_was_printed_before_a_failed_import_comes_first(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": "print('connecting')\n1 / 0\n"}, events=[Next()])
    assert run.log[0] == "connecting"
    assert run.log[1].startswith("[ERROR] ZeroDivisionError: division by zero\r")


@pytest.mark.parametrize(
    ("reply", "why"),
    [(Reply(status=403), "403"), (Reply(status=500), "500"), (Reply(cut_at=0), "closed")],
    ids=["403", "500", "dropped"],
)
def test_a_report_that_is_refused_still_ends_the_process_in_good_order(
    runtime: Runtime, reply: Reply, why: str
) -> None:
    run = runtime.serve("nomod.handler", events=[Next()], init_error=reply)
    assert run.exit_code == 1
    assert run.log[0].startswith("[ERROR] Runtime.ImportModuleError: ")
    assert why in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("handler", "app"),
    [
        ("pylambda.orders.handler", ""),
        ("pylambda.main.handler", ""),
        ("app.handler", "from pylambda.orders import handler"),
        ("app.handler", "from pylambda import NAME"),
        ("app.handler", "import pylambda\nprint(pylambda.NAME)"),
    ],
)
def test_a_package_of_the_functions_own_called_as_ours_is_to_be_renamed(
    runtime: Runtime, handler: str, app: str
) -> None:
    own = {"pylambda/__init__.py": "NAME = 1", "pylambda/orders.py": "def handler(event, context): pass"}
    run = runtime.serve(handler, files={"app.py": app, **own, "pylambda/main.py": own["pylambda/orders.py"]})
    assert "/task/pylambda has the name of the runtime's own package 'pylambda': give it another name" in run.stdout
    assert run.exit_code == 1


def test_a_module_that_an_installed_package_lacks_is_looked_for_where_the_package_is(runtime: Runtime) -> None:
    run = runtime.serve("json.tools.handler", files={"app.py": ""})
    assert "Hint: did you mean 'tool'? There is no tools.py in " in run.stdout
    assert "/task" not in run.stdout


def test_a_package_that_amazons_image_has_for_itself_is_to_be_installed(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": "import simplejson"})
    assert "Amazon's image has it for its own use; install it, with pip install simplejson" in run.stdout
