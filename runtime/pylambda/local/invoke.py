"""Send one event to a function, once, with `requests`; the only module that uses it."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import NoReturn
from urllib.parse import SplitResult

import requests

from pylambda.local.answers import DEFAULT_TIMEOUT_S, Answer, InvokeError, NoAnswer, invocation_url
from pylambda.local.service.event_stream import INVOKE_COMPLETE, PAYLOAD_CHUNK, frames

CONNECT_TIMEOUT_S = 5.0
# The beginning and the end of the path differ between the two operations.
STREAM_PATH = (
    "/2015-03-31/functions/function/invocations",
    "/2021-11-15/functions/function/response-streaming-invocations",
)


def send(
    url: str, event: bytes, *, headers: Mapping[str, str] | None = None, timeout: float = DEFAULT_TIMEOUT_S
) -> Answer:
    """Send one event and return the answer.

    Args:
        url: where the function listens, with or without the invocation path.
        event: the body of the request, sent as it is.
        headers: more headers, such as `X-Amz-Client-Context`.
        timeout: seconds to wait for the answer.

    Raises:
        InvokeError: the URL is not one.
        NoAnswer: nobody answered.
    """
    target = invocation_url(url)
    with requests.Session() as session:
        # A proxy that the environment names cannot reach this machine's own loopback.
        session.trust_env = not is_loopback(target)
        try:
            reply = session.post(
                target.geturl(),
                data=event,
                headers={"Content-Type": "application/json", **(headers or {})},
                timeout=(CONNECT_TIMEOUT_S, timeout),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            explain(error, target, timeout)
    return Answer(reply.status_code, {name.lower(): reply.headers[name] for name in reply.headers}, reply.content)


def stream(
    url: str, event: bytes, *, headers: Mapping[str, str], timeout: float, write: Callable[[bytes], None]
) -> tuple[str | None, str]:
    """Send one event and write the response as it comes.

    Args:
        url: where the function listens, with or without the invocation path.
        event: the body of the request.
        headers: more headers.
        timeout: seconds to wait for the next piece.
        write: takes each piece.

    Returns:
        A sentence for a failure, None for success; and the end of the log in base64, where it was asked for.

    Raises:
        InvokeError: the URL is not one, or what answers has no such operation.
        NoAnswer: nobody answered, or the stream broke off.
    """
    target = invocation_url(url)
    target = target._replace(path=target.path.replace(*STREAM_PATH))
    with requests.Session() as session:
        session.trust_env = not is_loopback(target)
        try:
            reply = session.post(
                target.geturl(), data=event, headers=headers, timeout=(CONNECT_TIMEOUT_S, timeout), stream=True
            )
            if reply.status_code != 200:
                raise InvokeError(
                    f"{target.netloc} has no streams (HTTP status {reply.status_code}); `pylambda serve` has"
                )
            for kind, payload in frames(reply.iter_content(None)):
                if kind == PAYLOAD_CHUNK:
                    write(payload)
                elif kind == INVOKE_COMPLETE:
                    end = json.loads(payload)
                    failure = f"{end['ErrorCode']}: {end.get('ErrorDetails', '')}" if "ErrorCode" in end else None
                    return failure, end.get("LogResult", "")
        except requests.RequestException as error:
            explain(error, target, timeout)
    raise NoAnswer(f"the stream from {target.netloc} broke off")


def is_loopback(target: SplitResult) -> bool:
    host = target.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def explain(error: requests.RequestException, target: SplitResult, timeout: float) -> NoReturn:
    """Say in one line what a failed request means here."""
    place = target.netloc.rpartition("@")[2]
    if isinstance(error, requests.ConnectTimeout):
        raise NoAnswer(f"nothing answers at {place} within {CONNECT_TIMEOUT_S:g} seconds") from error
    if isinstance(error, requests.Timeout):
        raise NoAnswer(f"no response from {place} within {timeout:g} seconds; --timeout allows more") from error
    # `requests` has one class for all of these; only the text of what it wraps tells them apart.
    text = str(error)
    if "Connection refused" in text:
        raise NoAnswer(
            f"nothing listens at {place}: start a function first (`docker run -p 8080:8080 IMAGE`, or `make run` in"
            " a checkout), or name another place with --url"
        ) from error
    if "Connection aborted" in text or isinstance(error, requests.exceptions.ChunkedEncodingError):
        raise NoAnswer(
            f"{place} closed the connection without a response; its own output says why"
            " (the emulator dies when two events overlap)"
        ) from error
    raise NoAnswer(f"cannot send to {place}: {error}") from error
