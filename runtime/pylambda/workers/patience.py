"""What to do when the platform is away: where several invocations are served, one failed `/next` is no reason to end.

The official client's worker asks five times and dies; Node's asks twenty times, up to 90 s long. As the latter does,
and with 403 and 410 too: they are about one connection's order of requests, not about the environment. 500 is the
platform's word for "exit".

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; awslambdaric 4.2.2 `lambda_runtime_client.py`;
the Node runtime interface client 4.0.
"""

from collections.abc import Callable

from pylambda.faults import Fault, TransportError, UnexpectedStatus

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
ATTEMPTS = 20
CONTAINER_ERROR = 500


class Patience:
    """How long to wait before the next attempt, and when to give up.

    Args:
        warn: takes one line when the waiting begins, and one when it is over.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._failures = 0

    def delay_s(self, fault: Fault) -> float:
        """Return how long to wait after an attempt that failed.

        Raises:
            Fault: `fault`, where there is nothing to wait for.
        """
        is_final = isinstance(fault, UnexpectedStatus) and fault.status == CONTAINER_ERROR
        self._failures += 1
        if is_final or not isinstance(fault, (TransportError, UnexpectedStatus)) or self._failures >= ATTEMPTS:
            raise fault
        if self._failures == 1:
            self._warn(f"the next event is asked for again until there is one: {fault.message}")
        return min(LONGEST_DELAY_S, FIRST_DELAY_S * float(2 ** (self._failures - 1)))

    def rewarded(self) -> None:
        """Note that there was an event."""
        if self._failures:
            self._failures = 0
            self._warn("the Runtime API gives events again")
