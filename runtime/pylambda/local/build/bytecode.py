"""Byte code beside the sources: Lambda's file system is read-only, so what is missing is made anew at each cold start.

Unchecked, because a source that cannot change needs no comparison:
https://docs.python.org/3/reference/import.html#pyc-invalidation
"""

import subprocess
from pathlib import Path

from pylambda.local.build import programs
from pylambda.local.build.settings import Settings

TASK_ROOT = "/var/task"


def add(folder: Path, settings: Settings, place: str = TASK_ROOT) -> bool:
    """Compile a folder's modules; return whether this machine has the Python for it.

    A file that is no code for this Python is left as it is: packages bring such ones.

    Args:
        folder: where they are.
        settings: name the Python.
        place: where they will be.
    """
    program = programs.python(settings.python, settings.environ)
    if not program:
        return False
    words = [program, "-IS", *compiling(str(folder), place)]
    # Else sets of constants are written in another order each time.
    environ = {"PYTHONHASHSEED": "0", "PATH": settings.environ.get("PATH", "")}
    subprocess.run(words, env=environ, capture_output=True, check=False)
    return True


def compiling(folder: str, place: str) -> list[str]:
    """Return the arguments of an interpreter that compiles a folder for its place in Lambda."""
    return ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", folder, "-p", place, folder]
