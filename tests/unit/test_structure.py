"""The house rules that a machine can hold: imports point down, one reader of the environment, one exit."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "runtime" / "pylambda"
# From the top to the bottom: a room may import from the rooms below it, and from the modules above it in its own row.
# `local` stands beside: nothing imports it.
ROOMS = {
    "__init__": "",  # the public face: it resolves names of the whole house
    "__main__": "",
    "main": "",
    "workers": "board current ends supervisor patience places place threads watch link loop_api host tasks output "
    "lives prefork many",
    "loop": "",
    "lifecycle": "hooks middleware after span_facts tracing_setup tracing gate prints extension wakeup shutdown "
    "snapshot limits life",
    "function": "client_context hints commands handler context waiting aio adapt apps deadline_dump client_package",
    "web": "events mount requests results front exchange streamed lifespan asgi wsgi console",
    "runtime_api": "wire chunks again connection invocation response_stream client",
    "log": "sinks records printed reports failures",
    "payload": "public_json values codec json_library streams schema",
    "start": "putenv environment installed settings mended image_sdk source_code search_path cold_load cold_path",
    "faults": "",
    "names": "",
}
MODULES = {
    path: ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if "templates" not in path.parts  # files of a new project, which nobody imports
}
# Rooms of `local`, each with its modules from the bottom to the top.
LOCAL_ROOMS = {
    "check": "elf files packages outcome handlers subject findings layers image folder rules_image rules_native "
    "rules_handler rules_import rules_files rules_secrets rules report trial command parser",
}
RUNTIME_MODULES = {path: name for path, name in MODULES.items() if not name.startswith("local")}
ORDER = list(ROOMS)


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module of this package that the code imports: late imports too, and those for type checkers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("pylambda."))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pylambda"):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name.removeprefix("pylambda.") in MODULES.values() else str(node.module)


def points_down(importer: str, imported: str) -> bool:
    room, _, module = importer.partition(".")
    other_room, _, other = imported.partition(".")
    if room != other_room:
        return ORDER.index(room) < ORDER.index(other_room)
    row = ROOMS[room].split()
    return row.index(other) < row.index(module)


@pytest.mark.parametrize("path", RUNTIME_MODULES, ids=lambda path: RUNTIME_MODULES[path])
def test_every_import_points_down(path: Path) -> None:
    importer = RUNTIME_MODULES[path]
    found = {name.removeprefix("pylambda.") for name in imports(ast.parse(path.read_text())) if name != "pylambda"}
    up = [name for name in found if not points_down(importer, name)]
    assert not up, f"{importer} imports {up}"


@pytest.mark.parametrize("room", LOCAL_ROOMS)
def test_a_room_of_the_laptops_side_is_in_order(room: str) -> None:
    row = LOCAL_ROOMS[room].split()
    inside = {path: name for path, name in MODULES.items() if name.startswith(f"local.{room}.")}
    assert {name.rpartition(".")[2] for name in inside.values()} == set(row)
    for path, name in inside.items():
        found = [other.removeprefix("pylambda.") for other in imports(ast.parse(path.read_text()))]
        neighbours = [other.rpartition(".")[2] for other in found if other.startswith(f"local.{room}.")]
        up = [other for other in neighbours if row.index(other) >= row.index(name.rpartition(".")[2])]
        assert not up, f"{name} imports {up}"


def test_the_house_has_few_doors() -> None:
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= 16


def test_the_laptops_side_can_lie_in_a_zip() -> None:
    # Given that only what stays outside of the zip has a path of its own; the others ask pylambda.local for it
    outside = {"local", "local.emulator"}
    for path, name in MODULES.items():
        if name.startswith("local") and name not in outside:
            names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
            assert "__file__" not in names, f"{name}: use file_beside or RUNTIME_DIR of pylambda.local"


@pytest.mark.parametrize("room", [path.parent for path in PACKAGE.glob("*/__init__.py")], ids=lambda room: room.name)
def test_a_room_says_in_one_sentence_what_lives_there(room: Path) -> None:
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    assert re.fullmatch(r"[^.]+(\.\w[^.]*)*\.", docstring), docstring


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
