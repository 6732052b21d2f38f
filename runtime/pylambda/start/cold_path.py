"""Writes the byte code of a start into one file. Only the image's build imports this.

What belongs to a start is not listed anywhere: it is what `import pylambda.main` imports.
"""

import marshal
import subprocess
import sys
from pathlib import Path
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.start.cold_load import Contents

PACKAGE = Path(__file__).parents[1]


def write(runtime_dir: str) -> Path:
    """Write the file that `__main__` looks for.

    Args:
        runtime_dir: the folder that holds this package.

    Returns:
        The file's path; its name tells for which byte code it is.
    """
    contents: Contents = []
    for name in modules_of_a_start():
        # Where it will be found, which is not where it was imported from if that was through a link.
        path = Path(runtime_dir, *name.split("."))
        folders = [str(path)] if path.is_dir() else []
        file = path / "__init__.py" if folders else path.with_suffix(".py")
        contents.append((name, str(file), folders, compiled(file)))
    loader = compiled(Path(runtime_dir, "pylambda/start/cold_load.py"))
    target = Path(runtime_dir, f"cold-path.{sys.implementation.cache_tag}")
    target.write_bytes(marshal.dumps((loader, contents)))
    return target


def compiled(file: Path) -> CodeType:
    """Return a module's code without docstrings: they are a third of what has to be read."""
    code: CodeType = compile(file.read_bytes(), str(file), "exec", dont_inherit=True, optimize=2)
    return code


def modules_of_a_start() -> list[str]:
    """Return the names of this package's modules that a start imports, each behind those that it imports itself."""
    program = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import pylambda.main"
    # `importtime` prints a line for each module when it is done with it, the name last.
    command = [sys.executable, "-X", "importtime", "-c", program]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    names = [line.rpartition("|")[2].strip() for line in lines]
    return [name for name in names if name.split(".")[0] == PACKAGE.name]
