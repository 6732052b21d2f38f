"""What an app answers as the result that each front door takes, from ASGI and from WSGI alike."""

import base64
import gzip
import json
from itertools import islice
from typing import Any

import pytest

from pylambda.faults import EventRefused, InvalidEvent
from pylambda.payload import codec
from pylambda.web import results
from pylambda.web.events import SHAPES
from tests.web.fronts import FRONTS, event
from tests.web.serving import Served, answering, answering_by_wsgi, asgi, wsgi

each_front = pytest.mark.parametrize("front", FRONTS)
each_kind = pytest.mark.parametrize("kind", ["asgi", "wsgi"])
LISTS = ("rest", "v1", "alb-multi")
CASINGS = ("alb", "lattice-v1", "lattice-v2")
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"


def answer(
    kind: str, front: str, status: int, headers: list[tuple[str, str]], body: bytes, method: str = "GET"
) -> dict[str, Any]:  # fmt: skip
    """Return the result of an app that answers this."""
    served = (
        asgi(answering(status, headers, body)) if kind == "asgi" else wsgi(answering_by_wsgi(status, headers, body))
    )
    with served as app:
        result: dict[str, Any] = app.result(event(front, method))
    return result


def pairs(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the headers that a client gets, names in lower case; what the front door does, done here."""
    found = [(name.lower(), value) for name, value in result.get("headers", {}).items()]
    found += [(name.lower(), value) for name, values in result.get("multiValueHeaders", {}).items() for value in values]
    return found + [("set-cookie", cookie) for cookie in result.get("cookies", [])]


# Shapes (WEB 5.1)

KEYS = {
    "rest": {"statusCode", "multiValueHeaders", "body", "isBase64Encoded"},
    "v1": {"statusCode", "multiValueHeaders", "body", "isBase64Encoded"},
    "v2": {"statusCode", "headers", "body", "isBase64Encoded"},
    "url": {"statusCode", "headers", "body", "isBase64Encoded"},
    "alb": {"statusCode", "statusDescription", "headers", "body", "isBase64Encoded"},
    "alb-multi": {"statusCode", "statusDescription", "multiValueHeaders", "body", "isBase64Encoded"},
    "lattice-v1": {"statusCode", "headers", "body", "isBase64Encoded"},
    "lattice-v2": {"statusCode", "headers", "body", "isBase64Encoded"},
}


@each_kind
@each_front
def test_a_result_has_the_members_that_its_front_door_knows_and_no_others(front: str, kind: str) -> None:
    # A REST API answers 502 to any member that it does not know.
    result = answer(kind, front, 200, [("content-type", "text/plain")], b"hello")
    assert result.keys() == KEYS[front]
    assert (result["statusCode"], result["body"], result["isBase64Encoded"]) == (200, "hello", False)
    assert pairs(result) == [("content-type", "text/plain")]


@each_kind
@each_front
def test_two_cookies_arrive_as_two(front: str, kind: str) -> None:
    cookies = ["a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2; HttpOnly"]
    result = answer(kind, front, 200, [("Set-Cookie", cookies[0]), ("set-cookie", cookies[1])], b"")
    assert [value for name, value in pairs(result) if name == "set-cookie"] == cookies
    assert ("cookies" in result) == (front in ("v2", "url"))
    assert not (front in ("v2", "url") and "multiValueHeaders" in result)


@each_kind
@each_front
def test_other_repeats_arrive_as_lists_or_joined(front: str, kind: str) -> None:
    result = answer(kind, front, 200, [("Vary", "Accept"), ("vary", "Origin")], b"")
    seen = [value for name, value in pairs(result) if name == "vary"]
    assert seen == (["Accept", "Origin"] if front in LISTS else ["Accept, Origin"])


def test_a_name_has_as_many_casings_as_cookies_could_need() -> None:
    names = list(results.casings("set-cookie"))
    assert len(set(names)) == len(names) == 512
    assert names[0] == "set-cookie"
    assert {name.lower() for name in names} == {"set-cookie"}


@pytest.mark.parametrize("front", ["alb", "alb-multi"])
@pytest.mark.parametrize(("status", "description"), [(200, "200 OK"), (404, "404 Not Found"), (299, "299 Unknown")])
def test_a_load_balancer_gets_a_description_for_odd_codes_too(front: str, status: int, description: str) -> None:
    assert answer("asgi", front, status, [], b"")["statusDescription"] == description


HOP_BY_HOP = ["Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Proxy-Authenticate"]


@each_front
@pytest.mark.parametrize("name", [*HOP_BY_HOP, "Content-Length"])
def test_what_belongs_to_a_connection_is_left_out(front: str, name: str) -> None:
    assert pairs(answer("asgi", front, 200, [(name, "x"), ("X-Kept", "y")], b"body")) == [("x-kept", "y")]


@each_kind
@each_front
def test_a_header_that_is_not_ascii_stays_what_it_is(front: str, kind: str) -> None:
    assert pairs(answer(kind, front, 200, [("x-city", "Zürich 中")], b"")) == [("x-city", "Zürich 中")]


def test_a_header_that_is_not_utf_8_is_latin_1() -> None:
    assert results.decode_header(b"caf\xe9") == "café"


@each_front
def test_no_content_type_is_invented(front: str) -> None:
    assert pairs(answer("asgi", front, 200, [], b"body")) == []


# Text or base64 (WEB 5.2)

TEXTS = [
    ("text/html", "grün".encode()),
    ("application/json", b'{"a": 1}'),
    ("image/svg+xml", b"<svg/>"),
    ("application/problem+json", b"{}"),
    ("application/x-ndjson", b"{}\n{}\n"),
    ("TEXT/HTML", b"<p>"),
    ("application/octet-stream", b"is text all the same"),
    ("", b"no type"),
]


@each_front
@pytest.mark.parametrize(("content_type", "body"), TEXTS)
def test_what_is_utf_8_is_text_whatever_its_type(front: str, content_type: str, body: bytes) -> None:
    result = answer("asgi", front, 200, [("content-type", content_type)], body)
    assert (result["body"], result["isBase64Encoded"]) == (body.decode(), False)


@each_kind
@each_front
@pytest.mark.parametrize("body", [PNG, b"caf\xe9", gzip.compress(b"text")], ids=["png", "latin-1", "gzip"])
def test_what_is_not_utf_8_is_base64(front: str, kind: str, body: bytes) -> None:
    result = answer(kind, front, 200, [("content-type", "text/plain")], body)
    assert result["isBase64Encoded"] is True
    assert base64.b64decode(result["body"], validate=True) == body


@each_front
def test_what_is_encoded_is_base64_although_it_could_be_text(front: str) -> None:
    # But for a REST API, which may hand base64 out as it is.
    result = answer("asgi", front, 200, [("Content-Encoding", "br")], b"looks like text")
    assert result["isBase64Encoded"] is (front != "rest")


def test_the_first_binary_body_of_a_rest_api_is_worth_one_hint(capsys: pytest.CaptureFixture[str]) -> None:
    results._hint_at_binary_types.cache_clear()
    for _ in range(2):
        answer("asgi", "rest", 200, [], PNG)
    assert capsys.readouterr().err.count("binaryMediaTypes") == 1


LARGE_TEXTS = {
    "escapes": 'some words "and" a back\\slash\r\n\t' * 3_000,
    "unicode": 'grün 中 😀 "\u2028\x7f' * 10_000,
    "controls": "\x00\x1f\b\f" + "a" * 100_000,
    "quotes": '"' * 100_000,
    "plain": "a" * 100_000,
}


@each_front
@pytest.mark.parametrize("text", LARGE_TEXTS)
def test_a_large_text_arrives_whole(front: str, text: str) -> None:
    result = answer("asgi", front, 200, [("x-a", "1")], LARGE_TEXTS[text].encode())
    body = base64.b64decode(result["body"]).decode() if result["isBase64Encoded"] else result["body"]
    assert body == LARGE_TEXTS[text]
    assert result.keys() == KEYS[front]
    assert pairs(result) == [("x-a", "1")]
    assert result["isBase64Encoded"] is (front != "rest" and text in ("controls", "quotes"))


def test_a_body_that_middleware_made_of_half_a_character_is_written_in_escapes() -> None:
    result = results.to_result(results.Response(200, [], b""), SHAPES[0])
    result["body"] = "\ud800" * 100_000
    assert json.loads(results.encode(result)[0])["body"] == result["body"]  # type: ignore[arg-type]


@pytest.mark.parametrize("front", [front for front in FRONTS if front != "rest"])
def test_a_large_body_of_control_characters_is_shorter_as_base64(front: str) -> None:
    body = b"\x01\x02\x03" * 40_000
    result = answer("asgi", front, 200, [], body)
    assert result["isBase64Encoded"] is True
    assert len(codec.to_json(result)) < 1.4 * len(body)
    assert base64.b64decode(result["body"]) == body


@each_front
@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD")])
def test_where_there_is_no_body_there_is_none(front: str, status: int, method: str) -> None:
    result = answer("asgi", front, status, [("etag", '"x"')], b"left out", method)
    assert (result["body"], result["isBase64Encoded"]) == ("", False)
    assert pairs(result) == [("etag", '"x"')]


@each_kind
@each_front
@pytest.mark.parametrize("status", [101, 600, 999])
def test_a_status_that_cannot_be_sent_is_a_500_and_a_log_line(
    front: str, kind: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    result = answer(kind, front, status, [], b"")
    assert (result["statusCode"], result["body"]) == (500, "Internal Server Error")
    assert str(status) in capsys.readouterr().err


# Sizes (WEB 5.3)


@each_front
def test_a_result_that_is_too_large_is_a_500_that_says_so_and_a_line_that_names_the_way_out(
    front: str, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = 1 << 20 if front.startswith("alb") else 6_291_556
    small_enough = answer("asgi", front, 200, [], b"x" * (limit - 1000))
    assert small_enough["statusCode"] == 200
    too_large = answer("asgi", front, 200, [], b"x" * limit)
    assert too_large["statusCode"] == 500
    assert too_large.keys() == KEYS[front]
    assert f"{limit} are the limit" in too_large["body"]
    line = capsys.readouterr().err
    assert str(limit) in line
    assert ("PYLAMBDA_STREAM" in line) == (front in ("rest", "url"))
    assert "S3" in line


@pytest.mark.parametrize("front", [front for front in FRONTS if not front.startswith("alb")])
def test_a_megabyte_goes_both_ways(front: str) -> None:
    body = bytes(range(1, 128)) * 8192

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        received = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": received})

    with asgi(echo) as app:
        result = app.result(event(front, "POST", body=body, headers=[("content-type", "text/plain")]))
    assert (base64.b64decode(result["body"]) if result["isBase64Encoded"] else result["body"].encode()) == body


@pytest.mark.parametrize("front", ["v1", "v2", "url", "lattice-v2"])
def test_an_upload_may_be_as_large_as_an_event(front: str) -> None:
    # 4.4 MB are 5.9 MB as base64, just below the limit of an event.
    body = bytes(range(256)) * 17_187

    async def count(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        received = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"whole" if received == body else b"not"})

    made = event(front, "POST", body=body, headers=[("content-type", "multipart/form-data; boundary=x")])
    assert 5_800_000 < len(codec.to_json(made)) < 6_291_556
    with asgi(count) as app:
        assert app.result(made)["body"] == "whole"


# What is no HTTP request

SQS = {"Records": [{"eventSource": "aws:sqs", "body": "x"}]}


@pytest.fixture(params=["asgi", "wsgi"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def serving(kind: str, asgi_app: Any, wsgi_app: Any, **settings: Any) -> Any:
    return asgi(asgi_app, **settings) if kind == "asgi" else wsgi(wsgi_app, **settings)


def test_an_event_that_is_no_request_is_an_error_that_names_where_it_comes_from(kind: str) -> None:
    with serving(kind, answering(200, [], b""), answering_by_wsgi(200, [], b"")) as app:
        with pytest.raises(InvalidEvent, match="it comes from aws:sqs") as raised:
            app.result(SQS)
        assert "PYLAMBDA_NON_HTTP" in raised.value.hint


def test_an_event_that_is_no_request_may_be_answered_404(kind: str) -> None:
    with serving(kind, answering(200, [], b""), answering_by_wsgi(200, [], b""), non_http="404") as app:
        assert app.result(SQS)["statusCode"] == 404


def posted_to(kind: str, status: int, content_type: str, body: bytes) -> tuple[Any, list[dict[str, Any]]]:
    """Serve an app that takes events at a path; return how, and what it saw."""
    seen: list[dict[str, Any]] = []

    async def by_asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        length = dict(scope["headers"])[b"content-length"].decode()
        seen.append({**scope, "content_length": length, "body": (await receive())["body"]})
        headers = [(b"content-type", content_type.encode())] if content_type else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def by_wsgi(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(
            {
                "method": environ["REQUEST_METHOD"],
                "path": environ["PATH_INFO"],
                "content_length": environ["CONTENT_LENGTH"],
                "aws.event": environ["aws.event"],
                "body": environ["wsgi.input"].read(),
            }
        )
        start_response(f"{status} X", [("Content-Type", content_type)] if content_type else [])
        return [body]

    return serving(kind, by_asgi, by_wsgi, non_http="/events"), seen


ANSWERS = [
    ("application/json", b'{"batchItemFailures": []}', {"batchItemFailures": []}),
    ("application/json; charset=utf-8", b"[1]", [1]),
    ("text/plain", b"done", "done"),
    ("", b"", None),
]


@pytest.mark.parametrize(("content_type", "body", "result"), ANSWERS)
def test_an_event_may_be_posted_to_a_path_and_its_json_is_the_result(
    kind: str, content_type: str, body: bytes, result: Any
) -> None:
    served, seen = posted_to(kind, 200, content_type, body)
    with served as app:
        assert app.result(SQS) == result
    (request,) = seen
    assert (request["method"], request["path"]) == ("POST", "/events")
    assert json.loads(request["body"]) == SQS == request["aws.event"]
    assert request["content_length"] == str(len(request["body"]))


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_event_that_the_app_refuses_is_an_error_so_that_it_is_tried_again(kind: str, status: int) -> None:
    served, _ = posted_to(kind, status, "text/plain", b"no such order")
    with served as app, pytest.raises(EventRefused, match=f"{status}: it comes from aws:sqs.*'no such order'"):
        app.result(SQS)


@pytest.mark.parametrize("non_http", ["error", "404", "/events"])
def test_an_event_of_a_websocket_api_is_an_error_whatever_is_said_of_others(kind: str, non_http: str) -> None:
    made = {"requestContext": {"connectionId": "L0SM9cOFvHcCIhw=", "eventType": "MESSAGE"}, "body": "x"}
    with (
        serving(kind, answering(200, [], b""), answering_by_wsgi(200, [], b""), non_http=non_http) as app,
        pytest.raises(InvalidEvent, match="WebSocket API"),
    ):
        app.result(made)


# The health check (W20)


@each_front
def test_a_health_check_is_answered_without_the_app(front: str, kind: str) -> None:
    refuses = (answering(400, [], b"bad host"), answering_by_wsgi(400, [], b"bad host"))
    with serving(kind, *refuses, health_path="/ping") as app:
        assert app.result(event(front, path="/ping"))["statusCode"] == 200
        for path in ("/", "/pin", "/ping/", "/pings"):
            assert app.result(event(front, path=path))["statusCode"] == 400


def test_a_load_balancers_check_has_no_host_and_is_answered(kind: str) -> None:
    made = event("alb", path="/ping") | {"headers": {"user-agent": "ELB-HealthChecker/2.0"}}
    with serving(kind, answering(500, [], b""), answering_by_wsgi(500, [], b""), health_path="/ping") as app:
        assert app.result(made)["statusCode"] == 200


# Streams (WEB 6): what goes over the wire of a front door that streams


def streamed(app: Served, made: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the prelude and the chunks of the body; empty ones never leave."""
    first, *rest = [chunk for chunk in app.chunks(made) if chunk]
    head, zeros, body = first.partition(bytes(8))
    assert zeros
    return json.loads(head), [body, *rest]


STREAMING = [("url", "url"), ("rest", "rest")]


@pytest.mark.parametrize(("front", "word"), STREAMING)
@pytest.mark.parametrize(("status", "method"), [(200, "GET"), (204, "GET"), (304, "GET"), (307, "GET"), (200, "HEAD")])
def test_each_response_to_a_front_that_streams_has_a_prelude(
    kind: str, front: str, word: str, status: int, method: str
) -> None:
    body = b"body" if (status, method) == (200, "GET") else b""
    headers = [("Location", "/x"), ("Content-Length", "4"), ("Transfer-Encoding", "x"), ("Vary", "A"), ("Vary", "B")]
    headers += [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    sent = b"" if status == 307 else b"body"
    apps = (answering(status, headers, sent), answering_by_wsgi(status, headers, sent))
    with serving(kind, *apps, stream=frozenset((word,))) as app:
        prelude, chunks = streamed(app, event(front, method))
    assert b"".join(chunks) == body
    if front == "url":
        assert prelude == {
            "statusCode": status,
            "headers": {"Location": "/x", "Vary": "A, B"},
            "cookies": ["a=1", "b=2"],
        }
    else:
        lists = {"Location": ["/x"], "Vary": ["A", "B"], "Set-Cookie": ["a=1", "b=2"]}
        assert prelude == {"statusCode": status, "multiValueHeaders": lists}


@each_front
def test_no_other_front_door_gets_a_stream(kind: str, front: str) -> None:
    apps = (answering(200, [], b"x"), answering_by_wsgi(200, [], b"x"))
    word = "rest" if front == "url" else "url"
    with serving(kind, *apps, stream=frozenset((word,))) as app:
        if front == word:
            streamed(app, event(front))
        else:
            assert app.result(event(front))["body"] == "x"


def test_what_the_adapter_answers_itself_is_streamed_too(kind: str) -> None:
    apps = (answering(200, [], b""), answering_by_wsgi(200, [], b""))
    with serving(kind, *apps, stream=frozenset(("url",)), health_path="/ping") as app:
        prelude, chunks = streamed(app, event("url", path="/ping"))
        assert (prelude["statusCode"], chunks) == (200, [b"OK"])
        prelude, chunks = streamed(app, event("url", "HEAD", path="/ping"))
        assert (prelude["statusCode"], chunks) == (200, [b""])


@pytest.mark.parametrize("status", [101, 600])
def test_a_status_that_cannot_be_sent_is_a_streamed_500(kind: str, status: int) -> None:
    apps = (answering(status, [], b"x"), answering_by_wsgi(status, [], b"x"))
    with serving(kind, *apps, stream=frozenset(("url",))) as app:
        prelude, chunks = streamed(app, event("url"))
    assert (prelude["statusCode"], chunks) == (500, [b"Internal Server Error"])


def test_a_far_side_that_does_not_stream_gets_it_in_one_piece(kind: str) -> None:
    apps = (answering(201, [("x-a", "1")], PNG), answering_by_wsgi(201, [("x-a", "1")], PNG))
    with serving(kind, *apps, stream=frozenset(("url",))) as app:
        stream, _ = results.encode(app.handler(event("url"), None))
        assert isinstance(stream, codec.Stream)
        body, content_type = stream.collect(lambda: app.runner)
    assert content_type == "application/json"
    encoded = base64.b64encode(PNG).decode()
    assert json.loads(body) == {"statusCode": 201, "headers": {"x-a": "1"}, "body": encoded, "isBase64Encoded": True}


def test_many_cookies_of_a_single_value_load_balancer_are_all_there() -> None:
    cookies = [("set-cookie", f"c{number}=1") for number in range(20)]
    result = answer("asgi", "alb", 200, cookies, b"")
    assert [value for _, value in pairs(result)] == [value for _, value in cookies]
    assert list(result["headers"]) == list(islice(results.casings("set-cookie"), 20))


def test_the_limits_are_those_of_the_table() -> None:
    assert {shape.limit_bytes for shape in SHAPES} == {1 << 20, 6_291_556}
