"""The moments of an environment's life, put together for a process that serves one invocation at a time.

Made only where there is something to do: the function named a hook, or a variable asks for more.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pylambda.faults import ExitError
from pylambda.function.handler import exit_code
from pylambda.lifecycle import hooks, middleware

if TYPE_CHECKING:
    from pylambda.function.adapt import Adapted
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler


class Life:
    """What happens besides invocations.

    Args:
        runner: gives the event loop, for hooks that are asynchronous.
    """

    def __init__(self, runner: "Callable[[], Runner]") -> None:
        self._runner = runner

    @property
    def around(self) -> "Callable[[Handler, bool], Handler] | None":
        """What puts the handler inside of its middleware; None where there is none."""
        return middleware.around if middleware.MIDDLEWARE else None

    def begin(self, adapted: "Adapted | None") -> None:
        """Run what is to be done in init: the function's hooks, then the handler's own.

        Args:
            adapted: the handler, where it is not a plain one.

        Raises:
            BaseException: what the first hook raises that fails.
            ExitError: it exits.
        """
        try:
            hooks.run(hooks.INIT, self._runner)
            if adapted is not None and adapted.on_init is not None:
                hooks.run((adapted.on_init,), self._runner)
        except (SystemExit, KeyboardInterrupt) as error:
            code = exit_code(error)
            message = f"an on_init hook raised {error!r}: the process exits with code {code}"
            raise ExitError(message, exit_code=code) from error
