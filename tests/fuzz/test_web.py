"""Requests through each front door and back, and events that no front door makes."""

import copy
import re
from typing import Any
from urllib.parse import parse_qsl, unquote
from wsgiref.validate import validator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pylambda.faults import InvalidEvent
from pylambda.payload import codec
from pylambda.web.events import SHAPES, shape_of
from pylambda.web.front import Front, WebSettings
from pylambda.web.requests import Request
from pylambda.web.results import Response, encode, to_result
from tests.fuzz.test_json import PLAIN
from tests.web.doors import response
from tests.web.fronts import FRONTS, event, paths
from tests.web.serving import asgi, wsgi

FRONT = Front(WebSettings(), lambda error, request_id: None)
DECODED_PATH = ("v2",)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PROPFIND"])
# As a client writes them: what is not plain is encoded.
SEGMENT = st.lists(
    st.sampled_from([*"abcXYZ019-._~!$&'()*+,;=:@", "%20", "%2F", "%25", "%C3%BC", "%F0%9F%98%80", "%00", "%41"]),
    max_size=6,
).map("".join)  # fmt: skip
PATHS = st.lists(SEGMENT, max_size=4).map(lambda segments: "/" + "/".join(segments))
WORD = st.lists(st.sampled_from([*"abc019-._~", "%20", "+", "%26", "%3D", "%C3%BC", "%2B"]), max_size=5).map("".join)
QUERIES = st.lists(st.tuples(WORD, WORD), max_size=4).map(lambda pairs: "&".join(f"{n}={v}" for n, v in pairs))
HEADER = st.tuples(
    st.sampled_from(["x-a", "x-b", "accept", "content-type", "user-agent", "referer"]),
    st.text("abc019 ;=/\"'é中", min_size=1, max_size=10).map(str.strip),
)
BODIES = st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace"))
ANSWERED = st.lists(
    st.tuples(
        st.sampled_from(["x-a", "X-A", "Set-Cookie", "content-type", "Vary", "Location"]),
        st.text("abc=;019é", min_size=1, max_size=8),
    ),
    max_size=5,
)


@given(st.sampled_from(FRONTS), METHODS, PATHS, QUERIES, st.lists(HEADER, max_size=4), BODIES)
def test_a_request_arrives_as_it_was_sent(
    front: str, method: str, path: str, query: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    # Given what this front door does not lose in life: it mangles what is no text, or says that it is text
    headers = list({name: (name, value) for name, value in headers}.values())
    if any(name == "content-type" and value.startswith("text/") for name, value in headers) or front == "rest":
        assume(_is_text(body))
    made = event(front, method, path, query, headers, body)
    shape = shape_of(made)
    assert shape is not None
    assert shape.name == front
    request = Request(made, shape, "")
    # Then
    assert request.method == method
    assert request.path == unquote(path)
    assert request.body == body
    sent = {name.encode(): value.encode() for name, value in headers}
    assert sent.items() <= dict(request.headers).items()
    if front not in DECODED_PATH:
        assert unquote(request.raw_path) == unquote(path)
    expected = parse_qsl(query, keep_blank_values=True)
    taken = parse_qsl(request.query, keep_blank_values=True)
    if front == "alb":  # it keeps the last of each name, as it was written
        assert (
            taken == list(dict(pair.split("=", 1) for pair in query.split("&") if pair).items())
            or dict(taken).items() <= dict(expected).items()
        )
    elif front in ("rest", "v1", "alb-multi", "lattice-v2"):  # names in another order
        assert sorted(taken) == sorted(expected)
    else:
        assert request.query == query
    # And it can stand in a request line
    assert re.fullmatch("[!-~]*", request.raw_path + request.query)


@given(st.sampled_from(FRONTS), st.data())
def test_an_event_that_no_front_door_makes_is_a_request_or_an_invalid_event(front: str, data: st.DataObject) -> None:
    made = copy.deepcopy(event(front, "POST", "/a", "b=c", [("cookie", "d=e"), ("x", "y")], b"body"))
    for _ in range(data.draw(st.integers(1, 3))):
        *place, last = data.draw(st.sampled_from(paths(made)))
        inner: Any = made
        for key in place:
            inner = inner[key]
            if not isinstance(inner, dict):
                break
        else:
            inner[last] = data.draw(PLAIN)
    take(made)


def take(made: Any) -> None:
    """Let the adapter take any event in."""
    try:
        FRONT.take(made)
    except InvalidEvent as fault:
        assert str(fault)


@given(st.sampled_from(SHAPES), st.integers(200, 599), ANSWERED, BODIES)
def test_an_answer_arrives_as_it_was_given(
    shape: Any, status: int, headers: list[tuple[str, str]], body: bytes
) -> None:
    assume(shape.takes_base64 or _is_text(body))
    result = to_result(Response(status, headers, body), shape)
    sent, content_type = encode(result)
    assert isinstance(sent, bytes)
    assert content_type == "application/json"
    got = response(codec.decode(sent, None))
    assert got.status == status
    assert got.body == (b"" if status in (204, 304) else body)
    for name in {name.lower() for name, _ in headers}:
        values = [value for key, value in headers if key.lower() == name]
        assert ",".join(got.all(name)).replace(", ", ",") == ",".join(values)


@given(st.sampled_from(FRONTS), PATHS, QUERIES, BODIES, st.lists(st.binary(max_size=9), max_size=4), st.booleans())
@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD:wsgiref.validate.WSGIWarning")
def test_the_standard_librarys_validator_has_nothing_to_say(
    front: str, path: str, query: str, body: bytes, parts: list[bytes], stream: bool
) -> None:
    assume(front not in ("rest",) or (_is_text(body) and _is_text(b"".join(parts))))

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert environ["wsgi.input"].read(len(body) + 1) == body
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return parts

    made = event(front, "POST", path, query, [], body)
    with wsgi(validator(app), stream=frozenset((front,)) if stream else frozenset()) as served:
        if stream and front in ("url", "rest"):
            assert b"".join(served.chunks(made)).partition(bytes(8))[2] == b"".join(parts)
        else:
            assert response(served.result(made)).body == b"".join(parts)
        assert served.errors == []


MESSAGES = st.one_of(
    st.builds(lambda status: {"type": "http.response.start", "status": status, "headers": []}, st.integers(200, 599)),
    st.builds(
        lambda body, more: {"type": "http.response.body", "body": body, "more_body": more},
        st.binary(max_size=5),
        st.booleans(),
    ),
    st.just({"type": "http.response.body"}),
    st.just({"type": "http.response.trailers"}),
    st.just({"type": "websocket.send"}),
    st.sampled_from(["receive", "raise", "sleep"]),
)


@given(st.lists(MESSAGES, max_size=6), st.booleans())
def test_an_asgi_app_that_sends_anything_is_answered(messages: list[Any], stream: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        for message in messages:
            if message == "receive":
                assert (await receive())["type"] in ("http.request", "http.disconnect")
                break  # a second one would wait for the client to leave
            if message == "raise":
                raise ValueError("on purpose")
            if message != "sleep":
                await send(dict(message))

    with asgi(app, stream=frozenset(("url",)) if stream else frozenset()) as served:
        if stream:
            try:
                b"".join(served.chunks(event("url")))
            except (ValueError, RuntimeError):
                assert any(isinstance(message, dict) for message in messages)
        else:
            result = response(served.result(event("url")))
            assert 200 <= result.status <= 599


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
