"""What each front door makes of one request: the events that the tests of web apps are given.

Written from what was recorded on AWS (see `web/events.py` for the sources), not from our table: it is the other side.
A front door loses what it loses in life: a REST API decodes the query, an HTTP API the path, a single-value load
balancer all but the last of a repeated header.
"""

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

Pairs = Sequence[tuple[str, str]]

FRONTS = ("rest", "v1", "v2", "url", "alb", "alb-multi", "lattice-v1", "lattice-v2")
GATEWAY = ("rest", "v1", "v2")
V2 = ("v2", "url")
ADDRESS = "192.0.2.7"
HOSTS = {
    "rest": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
    "v1": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
    "v2": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
    "url": "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws",
    "alb": "shop-1234567890.eu-central-1.elb.amazonaws.com",
    "alb-multi": "shop-1234567890.eu-central-1.elb.amazonaws.com",
    "lattice-v1": "shop-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-central-1.on.aws",
    "lattice-v2": "shop-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-central-1.on.aws",
}
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")


def event(
    front: str,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: Pairs = (),
    body: bytes = b"",
    stage: str = "$default",
) -> dict[str, Any]:
    """Return the event of a request.

    Args:
        front: one of `FRONTS`.
        method: of the request.
        path: as the client sent it, without the stage.
        query: as the client sent it.
        headers: as the client sent them; `host` and what the front door adds are there already.
        body: as the client sent it.
        stage: of an API; REST APIs have no default one, and get `prod`.
    """
    if front == "rest" and stage == "$default":
        stage = "prod"
    sent = [*_own_headers(front), *((name.lower(), value) for name, value in headers)]
    if body and front != "rest":
        sent.append(("content-length", str(len(body))))
    text, is_base64 = _body(front, body, dict(sent))
    make = {
        "rest": _rest,
        "v1": _v1,
        "v2": _v2,
        "url": _url,
        "alb": _alb,
        "alb-multi": _alb_multi,
        "lattice-v1": _lattice_v1,
        "lattice-v2": _lattice_v2,
    }[front]
    return make(method, path, query, sent, text, is_base64, stage)


def _own_headers(front: str) -> list[tuple[str, str]]:
    return [
        ("host", HOSTS[front]),
        ("x-forwarded-for", ADDRESS),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
    ]


def _body(front: str, body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
    is_text = headers.get("content-type", "").startswith(TEXT_TYPES) and "content-encoding" not in headers
    if front == "rest":  # without binaryMediaTypes all is text, and what is none is mangled
        return body.decode(errors="replace"), False
    return (body.decode(), False) if is_text else (base64.b64encode(body).decode(), bool(body))


def _lists(pairs: Pairs) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


def _title(pairs: Pairs) -> Pairs:
    return [(name.title(), value) for name, value in pairs]


def _rest(
    method: str, path: str, query: str, headers: Pairs, body: str, is_base64: bool, stage: str
) -> dict[str, Any]:  # fmt: skip
    pairs = parse_qsl(query, keep_blank_values=True)
    titled = _title([pair for pair in headers if pair[0] not in ("content-length", "connection")])
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(titled),
        "multiValueHeaders": _lists(titled),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _lists(pairs) or None,
        "pathParameters": {"proxy": path.strip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "authorizer": None,
            "domainName": HOSTS["rest"],
            "httpMethod": method,
            "identity": {"sourceIp": ADDRESS, "userAgent": "curl/8.9.1", "user": None},
            "path": f"/{stage}{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "resourcePath": "/{proxy+}",
            "stage": stage,
        },
        "body": body or None,
        "isBase64Encoded": is_base64,
    }


def _v1(
    method: str, path: str, query: str, headers: Pairs, body: str, is_base64: bool, stage: str
) -> dict[str, Any]:  # fmt: skip
    made = _rest(method, path, query, [], body, is_base64, stage)
    titled = _title(headers)
    prefix = "" if stage == "$default" else f"/{stage}"
    return made | {
        "version": "1.0",
        "resource": "$default",
        "pathParameters": None,
        "headers": dict(titled),
        "multiValueHeaders": _lists(titled),
        # Decoded here, and encoded in `path`: so it was recorded.
        "requestContext": made["requestContext"] | {"path": prefix + unquote(path), "resourcePath": "$default"},
    }


def _v2(
    method: str, path: str, query: str, headers: Pairs, body: str, is_base64: bool, stage: str
) -> dict[str, Any]:  # fmt: skip
    made = _url(method, path, query, headers, body, is_base64, stage)
    made["headers"].pop("cookie", None)
    prefix = "" if stage == "$default" else f"/{stage}"
    made["rawPath"] = prefix + unquote(path)
    made["requestContext"] |= {"accountId": "123456789012", "domainName": HOSTS["v2"], "stage": stage}
    made["requestContext"]["http"]["path"] = made["rawPath"]
    return made


def _url(
    method: str, path: str, query: str, headers: Pairs, body: str, is_base64: bool, stage: str
) -> dict[str, Any]:  # fmt: skip
    cookies = [cookie for name, value in headers if name == "cookie" for cookie in value.split("; ")]
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name: ",".join(values) for name, values in _lists(headers).items()},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghijklmnopqrstuvwxyz012345",
            "domainName": HOSTS["url"],
            "http": {
                "method": method,
                "path": unquote(path),
                "protocol": "HTTP/1.1",
                "sourceIp": ADDRESS,
                "userAgent": "curl/8.9.1",
            },
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2026:19:04:11 +0000",
            "timeEpoch": 1773342251000,
        },
        "isBase64Encoded": is_base64,
    }
    if query:
        made["queryStringParameters"] = {
            name: ",".join(values) for name, values in _lists(parse_qsl(query, keep_blank_values=True)).items()
        }
    if cookies:
        made["headers"]["cookie"] = "; ".join(cookies)
        made["cookies"] = cookies
    if body:
        made["body"] = body
    return made


def _undecoded(query: str) -> Pairs:
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]


def _alb(
    method: str, path: str, query: str, headers: Pairs, body: str, is_base64: bool, stage: str
) -> dict[str, Any]:  # fmt: skip
    target = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop/49e9d65c45c6791a"
    return {
        "requestContext": {"elb": {"targetGroupArn": target}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": dict(_undecoded(query)),
        "headers": dict(headers),
        "body": body,
        "isBase64Encoded": is_base64,
    }


def _alb_multi(
    method: str, path: str, query: str, headers: Pairs, body: str, is_base64: bool, stage: str
) -> dict[str, Any]:  # fmt: skip
    made = _alb(method, path, query, headers, body, is_base64, stage)
    del made["headers"], made["queryStringParameters"]
    return made | {
        "multiValueHeaders": _lists(headers),
        "multiValueQueryStringParameters": _lists(_undecoded(query)),
    }


def _lattice_v1(
    method: str, path: str, query: str, headers: Pairs, body: str, is_base64: bool, stage: str
) -> dict[str, Any]:  # fmt: skip
    return {
        "raw_path": path + (f"?{query}" if query else ""),
        "method": method,
        "headers": {name: ", ".join(values) for name, values in _lists(headers).items()},
        "query_string_parameters": dict(_undecoded(query)),
        "body": body,
        "is_base64_encoded": is_base64,
    }


def _lattice_v2(
    method: str, path: str, query: str, headers: Pairs, body: str, is_base64: bool, stage: str
) -> dict[str, Any]:  # fmt: skip
    arn = "arn:aws:vpc-lattice:eu-central-1:123456789012"
    return {
        "version": "2.0",
        "path": path,
        "method": method,
        "headers": _lists(headers),
        "queryStringParameters": _lists(_undecoded(query)),
        "requestContext": {
            "serviceNetworkArn": f"{arn}:servicenetwork/sn-0bf3f2882e9cc805a",
            "serviceArn": f"{arn}:service/svc-0a40eebed65f8d69c",
            "targetGroupArn": f"{arn}:targetgroup/tg-6d0ecf831eec9f09",
            "identity": {"sourceVpcArn": "arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-0b8276c84697e7339"},
            "region": "eu-central-1",
            "timeEpoch": "1773342251000000",
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }


def without(made: dict[str, Any], path: tuple[str, ...], *, null: bool) -> dict[str, Any]:
    """Return an event in which what lies at `path` is missing, or null."""
    head, *rest = path
    copy = dict(made)
    if rest:
        copy[head] = without(copy[head], tuple(rest), null=null)
    elif null:
        copy[head] = None
    else:
        copy.pop(head)
    return copy


def paths(made: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return where everything lies in an event that could be missing, outer members and inner ones."""
    found: list[tuple[str, ...]] = []
    for key, value in made.items():
        found.append((key,))
        if isinstance(value, dict):
            found += [(key, *path) for path in paths(value)]
    return found
