"""How to mend a handler's name. Imported when one was of no use."""

import os
import sys
from difflib import get_close_matches

MAX_NAMES = 10
# Top level names of what Amazon's image has and the boto3 variant of ours: see images/boto3.lock.
OF_BOTO3 = frozenset(("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six"))


def for_missing_attribute(found: object, name: str) -> str:
    """Return what was probably meant, or what could have been.

    Args:
        found: the module or class that lacks the name.
        name: what was asked for.
    """
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
    return ""


def for_missing_module(dotted: str, missing: str, task_root: str) -> str:
    """Return why the handler's own module was not found.

    Args:
        dotted: the module that was asked for.
        missing: the first part of it that is not there.
        task_root: where it should be.
    """
    parent = os.path.join(task_root, *missing.split(".")[:-1])
    if not os.path.isdir(parent) and os.path.isfile(f"{parent}.py"):
        return f"{parent}.py has no {missing.rpartition('.')[2]!r}"
    try:
        names = sorted(os.listdir(parent))
    except OSError as error:
        return f"{parent} cannot be read: {error.strerror}"
    last = missing.rpartition(".")[2]
    modules = [name.removesuffix(".py") for name in names if _is_module(parent, name)]
    near = get_close_matches(last, modules, n=3, cutoff=0.5)
    if near:
        return f"did you mean {_either(near)}? There is no {last}.py in {parent}"
    return f"there is no {last}.py in {parent}, which holds {_listed(names) if names else 'nothing'}"


def for_missing_package(missing: str) -> str:
    """Return where a package is to be had that is not there.

    Args:
        missing: its name, or that of a module in it.
    """
    said = "which is not installed in the image"
    if missing.partition(".")[0] not in OF_BOTO3:
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
