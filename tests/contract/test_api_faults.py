"""A Runtime API that is not there or not well: one clear line and a bounded end, or the next invocation.

Where nobody can be told but stderr, it is told there in one line, never with a traceback.
"""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.raw_api import serving
from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Framing, Next, Reply, Then

APP = "def handler(event, context):\n    if event == 'boom':\n        raise ValueError('boom')\n    return event\n"
FILES = {"app.py": APP}
ALWAYS = 20
# How a connection can end under a reply.
ENDS = {
    "before-the-reply": Reply(cut_at=0),
    "in-the-status-line": Reply(cut_at=9),
    "in-the-head": Reply(cut_at=60),
    "reset-before-the-reply": Reply(cut_at=0, then=Then.RESET),
}
# In a row, on connections that were not used before; more end the run.
HANG_UPS = 4
URL_EVENT = json.loads((Path(__file__).parents[1] / "events" / "function-url.json").read_text())
ASGI = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"1"})
"""
# A handler's name, its source, an event, and what makes 1 of its response.
HANDLERS: dict[str, tuple[str, str, object, Callable[[Any], object]]] = {
    "plain": ("app.handler", APP, 1, lambda response: response),
    "async": ("app.handler", "async " + APP, 1, lambda response: response),
    "web": ("asgi:app:app", ASGI, URL_EVENT, lambda response: int(response["body"])),
}


def ends_in_one_line(run: Run) -> str:
    """Return what the run ended with, which is told in one line on stderr."""
    assert run.exit_code not in (0, None), run.exit_code
    (line,) = run.stderr.removesuffix("\n").split("\n")
    assert "Traceback" not in line
    return line


def costs_one_line(run: Run, *words: str) -> None:
    """Check that the run went on, and that it said one line which holds these words, beside the handler's failure."""
    assert run.exit_code is None, run.stderr
    (line,) = [line for line in (run.stdout + run.stderr).removesuffix("\n").split("\n") if "[ERROR] " not in line]
    assert [word for word in words if word not in line] == []


class TestNoApi:
    @pytest.mark.parametrize("address", [None, ""], ids=["unset", "empty"])
    def test_without_an_address_there_is_nothing_to_ask(self, runtime: Runtime, address: str | None) -> None:
        run = runtime.serve(files=FILES, env={"AWS_LAMBDA_RUNTIME_API": address})
        line = ends_in_one_line(run)
        assert "AWS_LAMBDA_RUNTIME_API" in line
        assert "entry_script.sh" in line

    @pytest.mark.parametrize(
        "address",
        [
            "localhost",
            "127.0.0.1:",
            ":9001",
            "127.0.0.1:port",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "127.0.0.1:-1",
            "127.0.0.1:9001/a path",
            "http://127.0.0.1:9001",
            "127.0.0.1:9001\r\nX: y",
        ],
    )
    def test_an_address_that_is_not_host_and_port_is_named_with_its_mend(self, runtime: Runtime, address: str) -> None:
        line = ends_in_one_line(runtime.serve(files=FILES, env={"AWS_LAMBDA_RUNTIME_API": address}))
        assert "AWS_LAMBDA_RUNTIME_API" in line
        assert "host:port" in line

    def test_a_host_that_nobody_knows_is_named(self, runtime: Runtime) -> None:
        line = ends_in_one_line(runtime.serve(files=FILES, env={"AWS_LAMBDA_RUNTIME_API": "no such host:9001"}))
        assert "no such host" in line

    @pytest.mark.parametrize("handler", ["app.handler", "nomod.handler"])
    def test_a_refused_connection_is_named(self, runtime: Runtime, handler: str) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and nobody answers
            address = "{}:{}".format(*taken.getsockname())
            run = runtime.serve(handler, files=FILES, env={"AWS_LAMBDA_RUNTIME_API": address})
        line = ends_in_one_line(run)
        assert address in line
        assert "refused" in line.lower()

    def test_the_functions_code_is_not_run_for_nothing(self, runtime: Runtime) -> None:
        run = runtime.serve(files={"app.py": "print('loaded')\n"}, env={"AWS_LAMBDA_RUNTIME_API": "nonsense"})
        assert run.stdout == ""


class TestNext:
    @pytest.mark.parametrize("status", [204, 302, 400, 403, 404, 410, 413, 500, 503])
    @pytest.mark.parametrize("place", ["first", "second"])
    def test_a_status_other_than_200_ends_the_run(self, runtime: Runtime, place: str, status: int) -> None:
        refused = Next(replies=(Reply(status=status, body=b"" if status == 204 else b"what is wrong"),) * ALWAYS)
        run = runtime.serve(files=FILES, events=[refused] if place == "first" else [1, refused])
        line = ends_in_one_line(run)
        assert str(status) in line
        assert status == 204 or "what is wrong" in line

    def test_a_reply_of_many_lines_is_told_in_one(self, runtime: Runtime) -> None:
        refused = Next(replies=(Reply(status=500, body=b"<html>\n<p>\r\nwrong\n</html>\n"),) * ALWAYS)
        line = ends_in_one_line(runtime.serve(files=FILES, events=[refused]))
        assert "wrong" in line
        assert "\r" not in line

    @pytest.mark.parametrize("value", [None, ""], ids=["absent", "empty"])
    def test_an_invocation_without_a_request_id_ends_the_run(self, runtime: Runtime, value: str | None) -> None:
        event = Next(headers={"Lambda-Runtime-Aws-Request-Id": value})
        run = runtime.serve(files=FILES, events=[event])
        assert "request-id" in ends_in_one_line(run).lower()
        assert run.posts == []

    @pytest.mark.parametrize("name", ENDS)
    @pytest.mark.parametrize("place", ["first", "second"])
    def test_an_api_that_hangs_up_every_time_ends_the_run(self, runtime: Runtime, place: str, name: str) -> None:
        dropped = Next(replies=(ENDS[name],) * ALWAYS)
        run = runtime.serve(files=FILES, events=[dropped] if place == "first" else [1, dropped])
        assert "/invocation/next" in ends_in_one_line(run)
        assert len(run.requests) < ALWAYS

    def test_an_event_that_ends_too_early_is_not_served(self, runtime: Runtime) -> None:
        cut = Next("x" * 1000, replies=(Reply(cut_at=900),) * ALWAYS)
        run = runtime.serve(files=FILES, events=[cut])
        ends_in_one_line(run)
        assert run.posts == []

    @pytest.mark.parametrize("name", ENDS)
    @pytest.mark.parametrize("kind", HANDLERS)
    def test_an_api_that_hangs_up_on_new_connections_too_is_asked_again(
        self, runtime: Runtime, kind: str, name: str
    ) -> None:
        handler, source, event, served = HANDLERS[kind]
        dropped = Next(event, replies=(ENDS[name],) * HANG_UPS)
        run = runtime.serve(handler, files={"app.py": source}, events=[dropped, event, dropped])
        assert [served(response.json) for response in run.responses] == [1, 1, 1]
        assert (run.exit_code, run.stderr) == (None, "")

    def test_an_api_that_hangs_up_and_then_refuses_ends_the_run_at_once(self, tmp_path: Path) -> None:
        with serving(tmp_path, APP) as started:
            connection = started.accept()
            started.stop_listening()
            connection.connection.close()
            assert started.wait() == 1
            (line,) = started.stderr().removesuffix("\n").split("\n")
        assert "/invocation/next" in line
        assert "refused" in line.lower()

    @pytest.mark.parametrize("name", ENDS)
    def test_an_api_that_hangs_up_once_on_a_used_connection_is_asked_again(self, runtime: Runtime, name: str) -> None:
        run = runtime.serve(files=FILES, events=[1, Next(2, replies=(ENDS[name],)), 3])
        assert [response.json for response in run.responses] == [1, 2, 3]
        assert run.exit_code is None


class TestAnswers:
    @pytest.mark.parametrize("event", ["fine", "boom"])
    @pytest.mark.parametrize(
        ("status", "then"), [(400, Then.KEEP), (403, Then.KEEP), (410, Then.KEEP), (413, Then.KEEP), (413, Then.CLOSE)]
    )
    def test_a_refused_answer_costs_one_line(self, runtime: Runtime, status: int, then: Then, event: str) -> None:
        refusal = Reply(status=status, body=b'{"errorType":"Why"}', then=then)
        refused = Next(event, request_id="refused", answers=(refusal,))
        run = runtime.serve(files=FILES, events=[refused, 2])
        costs_one_line(run, str(status), "refused", "Why")
        assert run.responses[-1].json == 2
        assert run.answer_to("refused").status == status

    def test_a_result_that_is_too_large_costs_one_line(self, runtime: Runtime) -> None:
        app = "def handler(event, context):\n    return 'x' * event\n"
        run = runtime.serve(files={"app.py": app}, events=[7_000_000, 2])
        costs_one_line(run, "413", "larger")
        assert [response.status for response in run.responses] == [413, 202]

    @pytest.mark.parametrize("then", [Then.KEEP, Then.CLOSE])
    def test_a_server_may_refuse_a_result_before_it_has_read_it(self, runtime: Runtime, then: Then) -> None:
        app = "def handler(event, context):\n    return 'x' * event\n"
        large = Next(50_000_000, answers=(Reply(status=413, unread=True, then=then),))
        run = runtime.serve(files={"app.py": app}, events=[large, 2])
        assert run.responses[-1].body == b'"xx"'
        costs_one_line(run)

    @pytest.mark.parametrize("event", ["fine", "boom"])
    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_server_error_ends_the_run(self, runtime: Runtime, status: int, event: str) -> None:
        run = runtime.serve(files=FILES, events=[Next(event, answers=(Reply(status=status),) * ALWAYS), 2])
        assert str(status) in ends_in_one_line(run)
        assert [post.status for post in run.posts] == [status]

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_any_success_is_one(self, runtime: Runtime, status: int) -> None:
        body = b"" if status == 204 else b"thanks"
        run = runtime.serve(files=FILES, events=[Next(1, answers=(Reply(status=status, body=body),)), 2])
        assert [response.json for response in run.responses] == [1, 2]
        assert (run.stdout, run.stderr) == ("", "")

    @pytest.mark.parametrize("event", ["fine", "boom"])
    @pytest.mark.parametrize("name", ENDS)
    def test_an_answer_whose_reply_is_lost_costs_one_line(self, runtime: Runtime, name: str, event: str) -> None:
        """The platform had the answer, so a second one is refused with 403; what matters is the next invocation."""
        run = runtime.serve(files=FILES, events=[Next(event, answers=(ENDS[name],)), 2])
        costs_one_line(run)
        assert run.responses[-1].json == 2

    @pytest.mark.parametrize("event", ["fine", "boom"])
    def test_an_answer_that_was_dropped_unread_is_sent_until_it_is_taken(self, runtime: Runtime, event: str) -> None:
        unread = Reply(cut_at=0, unread=True)
        run = runtime.serve(files=FILES, events=[Next(event, answers=(unread,) * HANG_UPS), 2])
        assert [post.status for post in run.posts] == [*[0] * HANG_UPS, 202, 202]
        assert (run.exit_code, run.stderr) == (None, "")

    @pytest.mark.parametrize("name", ENDS)
    def test_an_answer_that_is_never_taken_ends_in_bounded_time(self, runtime: Runtime, name: str) -> None:
        event = Next(1, request_id="lost", answers=(ENDS[name],) * ALWAYS)
        run = runtime.serve(files=FILES, events=[event, 2])
        assert len([post for post in run.posts if post.request_id == "lost"]) < ALWAYS
        assert "lost" in run.stderr
        assert "Traceback" not in run.stderr
        assert run.exit_code is not None or run.responses[-1].json == 2


class TestConnections:
    def test_a_connection_that_closed_while_idle_is_made_anew(self, runtime: Runtime) -> None:
        events = [
            Next(1, replies=(Reply(then=Then.DROP),)),
            Next(2, answers=(Reply(then=Then.DROP),)),
            Next("boom", replies=(Reply(then=Then.RESET),)),
            Next(4, answers=(Reply(then=Then.RESET),)),
            Next(5),
        ]
        run = runtime.serve(files=FILES, events=events)
        assert [post.endpoint for post in run.posts] == ["response", "response", "error", "response", "response"]
        assert {post.status for post in run.posts} == {202}
        assert run.stderr == ""

    def test_a_connection_that_the_server_closes_with_a_word_is_made_anew(self, runtime: Runtime) -> None:
        close = Reply(then=Then.CLOSE)
        run = runtime.serve(
            files=FILES, events=[Next(number, replies=(close,), answers=(close,)) for number in range(5)]
        )
        assert [response.json for response in run.responses] == [0, 1, 2, 3, 4]
        assert [request.opens_connection for request in run.requests] == [True] * 11
        assert run.stderr == ""

    def test_a_server_that_is_slow_is_waited_for(self, runtime: Runtime) -> None:
        event = Next(1, replies=(Reply(hold_s=1.5),), answers=(Reply(hold_s=0.2),))
        run = runtime.serve(files=FILES, events=[event, 2])
        assert [response.json for response in run.responses] == [1, 2]
        assert {request.connection for request in run.requests} == {1}

    @pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
    def test_proxies_are_ignored(self, runtime: Runtime, name: str) -> None:
        run = runtime.serve(files=FILES, events=[1], env={name: "http://127.0.0.1:1"})
        assert [response.json for response in run.responses] == [1]

    def test_a_host_may_be_a_name(self, runtime: Runtime) -> None:
        command = ["/bin/sh", "-c", 'AWS_LAMBDA_RUNTIME_API="localhost:${AWS_LAMBDA_RUNTIME_API##*:}" exec "$@"', "sh"]
        run = runtime.serve(files=FILES, events=[1], command=[*command, *runtime.command])
        assert [response.json for response in run.responses] == [1]


@pytest.mark.parametrize("mode", ["process", "thread", "async"])
def test_a_reply_that_nobody_asked_for_costs_its_connection(mode: str, tmp_path: Path) -> None:
    environ = {"AWS_LAMBDA_MAX_CONCURRENCY": "1", "PYLAMBDA_CONCURRENCY": mode}
    with serving(tmp_path, APP, environ=environ) as runtime:
        peer = runtime.accept()
        assert peer.answer_to(b"1").body == b"1"
        peer.reply()
        assert runtime.accept().answer_to(b"2").body == b"2"


class TestNoDescriptorLeft:
    """A function that keeps all of them leaves none for a new connection, where the old one ends."""

    SOURCE = """
import os, resource
def handler(event, context):
    if event:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        try:
            while True:
                os.dup(2)
        except OSError:
            pass
    return os.getpid()
"""
    EVENTS = Next(1, request_id="held", replies=(Reply(then=Then.CLOSE),)), Next(0, request_id="next")
    # Of which the runtime says a line, with a module that it has yet to import.
    REFUSED = (Next(1, answers=(Reply(status=403),)),)

    @pytest.mark.parametrize("events", [EVENTS, REFUSED], ids=["for-a-connection", "for-an-import"])
    def test_the_run_ends_in_one_line(self, events: tuple[Next, ...], runtime: Runtime) -> None:
        with runtime.start(files={"app.py": self.SOURCE}, events=events) as started:
            started.wait_until_ended()
            assert "Too many open files" in ends_in_one_line(started.stop())

    def test_a_worker_still_reads_an_event_that_comes_in_chunks(self, runtime: Runtime) -> None:
        env = {"PYLAMBDA_CONCURRENCY": "process", "AWS_LAMBDA_MAX_CONCURRENCY": "1"}
        events = Next(1), Next(0, request_id="next", replies=(Reply(framing=Framing.CHUNKED),))
        run = runtime.serve(files={"app.py": self.SOURCE}, events=events, env=env)
        assert run.answer_to("next").endpoint == "response"
        assert run.stderr == ""

    def test_a_worker_ends_and_what_it_held_is_answered(self, runtime: Runtime) -> None:
        env = {"PYLAMBDA_CONCURRENCY": "process"}
        run = runtime.serve(files={"app.py": self.SOURCE}, events=self.EVENTS, at_once=2, env=env)
        assert run.answer_to("held").json["errorType"] == "Runtime.ExitError"
        assert run.answer_to("next").endpoint == "response"
        assert "Too many open files" in run.stderr
