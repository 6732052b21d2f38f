"""How to mend a handler's name. Imported when one was of no use."""

import os
import sys
from difflib import get_close_matches
from errno import ENOENT, ENOSYS
from types import ModuleType

MAX_NAMES = 10
# Top level names of what Amazon's image has and the boto3 variant of ours: see images/boto3.lock.
OF_BOTO3 = frozenset(("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six"))

# And of what the official client needs.
OF_CLIENT = frozenset(("simplejson",))
OWN_DIR = os.path.dirname(os.path.dirname(__file__))
OWN = os.path.basename(OWN_DIR)


def for_missing_attribute(found: object, name: str) -> str:
    """Return what was probably meant, or what could have been.

    Args:
        found: the module or class that lacks the name.
        name: what was asked for.
    """
    if namesake := _namesake(_module_of(found) or ""):
        return namesake
    public = {name: value for name, value in vars(found).items() if not name.startswith("_") and callable(value)}
    near = get_close_matches(name, public, n=3, cutoff=0.5)
    if near:
        return f"did you mean {_either(near)}?"
    own = [name for name, value in public.items() if getattr(value, "__module__", None) == _module_of(found)]
    return f"it defines {_listed(own)}" if own else "it defines no function"


def for_exception(error: BaseException) -> str:
    """Return how to mend what a module raised at import; empty where that is the module's own matter.

    Args:
        error: what was raised.
    """
    if isinstance(error, PermissionError) and error.filename:
        return f"make {error.filename} readable for everyone: chmod a+r, or COPY --chmod=755 in the Dockerfile"
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return _namesake(error.obj.__name__)
    return for_missing_call(error)


def for_missing_call(error: BaseException) -> str:
    """Return what to do where there is no memory that processes share, as in Lambda; empty for all else.

    Args:
        error: what was raised. The C library's semaphores say ENOSYS there up to version 2.33, ENOENT since then.
    """
    if not isinstance(error, OSError) or error.filename is not None or "multiprocessing.synchronize" not in sys.modules:
        return ""
    if error.errno == ENOSYS or (error.errno == ENOENT and not os.path.isdir("/dev/shm")):
        return (
            "Lambda has no /dev/shm, which the Lock, Queue and Pool of multiprocessing need: take threads,"
            " or its Process and Pipe"
        )
    return ""


def for_import_error(error: ImportError, module_name: str, dotted: str, task_root: str) -> str:
    """Return how to mend an import of the handler's module, or one in it.

    Args:
        error: what was raised.
        module_name: the handler's module as it was spelled.
        dotted: the same with dots alone.
        task_root: the function's folder.
    """
    missing = error.name or ""
    if namesake := _namesake(missing):
        return namesake
    if not isinstance(error, ModuleNotFoundError):
        return f"'{module_name}' was found; an import in it failed"
    if dotted == missing or dotted.startswith(missing + "."):
        return for_missing_module(dotted, missing, task_root)
    return f"'{module_name}' was found; it imports '{missing}', {for_missing_package(missing)}"


def _namesake(module: str) -> str:
    """Return what to do about a package of the function's own that has the runtime's name, where there is one."""
    if module.partition(".")[0] != OWN:
        return ""
    ours = os.path.realpath(OWN_DIR)
    places = [os.path.join(folder, name) for folder in sys.path for name in (OWN, f"{OWN}.py")]
    found = [place for place in places if os.path.exists(place) and os.path.realpath(place) != ours]
    return f"{found[0]} has the name of the runtime's own package '{OWN}': give it another name" if found else ""


def for_missing_module(dotted: str, missing: str, task_root: str) -> str:
    """Return why the handler's own module was not found.

    Args:
        dotted: the module that was asked for.
        missing: the first part of it that is not there.
        task_root: where it should be.
    """
    package, _, last = missing.rpartition(".")
    parent = task_root
    if package:
        found = sys.modules.get(package)  # it was imported on the way, from wherever it is
        file, folders = getattr(found, "__file__", None), getattr(found, "__path__", None)
        if found is not None and not folders:
            return f"{file or package} has no {last!r}"
        parent = next(iter(folders or ()), os.path.join(task_root, *package.split(".")))
    try:
        held = sorted(os.listdir(parent))
    except OSError as error:
        return f"{parent} cannot be read: {error.strerror}"
    modules = [name.removesuffix(".py") for name in held if _is_module(parent, name)]
    near = get_close_matches(last, modules, n=3, cutoff=0.5)
    if near:
        return f"did you mean {_either(near)}? There is no {last}.py in {parent}"
    return f"there is no {last}.py in {parent}, which holds {_listed(held) if held else 'nothing'}"


def for_missing_package(missing: str) -> str:
    """Return where a package is to be had that is not there.

    Args:
        missing: its name, or that of a module in it.
    """
    said = "which is not installed in the image"
    package = missing.partition(".")[0]
    if package in OF_CLIENT:
        return f"{said}: Amazon's image has it for its own use; install it, with pip install {package}"
    if package not in OF_BOTO3:
        return said
    major, minor = sys.version_info[:2]
    return f"{said}: install it, or build on the variant that has it, FROM pylambda:{major}.{minor}-boto3"


def _is_module(folder: str, name: str) -> bool:
    return name.endswith(".py") or (name.isidentifier() and os.path.isdir(os.path.join(folder, name)))


def _module_of(found: object) -> str | None:
    return getattr(found, "__module__", None) or getattr(found, "__name__", None)


def _either(names: list[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
