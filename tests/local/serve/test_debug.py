"""`--debug`, driven as an editor drives it: over the Debug Adapter Protocol."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Any

import pytest

from pylambda.local.function import free_ports
from tests.local.serve.conftest import DEADLINE_S, Serve

SOURCE = """
def handler(event, context):
    doubled = event["n"] * 2
    return doubled
"""
LINE = 4


class Editor:
    """A client of the protocol: requests, their answers, and the events in between.

    https://microsoft.github.io/debug-adapter-protocol/specification
    """

    def __init__(self, to_far_side: IO[bytes], from_far_side: IO[bytes]) -> None:
        self._to_far_side = to_far_side
        self._stream = from_far_side
        self._count = 0
        self._events: list[dict[str, Any]] = []
        self._answers: dict[int, dict[str, Any]] = {}

    def send(self, command: str, **arguments: Any) -> int:
        self._count += 1
        message = {"seq": self._count, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._to_far_side.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._to_far_side.flush()
        return self._count

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        return self.answer(self.send(command, **arguments))

    def answer(self, seq: int) -> dict[str, Any]:
        while seq not in self._answers:
            self._take()
        message = self._answers.pop(seq)
        assert message["success"], message
        found: dict[str, Any] = message.get("body") or {}
        return found

    def wait_for(self, event: str) -> dict[str, Any]:
        while True:
            for message in self._events:
                if message["event"] == event:
                    self._events.remove(message)
                    return message
            self._take()

    def _take(self) -> None:
        message = self._receive()
        if message["type"] == "event":
            self._events.append(message)
        elif message["type"] == "response":
            self._answers[message["request_seq"]] = message

    def _receive(self) -> dict[str, Any]:
        length = 0
        while (line := self._stream.readline()) != b"\r\n":
            assert line, "the debugger hung up"
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        found: dict[str, Any] = json.loads(self._stream.read(length))
        return found

    def begin(self, **how: Any) -> None:
        """Ask to attach."""
        self.ask("initialize", adapterID="python", clientID="test", pathFormat="path", linesStartAt1=True)
        self._attached = self.send("attach", justMyCode=False, **how)

    def set_breakpoint(self, file: str, line: int) -> None:
        """Set a breakpoint as soon as that can be done, and let the program go on."""
        self.wait_for("initialized")
        self.ask("setBreakpoints", source={"path": file}, breakpoints=[{"line": line}])
        self.ask("configurationDone")
        self.answer(self._attached)

    def value_where_it_stops(self, expression: str) -> str:
        """Wait until the function stops, and look at something there."""
        stopped = self.wait_for("stopped")["body"]
        frames = self.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"]
        value: str = self.ask("evaluate", expression=expression, frameId=frames[0]["id"])["result"]
        self.ask("continue", threadId=stopped["threadId"])
        return value


def editor_at(connection: socket.socket) -> Editor:
    connection.settimeout(DEADLINE_S)
    return Editor(connection.makefile("wb"), connection.makefile("rb"))


@pytest.mark.timeout(180)
def test_an_editor_stops_the_function_also_after_a_save(serve: Serve) -> None:
    # Given a service that waits for an editor
    (port,) = free_ports(1)
    service = serve(SOURCE, "--debug", str(port), "--timeout", "1")
    file = str(service.folder / "app.py")
    service.wait_for_output(f"waits for a debugger on 127.0.0.1:{port}")
    assert f'"remoteRoot": "{service.folder}"' in service.output()

    # When it attaches, then a call stops at its breakpoint, and no time limit ends it
    with ThreadPoolExecutor(1) as threads, socket.create_connection(("127.0.0.1", port)) as connection:
        editor = editor_at(connection)
        editor.begin()
        editor.set_breakpoint(file, LINE)
        call = threads.submit(service.invoke, '{"n": 21}')
        assert editor.value_where_it_stops("doubled") == "42"
        assert call.result().text == "42"

    # And after a save the port is there again
    (service.folder / "app.py").write_text(SOURCE.replace("* 2", "* 3"))
    service.wait_for_output(rf"(?s)waits for a debugger.*waits for a debugger on 127.0.0.1:{port}")
    with ThreadPoolExecutor(1) as threads, socket.create_connection(("127.0.0.1", port)) as connection:
        editor = editor_at(connection)
        editor.begin()
        editor.set_breakpoint(file, LINE)
        call = threads.submit(service.invoke, '{"n": 21}')
        assert editor.value_where_it_stops("doubled") == "63"
        assert call.result().text == "63"


@pytest.mark.timeout(180)
def test_turned_round_the_worker_comes_to_the_editor_also_after_a_save(serve: Serve) -> None:
    # Given an editor that listens, through the adapter that comes with debugpy
    (port,) = free_ports(1)
    service = None
    for factor in (2, 3):
        with listening_editor(port) as editor:
            # When a worker has come, at the start or after a save
            source = SOURCE.replace("* 2", f"* {factor}")
            if service is None:
                service = serve(source, "--debug-connect", f"127.0.0.1:{port}")
            else:
                (service.folder / "app.py").write_text(source)
            editor.set_breakpoint(str(service.folder / "app.py"), LINE)

            # Then a call stops at its breakpoint
            with ThreadPoolExecutor(1) as threads:
                call = threads.submit(service.invoke, '{"n": 21}')
                assert editor.value_where_it_stops("doubled") == str(21 * factor)
                assert call.result().text == str(21 * factor)


@contextmanager
def listening_editor(port: int) -> Iterator[Editor]:
    command = [sys.executable, "-m", "debugpy.adapter"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as adapter:
        try:
            assert adapter.stdin is not None
            assert adapter.stdout is not None
            editor = Editor(adapter.stdin, adapter.stdout)
            editor.begin(listen={"host": "127.0.0.1", "port": port}, restart=True)
            editor.wait_for("debugpyWaitingForServer")
            yield editor
        finally:
            adapter.kill()


def test_without_debugpy_it_says_what_to_install(serve: Serve) -> None:
    service = serve(SOURCE, "--debug", environ={"PYLAMBDA_PYTHON": "/usr/bin/python3"})
    service.wait_for_output("--debug needs debugpy, and the function has none: pip install debugpy")
