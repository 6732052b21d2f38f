"""Functions around the handler: `middleware(event, context, call_next)`, the one registered first outermost.

Sync ones go around a sync handler, async ones around an async one. The other two ways would need a second event loop,
or would hold the one there is, so they are refused when the function is loaded.

What `call_next` gives is what the handler returns, before it is encoded: a generator's is the generator.
"""

from pylambda.faults import InvalidHook
from pylambda.lifecycle.hooks import refuse_unless_called_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from pylambda.function.handler import Handler

    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

MIDDLEWARE: "list[Callable[..., Any]]" = []


def middleware(function: "Decorated") -> "Decorated":
    """Put a function around the handler, inside those that were registered before.

    Args:
        function: takes event, context and `call_next(event, context)`, and returns the result; `async def` where the
            handler is.

    Raises:
        InvalidHook: it cannot be called with these three.
    """
    refuse_unless_called_with(function, ("event", "context", "call_next"), "middleware")
    MIDDLEWARE.append(function)
    return function


def around(handler: "Handler", is_async: bool) -> "Handler":
    """Return a handler inside of all middleware; itself where there is none.

    Args:
        handler: takes event and context.
        is_async: whether what it returns is awaited, or is an asynchronous generator.

    Raises:
        InvalidHook: middleware and handler are not of one kind.
    """
    from pylambda.function.adapt import ASYNC_CODE, code_flags  # late: a function with other hooks may be a plain one

    for function in MIDDLEWARE:
        if bool(code_flags(function) & ASYNC_CODE) != is_async:
            raise _mixed(function, handler, is_async=is_async)
    if MIDDLEWARE and is_async:
        handler = _awaiting(handler)
    for function in reversed(MIDDLEWARE):
        handler = _link(function, handler)
    return handler


def _link(function: "Callable[..., Any]", call_next: "Handler") -> "Handler":
    return lambda event, context: function(event, context, call_next)


def _awaiting(handler: "Handler") -> "Handler":
    """Return what can always be awaited: an asynchronous generator, say, cannot."""

    async def call(event: "Any", context: "Any") -> "Any":
        result = handler(event, context)
        return await result if hasattr(result, "__await__") else result

    return call


def _mixed(function: "Callable[..., Any]", handler: "Handler", *, is_async: bool) -> InvalidHook:
    mine, its = ("not async", "async") if is_async else ("async", "not")
    name = getattr(function, "__qualname__", None) or repr(function)
    return InvalidHook(
        f"the middleware {name} is {mine}, and the handler {getattr(handler, '__qualname__', repr(handler))} is {its}",
        hint="make the middleware `async def`, and await call_next" if is_async else "make the handler `async def` too",
        stack=(),
    )
