"""Modules of the standard library that would tell a function how this runtime was started, and are kept from it.

Imported when one of them is. Amazon's runtime starts the interpreter without options, and has some modules loaded
before a function's.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# `bootstrap`'s: with -P and -S a child would find neither what lies in its working directory nor what is installed.
OPTIONS = ("-P", "-S")


def hand_no_options_down() -> None:
    """Let children be started as if this interpreter had been started without options.

    `multiprocessing`, `concurrent.futures` and `loky` ask `subprocess` with which ones they should be.
    """
    subprocess = sys.modules["subprocess"]
    as_started: Callable[[], list[str]] = subprocess._args_from_interpreter_flags

    def args_from_interpreter_flags() -> list[str]:
        return [option for option in as_started() if option not in OPTIONS]

    subprocess._args_from_interpreter_flags = args_from_interpreter_flags  # type: ignore[attr-defined]


def find_late(package: str, name: str) -> None:
    """Let a module of a package be found as its attribute before anybody has imported it."""
    module = sys.modules[package]
    otherwise: Callable[[str], object] | None = getattr(module, "__getattr__", None)

    def find(wanted: str) -> object:
        if wanted == name:
            __import__(f"{package}.{name}")
            return sys.modules[f"{package}.{name}"]
        if otherwise is not None:
            return otherwise(wanted)
        raise AttributeError(f"module {package!r} has no attribute {wanted!r}")

    module.__getattr__ = find  # type: ignore[method-assign]


MENDS: "dict[str, Callable[[], None]]" = {
    "subprocess": hand_no_options_down,
    # What the official client has loaded of a package beyond the package itself, from 3.12 on.
    "concurrent": lambda: find_late("concurrent", "futures"),
    "concurrent.futures": lambda: find_late("concurrent.futures", "thread"),
}
