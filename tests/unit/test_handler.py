"""`module.function` to a callable, and what is said when it is not one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pylambda.faults import (
    BuiltInModuleConflict,
    HandlerNotFound,
    ImportModuleError,
    LoadFault,
    MalformedHandlerName,
    UserCodeSyntaxError,
)
from pylambda.function.handler import exit_code, load

FILES = {
    "fn_app.py": """
number = 3
def handler(event, context): return 'app'
class Api:
    def get(event, context): return 'get'
""",
    "fn_pkg/__init__.py": "",
    "fn_pkg/mod.py": "def handler(event, context): return 'pkg'\n",
    "fn_needs.py": "import no_such_distribution\n",
    "fn_from.py": "from fn_app import nothing_of_the_kind\n",
    "fn_syntax.py": "x = 1\ndef handler(:\n",
    "fn_raises.py": "raise ValueError('at import')\n",
}


@pytest.fixture(autouse=True)
def task_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, source in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("fn_")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("fn_app.handler", "app"),
        ("fn_pkg.mod.handler", "pkg"),
        ("fn_pkg/mod.handler", "pkg"),
        ("fn_app.Api.get", "get"),
    ],
)
def test_a_handler_is_found(name: str, answer: str, task_root: Path) -> None:
    assert load(name, str(task_root))({}, None) == answer


@pytest.mark.parametrize(
    ("name", "kind", "message", "hint"),
    [
        ("fn_app", MalformedHandlerName, "Bad handler 'fn_app': not enough values to unpack", "fn_app.handler"),
        ("", MalformedHandlerName, "Bad handler '': not enough values to unpack", "CMD"),
        (".fn_app.handler", MalformedHandlerName, "Bad handler '.fn_app.handler': a part of", "module.function"),
        ("fn_app.", MalformedHandlerName, "Bad handler 'fn_app.': a part of", "module.function"),
        ("sys.exit", BuiltInModuleConflict, "Cannot use built-in module sys as a handler module", "another name"),
        ("fn_ap.handler", ImportModuleError, "Unable to import module 'fn_ap': No module named 'fn_ap'", "'fn_app'"),
        ("fn_pkg/mood.handler", ImportModuleError, "Unable to import module 'fn_pkg/mood'", "did you mean 'mod'"),
        ("fn_app.Nothing.get", ImportModuleError, "'fn_app' is not a package", "fn_app.py has no 'Nothing'"),
        ("nowhere.at.all", ImportModuleError, "No module named 'nowhere'", "there is no nowhere.py"),
        ("fn_needs.handler", ImportModuleError, "No module named 'no_such_distribution'", "not installed"),
        ("fn_from.handler", ImportModuleError, "cannot import name 'nothing_of_the_kind'", "an import in it failed"),
        ("fn_syntax.handler", UserCodeSyntaxError, "Syntax error in module 'fn_syntax': ", "fn_syntax.py, line 2"),
        ("fn_app.handlr", HandlerNotFound, "Handler 'handlr' missing on module 'fn_app'", "did you mean 'handler'?"),
        ("fn_app.zzzzzz", HandlerNotFound, "Handler 'zzzzzz' missing on module 'fn_app'", "handler, Api"),
        ("fn_app.Api.got", HandlerNotFound, "Handler 'got' missing on module 'fn_app.Api'", "did you mean 'get'?"),
        ("fn_app.number", HandlerNotFound, "Handler 'number' on module 'fn_app' is not callable", "function"),
    ],
)
def test_a_handler_that_is_not_there(
    name: str, kind: type[LoadFault], message: str, hint: str, task_root: Path
) -> None:
    with pytest.raises(kind) as raised:
        load(name, str(task_root))
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_what_a_module_raises_at_import_goes_through(task_root: Path) -> None:
    with pytest.raises(ValueError, match="at import"):
        load("fn_raises.handler", str(task_root))


@pytest.mark.parametrize(
    ("error", "code"),
    [(SystemExit(), 0), (SystemExit(7), 7), (SystemExit("text"), 1), (KeyboardInterrupt(), 130), (GeneratorExit(), 1)],
)
def test_the_exit_code_is_the_interpreters(error: BaseException, code: int) -> None:
    assert exit_code(error) == code
