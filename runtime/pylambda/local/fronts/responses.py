"""A result as the response that each front makes of it, its own errors included.

A front tells its client little of what went wrong. Each response carries the cause in words, for the screen.
Sources: the recordings of LocalStack and aws-lambda-dotnet of what the services do with odd results.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from pylambda.local.service.outcomes import Outcome
from pylambda.web.events import ALB, ALB_MULTI, HTTP_V1, HTTP_V2, REST, URL, Shape

Headers = list[tuple[str, str]]
REST_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
REMAPPED_IN_REST = ("content-length", "date", "server", "connection", "www-authenticate")
NOT_FOR_THE_CLIENT = ("connection", "content-length", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade")
JSON_TYPE = ("Content-Type", "application/json")
DEFAULT_TYPES = {
    REST: JSON_TYPE,
    URL: JSON_TYPE,
    HTTP_V1: ("Content-Type", "text/plain; charset=utf-8"),
    HTTP_V2: ("Content-Type", "text/plain; charset=utf-8"),
}
ALB_PAGE = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n</body>\r\n</html>\r\n"
FAILURES = {
    REST: (
        502,
        [JSON_TYPE, ("x-amzn-ErrorType", "InternalServerErrorException")],
        b'{"message": "Internal server error"}',
    ),
    HTTP_V1: (500, [JSON_TYPE], b'{"message":"Internal Server Error"}'),
    HTTP_V2: (500, [JSON_TYPE], b'{"message":"Internal Server Error"}'),
    URL: (502, [("Content-Type", "text/plain")], b"Internal Server Error"),
    ALB: (502, [("Content-Type", "text/html")], ALB_PAGE),
    ALB_MULTI: (502, [("Content-Type", "text/html")], ALB_PAGE),
}
# After so long a front gives up, whatever the function's own limit is.
PATIENCE_S = {REST: 29.0, HTTP_V1: 30.0, HTTP_V2: 30.0}
GAVE_UP = {
    REST: (504, [JSON_TYPE], b'{"message": "Endpoint request timed out"}'),
    HTTP_V1: (503, [JSON_TYPE], b'{"message":"Service Unavailable"}'),
    HTTP_V2: (503, [JSON_TYPE], b'{"message":"Service Unavailable"}'),
    URL: (504, [("Content-Type", "text/plain")], b"Gateway Timeout"),
    ALB: (504, [("Content-Type", "text/html")], ALB_PAGE.replace(b"502 Bad Gateway", b"504 Gateway Time-out")),
    ALB_MULTI: (504, [("Content-Type", "text/html")], ALB_PAGE.replace(b"502 Bad Gateway", b"504 Gateway Time-out")),
}
TOO_LONG = {
    REST: b'{"message":"Request Too Long"}',
    HTTP_V1: b'{"message":"Request Entity Too Large"}',
    HTTP_V2: b'{"message":"Request Entity Too Large"}',
    URL: b'{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}',
    ALB: b"",
    ALB_MULTI: b"",
}


class Malformed(Exception):
    """Raised when a front would not take a result; the message says why."""


@dataclass(frozen=True)
class Response:
    """What a client gets; `cause` is what its front would not tell."""

    status: int
    headers: Headers
    body: bytes
    cause: str = ""


def response_of(shape: Shape, outcome: Outcome) -> Response:
    """Return what a front makes of an outcome."""
    if outcome.failed:
        return failure(shape, "the function failed")
    if len(outcome.body) > shape.limit_bytes:
        return failure(shape, f"the result is {len(outcome.body)} bytes long, and the limit is {shape.limit_bytes}")
    try:
        return _rendered(shape, outcome.body)
    except Malformed as why:
        return failure(shape, f"{shape.title} takes no such result: {why}")


def failure(shape: Shape, cause: str) -> Response:
    """Return a front's own error."""
    status, headers, body = FAILURES[shape]
    return Response(status, headers, body, cause)


def _rendered(shape: Shape, body: bytes) -> Response:
    try:
        result = json.loads(body)
    except ValueError:
        if shape is HTTP_V2:  # what streams comes through in one piece, its prelude in front
            return Response(200, [JSON_TYPE], body, "the result is no JSON, and this front does not stream")
        raise Malformed("it is no JSON") from None
    if not isinstance(result, dict) or "statusCode" not in result:
        return _without_status(shape, result, body)
    if shape is REST and (unknown := sorted(set(result) - REST_KEYS)):
        raise Malformed(f"it has {', '.join(unknown)}, which a REST API does not know")
    status = status_of(shape, result["statusCode"])
    headers = headers_of(shape, result)
    text = result.get("body")
    cause = ""
    if text is None:
        text = ""
    elif not isinstance(text, str):
        if shape is not URL:
            raise Malformed(f"body is {kind(text)}, not a string")
        text = json.dumps(text, separators=(",", ":"))
    content = text.encode("utf-8", "surrogatepass")
    if result.get("isBase64Encoded") is True:
        if shape is REST:
            cause = "isBase64Encoded, and no binaryMediaTypes: the client gets the base64 (on AWS add */* to them)"
        else:
            content = decoded(text)
    return Response(status, headers, content, cause)


def _without_status(shape: Shape, result: Any, body: bytes) -> Response:
    if shape in (HTTP_V2, URL):
        content = body if shape is HTTP_V2 else json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode()
        return Response(200, [JSON_TYPE], result.encode() if isinstance(result, str) else content)
    if shape is REST and isinstance(result, dict):
        if unknown := sorted(set(result) - REST_KEYS):
            raise Malformed(f"it has {', '.join(unknown)}, which a REST API does not know")
        return _rendered(shape, json.dumps({"statusCode": 200, **result}).encode())
    raise Malformed("it has no statusCode" if isinstance(result, dict) else f"it is {kind(result)}, not an object")


def status_of(shape: Shape, value: Any) -> int:
    """Return a status that a front sends.

    Raises:
        Malformed: it would not.
    """
    if isinstance(value, str) and value.isdigit() and shape not in (ALB, ALB_MULTI):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= 599:
        raise Malformed(f"statusCode is {value!r}")
    return int(value)


def headers_of(shape: Shape, result: dict[str, Any]) -> Headers:
    """Return the headers that a front sends for a result.

    Raises:
        Malformed: they are not of the kind that it takes.
    """
    pairs: Headers = []
    single = result.get("headers") or {}
    if shape is ALB_MULTI:  # it reads the lists alone
        single = {}
    if not isinstance(single, dict):
        raise Malformed(f"headers is {kind(single)}, not an object")
    pairs += [(name, as_text(value)) for name, value in single.items()]
    if shape in (REST, HTTP_V1, ALB_MULTI):
        pairs += _multi_values(result, pairs)
    if shape in (HTTP_V2, URL):
        pairs += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
    given = {name.lower() for name, _ in pairs}
    if "content-type" not in given and shape in DEFAULT_TYPES:
        pairs.append(DEFAULT_TYPES[shape])
    if shape is REST:
        return [(f"x-amzn-remapped-{n}" if n.lower() in REMAPPED_IN_REST else n, v) for n, v in pairs]
    kept = [(name, value) for name, value in pairs if name.lower() not in NOT_FOR_THE_CLIENT]
    return [(name.title(), value) for name, value in kept] if shape in (HTTP_V1, HTTP_V2) else kept


def _multi_values(result: dict[str, Any], before: Headers) -> Headers:
    pairs: Headers = []
    for name, values in (result.get("multiValueHeaders") or {}).items():
        if not isinstance(values, list):
            raise Malformed(f"multiValueHeaders has {name} as {kind(values)}, not a list")
        pairs += [(name, as_text(value)) for value in values if (name, as_text(value)) not in before]
    return pairs


def as_text(value: Any) -> str:
    """Return a header's value as fronts write it, on one line."""
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(text.splitlines()).strip()


def decoded(text: str) -> bytes:
    """Return what base64 holds.

    Raises:
        Malformed: it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("isBase64Encoded is true and body is no base64") from None


def kind(value: Any) -> str:
    """Return what a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
