"""The page at `/_pylambda/`: one file without a build step, and the little that it asks of the service.

Events are sent to the Invoke API itself, as any client sends them. What is here tells of the service, so a page of
another origin must not read it: a foreign `Host`, as after DNS rebinding, and a foreign `Origin` are refused.
"""

import ipaddress
import json
from collections.abc import Callable
from typing import Any

from pylambda.local import file_beside, samples
from pylambda.local.serve_options import PAGE
from pylambda.local.service.exchange import Exchange

LOCAL_NAMES = ("localhost", "host.docker.internal")
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:"
JSON_HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))


class Page:
    """Answers what begins with `PAGE`.

    Args:
        state: returns what there is to tell of the service.
    """

    def __init__(self, state: Callable[[], dict[str, Any]]) -> None:
        self._state = state

    async def answer(self, exchange: Exchange, path: str) -> None:
        """Answer one request."""
        host, origin = exchange.header("host"), exchange.header("origin")
        if not is_local(host) or (origin and origin != f"http://{host}"):
            await exchange.reply(403, b"This page is for the machine that it runs on.\n")
        elif exchange.method != "GET":
            await exchange.reply(405, b"", [("Allow", "GET")])
        elif path == PAGE:
            await exchange.reply(308, b"", [("Location", f"{PAGE}/")])
        elif path == f"{PAGE}/":
            headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", POLICY)]
            await exchange.reply(200, file_beside(__name__, "page.html"), [*headers, ("Cache-Control", "no-store")])
        elif path == f"{PAGE}/state":
            await exchange.reply(200, json.dumps(self._state()).encode(), JSON_HEADERS)
        elif path.startswith(f"{PAGE}/events/"):
            await self._sample(exchange, path.removeprefix(f"{PAGE}/events/"))
        else:
            await exchange.reply(404, b"There is nothing here.\n")

    async def _sample(self, exchange: Exchange, shape: str) -> None:
        try:
            event = samples.sample(shape)
        except samples.SampleError as error:
            await exchange.reply(404, f"{error}\n".encode())
            return
        await exchange.reply(200, json.dumps(event, indent=2, ensure_ascii=False).encode(), JSON_HEADERS)


def is_local(host: str) -> bool:
    """Return whether a `Host` is a name of this machine or an address: a domain may have been pointed here."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]").lower()
    if name in LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
