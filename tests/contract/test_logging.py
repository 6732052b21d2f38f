"""What a function prints and logs: one physical line a record, with the request id of its invocation.

The records are made by `tests/handlers/logs.py`, most of them in one run; each case then reads its own lines.
"""

import json
import os
import re
import struct
from collections.abc import Callable

import pytest

from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Next

TEXT = re.compile(r"\[(\w+| +|Level \d+)\]\t(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\t([^\t]*)\t(.*)", re.DOTALL)
CASES = (
    "levels multi_line exception threads unicode wrong_arguments own_format second_handler_of_the_root prints handlers"
).split()


class Record:
    """A log line taken apart."""

    def __init__(self, line: str) -> None:
        match = TEXT.fullmatch(line)
        assert match, f"not a log record: {line!r}"
        self.level, self.time, self.request_id, self.message = match.groups()


@pytest.fixture(scope="module")
def run(module_runtime: Runtime) -> Run:
    events = [Next({"case": case}, request_id=case) for case in CASES]
    return module_runtime.serve("logs.handler", events=events)


def records_of(run: Run, case: str) -> list[Record]:
    return [Record(line) for line in run.log if f"\t{case}\t" in line]


def messages_of(run: Run, case: str) -> list[str]:
    return [record.message for record in records_of(run, case)]


def test_every_invocation_succeeds_and_nothing_is_said_twice(run: Run) -> None:
    assert [answer.endpoint for answer in run.posts] == ["response"] * len(CASES)
    assert len(run.log) == len(set(run.log))


def test_a_record_at_import_has_an_empty_request_id(run: Run) -> None:
    record = Record(run.log[0])
    assert (record.level, record.request_id, record.message) == ("WARNING", "", "at import")


def test_a_record_has_level_time_request_id_and_message(run: Run) -> None:
    """`basicConfig(level=DEBUG)` at import changed nothing: a root handler was there already."""
    found = [(record.level, record.message) for record in records_of(run, "levels")]
    assert found == [
        ("WARNING", "took 30 ms"),
        ("ERROR", "took 40 ms"),
        ("CRITICAL", "took 50 ms"),
        ("Level 35", "took 35 ms"),
    ]


def test_there_is_exactly_one_root_handler_whatever_basic_config_is_called(run: Run) -> None:
    assert run.answer_to("handlers").json == 1
    assert "never seen" not in run.stdout


def test_a_record_of_many_lines_is_one_line(run: Run) -> None:
    assert messages_of(run, "multi_line") == ["first\rsecond\r\rlast"]


def test_a_record_with_a_traceback_is_one_line_and_ends_it(run: Run) -> None:
    failed, after = messages_of(run, "exception")
    assert failed.startswith("it failed\r")
    assert "\rTraceback (most recent call last):\r  File " in failed
    assert failed.endswith("ValueError: in the log\ronly")
    assert after == "the line after"


def test_records_from_threads_have_the_request_id(run: Run) -> None:
    assert sorted(messages_of(run, "threads")) == [f"from thread {number}" for number in range(4)]


def test_a_record_holds_unicode_as_it_is(run: Run) -> None:
    assert "日本語 😀 é\n".encode() in run.out


def test_wrong_arguments_cost_the_record_only(run: Run) -> None:
    assert messages_of(run, "wrong_arguments") == ["the line after"]
    assert "not enough arguments for format string" in run.stderr


@pytest.mark.parametrize(("case", "line"), [("own_format", "mine own_format formatted")])
def test_a_format_of_the_users_own_may_name_the_request_id(run: Run, case: str, line: str) -> None:
    assert line in run.log


def test_a_second_handler_of_the_root_may_name_the_request_id_too(run: Run) -> None:
    assert "own second_handler_of_the_root of the root" in run.log


def test_prints_come_out_as_they_are(run: Run) -> None:
    assert "no line end and more" in run.log
    assert "on stderr\n" in run.stderr


def test_half_a_surrogate_pair_costs_the_record_at_most(runtime: Runtime) -> None:
    run = runtime.serve("logs.handler", events=[{"case": "surrogate"}, {"case": "unicode"}])
    assert [answer.endpoint for answer in run.posts] == ["response"] * 2
    assert "日本語 😀 é\n".encode() in run.out


@pytest.mark.parametrize(
    ("level", "lowest"),
    [
        ("DEBUG", 10),
        ("debug", 10),
        ("TRACE", 10),
        ("INFO", 20),
        ("WARN", 30),
        ("WARNING", 30),
        ("ERROR", 40),
        ("FATAL", 50),
        ("CRITICAL", 50),
        ("nonsense", 30),
        ("", 30),
    ],
)
def test_the_level_is_the_one_asked_for(runtime: Runtime, level: str, lowest: int) -> None:
    events = [Next({"case": "levels"}, request_id="levels")]
    run = runtime.serve("logs.handler", events=events, env={"AWS_LAMBDA_LOG_LEVEL": level})
    found = [int(message.split()[1]) for message in messages_of(run, "levels")]
    assert found == [number for number in (10, 20, 30, 40, 50, 35) if number >= lowest]


def test_on_a_terminal_the_lines_of_a_record_are_lines(runtime: Runtime) -> None:
    run = runtime.serve("logs.handler", events=[{"case": "multi_line"}], env={"PYLAMBDA_LOCAL": "1"})
    assert run.log[-4:][0].endswith("\tfirst")
    assert run.log[-3:] == ["second", "", "last"]


def test_the_request_id_of_a_late_thread_is_that_of_its_own_time(runtime: Runtime) -> None:
    """A thread that outlives its invocation logs with the id of the one that is running."""
    app = """\
import logging, threading
go = threading.Event()
done = threading.Event()
def late():
    go.wait()
    logging.error("late")
    done.set()
def handler(event, context):
    if event:
        threading.Thread(target=late, daemon=True).start()
    else:
        go.set()
        done.wait()
"""
    run = runtime.serve(files={"app.py": app}, events=[Next(True, request_id="one"), Next(False, request_id="two")])
    (record,) = (Record(line) for line in run.log)
    assert (record.request_id, record.message) == ("two", "late")


class TestJson:
    """`AWS_LAMBDA_LOG_FORMAT=JSON`: one object a line."""

    ENV = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}  # noqa: RUF012 - never changed

    def serve(self, runtime: Runtime, body: str) -> list[dict[str, object]]:
        app = "import logging\nlogger = logging.getLogger('shop')\ndef handler(event, context):\n    " + body + "\n"
        run = runtime.serve(files={"app.py": app}, events=[Next(request_id="one")], env=self.ENV)
        assert run.exit_code is None
        return [json.loads(line) for line in run.log]

    def test_a_record_is_an_object(self, runtime: Runtime) -> None:
        (record,) = self.serve(runtime, "logger.info('took %d ms', 3, extra={'order': 7})")
        assert list(record) == ["timestamp", "level", "message", "logger", "requestId", "order"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(record.pop("timestamp")))
        assert record == {"level": "INFO", "message": "took 3 ms", "logger": "shop", "requestId": "one", "order": 7}

    def test_a_message_that_is_a_dictionary_stays_one(self, runtime: Runtime) -> None:
        (record,) = self.serve(runtime, "logger.info({'order': 7})")
        assert record["message"] == {"order": 7}

    def test_what_json_does_not_know_is_written_as_text(self, runtime: Runtime) -> None:
        (record,) = self.serve(runtime, "logger.info('x', extra={'when': {1, }, 'é': b'x'})")
        assert (record["when"], record["é"]) == ("{1}", "b'x'")

    def test_a_level_between_two_is_the_lower(self, runtime: Runtime) -> None:
        assert [record["level"] for record in self.serve(runtime, "logger.log(35, 'x')")] == ["WARNING"]

    def test_a_formatter_leaves_the_record_as_it_was(self, runtime: Runtime) -> None:
        app = """\
import logging, sys
class After(logging.Handler):
    def emit(self, record):
        print("after", record.levelno, record.levelname)
logging.getLogger().addHandler(After())
def handler(event, context):
    logging.log(35, "x")
"""
        run = runtime.serve(files={"app.py": app}, events=[{}], env=self.ENV)
        assert run.log[-1] == "after 35 Level 35"

    def test_a_failure_is_an_object_too(self, runtime: Runtime) -> None:
        (record,) = self.serve(runtime, "raise ValueError('plain')")
        assert list(record)[:6] == ["timestamp", "level", "errorMessage", "errorType", "requestId", "stackTrace"]
        assert (record["level"], record["errorType"], record["requestId"]) == ("ERROR", "ValueError", "one")

    def test_an_exception_in_a_record_is_told_in_parts(self, runtime: Runtime) -> None:
        body = "\n    ".join(["try:", "    1 / 0", "except ZeroDivisionError:", "    logger.exception('failed')"])
        (record,) = self.serve(runtime, body)
        assert (record["errorType"], record["errorMessage"]) == ("ZeroDivisionError", "division by zero")
        assert isinstance(record["stackTrace"], list)
        assert re.fullmatch(r".*/app\.py:handler:7", str(record["location"]))


class TestFrames:
    """`_LAMBDA_TELEMETRY_LOG_FD`: type, length and microseconds before each record, all in one write."""

    APP = """\
import logging, os
def handler(event, context):
    logging.error("first\\nsecond é")
    context.log("as it is")
    print("not in a frame")
    if event:
        raise ValueError("plain")
    return os.environ.get("_LAMBDA_TELEMETRY_LOG_FD")
"""

    @pytest.fixture
    def frames(self, runtime: Runtime) -> Callable[..., tuple[Run, list[tuple[int, str]]]]:
        def serve(**env: str) -> tuple[Run, list[tuple[int, str]]]:
            read, write = os.pipe()
            with os.fdopen(read, "rb") as end:
                try:
                    run = runtime.serve(
                        files={"app.py": self.APP},
                        events=[Next(0, request_id="one"), Next(1, request_id="two")],
                        env={"_LAMBDA_TELEMETRY_LOG_FD": str(write), **env},
                        pass_fds=(write,),
                    )
                finally:
                    os.close(write)
                return run, list(self.read_frames(end.read()))

        return serve

    def read_frames(self, data: bytes) -> list[tuple[int, str]]:
        found = []
        while data:
            kind, length, _microseconds = struct.unpack(">IIQ", data[:16])
            found.append((kind, data[16 : 16 + length].decode()))
            data = data[16 + length :]
        return found

    def test_records_are_framed_whole(self, frames: Callable[..., tuple[Run, list[tuple[int, str]]]]) -> None:
        run, found = frames()
        assert run.log == ["not in a frame"] * 2
        assert run.answer_to("one").json is None
        assert [kind for kind, _ in found] == [0xA55A0003, 0xA55A0003, 0xA55A0003, 0xA55A0003, 0xA55A0017]
        assert Record(found[0][1].removesuffix("\n")).message == "first\nsecond é"
        assert found[1][1] == "as it is"
        assert found[4][1].startswith(
            "[ERROR] ValueError: plain\nTraceback (most recent call last):\n\u00a0\u00a0File "
        )
        assert not found[4][1].endswith("\n")

    def test_a_level_is_in_the_frame_where_levels_matter(
        self, frames: Callable[..., tuple[Run, list[tuple[int, str]]]]
    ) -> None:
        _, text = frames(AWS_LAMBDA_LOG_LEVEL="INFO")
        assert text[0][0] == 0xA55A0017
        _, objects = frames(AWS_LAMBDA_LOG_FORMAT="JSON")
        assert objects[0][0] == objects[4][0] == 0xA55A0016
