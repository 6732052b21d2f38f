"""HTTP requests that are not the API's: the event that each front makes, and the response that it makes of a result."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local.serve.conftest import Serve, Service, serving, wait_for

FRONTS = ("v2", "v1", "rest", "url", "alb", "alb-multi")
RECORDED = {"v2": "apigateway-v2", "v1": "apigateway-v1", "url": "function-url", "alb": "alb"}
EVENTS = Path(__file__).parents[2] / "events"
RESULTS = json.loads((Path(__file__).parent / "results.json").read_text())
# Gives the event back as a body, or the result that its body asks for.
FUNCTION = """
import base64, json

def handler(event, context):
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        text = base64.b64decode(text).decode()
    wanted = json.loads(text) if text.startswith('{"result":') else None
    if wanted is None:
        return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
    if wanted["result"] == {"raise": 1}:
        raise ValueError("as asked")
    return wanted["result"]
"""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    """The same function behind each front, started when it is asked for."""
    from contextlib import ExitStack

    folder = tmp_path_factory.mktemp("http") / "task"
    folder.mkdir()
    (folder / "app.py").write_text(FUNCTION)
    with ExitStack() as stack:
        yield {
            front: stack.enter_context(
                serving(folder, "app.handler", ("--http", front, "--concurrency", "1", "--timeout", "30"), {})
            )
            for front in FRONTS
        }


def event(service: Service, method: str, path: str, **more: Any) -> dict[str, Any]:
    answer = httpx.request(method, service.url + path, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("front", RECORDED)
def test_an_event_has_the_keys_of_a_recorded_one(services: dict[str, Service], front: str) -> None:
    recorded = json.loads((EVENTS / f"{RECORDED[front]}.json").read_text())
    found = event(
        services[front], "POST", "/a?x=1", content="{}", headers={"Cookie": "a=1; b=2", "Content-Type": "text/css"}
    )
    of_the_sample_alone = {"pathParameters", "stageVariables", "multiValueQueryStringParameters"}
    assert set(recorded) - of_the_sample_alone <= set(found)
    for key in ("http", "identity"):
        wanted = (recorded.get("requestContext") or {}).get(key)
        if wanted:
            assert set(wanted) <= set(found["requestContext"][key])


@pytest.mark.parametrize(
    ("front", "path", "shown"),
    [
        ("v2", "/a%20b//c%2Fd", {"rawPath": "/a b/c/d"}),
        ("url", "/a%20b//c%2Fd", {"rawPath": "/a%20b//c%2Fd"}),
        ("rest", "/a%20b/c/", {"path": "/a%20b/c/", "pathParameters": {"proxy": "a%20b/c"}, "resource": "/{proxy+}"}),
        ("v1", "/a%20b", {"path": "/a%20b", "version": "1.0"}),
        ("alb", "/a%20b", {"path": "/a%20b"}),
        ("v2", "/?a=1&a=2&b=%C3%A9+", {"rawQueryString": "a=1&a=2&b=%C3%A9+",
                                        "queryStringParameters": {"a": "1,2", "b": "é "}}),
        ("rest", "/?a=1&a=2&b=%C3%A9+", {"queryStringParameters": {"a": "2", "b": "é "},
                                          "multiValueQueryStringParameters": {"a": ["1", "2"], "b": ["é "]}}),
        ("alb", "/?a=1&a=2&b=%C3%A9+", {"queryStringParameters": {"a": "2", "b": "%C3%A9+"}}),
        ("rest", "/", {"queryStringParameters": None, "multiValueQueryStringParameters": None, "body": None,
                       "pathParameters": None, "stageVariables": None, "resource": "/"}),
        ("alb", "/", {"queryStringParameters": {}, "body": ""}),
        ("alb-multi", "/a?a=1&a=2&b=%C3%A9+", {"path": "/a",
                                              "multiValueQueryStringParameters": {"a": ["1", "2"], "b": ["%C3%A9+"]}}),
        ("alb-multi", "/", {"multiValueQueryStringParameters": {}, "body": ""}),
    ],
)  # fmt: skip
def test_path_and_query(services: dict[str, Service], front: str, path: str, shown: dict[str, Any]) -> None:
    found = event(services[front], "GET", path)
    assert {key: found[key] for key in shown} == shown


def test_what_is_not_there_is_absent_in_version_2(services: dict[str, Service]) -> None:
    for front in ("v2", "url"):
        found = event(services[front], "GET", "/")
        assert not {"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} & set(found)


def test_headers_and_cookies(services: dict[str, Service]) -> None:
    headers = [("X-Many", "a"), ("X-Many", "b"), ("Cookie", "a=1; b=2")]
    v2, url, rest, v1, alb = (
        event(services[front], "GET", "/", headers=headers) for front in ("v2", "url", "rest", "v1", "alb")
    )
    assert (v2["headers"]["x-many"], v2["cookies"]) == ("a,b", ["a=1", "b=2"])
    assert "cookie" not in v2["headers"]
    assert (url["headers"]["cookie"], url["cookies"]) == ("a=1; b=2", ["a=1", "b=2"])
    assert (rest["headers"]["X-Many"], rest["multiValueHeaders"]["X-Many"]) == ("b", ["a", "b"])
    assert v1["multiValueHeaders"]["X-Many"] == ["a", "b"]
    assert alb["headers"]["x-many"] == "b"
    multi = event(services["alb-multi"], "GET", "/", headers=headers)
    assert multi["multiValueHeaders"]["x-many"] == ["a", "b"]
    assert not {"headers", "queryStringParameters"} & set(multi)
    assert v2["headers"]["x-forwarded-for"] == v2["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("content_type", "content", "fronts_as_text"),
    [
        ("application/json", b'{"a": 1}', ("v2", "v1", "url", "alb", "alb-multi", "rest")),
        ("text/plain; charset=utf-8", "é".encode(), ("v2", "v1", "url", "alb", "alb-multi", "rest")),
        ("application/x-www-form-urlencoded", b"a=1", ("rest",)),
        ("", b"a", ("rest",)),
    ],
)
def test_bodies(
    services: dict[str, Service], content_type: str, content: bytes, fronts_as_text: tuple[str, ...]
) -> None:
    for front in FRONTS:
        headers = {"Content-Type": content_type} if content_type else {}
        found = event(services[front], "POST", "/", content=content, headers=headers)
        assert found["isBase64Encoded"] is (front not in fronts_as_text)
        body = found["body"].encode()
        assert (base64.b64decode(body) if found["isBase64Encoded"] else body) == content


def test_what_is_no_text_is_lost_in_a_rest_api(services: dict[str, Service]) -> None:
    assert event(services["rest"], "POST", "/", content=b"\xff")["body"] == "\ufffd"


CASES = [(front, case) for case in RESULTS for front in case["fronts"]]


@pytest.mark.parametrize(("front", "case"), CASES, ids=lambda value: json.dumps(value)[:60])
def test_a_result_becomes_the_response_of_its_front(
    services: dict[str, Service], front: str, case: dict[str, Any]
) -> None:
    service = services[front]
    seen = len(service.output())
    answer = httpx.post(service.url, content=json.dumps({"result": case["result"]}))

    status = case["status"]
    assert answer.status_code == (status[front] if isinstance(status, dict) else status)
    if "body" in case:
        assert answer.text == case["body"]
    if "type" in case:
        assert answer.headers["content-type"] == case["type"]
    for name, value in case.get("headers", {}).items():
        assert answer.headers[name] == value
    for name in case.get("lost", ()):
        assert name not in answer.headers
    # What the front hides from its client is on the screen
    if "cause" in case:
        assert case["cause"] in service.output()[seen:]
    else:
        assert str(answer.status_code) in service.output()[seen:]


def test_names_are_titled_by_http_apis_alone(services: dict[str, Service]) -> None:
    content = json.dumps({"result": {"statusCode": 200, "headers": {"x-SOME-name": "1"}, "body": ""}})
    names = {
        front: [name.decode() for name, _ in httpx.post(services[front].url, content=content).headers.raw]
        for front in FRONTS
    }
    assert "X-Some-Name" in names["v2"]
    assert "x-SOME-name" in names["rest"]


def test_a_request_that_is_too_long_never_reaches_the_function(services: dict[str, Service]) -> None:
    answer = httpx.post(services["v2"].url, content=b"x" * 6_300_000)
    assert (answer.status_code, answer.text) == (413, '{"message":"Request Entity Too Large"}')


def test_the_line_of_a_request(services: dict[str, Service]) -> None:
    httpx.get(services["v2"].url + "/items?x=1")
    line = services["v2"].wait_for_output(r".*GET /items\?x=1.*")[0]
    assert re.search(r"\d\d:\d\d:\d\d  GET /items\?x=1 +200 +[\d.]+ ms +\d+ B  [0-9a-f]{4}", line)


def test_a_page_may_call_from_elsewhere_where_that_is_asked_for(serve: Serve) -> None:
    service = serve(FUNCTION, "--cors")
    headers = {"Origin": "http://example.com", "Access-Control-Request-Method": "PUT"}
    assert httpx.options(service.url, headers=headers).status_code == 204
    assert httpx.get(service.url).headers["access-control-allow-origin"] == "*"


STREAMING = """
import pathlib, time
import pylambda

def handler(event, context):
    def body():
        yield "first"
        until = pathlib.Path(__file__).parent / "until"
        while not until.exists():
            time.sleep(0.005)
        if event["rawPath"] == "/raise":
            raise ValueError("in the middle")
        yield "second"
    return pylambda.StreamingResponse(body(), 201, {"content-type": "text/event-stream"}, ["a=1"])
"""


def test_a_function_url_passes_a_stream_on_as_it_is_made(serve: Serve) -> None:
    service = serve(STREAMING, "--http", "url", "--timeout", "30")
    with httpx.stream("GET", service.url, timeout=30) as answer:
        assert answer.status_code == 201
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["set-cookie"] == "a=1"
        parts = answer.iter_raw()
        assert next(parts) == b"first"
        (service.folder / "until").touch()
        assert b"".join(parts) == b"second"


def test_a_stream_that_breaks_off_is_no_whole_answer(serve: Serve) -> None:
    service = serve(STREAMING, "--http", "url", "--timeout", "30")
    (service.folder / "until").touch()
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{service.url}/raise", timeout=30)
    service.wait_for_output("the stream broke off")


def test_a_front_that_does_not_stream_gives_the_prelude_to_its_client_as_in_aws(serve: Serve) -> None:
    service = serve(STREAMING, "--http", "v2", "--timeout", "30")
    (service.folder / "until").touch()
    answer = httpx.get(service.url, timeout=30)
    assert (answer.status_code, answer.content[-19:]) == (200, bytes(8) + b"firstsecond")
    service.wait_for_output("this front does not stream")


WAITING = """
import pathlib, time
import pylambda

def handler(event, context):
    until = pathlib.Path(__file__).parent / "until"
    if "stream" in str(event):
        return pylambda.StreamingResponse(body(until))
    wait(until)
    return {"statusCode": 200, "body": "late"}

def body(until):
    yield "first"
    wait(until)
    yield "second"

def wait(until):
    while not until.exists():
        time.sleep(0.005)
"""


@pytest.mark.parametrize(
    ("front", "status", "body"),
    [
        ("rest", 504, '{"message": "Endpoint request timed out"}'),
        ("v1", 503, '{"message":"Service Unavailable"}'),
        ("v2", 503, '{"message":"Service Unavailable"}'),
    ],
)
def test_a_front_gives_up_before_the_function_does(serve: Serve, front: str, status: int, body: str) -> None:
    # Given a function that has started
    service = serve(WAITING, "--http", front, "--timeout", "60", "--front-timeout", "1", "--concurrency", "1")
    until = service.folder / "until"
    until.touch()
    wait_for(lambda: httpx.get(service.url, timeout=30).text == "late", "answer")
    until.unlink()

    # When it takes longer than the front waits
    answer = httpx.get(service.url, timeout=30)

    # Then the client has the front's word, and the function goes on
    assert (answer.status_code, answer.text) == (status, body)
    service.wait_for_output(rf"GET / +{status} [\s\S]*gives up after 1 s; the function goes on")
    until.touch()
    wait_for(lambda: httpx.get(service.url, timeout=30).text == "late", "answer")
    assert "worker 2" not in service.output()


def test_a_front_that_gives_up_on_what_waits_says_that_it_is_not_run(serve: Serve) -> None:
    # Given the only worker at work for a client that the front has given up on
    service = serve(WAITING, "--http", "v2", "--timeout", "60", "--front-timeout", "1", "--concurrency", "1")
    until = service.folder / "until"
    until.touch()
    wait_for(lambda: httpx.get(service.url, timeout=30).text == "late", "answer")
    until.unlink()
    assert httpx.get(service.url, timeout=30).status_code == 503

    # When another one waits for that worker, longer than the front does
    assert httpx.get(service.url, timeout=30).status_code == 503

    # Then it never was with the function, and it is not said that its client left
    service.wait_for_output(r"gives up after 1 s; no worker was free until then, and the function is not run")
    until.touch()
    wait_for(lambda: httpx.get(service.url, timeout=30).text == "late", "answer")
    assert "caller left" not in service.output()


def test_a_front_that_does_not_stream_waits_for_the_end_of_a_stream(serve: Serve) -> None:
    service = serve(WAITING, "--http", "v2", "--timeout", "60", "--front-timeout", "0.2")
    assert httpx.get(f"{service.url}/stream", timeout=30).status_code == 503
    (service.folder / "until").touch()


def test_a_stream_that_has_begun_is_not_cut_off(serve: Serve) -> None:
    service = serve(WAITING, "--http", "rest", "--timeout", "60", "--front-timeout", "5")
    with httpx.stream("GET", f"{service.url}/stream", timeout=30) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"first"
        (service.folder / "until").touch()
        assert b"".join(parts) == b"second"


def test_a_function_that_does_not_start_is_a_page_for_a_person(serve: Serve) -> None:
    service = serve("def handler(event, context)\n    return 1\n")
    answer = httpx.get(service.url)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "UserCodeSyntaxError" in answer.text
    assert "app.py" in answer.text
