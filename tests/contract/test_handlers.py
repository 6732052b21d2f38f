"""Raw, typed and strict handlers, and programs that run themselves: seen from the Runtime API."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pylambda import BadEndpoint, MissingRequestId, NotInLambda, RuntimeApi, TransportError, UnexpectedStatus
from tests.contract.raw_api import DEADLINE_S, Peer, serving


def init_error(peer: Peer) -> dict[str, object]:
    request = peer.read_request()
    assert request.line == "POST /2018-06-01/runtime/init/error HTTP/1.1"
    peer.reply()
    document: dict[str, object] = json.loads(request.body)
    return document


def test_a_raw_handler_takes_and_sends_bytes(tmp_path: Path) -> None:
    source = """
        import pylambda
        @pylambda.raw
        def handler(event, context):
            return event[::-1], "text/plain"
        """
    with serving(tmp_path, source) as runtime:
        answer = runtime.accept().answer_to(b"not json \xff")
        assert (answer.headers["content-type"], answer.body) == ("text/plain", b"\xff nosj ton")


def test_an_async_raw_handler(tmp_path: Path) -> None:
    source = """
        import pylambda
        @pylambda.raw
        async def handler(event, context):
            return event
        """
    with serving(tmp_path, source) as runtime:
        answer = runtime.accept().answer_to(b"\xff")
        assert (answer.headers["content-type"], answer.body) == ("application/octet-stream", b"\xff")


def test_a_raw_handlers_wrong_result_costs_its_invocation(tmp_path: Path) -> None:
    source = "import pylambda\n@pylambda.raw\ndef handler(event, context): return {}"
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        answer = peer.answer_to()
        assert answer.headers["lambda-runtime-function-error-type"] == "Runtime.InvalidResponse"
        assert "drop @pylambda.raw" in runtime.stdout()
        assert peer.answer_to().line.endswith("/error HTTP/1.1")


TYPED = """
import dataclasses, datetime, pylambda
@dataclasses.dataclass
class Order:
    id: int
    at: datetime.datetime
@pylambda.typed
{asynchronous}def handler(order: Order, context) -> Order:
    print("reached", order.id, order.at.year)
    return order
"""


@pytest.mark.parametrize("asynchronous", ["", "async "])
def test_a_typed_handler_is_reached_by_good_events_only(asynchronous: str, tmp_path: Path) -> None:
    with serving(tmp_path, TYPED.format(asynchronous=asynchronous)) as runtime:
        peer = runtime.accept()
        good = peer.answer_to(b'{"id": 1, "at": "2026-01-02T03:04:05Z"}')
        assert good.headers["content-type"] == "application/json"
        assert json.loads(good.body) == {"id": 1, "at": "2026-01-02T03:04:05Z"}
        bad = peer.answer_to(b'{"id": "x", "at": "2026-01-02T03:04:05Z"}')
        assert bad.headers["lambda-runtime-function-error-type"] == "Runtime.InvalidEvent"
        document = json.loads(bad.body)
        assert document["errorType"] == "Runtime.InvalidEvent"
        assert "`$.id`" in document["errorMessage"]
        assert document["stackTrace"] == []
        assert runtime.stdout().count("reached") == 1


def test_a_typed_handler_without_a_library_is_a_load_fault(tmp_path: Path) -> None:
    for library in ("msgspec", "pydantic"):
        (tmp_path / f"{library}.py").write_text("raise ImportError")
    with serving(tmp_path, TYPED.format(asynchronous="")) as runtime:
        document = init_error(runtime.accept())
        assert document["errorType"] == "Runtime.MissingDependency"
        assert "msgspec or pydantic" in str(document["errorMessage"])
        assert runtime.wait() == 1
        assert "pip install msgspec" in runtime.stdout()


def test_strict_json_is_the_official_clients(tmp_path: Path) -> None:
    source = "import datetime\ndef handler(event, context): return datetime.date(2026, 1, 2)"
    with serving(tmp_path, source) as runtime:
        assert runtime.accept().answer_to().body == b'"2026-01-02"'
    with serving(tmp_path, source, environ={"PYLAMBDA_JSON": "strict"}) as runtime:
        document = json.loads(runtime.accept().answer_to().body)
        assert document["errorType"] == "Runtime.MarshalError"
        assert document["errorMessage"] == "Unable to marshal response: Object of type date is not JSON serializable"


def test_a_mistake_in_an_event_is_told_where_nothing_has_loaded_json(tmp_path: Path) -> None:
    source = "import sys\nassert 'json' not in sys.modules\ndef handler(e, c): pass"
    with serving(tmp_path, source) as runtime:
        document = json.loads(runtime.accept().answer_to(b"[1,").body)
        assert document["errorMessage"].startswith("Unable to unmarshal input: Expecting value: line 1 column 4")


@pytest.mark.parametrize("library", ["orjson", "msgspec"])
@pytest.mark.parametrize("asynchronous", ["", "async "])
def test_json_goes_through_the_library_that_was_chosen(library: str, asynchronous: str, tmp_path: Path) -> None:
    source = f"""
        import decimal, sys
        {asynchronous}def handler(event, context):
            assert {library!r} in sys.modules
            return decimal.Decimal("1.10") if event is None else [event, float("nan")] if event == 1 else event
        """
    with serving(tmp_path, source, environ={"PYLAMBDA_JSON": library}) as runtime:
        peer = runtime.accept()
        # Given what both take, then the text is the library's
        assert peer.answer_to(b'{"a": [1, 2.5, null], "a": 123}').body == b'{"a":123}'
        # Given what only our own codec takes, then it is that codec's
        assert peer.answer_to(b"null").body == b"1.10"
        assert peer.answer_to(b"1").body == b"[1, NaN]"
        assert json.loads(peer.answer_to(b'{"n": 123456789012345678901234567890}').body) == {
            "n": 123456789012345678901234567890
        }
        # And a mistake is told in the usual words
        assert json.loads(peer.answer_to(b"1]").body)["errorMessage"] == (
            "Unable to unmarshal input: Extra data: line 1 column 2 (char 1)"
        )


@pytest.mark.parametrize("library", ["orjson", "msgspec"])
def test_a_json_library_that_is_not_there_is_a_load_fault(library: str, tmp_path: Path) -> None:
    (tmp_path / f"{library}.py").write_text("raise ImportError('built for another Python')")
    with serving(tmp_path, "def handler(e, c): pass", environ={"PYLAMBDA_JSON": library}) as runtime:
        document = init_error(runtime.accept())
        assert document["errorType"] == "Runtime.MissingDependency"
        assert document["errorMessage"] == (
            f"PYLAMBDA_JSON is '{library}', which cannot be imported: built for another Python"
        )
        assert runtime.wait() == 1
        assert f"pip install {library}" in runtime.stdout()


def test_another_word_than_strict_is_a_load_fault(tmp_path: Path) -> None:
    with serving(tmp_path, "def handler(e, c): pass", environ={"PYLAMBDA_JSON": "loose"}) as runtime:
        document = init_error(runtime.accept())
        assert (document["errorType"], document["errorMessage"]) == (
            "Runtime.InvalidSetting",
            "PYLAMBDA_JSON is 'loose'",
        )


@pytest.mark.parametrize(
    ("kind", "loaded"),
    [
        ("def handler(e, c): return None", []),
        ("async def handler(e, c): return None", ["function.adapt", "function.aio"]),
        ("class C:\n    def __call__(self, e, c): return None\nhandler = C()", ["function.adapt"]),
        ("import pylambda\n@pylambda.raw\ndef handler(e, c): return b''", ["function.adapt"]),
    ],
    ids=["plain", "async", "callable", "raw"],
)
def test_a_handler_loads_only_what_it_needs(kind: str, loaded: list[str], tmp_path: Path) -> None:
    late = "function.adapt function.aio function.deadline_dump payload.schema payload.streams payload.values"
    names = {f"pylambda.{name}" for name in late.split()}
    source = f"import atexit, sys\n{kind}\natexit.register(lambda: print(sorted(set(sys.modules) & {names!r})))"
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        peer.answer_to()
        assert peer.read_request().line.startswith("GET ")
        peer.reply(500)
        runtime.wait()
        assert runtime.stdout().strip() == str([f"pylambda.{name}" for name in loaded])


PROGRAM = """
import pylambda
def handler(event, context):
    return [event, context.aws_request_id]
pylambda.run(handler)
print("never reached")
"""


@pytest.mark.parametrize("program", [True, False], ids=["as a program", "while bootstrap imports it"])
def test_a_program_runs_its_own_handler(program: bool, tmp_path: Path) -> None:
    environ = {"PYTHONPATH": str(Path(__file__).parents[2] / "runtime")}
    with serving(tmp_path, PROGRAM, program=program, environ=environ) as runtime:
        peer = runtime.accept()
        assert [json.loads(peer.answer_to(request_id=f"id-{n}").body) for n in range(2)] == [[{}, "id-0"], [{}, "id-1"]]
        assert (runtime.stdout(), runtime.stderr()) == ("", "")


@pytest.mark.parametrize("program", [True, False])
def test_the_exit_code_of_its_handler_is_the_programs(program: bool, tmp_path: Path) -> None:
    source = "import pylambda, sys\nasync def main(event, context): sys.exit(7)\npylambda.run(main)"
    with serving(tmp_path, source, program=program) as runtime:
        assert json.loads(runtime.accept().answer_to().body)["errorType"] == "Runtime.ExitError"
        assert runtime.wait() == 7


def test_its_own_logging_stays_as_it_set_it_up(tmp_path: Path) -> None:
    source = """
        import logging, pylambda
        logging.basicConfig(format="own %(message)s")
        def handler(event, context):
            logging.warning("once")
        pylambda.run(handler)
        """
    with serving(tmp_path, source, program=True) as runtime:
        runtime.accept().answer_to()
        assert (runtime.stdout(), runtime.stderr()) == ("", "own once\n")


def test_without_any_it_is_lambdas(tmp_path: Path) -> None:
    source = """
        import logging, pylambda
        def handler(event, context):
            logging.warning("once")
        pylambda.run(handler)
        """
    with serving(tmp_path, source, program=True) as runtime:
        runtime.accept().answer_to(request_id="id-7")
        (line,) = runtime.stdout().splitlines()
        assert line.startswith("[WARNING]\t")
        assert line.endswith("\tid-7\tonce")


def test_outside_lambda_it_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    run = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("pylambda: Runtime.NotInLambda: AWS_LAMBDA_RUNTIME_API is not set")
    assert len(run.stderr.splitlines()) == 1


OWN_RUNTIME = """
import pylambda
api = pylambda.RuntimeApi()
event = api.next()
api.respond(event, event.event.upper())
api.respond_stream(api.next(), ["a", b"", b"b"])
try:
    1 / 0
except ZeroDivisionError as error:
    api.fail(api.next(), error)
def late():
    yield "some"
    raise KeyError("late")
try:
    api.respond_stream(api.next(), late(), "text/plain")
except KeyError:
    print("raised again")
try:
    api.respond_stream(api.next(), (1 // 0 for _ in "x"))
except ZeroDivisionError:
    print("raised again")
api.fail_init(pylambda.TransportError("no more"))
"""


def test_the_client_serves_another_runtime(tmp_path: Path) -> None:
    with serving(tmp_path, OWN_RUNTIME, program=True) as runtime:
        peer = runtime.accept()
        answer = peer.answer_to(b'"text"')
        assert (answer.headers["content-type"], answer.body) == ("application/json", b'"TEXT"')
        peer.give_event(request_id="id-2")
        assert peer.read_request().headers["content-type"] == "application/octet-stream"
        assert peer.read_chunked().chunks == [b"a", b"b"]
        peer.reply()
        peer = runtime.accept()
        document = json.loads(peer.answer_to().body)
        assert (document["errorType"], document["errorMessage"]) == ("ZeroDivisionError", "division by zero")
        peer.give_event(request_id="id-4")
        assert peer.read_request().headers["content-type"] == "text/plain"
        assert "lambda-runtime-function-error-type" in peer.read_chunked().trailers
        peer.reply()
        peer = runtime.accept()
        assert peer.answer_to(request_id="id-5").line.endswith("/id-5/error HTTP/1.1")
        assert init_error(peer)["errorType"] == "Runtime.TransportError"
        assert runtime.wait() == 0
        assert runtime.stdout() == "raised again\nraised again\n"


@pytest.mark.parametrize("endpoint", ["", None])
def test_the_client_names_its_faults_not_in_lambda(endpoint: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    with pytest.raises(NotInLambda, match="is not set"):
        RuntimeApi(endpoint)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9001", "127.0.0.1", "127.0.0.1:port", ":9001"])
def test_the_client_names_its_faults_bad_endpoint(endpoint: str) -> None:
    with pytest.raises(BadEndpoint, match="AWS_LAMBDA_RUNTIME_API is "):
        RuntimeApi(endpoint)


def test_the_client_names_its_faults_transport() -> None:
    with pytest.raises(TransportError, match="Connection refused"):
        RuntimeApi("127.0.0.1:1").next()


@pytest.mark.parametrize(
    ("status", "headers", "fault"), [(500, {}, UnexpectedStatus), (200, {"X-Other": "1"}, MissingRequestId)]
)
def test_the_client_names_its_faults_in_replies(
    status: int, headers: dict[str, str], fault: type[Exception], tmp_path: Path
) -> None:
    source = f"""
        import pylambda
        try:
            pylambda.RuntimeApi().next()
        except pylambda.{fault.__name__}:
            print("named")
        """
    with serving(tmp_path, source, program=True) as runtime:
        peer = runtime.accept()
        peer.read_request()
        peer.reply(status, b"", headers)
        assert runtime.wait() == 0
        assert runtime.stdout() == "named\n"
