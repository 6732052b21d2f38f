"""`console:manage.py` or `console:pkg.module` to what runs it. Imported for such names only."""

import os
import sys
from importlib.util import find_spec

from pylambda import names
from pylambda.faults import HandlerNotFound, ImportModuleError, MalformedHandlerName
from pylambda.function.hints import for_missing_module
from pylambda.start.environment import Environment
from pylambda.web.console import Command, python, search_path_for_children


def load_command(name: str, task_root: str) -> Command:
    """Return what runs the command; nothing of it is imported into this process.

    Args:
        name: `console:` and a Python file in the function's folder, or a module.
        task_root: the function's folder.

    Raises:
        LoadFault: there is no such file or module.
    """
    place = name.partition(":")[2]
    if place.endswith(".py"):
        arguments = python(_file(name, place, task_root))
    else:
        arguments = python("-m", _module(name, place, task_root))
    # A child finds what a handler would: layers, and what is bundled with the runtime.
    Environment()[names.PYTHONPATH] = search_path_for_children(sys.path)
    return Command(arguments, place, task_root)


def _file(name: str, place: str, task_root: str) -> str:
    path = os.path.join(task_root, place)
    if not os.path.isfile(path):
        module = place.removesuffix(".py").replace("/", ".")
        raise HandlerNotFound(
            f"Handler '{name}' names a file that is not there",
            hint=for_missing_module(module, module, task_root),
            stack=(),
        )
    return path


def _module(name: str, place: str, task_root: str) -> str:
    dotted = place.replace("/", ".")
    if not all(part.isidentifier() for part in dotted.split(".")):
        raise MalformedHandlerName(
            f"Bad handler '{name}': neither a Python file nor a module",
            hint="write console:manage.py for a file, console:package.module for a module",
            stack=(),
        )
    # The first part alone: to look for the others is to import it, which is the child's to do.
    first = dotted.partition(".")[0]
    if find_spec(first) is None:
        raise ImportModuleError(
            f"Unable to find module '{dotted}'", hint=for_missing_module(dotted, first, task_root), stack=()
        )
    return dotted
