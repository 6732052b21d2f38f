"""The house rules that a machine can hold: imports point down, one reader of the environment, one exit."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "runtime" / "pylambda"
# A module may import from lower levels only. `local` stands beside: nothing imports it.
LEVELS = {
    "names": 0,
    "faults": 0,
    "start.putenv": 0,
    "start.environment": 1,
    "start.settings": 2,
    "start.installed": 1,
    "runtime_api.wire": 1,
    "runtime_api.chunks": 2,
    "payload.values": 1,
    "runtime_api.invocation": 1,
    "function.client_context": 1,
    "function.context": 2,
    "function.hints": 1,
    "payload.codec": 2,
    "function": 0,
    "log": 0,
    "payload": 0,
    "runtime_api": 0,
    "start": 0,
    "log.sinks": 2,
    "start.search_path": 2,
    "log.reports": 3,
    "log.records": 3,
    "function.handler": 3,
    "runtime_api.connection": 3,
    "payload.streams": 3,
    "function.aio": 3,
    "payload.schema": 3,
    "runtime_api.client": 4,
    "function.deadline_dump": 4,
    "function.adapt": 5,
    "loop": 5,
    "main": 6,
    "__main__": 7,
    "start.cold_load": 0,
    "start.cold_path": 7,
    "__init__": 7,  # the public face: the package imports its own modules by their full names
}
MODULES = {
    path: ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
}
RUNTIME_MODULES = {path: name for path, name in MODULES.items() if not name.startswith("local")}


def imports_at_run_time(tree: ast.Module) -> Iterator[str]:
    """Every module of this package that the code imports, late imports too, those for type checkers not."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            pending += node.orelse
            continue
        pending += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("pylambda"))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pylambda"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name.removeprefix("pylambda.") in LEVELS else str(node.module) for name in names)


@pytest.mark.parametrize("path", RUNTIME_MODULES, ids=lambda path: RUNTIME_MODULES[path])
def test_every_import_points_down(path: Path) -> None:
    module = RUNTIME_MODULES[path]
    for imported in imports_at_run_time(ast.parse(path.read_text())):
        name = imported.removeprefix("pylambda.").removeprefix("pylambda") or "__init__"
        assert LEVELS[name] < LEVELS[module], f"{module} (level {LEVELS[module]}) imports {name} (level {LEVELS[name]})"


@pytest.mark.parametrize("path", RUNTIME_MODULES, ids=lambda path: RUNTIME_MODULES[path])
def test_only_one_module_touches_the_environment(path: Path) -> None:
    touches = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}
        if isinstance(node.value, ast.Name) and node.value.id in {"os", "posix"}
    ]
    imports = re.search(r"^\s*from (os|posix) import .*\benviron", path.read_text(), re.MULTILINE)
    assert not (touches or imports) or RUNTIME_MODULES[path] == "start.environment"


@pytest.mark.parametrize("path", RUNTIME_MODULES, ids=lambda path: RUNTIME_MODULES[path])
def test_only_main_ends_the_process(path: Path) -> None:
    source = path.read_text()
    exits = [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"sys.exit", "exit", "os._exit", "_exit"}
    ]
    # `main` has the one that a signal calls, where there is no way back.
    assert not exits or RUNTIME_MODULES[path] in {"__main__", "main"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: MODULES[path])
def test_only_the_local_side_imports_requests(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "requests" not in imported or MODULES[path].startswith("local")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: MODULES[path])
def test_a_module_is_short_and_opens_with_its_idea(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(source))
