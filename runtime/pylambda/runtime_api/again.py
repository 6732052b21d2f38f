"""A request that the far side hung up on, once more. Imported when the first one is.

A server that restarts a part of itself, or a relay before it, may take a connection and end it without a reply. That
says nothing of the next one. `/next` gives the same event again until it is answered, and an answer that did arrive
the first time is refused with 403, which is a log line: so any request may be sent again. Nobody who listens at all
hangs up for long, so it is tried a few times within a third of a second. Where nobody listens there is no Runtime API
any more, and no sense in asking.
"""

from time import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pylambda.runtime_api.wire import Reply

# Before each attempt after the first on a new connection.
DELAYS_S = 0.01, 0.02, 0.04, 0.08, 0.16


def hung_up(error: Exception) -> bool:
    """Whether the far side took a connection and ended it without a whole reply."""
    return isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError)


def exchange_again(failed: Exception, exchange: "Callable[[], Reply]") -> "Reply":
    """Exchange a request for a reply, after an attempt on a new connection that failed.

    Args:
        failed: how it did.
        exchange: sends the request on another new connection and returns the reply.

    Raises:
        Exception: the last attempt's, or `failed` where the far side did not hang up.
    """
    if not hung_up(failed):
        raise failed
    *delays_s, last_delay_s = DELAYS_S
    for delay_s in delays_s:
        sleep(delay_s)
        try:
            return exchange()
        except ConnectionError as error:
            if not hung_up(error):
                raise
    sleep(last_delay_s)
    return exchange()
