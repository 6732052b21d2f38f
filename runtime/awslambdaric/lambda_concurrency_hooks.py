"""What is run once in the parent before worker processes are forked; the runtime runs it, this keeps it.

Source: the official client's main branch; 4.2.2 has no such module.
"""

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["register_pre_fork"]

Hook = TypeVar("Hook", bound=Callable[..., Any])

_pre_fork_registry: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []


def register_pre_fork(func: Hook) -> Hook:
    """Register a function to be called once in the parent, before workers are forked; return it."""
    _pre_fork_registry.append((func, (), {}))
    return func


def get_pre_fork() -> list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
    """Return what was registered, in order: function, arguments, keyword arguments."""
    return _pre_fork_registry
