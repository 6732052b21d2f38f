"""The errors of the Lambda service itself: status, code and body, for calls that ran nothing.

Whether the text is `message` or `Message` depends on the error's shape in the API's model; `boto3` reads the code from
the header. Texts by LocalStack's recordings of the service.
"""

import json

from pylambda.local.service.exchange import Exchange

LONGEST_EVENT_BYTES = 6 * 1024 * 1024
LONGEST_ASYNC_EVENT_BYTES = 1024 * 1024


class Refusal(Exception):
    """Raised when a call is not accepted.

    Args:
        status: the HTTP status.
        code: the error's name, as clients have it.
        body: the document.
        headers: more headers.
    """

    def __init__(self, status: int, code: str, body: dict[str, str], headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.body = body
        self.headers = headers

    async def send(self, exchange: Exchange, request_id: str) -> None:
        """Answer with it."""
        headers = (
            ("Content-Type", "application/json"),
            ("x-amzn-RequestId", request_id),
            ("x-amzn-ErrorType", self.code),
            *self.headers,
        )
        await exchange.reply(self.status, json.dumps(self.body).encode(), headers)


def not_found(arn: str) -> Refusal:
    """The function is unknown."""
    return Refusal(404, "ResourceNotFoundException", {"Type": "User", "Message": f"Function not found: {arn}"})


def not_json(why: str) -> Refusal:
    """The event is no JSON."""
    text = f"Could not parse request body into json: Could not parse payload into json: {why}"
    return Refusal(400, "InvalidRequestContentException", {"Type": "User", "message": text})


def not_valid(message: str) -> Refusal:
    """A name does not fit its pattern."""
    return Refusal(400, "ValidationException", {"message": message})


def bad_parameter(message: str) -> Refusal:
    """A header's value is not one of those that there are."""
    return Refusal(400, "InvalidParameterValueException", {"Type": "User", "message": message})


def too_long(limit: int) -> Refusal:
    """The event is longer than the service takes."""
    text = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return Refusal(413, "RequestTooLargeException", {"Type": "User", "message": text})


def throttled() -> Refusal:
    """As many wait as may. Clients wait as long as they are told and try again."""
    reason = "ConcurrentInvocationLimitExceeded"
    body = {"Reason": reason, "Type": "User", "message": "Rate Exceeded."}
    return Refusal(429, "TooManyRequestsException", body, (("Retry-After", "1"),))


def not_offered(what: str) -> Refusal:
    """An operation of the API that is about more than running a function."""
    text = f"pylambda serve has no {what}; it runs one function. Use an account, or an emulator of all of AWS."
    return Refusal(501, "NotImplementedException", {"Type": "User", "message": text})
