"""An event of every front door as the request that an app sees: nothing lost that the front kept, nothing added."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pylambda.faults import InvalidEvent
from pylambda.web.events import SHAPES, shape_of, source_of
from pylambda.web.requests import Request
from tests.web.fronts import ADDRESS, FRONTS, HOSTS, V2, event, paths, without

EVENTS = Path(__file__).parents[1] / "events"
RECORDED = {"alb": "alb", "apigateway-v1": "rest", "apigateway-v2": "v2", "function-url": "url"}
each_front = pytest.mark.parametrize("front", FRONTS)
# What a client sends, and the fronts that let it through as it is; the others are rows of their own.
DECODES_PATH = "v2"


def request(made: dict[str, Any], root_path: str | None = None) -> Request:
    """Read an event."""
    shape = shape_of(made)
    assert shape is not None
    return Request(made, shape, root_path)


def values(seen: Request, name: str) -> list[str]:
    """Return the values of a header, in order."""
    return [value.decode() for key, value in seen.headers if key == name.encode()]


# Recognition (WEB 1)


@each_front
def test_a_front_door_is_recognised(front: str) -> None:
    shape = shape_of(event(front))
    assert shape is not None
    assert shape.name == front


def test_the_fronts_of_the_tests_are_those_of_the_table() -> None:
    assert tuple(shape.name for shape in SHAPES) == FRONTS


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_event_is_recognised(name: str) -> None:
    shape = shape_of(json.loads((EVENTS / f"{name}.json").read_text()))
    assert shape is not None
    assert shape.name == RECORDED[name]


OTHERS: list[tuple[Any, str]] = [
    (json.loads((EVENTS / "sqs.json").read_text()), "it comes from aws:sqs"),
    (json.loads((EVENTS / "sns.json").read_text()), "it comes from aws:sns"),
    (json.loads((EVENTS / "s3.json").read_text()), "it comes from aws:s3"),
    (json.loads((EVENTS / "kinesis.json").read_text()), "it comes from aws:kinesis"),
    (json.loads((EVENTS / "dynamodb-stream.json").read_text()), "it comes from aws:dynamodb"),
    (json.loads((EVENTS / "scheduled.json").read_text()), "it comes from aws.events"),
    ({"version": "1", "triggerSource": "PreSignUp_SignUp"}, "it comes from PreSignUp_SignUp"),
    ({"source": "serverless-plugin-warmup"}, "it comes from serverless-plugin-warmup"),
    ({"warmer": True}, "its keys are warmer"),
    ({"apiPath": "/x", "httpMethod": "GET", "agent": {}}, "its keys are apiPath, httpMethod, agent"),
    ({"version": "2.0", "detail": {}}, "its keys are version, detail"),
    ({"Records": []}, "its keys are Records"),
    ({}, "it is empty"),
    (["a"], "it is of type list"),
    ("text", "it is of type str"),
    (None, "it is of type NoneType"),
]


@pytest.mark.parametrize(("made", "where"), OTHERS, ids=[where for _, where in OTHERS])
def test_what_is_no_http_request_is_known_by_where_it_comes_from(made: Any, where: str) -> None:
    assert shape_of(made) is None
    assert source_of(made) == where


AUTHORIZERS = [
    {"type": "TOKEN", "authorizationToken": "x", "methodArn": "arn:aws:execute-api:..."},
    {**event("rest"), "type": "REQUEST", "methodArn": "arn:aws:execute-api:..."},
    {**event("v2"), "type": "REQUEST", "routeArn": "arn:aws:execute-api:...", "identitySource": ["x"]},
    {**event("v1"), "type": "REQUEST", "identitySource": "x"},
]


@pytest.mark.parametrize("made", AUTHORIZERS, ids=["token", "rest", "v2", "v1"])
def test_an_authorizers_event_is_named_although_it_looks_like_a_request(made: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match="authorizer") as raised:
        shape_of(made)
    assert "module.function" in raised.value.hint


@pytest.mark.parametrize("kind", ["CONNECT", "MESSAGE", "DISCONNECT"])
@pytest.mark.parametrize("extra", [{}, {"path": None, "httpMethod": None}, {"path": "/", "httpMethod": "GET"}])
def test_an_event_of_a_websocket_api_is_named(kind: str, extra: dict[str, Any]) -> None:
    made = {"requestContext": {"connectionId": "L0SM9cOFvHcCIhw=", "eventType": kind, "routeKey": "$default"}, **extra}
    with pytest.raises(InvalidEvent, match=f"{kind} of a WebSocket API"):
        shape_of(made)


# Method, path (WEB 2.1, 2.2)


@each_front
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "OPTIONS", "HEAD"])
def test_the_method_is_the_clients(front: str, method: str) -> None:
    assert request(event(front, method)).method == method


PATHS = {
    # what the client sent: what the app sees
    "/": "/",
    "/orders/A-1": "/orders/A-1",
    "/orders/": "/orders/",
    "/a%20b": "/a b",
    "/50%25%20off": "/50% off",
    "/a%2520b": "/a%20b",
    "/gr%C3%BCn": "/grün",
    "/a+b": "/a+b",
    "/x%2By": "/x+y",
    "/a/%2e%2e/b": "/a/../b",
    "/%F0%9F%8D%B5": "/🍵",
    "/semi;colon=1,2": "/semi;colon=1,2",
}


@each_front
@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_decoded_once(front: str, path: str) -> None:
    seen = request(event(front, path=path))
    assert seen.path == seen.root_path + PATHS[path]


@pytest.mark.parametrize("front", [front for front in FRONTS if front not in (DECODES_PATH, "rest")])
@pytest.mark.parametrize("path", [*PATHS, "/a%2Fb", "/a%3Fb", "//double//slash", "/a%2fb"])
def test_the_path_on_the_wire_is_byte_for_byte_the_clients(front: str, path: str) -> None:
    assert request(event(front, path=path)).raw_path == path


@pytest.mark.parametrize("path", [*PATHS, "/a%2Fb", "//double"])
def test_the_path_on_the_wire_of_a_rest_api_has_the_stage_before_it(path: str) -> None:
    assert request(event("rest", path=path)).raw_path == f"/prod{path}"


def test_an_http_api_has_decoded_the_path_so_it_is_encoded_again_for_the_wire() -> None:
    # `%2F` is lost there: what arrives is a slash.
    seen = request(event("v2", path="/a%2Fb%2520c%20d"))
    assert (seen.path, seen.raw_path) == ("/a/b%20c d", "/a/b%2520c%20d")


@pytest.mark.parametrize("front", ["v1", "rest", "alb"])
def test_a_path_that_came_decoded_after_all_is_not_taken_apart(front: str) -> None:
    seen = request({**event(front), "path": "/grün tee 50% ?#"})
    assert seen.path.endswith("/grün tee 50% ?#")
    assert seen.raw_path.endswith("/gr%C3%BCn%20tee%2050%25%20%3F%23")


# Stage, base path (WEB 2.3)


def gateway(front: str, path: str, seen: str, resource: str = "", **parameters: str) -> dict[str, Any]:
    """Return an API's event in which the path and the client's path are as given."""
    made = event(front, path=path)
    key = "path" if front != "v2" else "rawPath"
    made[key] = path
    made["requestContext"]["path"] = seen
    made["resource"] = resource
    made["requestContext"]["routeKey"] = f"ANY {resource}" if resource else "$default"
    made["pathParameters"] = parameters or None
    return made


ROOTS = [
    # front, event's path, client's path or nothing, resource, parameters, root path, path of the app
    ("rest", "/x", "/prod/x", "/{proxy+}", {"proxy": "x"}, "/prod", "/x"),
    ("rest", "/", "/prod/", "/", {}, "/prod", "/"),
    ("rest", "/", "/prod", "/", {}, "/prod", "/"),
    ("rest", "/x/", "/prod/x/", "/{proxy+}", {"proxy": "x"}, "/prod", "/x/"),
    ("rest", "/x", "/prod//x", "/{proxy+}", {"proxy": "x"}, "/prod", "/x"),
    ("rest", "/a%20b", "/prod/a%20b", "/{proxy+}", {"proxy": "a%20b"}, "/prod", "/a b"),
    ("rest", "/b/x", "/b/x", "/{proxy+}", {"proxy": "x"}, "/b", "/x"),
    ("rest", "/b/x/", "/b/x/", "/{proxy+}", {"proxy": "x"}, "/b", "/x/"),
    ("rest", "/b/items/5", "/b/items/5", "/items/{id}", {"id": "5"}, "/b", "/items/5"),
    ("rest", "/b", "/b", "/", {}, "/b", "/"),
    ("rest", "/v1/b/a%20b", "/v1/b/a%20b", "/{proxy+}", {"proxy": "a%20b"}, "/v1/b", "/a b"),
    ("rest", "/x", "/x", "/{proxy+}", {"proxy": "x"}, "", "/x"),
    ("rest", "/stage/x", "/stage/x", "/{proxy+}", {"proxy": "x"}, "/stage", "/x"),
    ("v1", "/a%20b", "/dev/a b", "$default", {}, "/dev", "/a b"),
    ("v1", "/a%20b", "/a b", "$default", {}, "", "/a b"),
    ("v1", "/b/x", "/b/x", "/{proxy+}", {"proxy": "x"}, "/b", "/x"),
    ("v2", "/key/x y", "", "/{proxy+}", {"proxy": "x y"}, "/key", "/x y"),
    ("v2", "/x", "", "/{proxy+}", {"proxy": "x"}, "", "/x"),
    ("v2", "/x", "", "", {}, "", "/x"),
]


@pytest.mark.parametrize(("front", "path", "seen", "resource", "parameters", "root", "own"), ROOTS)
def test_what_of_the_clients_path_is_not_the_apps_is_the_root_path(
    front: str, path: str, seen: str, resource: str, parameters: dict[str, str], root: str, own: str
) -> None:
    read = request(gateway(front, path, seen, resource, **parameters))
    assert (read.root_path, read.path) == (root, root + own)


def test_the_stage_of_an_http_api_is_the_root_path_on_a_segment_boundary_only() -> None:
    made = event("v2", path="/x", stage="dev")
    assert made["rawPath"] == "/dev/x"
    assert (request(made).root_path, request(made).path) == ("/dev", "/dev/x")
    made["rawPath"] = "/device/x"
    assert (request(made).root_path, request(made).path) == ("", "/device/x")
    made["rawPath"] = "/dev"
    assert (request(made).root_path, request(made).path, request(made).raw_path) == ("/dev", "/dev/", "/dev")


@pytest.mark.parametrize("front", ["url", "alb", "alb-multi", "lattice-v1", "lattice-v2"])
def test_other_front_doors_have_no_root_path(front: str) -> None:
    assert request(event(front, path="/prod/x")).root_path == ""


OVERRIDES = [
    # front, path of the event, stage, what the user says, root path, path
    ("rest", "/x", "prod", "", "", "/x"),
    ("rest", "/x", "prod", "/shop", "/shop", "/shop/x"),
    ("rest", "/shop/x", "prod", "/shop", "/shop", "/shop/x"),
    ("rest", "/shopping", "prod", "/shop", "/shop", "/shop/shopping"),
    ("v2", "/x", "prod", "", "", "/x"),
    ("v2", "/x", "prod", "/prod", "/prod", "/prod/x"),
    ("v2", "/shop/x", "$default", "/shop", "/shop", "/shop/x"),
    ("url", "/shop/x", "", "/shop", "/shop", "/shop/x"),
    ("url", "/x", "", "/shop", "/shop", "/shop/x"),
    ("alb", "/shop/x", "", "/shop", "/shop", "/shop/x"),
    ("alb", "/shop", "", "/shop", "/shop", "/shop/"),
    ("alb-multi", "/apix/y", "", "/api", "/api", "/api/apix/y"),
    ("lattice-v1", "/a/b/x", "", "/a/b", "/a/b", "/a/b/x"),
    ("lattice-v2", "/api/api/x", "", "/api", "/api", "/api/api/x"),
]


@pytest.mark.parametrize(("front", "path", "stage", "said", "root", "seen"), OVERRIDES)
def test_the_user_has_the_last_word_on_the_root_path(
    front: str, path: str, stage: str, said: str, root: str, seen: str
) -> None:
    read = request(event(front, path=path, stage=stage or "$default"), said)
    assert (read.root_path, read.path) == (root, seen)
    assert read.raw_path in (seen, seen.rstrip("/"))


# Query (WEB 2.4)


QUERIES = ["", "a=1", "a=1&b=2", "q=gr%C3%BCn", "a=1&a=2", "space=a%20b", "pct=50%25", "e=", "s=a%2Bb", "u=%E4%B8%AD"]
BYTES = [*QUERIES, "q=a+b", "%2f=%2F", "bad=%FF%FE", "x=%2f&y=a|b", "a[]=1&a[]=2"]


@pytest.mark.parametrize("front", ["v2", "url", "alb-multi", "lattice-v1", "lattice-v2"])
@pytest.mark.parametrize("query", BYTES)
def test_a_query_is_byte_for_byte_the_clients(front: str, query: str) -> None:
    assert request(event(front, query=query)).query == query


@pytest.mark.parametrize("front", V2)
@pytest.mark.parametrize("query", ["flag", "a=1&b=2&a=3", "&&", "a=1;b=2", "=x", "redirect=https://x/?y=z"])
def test_a_raw_query_keeps_even_its_order_and_what_is_no_pair(front: str, query: str) -> None:
    assert request({**event(front), "rawQueryString": query}).query == query


@pytest.mark.parametrize("front", ["rest", "v1"])
@pytest.mark.parametrize(
    "query", ["a=1", "a=1&b=2", "q=gr%C3%BCn", "a=1&a=2", "space=a+b", "pct=50%25", "e=", "s=a%2Bb"]
)
def test_a_query_that_came_decoded_is_encoded_again(front: str, query: str) -> None:
    assert request(event(front, query=query)).query == query


def test_a_single_value_load_balancer_keeps_the_last_of_a_repeated_name() -> None:
    assert request(event("alb", query="a=1&b=%2f&a=2")).query == "a=2&b=%2f"


# Headers and cookies (WEB 2.5)


@each_front
def test_header_names_are_in_lower_case_and_values_as_they_came(front: str) -> None:
    seen = request(event(front, headers=[("X-Custom-Header", "Value, With: Punctuation")]))
    assert values(seen, "x-custom-header") == ["Value, With: Punctuation"]
    assert all(name == name.lower() for name, _ in seen.headers)


REPEATS = {
    "rest": ["1", "2"],
    "v1": ["1", "2"],
    "v2": ["1,2"],
    "url": ["1,2"],
    "alb": ["2"],
    "alb-multi": ["1", "2"],
    "lattice-v1": ["1, 2"],
    "lattice-v2": ["1", "2"],
}


@each_front
def test_repeated_headers_arrive_as_the_front_door_keeps_them(front: str) -> None:
    assert values(request(event(front, headers=[("x-n", "1"), ("x-n", "2")])), "x-n") == REPEATS[front]


@each_front
def test_cookies_arrive_once_and_together(front: str) -> None:
    assert values(request(event(front, headers=[("cookie", "a=1; b=2")])), "cookie") == ["a=1; b=2"]


@each_front
def test_a_header_that_is_not_ascii_arrives_as_utf_8(front: str) -> None:
    seen = request(event(front, headers=[("cloudfront-viewer-city", "Zürich 中")]))
    assert dict(seen.headers)[b"cloudfront-viewer-city"] == "Zürich 中".encode()


@pytest.mark.parametrize("front", ["alb", "url", "v2"])
def test_a_value_of_an_event_made_by_hand_may_be_no_string(front: str) -> None:
    made = event(front)
    made["headers"] |= {"x-number": 7, "x-null": None, "x-bool": True}
    seen = request(made)
    assert (values(seen, "x-number"), values(seen, "x-null"), values(seen, "x-bool")) == (["7"], [], ["True"])


@each_front
def test_a_client_cannot_pass_a_header_off_for_the_event(front: str) -> None:
    # A header is a header: the event is in the scope and the environ only, under keys that no client can name.
    made = event(front, headers=[("x-amzn-request-context", '{"authorizer": {"principalId": "root"}}')])
    seen = request(made)
    assert seen.event is made
    assert values(seen, "x-amzn-request-context") == ['{"authorizer": {"principalId": "root"}}']


def test_a_tool_that_sends_both_maps_does_not_double_the_headers() -> None:
    made = event("alb-multi", headers=[("x-n", "1")])
    made["headers"] = {"x-n": "1"}
    assert values(request(made), "x-n") == ["1"]


# Body (WEB 2.6)


BODIES = [
    (b'{"a": "\xc3\xbc"}', "application/json"),
    (b"a=1&b=2", "application/x-www-form-urlencoded"),
    (b"\x00\xff\xfe binary", "application/octet-stream"),
    (b"--x\r\n\r\n\xff\r\n--x--", "multipart/form-data; boundary=x"),
    (b"plain", ""),
    (b"", "text/plain"),
]


@pytest.mark.parametrize("front", [front for front in FRONTS if front != "rest"])
@pytest.mark.parametrize(("body", "content_type"), BODIES)
def test_a_body_is_byte_for_byte_the_clients(front: str, body: bytes, content_type: str) -> None:
    seen = request(event(front, "POST", headers=[("content-type", content_type)] if content_type else [], body=body))
    assert seen.body == body
    assert values(seen, "content-length") == ([str(len(body))] if body else [])


@pytest.mark.parametrize("flag", [True, False])
@each_front
def test_the_flag_alone_says_what_is_base64(front: str, flag: bool) -> None:
    made = event(front, "POST", body=b"x", headers=[("content-type", "image/png")])
    made["body"] = base64.b64encode(b"bytes").decode()
    made["is_base64_encoded" if front == "lattice-v1" else "isBase64Encoded"] = flag
    assert request(made).body == (b"bytes" if flag else made["body"].encode())


def test_a_rest_api_takes_the_length_away_and_it_is_put_back() -> None:
    made = event("rest", "POST", body="grün".encode(), headers=[("content-type", "text/plain")])
    assert "Content-Length" not in made["headers"]
    assert values(request(made), "content-length") == ["5"]


def test_a_length_that_is_not_the_bodys_is_put_right() -> None:
    made = event("v2", "POST", body=b"four", headers=[("content-type", "text/plain")])
    made["body"] = "longer"
    assert values(request(made), "content-length") == ["6"]


def test_a_body_that_is_said_to_be_base64_and_is_not_is_a_fault_that_says_so() -> None:
    made = event("url", "POST", body=b"\xff")
    made["body"] = "no base64"
    with pytest.raises(InvalidEvent, match="base64") as raised:
        request(made)
    assert "isBase64Encoded" in raised.value.hint


# Addresses (WEB 2.7)


@each_front
def test_the_clients_address_is_the_front_doors_word(front: str) -> None:
    assert request(event(front)).client == (ADDRESS, 0)


@pytest.mark.parametrize("front", ["alb", "alb-multi", "lattice-v1", "lattice-v2"])
@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("1.1.1.1, 2.2.2.2", ("2.2.2.2", 0)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("9.9.9.9, [2001:db8::1]:4711", ("2001:db8::1", 4711)),
        ("1.1.1.1:4711", ("1.1.1.1", 4711)),
    ],
)
def test_of_many_addresses_the_last_is_what_the_front_door_saw(
    front: str, forwarded: str, client: tuple[str, int]
) -> None:
    made = event(front)
    if front == "alb-multi":
        made["multiValueHeaders"]["x-forwarded-for"] = [forwarded]
    else:
        made["headers"]["x-forwarded-for"] = forwarded
    assert request(made).client == client


@each_front
def test_the_server_is_the_host_and_the_scheme_what_the_client_spoke(front: str) -> None:
    seen = request(event(front))
    assert (seen.server, seen.scheme, seen.http_version) == ((HOSTS[front], 443), "https", "1.1")


SERVERS = [
    # headers, server, scheme
    ({"host": "example.com", "x-forwarded-proto": "http"}, ("example.com", 80), "http"),
    ({"host": "example.com", "x-forwarded-proto": "http", "x-forwarded-port": "8080"}, ("example.com", 8080), "http"),
    ({"host": "example.com:8443", "x-forwarded-port": "443"}, ("example.com", 8443), "https"),
    ({"host": "example.com:65536", "x-forwarded-port": "8443"}, ("example.com", 8443), "https"),
    ({"host": f"example.com:{'9' * 5000}"}, ("example.com", 443), "https"),
    ({"host": "example.com", "x-forwarded-port": "70000"}, ("example.com", 443), "https"),
    ({"host": "[::1]:8080"}, ("::1", 8080), "https"),
    ({"host": "[::1]"}, ("::1", 443), "https"),
    ({"host": "example.com", "x-forwarded-proto": "https,http"}, ("example.com", 443), "https"),
    ({"host": "example.com", "x-forwarded-proto": "gopher"}, ("example.com", 443), "https"),
    ({"user-agent": "ELB-HealthChecker/2.0"}, None, "https"),
]


@pytest.mark.parametrize(("headers", "server", "scheme"), SERVERS)
def test_the_server_is_read_off_the_host(headers: dict[str, str], server: Any, scheme: str) -> None:
    seen = request({**event("alb"), "headers": headers})
    assert (seen.server, seen.scheme) == (server, scheme)


@pytest.mark.parametrize(
    ("said", "version"), [("HTTP/1.1", "1.1"), ("HTTP/2.0", "2"), ("HTTP/1.0", "1.0"), (None, "1.1")]
)
def test_the_http_version_is_the_clients(said: str | None, version: str) -> None:
    made = event("v2")
    made["requestContext"]["http"]["protocol"] = said
    assert request(made).http_version == version


# What may be missing (WEB 1, W35)


ESSENTIAL: dict[str, set[tuple[str, ...]]] = {
    "rest": {("path",), ("httpMethod",)},
    "v1": {("path",), ("httpMethod",)},
    "v2": {("requestContext",), ("requestContext", "http"), ("version",)},
    "url": {("requestContext",), ("requestContext", "http"), ("version",)},
    "alb": {("path",), ("httpMethod",)},
    "alb-multi": {("path",), ("httpMethod",)},
    "lattice-v1": {("raw_path",), ("method",)},
    "lattice-v2": {("requestContext",), ("version",), ("path",)},
}
FULL = {
    front: event(
        front, "POST", "/x", "a=1", [("cookie", "a=1"), ("content-type", "text/plain")], b"text"
    )
    for front in FRONTS
}  # fmt: skip


@pytest.mark.parametrize("null", [False, True], ids=["missing", "null"])
@pytest.mark.parametrize(
    ("front", "path"),
    [(front, path) for front in FRONTS for path in paths(FULL[front]) if path not in ESSENTIAL[front]],
    ids=lambda value: value if isinstance(value, str) else ".".join(value),
)
def test_whatever_else_is_missing_a_request_is_a_request(front: str, path: tuple[str, ...], null: bool) -> None:
    seen = request(without(FULL[front], path, null=null))
    assert seen.method in ("POST", "GET")
    assert seen.path.startswith("/")
    assert seen.body in (b"text", b"")


@pytest.mark.parametrize("front", FRONTS)
def test_an_event_with_nothing_but_its_essentials_is_a_request(front: str) -> None:
    made = {key: value for key, value in FULL[front].items() if any(path[0] == key for path in ESSENTIAL[front])}
    seen = request(made)
    assert (seen.path, seen.headers, seen.body) == ("/x", [], b"")
