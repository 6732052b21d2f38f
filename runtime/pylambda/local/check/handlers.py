"""What a handler's name leads to, as far as it can be seen without running anything."""

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pylambda.local.check.files import FILE, File, Tree

APPS = ("asgi:", "wsgi:")
CONSOLE = "console:"
# Entry points that take one word, the handler.
TAKERS = {"entry_script.sh", "lambda-entrypoint.sh"}
EMULATOR = "aws-lambda-rie"
RUNTIMES = {"awslambdaric", "pylambda", "bootstrap"}
# Calls that put names into a module which nobody can see in it.
HIDDEN_NAMES = {"globals", "vars", "exec", "setattr"}
MOST_SOURCE = 5_000_000


@dataclass(frozen=True)
class Named:
    """A handler's name, taken apart.

    Attributes:
        scheme: `asgi:`, `wsgi:`, `console:` or empty.
        module: with dots.
        attribute: in the module; empty for a command.
        script: the file of a command.
    """

    scheme: str
    module: str
    attribute: str
    script: str = ""


def of_command(command: list[str]) -> str:
    """Return the handler that an image's command names, empty where it names none that can be told."""
    words = [word for word in command if posixpath.basename(word) != EMULATOR]
    if words[:2] == ["/bin/sh", "-c"] or not words:
        return ""
    first = posixpath.basename(words[0])
    if first in TAKERS:
        rest = words[1:]
        if len(rest) == 3 and rest[1] == "-c":  # the shell form
            rest = rest[2:]
        return rest[0] if rest else ""
    runs_module = "-m" in words and words[words.index("-m") + 1 : words.index("-m") + 2]
    if (runs_module and runs_module[0] in RUNTIMES) or first in RUNTIMES:
        last = words[-1]
        return "" if last in RUNTIMES or last == words[0] else last
    return ""


def parse(name: str) -> Named | None:
    """Take a handler's name apart; None where it is none."""
    if name.startswith(CONSOLE):
        what = name.removeprefix(CONSOLE).split()[:1] or [""]
        return Named(CONSOLE, "", "", what[0]) if what[0].endswith(".py") else Named(CONSOLE, what[0], "")
    for scheme in APPS:
        if name.startswith(scheme):
            module, colon, attribute = name.removeprefix(scheme).partition(":")
            return Named(scheme, module, attribute.removesuffix("()")) if module and colon and attribute else None
    module, dot, attribute = name.rpartition(".")
    module = module.replace("/", ".")
    return Named("", module, attribute) if dot and attribute and all(module.split(".")) else None


def find(module: str, tree: Tree, roots: Iterable[str]) -> File | None:
    """Return the file of a module, or the folder of a package that has no `__init__.py`."""
    parts = module.split(".")
    for root in roots:
        base = posixpath.join(root, *parts)
        for path in (f"{base}/__init__.py", f"{base}.py", f"{base}/__init__.pyc", f"{base}.pyc"):
            if (found := tree.find(path)) and found.kind == FILE:
                return found
        folder, stem = posixpath.split(base)
        natives = [name for name in _names_in(tree, folder) if name.startswith(f"{stem}.") and name.endswith(".so")]
        if natives:
            return tree.find(posixpath.join(folder, natives[0]))
    for root in roots:
        if found := tree.find(posixpath.join(root, *parts)):
            return found
    return None


def _names_in(tree: Tree, folder: str) -> Iterator[str]:
    real = tree.find(folder) if folder else None
    start = f"{real.path}/" if real else f"{folder}/" if folder else ""
    for path in tree.files:
        if path.startswith(start) and "/" not in path[len(start) :]:
            yield path[len(start) :]


def names_of(source: bytes) -> set[str] | None:
    """Return the names that a module has once it is loaded, None where that cannot be seen.

    Raises:
        SyntaxError: it is no Python.
    """
    found: set[str] = set()
    for node in _of_module(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            if node.name == "__getattr__":
                return None
        elif isinstance(node, ast.Import | ast.ImportFrom):
            if any(alias.name == "*" for alias in node.names):
                return None
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif node.id in HIDDEN_NAMES:
                return None
    return found


def _of_module(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what is run when a module is loaded, and of functions and classes their names alone."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _of_module(node)


def reached(handler: str, own: Mapping[str, File], roots: list[str]) -> set[str] | None:
    """Return the paths of own modules that a handler's imports lead to; None where it leads to no own module.

    Args:
        handler: its name.
        own: the function's own modules by path.
        roots: where modules are looked for.
    """
    named = parse(handler)
    if named is None:
        return None
    tree = Tree(iter(own.values()))
    waiting = [posixpath.join(roots[0], named.script)] if named.script else _paths(named.module, tree, roots)
    found: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in found or path not in own:
            continue
        found.add(path)
        for module in _imports(own[path], roots):
            waiting += _paths(module, tree, roots)
    return found or None


def _paths(module: str, tree: Tree, roots: list[str]) -> list[str]:
    """Return the files of a module and of the packages that it is in."""
    parts = module.split(".")
    files = [find(".".join(parts[:count]), tree, roots) for count in range(1, len(parts) + 1)]
    return [file.path for file in files if file is not None and file.kind == FILE]


def _imports(file: File, roots: list[str]) -> Iterator[str]:
    try:
        tree = ast.parse(file.head(MOST_SOURCE))
    except (SyntaxError, ValueError):
        return
    package = posixpath.dirname(file.path)
    inside = next(
        (package[len(root) :].strip("/") for root in sorted(roots, key=len)[::-1] if package.startswith(root)), ""
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = [part for part in inside.split("/") if part]
            base = parts[: len(parts) - node.level + 1] if node.level else []
            start = ".".join([*base, *filter(None, [node.module])])
            yield from filter(None, (start, *(f"{start}.{alias.name}".lstrip(".") for alias in node.names)))
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"\w+(\.\w+)+", node.value)
        ):
            yield node.value  # such as DJANGO_SETTINGS_MODULE
