"""The package `awslambdaric` beside this one, which stands in for the official client. Imported by who looks for it.

A function may have the official client itself among its packages, as images did that were built on another base. Its
own wins, as anything of its own does. But nobody runs it: what an integration replaces in there has no effect. So
those who look in `__main__`, as integrations do, get ours, then under a name of its own.
"""

import sys
from importlib import import_module, util

from pylambda.log.sinks import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

NAME = "awslambdaric"
ALIAS = "pylambda_awslambdaric"
BOOTSTRAP = f"{NAME}.bootstrap"


def main_module() -> "ModuleType":
    """Return `awslambdaric.__main__` of ours."""
    folder = f"{__file__.removesuffix('/pylambda/function/client_package.py')}/{NAME}"
    if folder in import_module(NAME).__path__:
        return import_module(f"{NAME}.__main__")
    if ALIAS not in sys.modules:
        load_as(ALIAS, folder)
    return import_module(f"{ALIAS}.__main__")


def load_as(name: str, folder: str) -> None:
    """Load the package in a folder under a name."""
    spec = util.spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])
    assert spec
    assert spec.loader
    sys.modules[name] = util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def warn_of_patches(official: "ModuleType") -> None:
    """Say so where something replaced `handle_event_request` in an official client, which does not run here."""
    if getattr(official.handle_event_request, "__module__", BOOTSTRAP) != BOOTSTRAP:
        warn(
            f"{official.handle_event_request.__module__} replaced a function in {official.__file__}, which is not what "
            "runs: take awslambdaric out of the function's packages, and it has its effect"
        )
