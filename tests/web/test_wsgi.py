"""WSGI as PEP 3333 has it: the environ, start_response, write, close, and the standard library's own validator."""

import sys
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from wsgiref.validate import validator

import pytest

from tests.web.fronts import ADDRESS, FRONTS, HOSTS, event
from tests.web.serving import CONTEXT, Served, wsgi

each_front = pytest.mark.parametrize("front", FRONTS)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
# The validator warns of an application that looks at what it need not; ours is a test's.
pytestmark = pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD:wsgiref.validate.WSGIWarning")


def environ_of(made: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Return what an app is called with."""
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("204 No Content", [])
        return []

    with wsgi(app, **settings) as served:
        served.result(made)
    return seen[0]


def answer_of(app: Served, *, stream: bool, method: str = "GET") -> tuple[int, bytes]:
    """Return status and body, whichever way they came."""
    made = event("url", method)
    if not stream:
        result = app.result(made)
        return result["statusCode"], result["body"].encode()
    head, _, text = b"".join(app.chunks(made)).partition(bytes(8))
    return int(head.partition(b'"statusCode": ')[2][:3]), text


def serving(app: Any, *, stream: bool = False) -> Any:
    return wsgi(app, stream=frozenset(("url",)) if stream else frozenset())


# The environ (WEB 4)


@each_front
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_validator_of_the_standard_library_has_nothing_to_say(front: str, method: str, stream: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(10)
        environ["wsgi.input"].readline()
        environ["wsgi.errors"].write("")
        environ["wsgi.errors"].writelines([])
        environ["wsgi.errors"].flush()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"a", b"", b"b"]

    made = event(front, method, "/gr%C3%BCn", "a=1", [("x-city", "Zürich 中")], b"body" if method == "POST" else b"")
    with wsgi(validator(app), stream=frozenset((front,)) if stream else frozenset()) as served:
        if stream and front in ("url", "rest"):
            assert b"".join(served.chunks(made)).endswith(b"ab" if method != "HEAD" else bytes(8))
        else:
            assert served.result(made)["body"] == ("ab" if method != "HEAD" else "")
        assert served.errors == []


@each_front
def test_an_environ_is_complete(front: str) -> None:
    made = event(front, "POST", "/gr%C3%BCn%20x", "q=%20", [("content-type", "text/plain"), ("x-a-b", "1")], b"text")
    environ = environ_of(made)
    root = "/prod" if front == "rest" else ""
    wire = "/gr%C3%BCn%20x"
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": root,
        "PATH_INFO": "/grün x".encode().decode("latin-1"),
        # A REST API has decoded the query, and a space is written as a plus then.
        "QUERY_STRING": "q=+" if front in ("rest", "v1") else "q=%20",
        "REMOTE_ADDR": ADDRESS,
        "SERVER_NAME": HOSTS[front],
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "4",
        "HTTP_X_A_B": "1",
        "HTTP_HOST": HOSTS[front],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input_terminated": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "aws.event": made,
        "aws.context": CONTEXT,
    }
    assert {key: environ.get(key) for key in expected} == expected
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == f"{root}{wire}?{expected['QUERY_STRING']}"
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ
    assert "REMOTE_PORT" not in environ
    assert "REMOTE_USER" not in environ


@each_front
def test_an_environ_holds_native_strings_only(front: str) -> None:
    environ = environ_of(event(front, path="/gr%C3%BCn", headers=[("x-city", "Zürich 中")]))
    assert type(environ) is dict
    for key, value in environ.items():
        if "." not in key:
            assert isinstance(value, str)
            value.encode("latin-1")
    assert environ["HTTP_X_CITY"].encode("latin-1").decode() == "Zürich 中"


REPEATS = {"rest": "1,2", "v1": "1,2", "v2": "1,2", "url": "1,2", "alb": "2", "alb-multi": "1,2"}


@pytest.mark.parametrize("front", REPEATS)
def test_repeated_headers_are_joined(front: str) -> None:
    assert environ_of(event(front, headers=[("x-n", "1"), ("x-n", "2")]))["HTTP_X_N"] == REPEATS[front]


def test_cookies_are_joined_by_semicolons() -> None:
    made = event("alb-multi", headers=[("cookie", "a=1"), ("cookie", "b=2")])
    assert environ_of(made)["HTTP_COOKIE"] == "a=1; b=2"


def test_a_header_with_an_underscore_cannot_pass_for_one_with_a_hyphen() -> None:
    environ = environ_of(event("url", headers=[("x_forwarded_for", "6.6.6.6"), ("x-real", "1")]))
    assert environ["HTTP_X_FORWARDED_FOR"] == ADDRESS
    assert environ["HTTP_X_REAL"] == "1"


def test_without_a_host_there_is_still_a_server_name() -> None:
    environ = environ_of(event("alb") | {"headers": {"user-agent": "ELB-HealthChecker/2.0"}})
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "443")
    assert "REMOTE_ADDR" not in environ


@pytest.mark.parametrize(
    ("authorizer", "user"), [({"principalId": "ada"}, "ada"), ({"claims": {}}, None), (None, None), ("x", None)]
)
def test_whom_an_authorizer_let_in_is_the_user(authorizer: Any, user: str | None) -> None:
    made = event("rest")
    made["requestContext"]["authorizer"] = authorizer
    assert environ_of(made).get("REMOTE_USER") == user


def test_a_mount_is_never_a_slash_alone() -> None:
    made = event("v2", stage="dev")
    environ = environ_of(made)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/dev", "/")
    environ = environ_of(made, root_path="")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/")


def test_the_body_can_be_read_in_every_way_and_ends() -> None:
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        stream = environ["wsgi.input"]
        seen.extend([stream.read(2), stream.readline(), stream.readlines(), list(stream), stream.read()])
        start_response("204 No Content", [])
        return []

    with wsgi(app) as served:
        served.result(event("url", "POST", body=b"a\nbc\nd\ne"))
    assert seen == [b"a\n", b"bc\n", [b"d\n", b"e"], [], b""]


def test_what_is_written_to_errors_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.errors"].write("one\n")
        environ["wsgi.errors"].writelines(["two\n", "three\n"])
        start_response("204 No Content", [])
        return []

    with wsgi(app) as served:
        served.result(event("url"))
    assert capsys.readouterr().err == "one\ntwo\nthree\n"


@both_ways
def test_a_file_is_wrapped_and_closed(stream: bool) -> None:
    file = BytesIO(b"x" * 200_000)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file, 1000)

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (200, b"x" * 200_000)
    assert file.closed


def test_an_app_runs_on_the_main_thread_without_a_loop() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        import asyncio

        assert threading.current_thread() is threading.main_thread()
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        start_response("204 No Content", [])
        return []

    with wsgi(app) as served:
        assert served.result(event("url"))["statusCode"] == 204


def test_where_requests_are_served_in_threads_the_app_can_see_it() -> None:
    seen: list[bool] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["wsgi.multithread"])
        start_response("204 No Content", [])
        return []

    with wsgi(app) as served:
        thread = threading.Thread(target=served.handler, args=(event("url"), CONTEXT))
        thread.start()
        thread.join()
        served.result(event("url"))
    assert seen == [True, False]


# start_response, write, exc_info, close


@both_ways
def test_what_is_written_comes_before_what_is_returned(stream: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [])
        write(b"a")
        write(b"b")
        return iter([b"c"])

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (200, b"abc")


@both_ways
def test_start_response_may_be_called_at_the_first_iteration(stream: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        yield b""
        start_response("201 Created", [])
        yield b"late"

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (201, b"late")


@both_ways
def test_with_exc_info_the_head_is_replaced_before_it_is_sent(stream: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise KeyError("x")
        except KeyError:
            start_response("500 Oh", [("x-error", "1")], sys.exc_info())
        return [b"own page"]

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (500, b"own page")
        assert served.errors == []


def test_with_exc_info_the_error_is_raised_once_the_head_is_sent() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"part"
        try:
            raise KeyError("x")
        except KeyError:
            start_response("500 Oh", [], sys.exc_info())

    with serving(app, stream=True) as served:
        chunks = served.chunks(event("url"))
        assert next(chunks).endswith(b"part")
        with pytest.raises(KeyError):
            next(chunks)
    with serving(app) as served:
        assert answer_of(served, stream=False) == (500, b"Internal Server Error")


MISUSES: dict[str, Callable[[Any], Any]] = {
    "start_response twice": lambda start: [start("200 OK", []), start("200 OK", [])] and [b""],
    "no start_response": lambda start: [b"x"],
    "no start_response and no body": lambda start: [],
    "text for a body": lambda start: [start("200 OK", []) and "x"],
    "no status": lambda start: [start("OK", []) and b"x"],
    "no text for a status": lambda start: [start(200, []) and b"x"],
    "nothing returned": lambda start: start("200 OK", []) and None,
    "an error": lambda start: dict[str, str]()["x"],
}


@both_ways
@pytest.mark.parametrize("case", MISUSES)
def test_a_misuse_is_a_500_and_is_logged_once(case: str, stream: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        return MISUSES[case](start_response)

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (500, b"Internal Server Error")
        assert len(served.errors) == 1


class Body:
    """A body that counts how often it is closed."""

    def __init__(self, *parts: bytes, fails: bool = False) -> None:
        self.closed = 0
        self._parts = iter(parts)
        self._fails = fails

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except StopIteration:
            if self._fails:
                raise KeyError("boom") from None
            raise

    def close(self) -> None:
        self.closed += 1


@both_ways
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_is_closed_once_whatever_happens(stream: bool, fails: bool, method: str) -> None:
    made = Body(b"a", b"b", fails=fails)

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [])
        return made

    with serving(app, stream=stream) as served:
        try:
            answer_of(served, stream=stream, method=method)
        except KeyError:
            assert fails
            assert stream
    assert made.closed == 1


def test_a_stream_is_iterated_as_its_parts_leave_and_closed_when_the_client_is_gone() -> None:
    made: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            for number in range(10):
                made.append(f"part {number}")
                yield b"%d" % number
        finally:
            made.append("closed")

    with serving(app, stream=True) as served:
        chunks: Any = served.chunks(event("url"))
        assert next(chunks).endswith(b"0")
        assert made == ["part 0"]
        assert next(chunks) == b"1"
        chunks.close()
    assert made == ["part 0", "part 1", "closed"]


def test_a_buffered_response_is_closed_before_it_leaves() -> None:
    made = Body(b"a")

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [])
        return made

    with serving(app) as served:
        served.handler(event("url"), CONTEXT)
        assert made.closed == 1


def test_an_app_that_exits_ends_the_process_as_a_handler_does() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        raise SystemExit(3)

    with serving(app) as served, pytest.raises(SystemExit):
        served.result(event("url"))
