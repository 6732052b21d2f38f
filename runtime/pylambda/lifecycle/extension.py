"""The extension that does nothing: the platform sends SIGTERM only where one is registered, and kills otherwise.

It asks for no event, so the one request for the next event is never answered. Nobody has to wait for that: the request
is sent, and the connection is kept. So no thread is needed, and the process can be forked.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html; Amazon's Go library and the Rust
runtime do the same for the same purpose.
"""

from pylambda import names
from pylambda.faults import ApiFault
from pylambda.runtime_api.client import RuntimeApi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pylambda.runtime_api.connection import Connection

NAME = "pylambda-shutdown"


def register(endpoint: str, warn: "Callable[[str], None]") -> "Connection | None":
    """Register the extension; to be done before the first `/next`, once in an environment.

    Args:
        endpoint: of the Runtime API.
        warn: takes one line where that is refused.

    Returns:
        What has to be kept for as long as the environment lives; None where it was refused.
    """
    api = RuntimeApi(endpoint, warn)
    headers = f"{names.SEND_CONTENT_TYPE}: {names.JSON}\r\n{names.SEND_EXTENSION_NAME}: {NAME}\r\n"
    try:
        reply = api.ask("POST", names.REGISTER_EXTENSION_PATH, headers, b'{"events":[]}', expected=200)
        own_id = reply.template.headers.get(names.EXTENSION_ID, "")
        api.connection.begin(api.get_head(names.NEXT_EXTENSION_EVENT_PATH, f"{names.SEND_EXTENSION_ID}: {own_id}\r\n"))
        return api.connection
    except ApiFault as fault:
        warn(f"the platform will send no SIGTERM, so what is to be done then may not be: {fault.message}")
        return None
