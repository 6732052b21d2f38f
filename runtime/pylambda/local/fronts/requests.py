"""A request as the event that each front makes of it; `web.events` has the table of what lies where.

Sources: the recordings of LocalStack (`tests/aws/services/apigateway`, `lambda_`), aws-lambda-dotnet and hotsock/voker,
and Elastic Load Balancing, "Lambda functions as targets".
"""

import base64
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from pylambda.local.service.variables import ACCOUNT
from pylambda.web.events import ALB, ALB_MULTI, HTTP_V1, HTTP_V2, REST, URL, Shape

API_ID = "local12345"
# API Gateway takes these out; load balancers and function URLs keep the length.
LOST_IN_REST = ("content-length", "connection")
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection")
TEXT_TYPES = ("application/json", "application/javascript", "application/xml")
# The names that REST APIs spell their own way, whatever the client did.
TITLED_IN_REST = ("accept", "accept-encoding", "accept-language", "cookie", "content-type", "host", "user-agent", "via")
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Incoming:
    """What a client sent.

    Attributes:
        path: as it came, encoded.
        query: the same, without the question mark.
        headers: with the client's spelling of names.
        port: where it was received.
        trace_id: of the invocation.
        request_id: the front's own.
    """

    method: str
    path: str
    query: str
    headers: Pairs
    body: bytes
    peer: str
    port: int
    region: str
    trace_id: str
    request_id: str

    def header(self, name: str) -> str:
        """Return a header's last value by its lower-case name, empty where it is absent."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), "")


def event_of(shape: Shape, incoming: Incoming) -> dict[str, Any]:
    """Return the event that a front sends for a request."""
    builders: dict[Shape, Callable[[Incoming], dict[str, Any]]] = {
        REST: rest_event,
        HTTP_V1: http_v1_event,
        HTTP_V2: http_v2_event,
        URL: url_event,
        ALB: alb_event,
        ALB_MULTI: alb_multi_event,
    }
    return builders[shape](incoming)


def rest_event(incoming: Incoming) -> dict[str, Any]:
    """Return the event of a REST API with one `{proxy+}` resource."""
    headers = [
        (name.title() if name.lower() in TITLED_IN_REST else name, value)
        for name, value in forwarded(incoming, str.title)
        if name.lower() not in LOST_IN_REST
    ]
    return {
        "resource": "/{proxy+}" if incoming.path != "/" else "/",
        **_version_1(incoming, headers),
        # As on a domain of one's own: the client's URL, and so the path here, has no stage in it.
        "requestContext": _context_1(incoming, "dev", incoming.path),
        # No media type is binary unless the API says so: what is no UTF-8 is lost here, as it is there.
        "body": incoming.body.decode(errors="replace") if incoming.body else None,
        "isBase64Encoded": False,
    }


def http_v1_event(incoming: Incoming) -> dict[str, Any]:
    """Return the event of an HTTP API with payload version 1.0."""
    headers = [(name.title(), value) for name, value in forwarded(incoming, str.title)]
    text, is_base64 = body_of(incoming)
    context = _context_1(incoming, "$default", unquote(incoming.path))
    return {
        "version": "1.0",
        "resource": "$default",
        **_version_1(incoming, headers),
        "requestContext": {**context, "requestId": short_id(), "resourceId": "$default"},
        "body": text,
        "isBase64Encoded": is_base64,
    }


def http_v2_event(incoming: Incoming) -> dict[str, Any]:
    """Return the event of an HTTP API with payload version 2.0: the path decoded, slashes in a row made one."""
    event = _version_2(incoming, re.sub("//+", "/", unquote(incoming.path)), keep_cookie=False)
    event["requestContext"].update(
        accountId=ACCOUNT, domainName=f"{API_ID}.execute-api.{incoming.region}.amazonaws.com", requestId=short_id()
    )
    return event


def url_event(incoming: Incoming) -> dict[str, Any]:
    """Return the event of a function URL: the path as it came, the cookie header kept beside the list."""
    event = _version_2(incoming, incoming.path, keep_cookie=True)
    event["requestContext"].update(
        accountId="anonymous",
        domainName=f"{API_ID}.lambda-url.{incoming.region}.on.aws",
        requestId=incoming.request_id,
    )
    event["headers"].update({"x-amzn-tls-version": "TLSv1.3", "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256"})
    return event


def alb_event(incoming: Incoming) -> dict[str, Any]:
    """Return the event of a load balancer: nothing is decoded, of repeats the last is kept."""
    group = f"arn:aws:elasticloadbalancing:{incoming.region}:{ACCOUNT}:targetgroup/local/6d0ecf831eec9f09"
    text, is_base64 = body_of(incoming, encodings_are_binary=True)
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": incoming.method,
        "path": incoming.path,
        "queryStringParameters": {
            name: value for name, _, value in (part.partition("=") for part in incoming.query.split("&") if part)
        },
        "headers": {name.lower(): value for name, value in forwarded(incoming, str.lower)},
        "body": text or "",
        "isBase64Encoded": is_base64,
    }


def alb_multi_event(incoming: Incoming) -> dict[str, Any]:
    """Return the event of a load balancer whose target group has multi-value headers: lists in the place of values."""
    event = alb_event(incoming)
    del event["headers"], event["queryStringParameters"]
    query = [(name, value) for name, _, value in (part.partition("=") for part in incoming.query.split("&") if part)]
    headers = [(name.lower(), value) for name, value in forwarded(incoming, str.lower)]
    return {**event, "multiValueQueryStringParameters": lists(query), "multiValueHeaders": lists(headers)}


def body_of(incoming: Incoming, *, encodings_are_binary: bool = False) -> tuple[str | None, bool]:
    """Return the body as events have it, and whether that is base64; None where there is no body.

    Text is what a front knows as text. Forms, and bodies without a type, are not.
    """
    if not incoming.body:
        return None, False
    media_type = incoming.header("content-type").partition(";")[0].strip().lower()
    encoded = encodings_are_binary and incoming.header("content-encoding")
    if not encoded and (media_type.startswith("text/") or media_type in TEXT_TYPES):
        try:
            return incoming.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(incoming.body).decode(), True


def forwarded(incoming: Incoming, spell: Callable[[str], str]) -> Pairs:
    """Return the headers with those that a front adds, and without those of the connection."""
    added = {
        "x-forwarded-for": ", ".join(filter(None, (incoming.header("x-forwarded-for"), incoming.peer))),
        "x-forwarded-port": str(incoming.port),
        "x-forwarded-proto": "http",
        "x-amzn-trace-id": incoming.trace_id.partition(";")[0],
    }
    own = [pair for pair in incoming.headers if pair[0].lower() not in (*added, *HOP_BY_HOP)]
    return own + [(spell(name), value) for name, value in added.items()]


def short_id() -> str:
    """Return an id as API Gateway makes them."""
    return base64.urlsafe_b64encode(os.urandom(11)).decode()


def _version_1(incoming: Incoming, headers: Pairs) -> dict[str, Any]:
    query = parse_qsl(incoming.query, keep_blank_values=True)
    proxy = incoming.path.strip("/")
    return {
        "path": incoming.path,
        "httpMethod": incoming.method,
        "headers": dict(headers),
        "multiValueHeaders": lists(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": lists(query) or None,
        "pathParameters": {"proxy": proxy} if proxy else None,
        "stageVariables": None,
    }


def lists(pairs: Pairs) -> dict[str, list[str]]:
    """Return pairs as lists of values by name."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _context_1(incoming: Incoming, stage: str, path: str) -> dict[str, Any]:
    nobody = (
        *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType"),
        *("cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn"),
    )
    resource = "/{proxy+}" if incoming.path != "/" else "/"
    now = time.time()
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "deploymentId": "local1",
        "domainName": f"{API_ID}.execute-api.{incoming.region}.amazonaws.com",
        "domainPrefix": API_ID,
        "extendedRequestId": short_id(),
        "httpMethod": incoming.method,
        "identity": {
            **dict.fromkeys(nobody),
            "sourceIp": incoming.peer,
            "userAgent": incoming.header("user-agent") or None,
        },
        "path": path,
        "protocol": "HTTP/1.1",
        "requestId": incoming.request_id,
        "requestTime": clf_time(now),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": "local2",
        "resourcePath": resource,
        "stage": stage,
    }


def _version_2(incoming: Incoming, raw_path: str, *, keep_cookie: bool) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for name, value in forwarded(incoming, str.lower):
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    cookies = headers.get("cookie", "")
    if not keep_cookie:
        headers.pop("cookie", None)
    if not keep_cookie:
        headers.setdefault("content-length", str(len(incoming.body)))
    query: dict[str, str] = {}
    for name, value in parse_qsl(incoming.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    text, is_base64 = body_of(incoming)
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": incoming.query,
    }
    if cookies:
        event["cookies"] = cookies.split("; ")
    event["headers"] = headers
    if query:
        event["queryStringParameters"] = query
    event["requestContext"] = {
        "apiId": API_ID,
        "domainPrefix": API_ID,
        "http": {
            "method": incoming.method,
            "path": unquote(incoming.path),
            "protocol": "HTTP/1.1",
            "sourceIp": incoming.peer,
            "userAgent": incoming.header("user-agent"),
        },
        "routeKey": "$default",
        "stage": "$default",
        "time": clf_time(now),
        "timeEpoch": int(now * 1000),
    }
    if text is not None:
        event["body"] = text
    event["isBase64Encoded"] = is_base64
    return event


def clf_time(seconds: float) -> str:
    """Return a time as access logs have it."""
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(seconds))
