"""What the runtime and the command say when something is wrong, as their source has it: the headings of docs/errors.md.

A message is the first text that an exception or one of `SAY` is given, what is printed on stderr, or an `echo` there.
In it `…` stands for what varies; constants are told, because people search for them.
"""

import ast
import builtins
import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
RUNTIME = ROOT / "runtime"
SCRIPTS = [ROOT / "bootstrap", ROOT / "entry_script.sh"]
VARIES = "…"
SAY = {"warn", "_warn", "complain", "exit", "note", "_note", "failure", "Response", "_fault"}
ECHO = re.compile(r'echo "((?:\\"|[^"])*)" >&2')


class Message(NamedTuple):
    """A message.

    Attributes:
        text: what it says.
        kind: the exception's class, or what says it.
        place: the file and the line, from the top of the tree.
    """

    text: str
    kind: str
    place: str


def messages() -> list[Message]:
    """Every message of the project, in the order of its files."""
    files = [path for path in sorted((RUNTIME / "pylambda").rglob("*.py")) if "templates" not in path.parts]
    trees = {path: ast.parse(path.read_text()) for path in files}
    kinds = exceptions(trees.values())
    found = [message for path, tree in trees.items() for message in _said(path, tree, kinds)]
    return found + [message for script in SCRIPTS for message in _echoed(script)]


def exceptions(trees: Iterable[ast.Module]) -> set[str]:
    """The names of all exceptions: Python's, and those that the code defines."""
    found = {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)}
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in classes:  # the base of one may come after it
        more = {node.name for node in classes if found & {ast.unparse(base).split(".")[-1] for base in node.bases}}
        if more <= found:
            break
        found |= more
    return found


def _said(path: Path, tree: ast.Module, kinds: set[str]) -> Iterator[Message]:
    known = vars(importlib.import_module(".".join(path.relative_to(RUNTIME).with_suffix("").parts)))
    owners = {call: node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for call in _inits(node)}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    within = {node: function for function in functions for node in ast.walk(function)}  # the innermost comes last
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = owners.get(call) or ast.unparse(call.func).rpartition(".")[2]
            on_stderr = name == "print" and any(ast.unparse(word.value) == "sys.stderr" for word in call.keywords)
            if name in kinds or name in SAY or on_stderr:
                for text in next(
                    filter(None, (_texts(argument, within.get(call, tree), known) for argument in call.args)), []
                ):
                    yield Message(text, name, f"{path.relative_to(ROOT)}:{call.lineno}")


def _texts(argument: ast.expr, scope: ast.AST, known: dict[str, object]) -> list[str]:
    """Return the texts that an argument may be: itself, or what a variable of its scope is set to."""
    values = [argument]
    if isinstance(argument, ast.Name):
        values = [
            node.value for node in ast.walk(scope) if isinstance(node, ast.Assign) if argument.id in _set_by(node)
        ]
    found = [_text(value, known).removeprefix("pylambda: ") for value in values]
    return [text for text in found if " " in text.strip()]


def _set_by(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _inits(node: ast.ClassDef) -> Iterator[ast.Call]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__":
            yield call


def _text(node: ast.expr, names: dict[str, object]) -> str:
    """Return a text of the source; empty where it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp):
        return _text(node.left, names) + (_text(node.right, names) or VARIES)
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else _value(part, names) for part in node.values]
        return re.sub(f"{VARIES}+", VARIES, "".join(map(str, parts)))
    return ""


def _value(part: ast.expr, names: dict[str, object]) -> str:
    """Return what stands for a field of an f-string: its value where that is a constant of the module or of `names`."""
    assert isinstance(part, ast.FormattedValue)
    place, _, name = ast.unparse(part.value).rpartition(".")
    holder = vars(names[place]) if place == "names" and place in names else names if not place else {}
    value = holder.get(name) if name.isupper() else None
    spec = ast.literal_eval(part.format_spec) if isinstance(part.format_spec, ast.Constant) else ""
    return format(value, spec) if isinstance(value, str | int) else VARIES


def _echoed(script: Path) -> Iterator[Message]:
    for number, line in enumerate(script.read_text().splitlines(), 1):
        for text in ECHO.findall(line):
            said = re.sub(r"\$[\w#]+", VARIES, text.replace('\\"', '"'))
            yield Message(said, "echo", f"{script.name}:{number}")
