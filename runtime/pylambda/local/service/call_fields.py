"""What a request to invoke says of the call, in its fields and its body; and what of that the service refuses."""

import base64
import binascii
import json
import re
from typing import NoReturn, Protocol

from pylambda.local.service import refusals
from pylambda.local.service.exchange import BodyTooLong, Exchange
from pylambda.local.service.invocation import Call

LONGEST_CLIENT_CONTEXT_BYTES = 3583
_TENANT = r"[a-zA-Z0-9 ._:/=+\-@]{1,256}"


class Fields(Protocol):
    """The header fields of a request."""

    def header(self, name: str) -> str: ...


def call_of(fields: Fields, arn: str, version: str, request_id: str, payload: bytes) -> Call:
    """Return what a caller asks for.

    Args:
        fields: the request's.
        arn: the name under which the function is called.
        version: the one that runs.
        request_id: the call's.
        payload: the event; none is an empty object.

    Raises:
        Refusal: the service would not take it.
    """
    if payload:
        check_json(payload)
    tenant = fields.header("x-amz-tenant-id")
    if tenant and not re.fullmatch(_TENANT, tenant):
        raise refusals.bad_parameter("X-Amz-Tenant-Id takes 1 to 256 letters, digits, spaces and . _ : / = + - @")
    return Call(
        payload or b"{}",
        "",
        arn,
        version,
        client_context=client_context(fields.header("x-amz-client-context")),
        tenant_id=tenant,
        trace_id=fields.header("x-amzn-trace-id"),
        request_id=request_id,
        tail=fields.header("x-amz-log-type") == "Tail",
    )


async def whole(exchange: Exchange, longest: int) -> bytes:
    """Return the event of a call.

    Raises:
        Refusal: it is too long.
    """
    try:
        return await exchange.body(longest)
    except BodyTooLong:
        raise refusals.too_long(longest) from None


def check_json(payload: bytes) -> None:
    """Refuse an event that is no JSON.

    Raises:
        Refusal: it is none, and why.
    """
    try:
        json.loads(payload, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise refusals.not_json(str(error)) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"Non-standard token '{name}'")


def client_context(header: str) -> str:
    """Return a client context decoded, on one line; empty where there is none.

    Raises:
        Refusal: it is too long, no base64, or no JSON.
    """
    if not header:
        return ""
    if len(header) > LONGEST_CLIENT_CONTEXT_BYTES:
        raise refusals.bad_parameter(f"Client context must be at most {LONGEST_CLIENT_CONTEXT_BYTES} bytes of base64")
    try:
        return json.dumps(json.loads(base64.b64decode(header, validate=True)))
    except (binascii.Error, ValueError):
        raise refusals.bad_parameter("Client context must be a valid Base64-encoded JSON object.") from None
