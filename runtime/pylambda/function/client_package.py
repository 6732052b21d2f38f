"""The package `awslambdaric` beside this one, which stands in for the official client. Imported by who looks for it.

A function may have the official client itself among its packages, as images did that were built on another base. Its
own wins, as anything of its own does. But nobody runs it: what an integration replaces in there has no effect. So
those who look in `__main__`, as integrations do, get ours, then under a name of its own.
"""

import sys
from importlib import import_module, util
from posixpath import realpath

from pylambda.log.sinks import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

NAME = "awslambdaric"
ALIAS = "pylambda_awslambdaric"
NOT_RUN = "which is not what runs: take awslambdaric out of the function's packages, and it has its effect"
NOT_ASYNC = "which does not run where many are served on one event loop: PYLAMBDA_CONCURRENCY=process has it run"


def main_module() -> "ModuleType":
    """Return `awslambdaric.__main__` of ours."""
    folder = f"{__file__.removesuffix('/pylambda/function/client_package.py')}/{NAME}"
    if _is_found(folder):
        return import_module(f"{NAME}.__main__")
    if ALIAS not in sys.modules:
        load_as(ALIAS, folder)
    return import_module(f"{ALIAS}.__main__")


def _is_found(folder: str) -> bool:
    """Whether an import finds the package in a folder, itself or through the file that is linked into packages."""
    if NAME in sys.modules:
        return folder in getattr(sys.modules[NAME], "__path__", ())
    spec = util.find_spec(NAME)
    if spec is None:
        return False
    return folder in (spec.submodule_search_locations or ()) or realpath(spec.origin or "") == f"{folder}/elsewhere.py"


def load_as(name: str, folder: str) -> None:
    """Load the package in a folder under a name."""
    spec = util.spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])
    assert spec
    assert spec.loader
    sys.modules[name] = util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def warn_of_patches(bootstrap: "ModuleType", why: str) -> None:
    """Say so where something replaced `handle_event_request` in vain.

    Args:
        bootstrap: a module of that name.
        why: it is in vain, and the mend; follows "... replaced a function in ...".
    """
    replaced_by = getattr(bootstrap.handle_event_request, "__module__", bootstrap.__name__)
    if replaced_by != bootstrap.__name__:
        warn(f"{replaced_by} replaced a function in {bootstrap.__file__}, {why}")
