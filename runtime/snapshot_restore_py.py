"""Amazon's package of this name, which Amazon's image carries: the hooks of SnapStart, under the names it gives them.

It lies beside the runtime at the end of the search path, so one that a function brings along is taken instead.

Source: snapshot_restore_py 1.0.0, its four functions and what they return.
"""

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["register_after_restore", "register_before_snapshot"]

Function = TypeVar("Function", bound=Callable[..., Any])
Registered = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

_before_snapshot: list[Registered] = []
_after_restore: list[Registered] = []


def register_before_snapshot(func: Function, *args: Any, **kwargs: Any) -> Function:
    """Have a function called with these arguments before the snapshot, the last one first; return it."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func: Function, *args: Any, **kwargs: Any) -> Function:
    """Have a function called with these arguments after each restore, the first one first; return it."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot() -> list[Registered]:
    """Return the list of what is called before the snapshot, itself."""
    return _before_snapshot


def get_after_restore() -> list[Registered]:
    """Return the list of what is called after a restore, itself."""
    return _after_restore
