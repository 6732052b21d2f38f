"""The platform's rules: many at once, what is killed and why, what is told before the end."""

import base64
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from tests.local.serve.conftest import Serve, wait_for

ECHO = """
def handler(event, context):
    return event
"""
PID = """
import os

def handler(event, context):
    return os.getpid()
"""
WAITING = """
import os, pathlib, time

def handler(event, context):
    folder = pathlib.Path(event["folder"])
    (folder / f"began-{event['n']}").touch()
    while not (folder / "go").exists():
        time.sleep(0.005)
    return event["n"]
"""

MIXED = """
import pylambda

def pieces(event):
    yield b"piece"
    yield b"s"

def handler(event, context):
    if event == "fail":
        raise ValueError(event)
    return pylambda.StreamingResponse(pieces(event)) if event == "stream" else event * "x"
"""
BYTE_BY_BYTE = """
import os, socket

def handler(event, context):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    path = f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response"
    request = f"POST {path} HTTP/1.1\\r\\nHost: here\\r\\nContent-Length: 2\\r\\n\\r\\n42"
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            connection.sendall(byte.encode())
        connection.recv(100)
    return "too late"
"""


def test_answers_of_all_kinds_follow_each_other_on_one_connection(serve: Serve) -> None:
    # Given answers that come in one piece, in several, streamed, and as errors
    service = serve(MIXED, "--concurrency", "1", "--timeout", "60")
    bodies = [
        service.invoke(json.dumps(event)).text for event in (1, 200_000, "stream", 1, "fail", 6_000_000, "fail", 1)
    ]
    assert [bodies[n] for n in (0, 3, 7)] == ['"x"', '"x"', '"x"']
    assert bodies[2].endswith("pieces")
    assert [len(bodies[n]) for n in (1, 5)] == [200_002, 6_000_002]
    assert [json.loads(bodies[n])["errorType"] for n in (4, 6)] == ["ValueError", "ValueError"]


def test_an_answer_may_come_byte_by_byte(serve: Serve) -> None:
    # Given a function that answers by itself, so that its runtime is refused
    service = serve(BYTE_BY_BYTE, "--concurrency", "1")
    assert [service.invoke().text, service.invoke().text] == ["42", "42"]
    assert len(service.workers()) == 1


def test_a_first_burst_of_64_is_served_though_the_import_is_slow(serve: Serve) -> None:
    service = serve("import time\ntime.sleep(2)\n" + ECHO, "--concurrency", "3")
    client = service.client(max_pool_connections=64)
    with ThreadPoolExecutor(64) as threads:
        answers = threads.map(lambda n: client.invoke(FunctionName="f", Payload=str(n))["Payload"].read(), range(64))
        assert list(answers) == [str(n).encode() for n in range(64)]
    assert len(service.workers()) == 3


def test_calls_run_beside_each_other_up_to_the_limit_and_the_rest_waits(serve: Serve, tmp_path: Path) -> None:
    # Given three calls and two workers
    service = serve(WAITING, "--concurrency", "2", "--timeout", "60")
    client = service.client()

    def call(n: int) -> bytes:
        payload = json.dumps({"folder": str(tmp_path), "n": n})
        return bytes(client.invoke(FunctionName="f", Payload=payload)["Payload"].read())

    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(call, n) for n in range(3)]

        # When two run, the third has not begun
        wait_for(lambda: len(list(tmp_path.glob("began-*"))) == 2, "two that run")

        # Then it has its turn
        (tmp_path / "go").touch()
        assert [each.result() for each in calls] == [b"0", b"1", b"2"]


def test_over_the_queues_limit_callers_are_told_to_come_back(serve: Serve, tmp_path: Path) -> None:
    service = serve(WAITING, "--concurrency", "1", "--queue", "0", "--timeout", "60")
    with pytest.raises(ClientError) as caught:
        service.client(retries={"total_max_attempts": 1}).invoke(FunctionName="f", Payload="{}")
    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"


@pytest.mark.parametrize("mode", ["process", "thread"])
def test_one_worker_is_asked_many_at_a_time(serve: Serve, tmp_path: Path, mode: str) -> None:
    environ = {"AWS_LAMBDA_MAX_CONCURRENCY": "3", "PYLAMBDA_CONCURRENCY": mode}
    service = serve(WAITING, "--timeout", "60", environ=environ)
    client = service.client()

    def call(n: int) -> bytes:
        payload = json.dumps({"folder": str(tmp_path), "n": n})
        return bytes(client.invoke(FunctionName="f", Payload=payload)["Payload"].read())

    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(call, n) for n in range(3)]
        wait_for(lambda: len(list(tmp_path.glob("began-*"))) == 3, "three that run")
        assert "worker 2" not in service.output()
        (tmp_path / "go").touch()
        assert [each.result() for each in calls] == [b"0", b"1", b"2"]


def test_a_worker_that_is_killed_while_it_waits_costs_nobody_a_call(serve: Serve) -> None:
    service = serve(PID, "--concurrency", "1")
    for _ in range(20):
        pid = service.invoke().json()
        os.kill(pid, signal.SIGKILL)
        answer = service.invoke()
        assert "x-amz-function-error" not in answer.headers
        assert answer.json() != pid


def test_an_answer_that_comes_late_is_nobodys(serve: Serve) -> None:
    service = serve(
        "import time\ndef handler(event, context):\n    time.sleep(event.get('s', 0))\n    return event\n",
        *("--timeout", "0.2"),
    )
    assert service.invoke('{"s": 0.25}').json()["errorType"] == "Sandbox.Timedout"
    for n in range(5):
        assert service.invoke(json.dumps({"n": n})).json() == {"n": n}


def test_a_worker_that_holds_too_much_is_killed_and_named(serve: Serve) -> None:
    service = serve(
        """
        import time

        def handler(event, context):
            held = b"x" * (event.get("mb", 0) << 20)
            time.sleep(30 if held else 0)
            return len(held)
        """,
        *("--memory", "100", "--timeout", "40"),
    )
    answer = service.invoke('{"mb": 200}', **{"X-Amz-Log-Type": "Tail"})
    assert answer.json()["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert b"Error Type: Runtime.OutOfMemory" in base64.b64decode(answer.headers["x-amz-log-result"])
    service.wait_for_output(r"killed at \d{3} of 100 MB")
    assert service.invoke().json() == 0


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_frozen_worker_does_nothing_between_its_calls(serve: Serve) -> None:
    service = serve(PID, "--freeze", "--concurrency", "1")
    for _ in range(3):
        pid = service.invoke().json()
        wait_for(partial(is_stopped, pid), "frozen worker")
    assert service.invoke().json() == pid


def test_a_hangup_makes_fresh_workers(serve: Serve) -> None:
    service = serve(PID, "--concurrency", "1")
    before = service.invoke().json()
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: before not in service.workers(), "end of the old worker")
    assert service.invoke().json() != before


def test_the_end_is_told_while_the_runtime_can_still_do_something(serve: Serve) -> None:
    service = serve(
        """
        import pathlib
        import pylambda

        @pylambda.on_shutdown
        def leave():
            (pathlib.Path(__file__).parent / "left").touch()

        def handler(event, context):
            return event
        """
    )
    service.invoke()
    assert service.stop() == 0
    assert (service.folder / "left").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_all_at_once_also_in_the_middle(serve: Serve, number: signal.Signals, tmp_path: Path) -> None:
    service = serve(WAITING, "--timeout", "60")
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(service.invoke, json.dumps({"folder": str(tmp_path), "n": 1}))
        wait_for((tmp_path / "began-1").exists, "call that runs")
        assert service.stop(number) == 0
        assert call.exception() is not None or call.result().json()["errorType"]
    assert service.processes() == []


def test_a_caller_that_left_while_it_waited_is_not_served(serve: Serve, tmp_path: Path) -> None:
    # Given a worker that works, and a second caller that does not wait for long
    service = serve(WAITING, "--concurrency", "1", "--timeout", "60")
    patient = service.client()
    hasty = service.client(read_timeout=0.3, retries={"total_max_attempts": 1})
    with ThreadPoolExecutor(1) as threads:
        payload = json.dumps({"folder": str(tmp_path), "n": 1})
        call = threads.submit(patient.invoke, FunctionName="f", Payload=payload)
        wait_for((tmp_path / "began-1").exists, "call that runs")
        with pytest.raises(Exception, match="Read timeout"):
            hasty.invoke(FunctionName="f", Payload=json.dumps({"folder": str(tmp_path), "n": 2}))
        service.wait_for_output("dropped: its caller left before it began")
        (tmp_path / "go").touch()
        assert call.result()["Payload"].read() == b"1"
    assert not (tmp_path / "began-2").exists()


def test_a_client_that_gives_up_and_calls_again_is_named(serve: Serve, tmp_path: Path) -> None:
    service = serve(WAITING, "--concurrency", "2", "--timeout", "60")
    client = service.client(read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 2})
    with pytest.raises(Exception, match="Read timeout"):
        client.invoke(FunctionName="f", Payload=json.dumps({"folder": str(tmp_path), "n": 1}))
    service.wait_for_output(r"gave up waiting and called again \(attempt 2 of 2\)")
    (tmp_path / "go").touch()


def test_what_it_prints_goes_to_programs_as_json(serve: Serve) -> None:
    service = serve("def handler(event, context):\n    print('a line')\n    return event\n", "--log-format", "json")
    request_id = service.invoke().headers["x-amzn-requestid"]
    service.wait_for_output(r"platform.report")
    records = [json.loads(line) for line in service.output().splitlines()]
    of_call = [each["type"] for each in records if request_id in json.dumps(each)]
    assert of_call == ["platform.start", "function", "platform.report"]
    report = next(each["record"] for each in records if each["type"] == "platform.report")
    assert report["status"] == "success"
    assert report["metrics"]["initDurationMs"] > 0


def test_an_idle_service_takes_no_time(serve: Serve) -> None:
    """Clock ticks of the processor, over a second in which nothing is asked."""
    service = serve(ECHO)
    service.invoke()

    def ticks() -> int:
        fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before, until = ticks(), time.monotonic() + 1
    wait_for(lambda: time.monotonic() > until, "second")
    assert ticks() - before <= 5


def test_a_start_that_lambda_would_end_is_named(serve: Serve) -> None:
    service = serve(
        """
        import pathlib, time

        while not (pathlib.Path(__file__).parent / "go").exists():
            time.sleep(0.01)

        def handler(event, context):
            return event
        """,
        *("--timeout", "60", "--concurrency", "1"),
    )
    service.wait_for_output("worker 1 has been starting for 10 s; Lambda would kill it and start it again")
    (service.folder / "go").touch()
    assert service.invoke('{"n": 1}').json() == {"n": 1}
    service.wait_for_output(r"cold 1\d\.\d\d s")


def test_a_quiet_connection_is_kept_alive(serve: Serve, tmp_path: Path) -> None:
    """What the kernel has of the service's side: 2 is a timer that sends something when nothing moves."""
    service = serve(WAITING, "--timeout", "60")
    port = int(service.url.rpartition(":")[2])

    def timers() -> list[str]:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return [row[5][:2] for row in rows if int(row[1].rpartition(":")[2], 16) == port and row[3] == "01"]

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(service.invoke, json.dumps({"folder": str(tmp_path), "n": 1}))
        wait_for((tmp_path / "began-1").exists, "call that runs")
        wait_for(lambda: timers() == ["02"], "timer of the connection")
        (tmp_path / "go").touch()
        assert call.result().json() == 1


LOGGING = """
import asyncio, concurrent.futures, contextvars, logging, threading
logging.getLogger().setLevel("INFO")
pool = concurrent.futures.ThreadPoolExecutor(64)

async def handler(event, context):
    n = event["n"]
    logging.info("here %s %s", n, context.aws_request_id)
    await asyncio.sleep(0.01)
    await asyncio.to_thread(logging.info, "thread %s %s", n, context.aws_request_id)
    run = contextvars.copy_context().run
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(pool, run, logging.info, "executor %s %s", n, context.aws_request_id)
    return n
"""


def test_every_line_of_64_at_once_has_its_own_id(serve: Serve) -> None:
    environ = {
        "AWS_LAMBDA_MAX_CONCURRENCY": "64",
        "PYLAMBDA_CONCURRENCY": "async",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
    }
    service = serve(LOGGING, "--timeout", "60", environ=environ)
    client = service.client(max_pool_connections=64)
    with ThreadPoolExecutor(64) as threads:
        answers = threads.map(
            lambda n: client.invoke(FunctionName="f", Payload=json.dumps({"n": n}))["Payload"].read(), range(64)
        )
        assert list(answers) == [str(n).encode() for n in range(64)]
    wait_for(lambda: service.output().count('"message"') == 3 * 64, "all lines")
    records = [json.loads(line[line.index("{") :]) for line in service.output().splitlines() if '"message"' in line]
    assert all(record["requestId"] == record["message"].split()[2] for record in records)
    assert len({record["requestId"] for record in records}) == 64


RAISING = """
import json

def handler(event, context):
    return parse("{")

def parse(text):
    return json.loads(text)
"""


def test_a_traceback_shows_the_functions_own_frames(serve: Serve) -> None:
    service = serve(RAISING)
    service.invoke()
    service.wait_for_output(r"in handler\n\s+return parse[\s\S]+in parse\n\s+return json\.loads\(text\)\n")
    service.wait_for_output(r"\.\.\. 3 frames of other code; -v shows all")
    assert "decoder.py" not in service.output()


def test_all_frames_are_shown_where_that_is_asked_for(serve: Serve) -> None:
    service = serve(RAISING, "-v")
    service.invoke()
    service.wait_for_output(r"decoder\.py")
    assert "frames of other code" not in service.output()


def test_a_traceback_of_a_start_shows_them_too(serve: Serve) -> None:
    service = serve("import json\nvalue = json.loads('{')\ndef handler(event, context):\n    return 1\n")
    service.wait_for_output(r'app\.py", line 2, in <module>\n.*value = json\.loads')
    service.wait_for_output("3 frames of other code")


def test_a_worker_that_cannot_be_started_fails_its_call_and_no_other(serve: Serve) -> None:
    # Given a folder that is gone for a while, so that no process can be made in it
    service = serve(PID, "--concurrency", "1", "--no-reload")
    pid = service.invoke().json()
    before = pipes(service.process.pid)
    away = service.folder.with_name("away")
    service.folder.rename(away)
    os.kill(pid, signal.SIGKILL)

    # When calls come meanwhile
    answers = [service.invoke() for _ in range(3)]

    # Then each is answered, and the first one after it is served
    assert [answer.headers["x-amz-function-error"] for answer in answers] == ["Unhandled"] * 3
    service.wait_for_output(r"cannot start .*bootstrap: No such file or directory")
    away.rename(service.folder)
    assert service.invoke().json() != pid
    wait_for(lambda: pipes(service.process.pid) == before, "end of the pipes of those that did not start")


def pipes(pid: int) -> int:
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += os.readlink(link).startswith("pipe:")
    return count
