"""`after_response`: what runs when the answer has left, and before the next event is asked for.

The list of it is `Current.deferred`, so that the loop, which looks there for each invocation, imports nothing of this
until there is something in it. What is put there is `(function, arguments, keyword arguments)`. A web app's background
tasks go there too.
"""

from pylambda.faults import OutsideInvocation
from pylambda.runtime_api import invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pylambda.function.aio import Runner
    from pylambda.runtime_api.invocation import Current


def after_response(function: "Callable[..., Any]", /, *args: "Any", **kwargs: "Any") -> None:
    """Have a function called once the answer to this invocation has left; the next event is asked for after that.

    Args:
        function: may be `async def`. What it raises is logged, and what was given after it still runs.
        args: what it is given.
        kwargs: what it is given by name.

    Raises:
        OutsideInvocation: no invocation is being served.
        TypeError: it is no function.
    """
    if not callable(function):
        hint = ": give the function and its arguments, do not call it" if hasattr(function, "__await__") else ""
        raise TypeError(f"after_response() takes a function, not {type(function).__name__}{hint}")
    current = invocation.current
    if current.invocation is None:
        raise OutsideInvocation(
            "after_response() was called outside of an invocation", hint="call it in the handler, or below it"
        )
    current.deferred.append((function, args, kwargs))


def run_deferred(current: "Current", runner: "Callable[[], Runner]", log: "Callable[[BaseException], object]") -> None:
    """Call what was deferred, in order, with what is deferred meanwhile.

    Args:
        current: has it.
        runner: gives the event loop; called only where one is needed.
        log: is told of what one raises.

    Raises:
        BaseException: what is no `Exception`, such as SystemExit; what comes after it does not run.
    """
    deferred = current.deferred
    try:
        while deferred:
            function, args, kwargs = deferred.pop(0)
            try:
                result = function(*args, **kwargs)
                if hasattr(result, "__await__"):
                    runner().run(result)
            except Exception as error:
                log(error)
    finally:
        deferred.clear()
