"""Log records, byte by byte: text and JSON, on stdout and in frames."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator

import pytest

from pylambda.log import records
from pylambda.log.sinks import FrameSink, StdoutSink, frame_type, timestamp
from pylambda.runtime_api.invocation import Current, Invocation
from pylambda.runtime_api.wire import read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.log.sinks import Sink


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[logging.Logger]:
    """Give each test a root logger without handlers, and pytest its own back."""
    root = logging.getLogger()
    handlers, level, converter = root.handlers[:], root.level, logging.Formatter.converter
    root.handlers.clear()
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.Formatter.converter = converter


@pytest.fixture
def current() -> Current:
    current = Current()
    current.invocation = Invocation(
        read_head(b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\nLambda-Runtime-Aws-Tenant-Id: blue", {})
    )
    return current


class MemorySink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.texts.append(text)

    def record(self, text: str, level: int, *, typed: bool) -> None:
        self.texts.append(text)

    def error(self, lines: list[str]) -> None:
        self.texts.append("\n".join(lines))


def install(current: Current, sink: "Sink", log_format: str = "", log_level: str = "") -> None:
    records.install(current, sink, log_json=log_format == "JSON", log_level=log_level)


def test_a_text_record_names_level_time_and_request(current: Current) -> None:
    sink = MemorySink()
    install(current, sink)
    logging.getLogger("mine").warning("took %d ms", 3)
    level, time, request_id, message = sink.texts[0].split("\t")
    assert (level, request_id, message) == ("[WARNING]", "id-1", "took 3 ms\n")
    assert len(time) == len("2026-11-21T07:28:12.345Z")


def test_there_is_no_request_id_before_the_first_invocation() -> None:
    sink = MemorySink()
    install(Current(), sink)
    logging.getLogger().error("early")
    assert sink.texts[0].split("\t")[2] == ""


def test_a_json_record_has_the_keys_in_order_and_what_came_with_extra(current: Current) -> None:
    sink = MemorySink()
    install(current, sink, "JSON")
    logging.getLogger("mine").error({"order": 1}, extra={"size": 3, "level": "taken", "odd": object})
    record = json.loads(sink.texts[0])
    assert list(record) == ["timestamp", "level", "message", "logger", "requestId", "tenantId", "size", "odd"]
    assert record["message"] == {"order": 1}
    assert record["level"] == "ERROR"
    assert record["tenantId"] == "blue"


def test_a_json_record_describes_its_exception(current: Current) -> None:
    sink = MemorySink()
    install(current, sink, "JSON")
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger().exception("failed")
    record = json.loads(sink.texts[0])
    assert (record["errorType"], record["errorMessage"]) == ("ValueError", "boom")
    assert record["stackTrace"][0].startswith("  File ")
    assert record["location"].startswith(f"{__file__}:test_a_json_record_describes_its_exception:")


@pytest.mark.parametrize("level", [0, 10, 25, 40, 99])
@pytest.mark.parametrize("text", ['a "quoted" one', "größe\n\x00\u2028", "100 %", ""])
def test_a_record_of_texts_is_what_any_other_would_be(level: int, text: str, current: Current) -> None:
    # Given a record that is written as it stands, and the same with something added that is left out
    sink = MemorySink()
    install(current, sink, "JSON")
    assert current.invocation is not None
    current.invocation.tenant_id = None
    handler = logging.getLogger().handlers[-1]
    plain, other = [logging.LogRecord('a"b', level, "file.py", 1, text, None, None) for _ in range(2)]
    other.created, other.nothing = plain.created, None
    # When both are logged, then nothing differs
    handler.handle(plain)
    handler.handle(other)
    assert sink.texts[0] == sink.texts[1]
    assert json.loads(sink.texts[0])["message"] == text


def test_records_of_one_second_keep_their_milliseconds(current: Current) -> None:
    formatter, times = records.JsonFormatter(), [1_700_000_000.0625, 1_700_000_000.9, 1_700_000_001.0]
    stamps = []
    for created in times:
        record = logging.LogRecord("mine", 20, "file.py", 1, "text", None, None)
        record.created, record.aws_request_id, record.tenant_id = created, "", None
        stamps.append(json.loads(formatter.format(record))["timestamp"])
    assert stamps == [timestamp(created) for created in times]


def test_formatting_leaves_the_record_as_it_was(current: Current) -> None:
    record = logging.LogRecord("mine", 25, "file.py", 1, "text", None, None)
    before = dict(record.__dict__)
    records.JsonFormatter().format(record)
    assert record.__dict__ == before


@pytest.mark.parametrize(("level", "set_to"), [("DEBUG", 10), ("WARN", 30), ("NONSENSE", 30), ("", 30)])
def test_a_level_that_logging_does_not_know_is_ignored(
    level: str, set_to: int, current: Current, root_logger: logging.Logger
) -> None:
    root_logger.setLevel(30)
    install(current, MemorySink(), log_level=level)
    assert root_logger.level == set_to


def test_basic_config_adds_no_second_handler(current: Current, root_logger: logging.Logger) -> None:
    install(current, MemorySink())
    before = root_logger.handlers[:]
    logging.basicConfig(level="DEBUG")
    assert root_logger.handlers == before


@pytest.mark.parametrize(("local", "joint"), [(False, "\r"), (True, "\n")])
def test_the_lines_of_a_record_are_one_entry_on_stdout(
    local: bool, joint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    StdoutSink(local=local).record("one\ntwo\nthree", 20, typed=False)
    assert out.getvalue() == f"one{joint}two{joint}three\n"


@pytest.mark.parametrize(
    ("level", "log_json", "kind"),
    [
        (0, False, 0xA55A0003),
        (10, False, 0xA55A000B),
        (20, True, 0xA55A000E),
        (25, True, 0xA55A000E),
        (30, False, 0xA55A0013),
        (40, True, 0xA55A0016),
        (99, False, 0xA55A001B),
        (-5, True, 0xA55A0002),
    ],
)
def test_a_frames_type_holds_format_and_level(level: int, log_json: bool, kind: int) -> None:
    assert int.from_bytes(frame_type(level, log_json=log_json), "big") == kind


def test_a_frame_holds_type_length_time_and_text() -> None:
    reader, writer = os.pipe()
    FrameSink(writer, log_json=False).record("größe\nzwei", 20, typed=False)
    os.close(writer)
    frame = os.read(reader, 1000)
    os.close(reader)
    text = "größe\nzwei".encode()
    assert frame[:8] == bytes.fromhex("a55a0003") + len(text).to_bytes(4, "big")
    assert frame[16:] == text
    assert int.from_bytes(frame[8:16], "big") > 1_700_000_000_000_000


def test_a_time_stamp_is_utc_with_milliseconds() -> None:
    assert timestamp(1_700_000_000.0625) == "2023-11-14T22:13:20.062Z"
