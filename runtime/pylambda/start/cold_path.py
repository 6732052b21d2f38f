"""Writes byte code without docstrings and types. Only an image's build imports this.

That of a module goes beside it, and that of a start into two files more. One of these is a program, `cold_load`; the
other one holds what it makes the modules from. The program is small, because the interpreter reads what it is to run
three times, to learn what it is. What belongs to a start is not listed anywhere: it is what `pylambda.main` imports.
"""

import ast
import marshal
import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PACKAGE = Path(__file__).parents[1]
# Byte code that is never compared with its source, whose hash would follow:
# https://docs.python.org/3/reference/import.html#pyc-invalidation
PYC_HEADER = MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
PRINT_EXTENSIONS = (
    "[print(name, module.__file__) for name, module in sys.modules.items() "
    "if type(getattr(module, '__loader__', None)).__name__ == 'ExtensionFileLoader']"
)


def write(runtime_dir: str, place: str = "") -> list[Path]:
    """Write what `bootstrap` runs on interpreters of this one's kind; return the files.

    Args:
        runtime_dir: the folder that holds this package.
        place: what that folder will be called, on a machine whose interpreter lies elsewhere; empty where it stays.
    """
    names, extensions = modules_of_a_start()
    folder = place or runtime_dir

    def compiled_file(file: Path) -> CodeType:
        return compiled(Path(runtime_dir, file.relative_to(folder)), str(file))

    modules = []
    for name in names:
        # Where it will be found, which is not where it was imported from if that was through a link.
        path = Path(folder, *name.split("."))
        folders = [str(path)] if Path(runtime_dir, *name.split(".")).is_dir() else None
        file = path / "__init__.py" if folders else path.with_suffix(".py")
        modules.append((name, attributes_of_spec(name, str(file), folders), compiled_file(file)))
    main = Path(folder, "pylambda/__main__.py")
    program = compiled_file(Path(folder, "pylambda/start/cold_load.py"))
    extensions = [] if place else extensions
    contents = {
        Path(runtime_dir, "cold-path.pyc"): PYC_HEADER + marshal.dumps(program),
        Path(runtime_dir, "cold-path.modules"): marshal.dumps((str(main), compiled_file(main), extensions, modules)),
    }
    for file, content in contents.items():
        file.write_bytes(content)
    return list(contents)


def attributes_of_spec(name: str, file: str, folders: "list[str] | None") -> "dict[str, Any]":
    """Return what a module's spec holds once it is made by this interpreter; the loader is for `cold_load` to add."""
    spec = ModuleSpec(name, None, origin=file)
    spec.submodule_search_locations = folders
    spec.has_location = True
    return vars(spec)


def write_byte_code(package: str, place: str) -> None:
    """Write byte code beside the sources of a folder, in the way of a start's, under the names that are looked for.

    Args:
        package: the folder, where it lies now.
        place: where it will be.
    """
    for file in sorted(Path(package).rglob("*.py")):
        target = Path(cache_from_source(file, optimization=""))
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(PYC_HEADER + marshal.dumps(compiled(file, str(Path(place, file.relative_to(package))))))


def compiled(file: Path, name: str = "") -> CodeType:
    """Return a module's code without what nothing asks for while it runs: docstrings and types are two fifths of it.

    Args:
        file: the source.
        name: what the code says that it is of, where that is not this file.
    """
    tree = ast.fix_missing_locations(_WithoutTypes().visit(ast.parse(file.read_bytes())))
    code: CodeType = compile(tree, name or str(file), "exec", dont_inherit=True, optimize=2)
    return code


class _WithoutTypes(ast.NodeTransformer):
    """Takes annotations away, but for those by which a class is made, and what is there `if TYPE_CHECKING` alone."""

    def __init__(self) -> None:
        self._fields: set[ast.stmt] = set()

    def visit_If(self, node: ast.If) -> "ast.AST | list[ast.stmt]":
        self.generic_visit(node)
        return node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._fields.update(statement for statement in node.body if isinstance(statement, ast.AnnAssign))
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without_types(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without_types(node)

    def _without_types(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node in self._fields:
            return node
        self.generic_visit(node)
        bare = ast.Pass() if node.value is None else ast.Assign([node.target], node.value)
        return ast.copy_location(bare, node)


def modules_of_a_start() -> "tuple[list[str], list[tuple[str, str]]]":
    """Return the names of this package's modules that a start imports, each behind those that it imports itself, and
    name and path of those in C.
    """
    program = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import pylambda.main; {PRINT_EXTENSIONS}"
    # `importtime` prints a line for each module when it is done with it, the name last.
    command = [sys.executable, "-S", "-X", "importtime", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    extensions = [(name, file) for name, file in (line.split(" ", 1) for line in done.stdout.splitlines())]
    return [name for name in names if name.split(".")[0] == PACKAGE.name], extensions
