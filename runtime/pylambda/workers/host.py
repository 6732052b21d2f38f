"""What this room needs of `main`, which composes the parts and stands above it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from pylambda.function.adapt import Adapted
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler
    from pylambda.lifecycle.life import Life
    from pylambda.log.failures import Failure
    from pylambda.log.sinks import Sink
    from pylambda.loop import Loop
    from pylambda.runtime_api.client import RuntimeApi
    from pylambda.runtime_api.invocation import Current, InvocationSource
    from pylambda.start.environment import Variables
    from pylambda.start.settings import Settings


class Host(Protocol):
    """The parts of a process; `main.Runtime` is it, and says more of each."""

    settings: "Settings"
    current: "Current"
    sink: "Sink"
    api: "RuntimeApi"
    kept: Any

    def runner(self) -> "Runner":
        """Return what has the event loop."""

    def log(self, error: BaseException, request_id: str = "") -> "Failure":
        """Log a failure and return the report on it."""

    def exit(self, code: int) -> NoReturn:
        """End the process at once."""

    def prepare(
        self, load_handler: "Callable[[], Handler]", life: "Life | None"
    ) -> "tuple[Handler, Adapted | None, Life | None]":
        """Load the handler and run what is to be done in init."""

    def timed(self, api: "InvocationSource") -> "InvocationSource":
        """Return the Runtime API with a clock beside it, where that is asked for."""

    def loop(
        self, api: "InvocationSource", handler: "Handler", adapted: "Adapted | None", environ: "Variables"
    ) -> "Loop":
        """Return what serves a handler."""

    def fail_init(self, error: BaseException) -> int:
        """Tell the platform that init failed; return the exit code."""
