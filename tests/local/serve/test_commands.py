"""`pylambda event` and `pylambda invoke`, as a person types them."""

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pylambda.local.samples import BODIES, FRONTS, SHAPES
from pylambda.local.service.event_stream import frames, invoke_complete, payload_chunk
from pylambda.web.events import shape_of
from tests.local.serve.conftest import Service, serving

COMMAND = Path(sys.executable).parent / "pylambda"
FUNCTION = """
def handler(event, context):
    print("a line of the function")
    if event == "raise":
        raise ValueError("as asked")
    return event
"""
STREAMING = """
def handler(event, context):
    yield "one "
    if event == "raise":
        raise ValueError("as asked")
    yield "two"
"""


def pylambda(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def served(tmp_path_factory: pytest.TempPathFactory, source: str) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("commands") / "task"
    folder.mkdir()
    (folder / "app.py").write_text(source)
    with serving(folder, "app.handler", (), {}) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from served(tmp_path_factory, FUNCTION)


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from served(tmp_path_factory, STREAMING)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_event_is_printed_and_can_be_sent(service: Service, shape: str) -> None:
    code, printed, _ = pylambda("event", shape)
    assert code == 0
    event = json.loads(printed)
    assert (shape_of(event) is not None) == (shape in FRONTS)
    code, result, _ = pylambda("invoke", "--url", service.url, printed)
    assert (code, json.loads(result)) == (0, event)


def test_the_events_are_listed() -> None:
    code, printed, _ = pylambda("event")
    assert (code, printed.split()) == (0, list(SHAPES))


WHERE: dict[str, Callable[[Any], str]] = {
    "sqs": lambda event: event["Records"][0]["body"],
    "sns": lambda event: event["Records"][0]["Sns"]["Message"],
    "kinesis": lambda event: base64.b64decode(event["Records"][0]["kinesis"]["data"]).decode(),
    "eventbridge": lambda event: json.dumps(event["detail"]),
    "cloudwatch-logs": lambda event: json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))[
        "logEvents"
    ][0]["message"],
    "msk": lambda event: base64.b64decode(event["records"]["orders-0"][0]["value"]).decode(),
    "kafka": lambda event: base64.b64decode(event["records"]["orders-0"][0]["value"]).decode(),
    **dict.fromkeys(FRONTS, lambda event: event["body"]),
}


@pytest.mark.parametrize("shape", [*BODIES, *FRONTS])
def test_a_body_goes_where_the_service_puts_it(shape: str) -> None:
    code, printed, _ = pylambda("event", shape, "--body", '{"id": "ü"}')
    assert code == 0
    assert json.loads(WHERE[shape](json.loads(printed))) == {"id": "ü"}


def test_an_http_event_of_ones_own() -> None:
    _, printed, _ = pylambda("event", "apigw-v2", "--method", "DELETE", "--path", "/items/1?force=1")
    event = json.loads(printed)
    assert (event["requestContext"]["http"]["method"], event["rawPath"], event["rawQueryString"]) == (
        "DELETE",
        "/items/1",
        "force=1",
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("sqss",), "there is no event 'sqss'; did you mean sqs"),
        (("ses", "--body", "x"), "an event of ses holds no body; these do: "),
        (("eventbridge", "--body", "{"), "the detail of an event of EventBridge is JSON"),
    ],
)
def test_an_event_that_cannot_be_made(arguments: tuple[str, ...], complaint: str) -> None:
    code, out, err = pylambda("event", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"pylambda: {complaint}")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("serve", "--htp", "v2"), "serve takes no '--htp'; did you mean --http?"),
        (("serve", "app.handler", "--timeot=4"), "serve takes no '--timeot=4'; did you mean --timeout?"),
        (("serve", "app.handler", "other"), "serve takes no 'other'; see pylambda serve --help"),
        (("invoke", "--zzz"), "invoke takes no '--zzz'; see pylambda invoke --help"),
    ],
)
def test_an_argument_that_there_is_not_names_the_near_one(arguments: tuple[str, ...], complaint: str) -> None:
    assert pylambda(*arguments) == (2, "", f"pylambda: {complaint}\n")


def test_a_flag_before_the_command_is_none() -> None:
    code, out, err = pylambda("--zzz", "serve")
    assert (code, out) == (2, "")
    assert err.endswith("pylambda: error: it takes no '--zzz' before the command\n")


def test_a_sample_is_sent_by_its_name(service: Service) -> None:
    code, result, _ = pylambda("invoke", "--url", service.url, "--event", "sqs")
    assert code == 0
    assert json.loads(result)["Records"]


def test_the_log_goes_to_standard_error(service: Service) -> None:
    code, result, log = pylambda("invoke", "--url", service.url, "--tail", "1")
    assert (code, result) == (0, "1")
    assert "a line of the function\n" in log
    assert "REPORT RequestId: " in log


def test_a_stream_is_printed_and_a_failure_is_told(streaming: Service) -> None:
    assert pylambda("invoke", "--url", streaming.url, "--stream", "1") == (0, "one two", "")
    code, result, err = pylambda("invoke", "--url", streaming.url, "--stream", '"raise"')
    assert (code, result) == (1, "one ")
    assert err.startswith("pylambda: the function failed: Function.ValueError: ")


def test_nobody_waits_for_an_async_one(service: Service) -> None:
    assert pylambda("invoke", "--url", service.url, "--async", '{"n": 7}') == (0, "", "")
    service.wait_for_output(r"event +ok")


def test_the_exit_codes(service: Service) -> None:
    assert pylambda("invoke", "--url", service.url, '"raise"')[0] == 1
    assert pylambda("invoke", "--url", service.url, "{")[0] == 2
    assert pylambda("invoke", "--url", "http://127.0.0.1:1")[0] == 3


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_frames_are_read_wherever_they_are_cut(step: int) -> None:
    data = payload_chunk(b"Hi") + payload_chunk(b"") + invoke_complete(error_code="E")
    parts = [data[at : at + step] for at in range(0, len(data), step)]
    found: list[Any] = list(frames(parts))
    assert found == [("PayloadChunk", b"Hi"), ("PayloadChunk", b""), ("InvokeComplete", b'{"ErrorCode": "E"}')]


def test_frames_are_the_recorded_ones() -> None:
    """Lengths and checksums of two frames that botocore decodes."""
    assert payload_chunk(b"Hi")[:12].hex() == "0000006c0000005ab25efdcf"
    assert payload_chunk(b"Hi")[-4:].hex() == "a4c51c46"
    assert invoke_complete()[:12].hex() == "00000066000000541f56c869"
    assert invoke_complete()[-4:].hex() == "face259a"
