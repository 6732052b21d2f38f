"""Makes a copy of the runtime small, and quick to start: run by the Python of the layer that the copy is for.

Docstrings and comments go; what is left is half. The modules of a start become byte code in one file, as in an image;
the others are compiled when something needs them, which for a plain handler nothing does.
"""

import ast
import sys
from pathlib import Path

HAVE_DOCSTRINGS = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef


def compact(runtime_dir: Path, place: str) -> None:
    """Make a runtime small.

    Args:
        runtime_dir: the folder that holds the package.
        place: what that folder will be called.
    """
    for path in sorted(runtime_dir.rglob("*.py")):
        path.write_text(without_docstrings(path.read_text(encoding="utf-8")), encoding="utf-8")
    sys.path.insert(0, str(runtime_dir))
    from pylambda.start import cold_path

    cold_path.write(str(runtime_dir), place)


def without_docstrings(source: str) -> str:
    """Return the same program without docstrings and comments."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, HAVE_DOCSTRINGS) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree) + "\n"


if __name__ == "__main__":
    compact(Path(sys.argv[1]), sys.argv[2])
