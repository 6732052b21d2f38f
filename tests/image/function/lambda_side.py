"""Lambda's side of a container, inside of it: starts what Lambda starts, hands out events, tells what came back.

It runs in the place of the entry point, so it works with whatever Docker was told: without a network, without IPv4,
without capabilities. Its argument says as JSON what to do; the last line that it prints says as JSON what came of it.
"""

import contextlib
import fcntl
import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEADLINE_S = 60
TIMEOUT_MS = 30_000
SIOCSIFADDR = 0x8916


class Platform(ThreadingHTTPServer):
    """A Runtime API for one start of a runtime."""

    daemon_threads = True

    def __init__(self, host: str, events: list[Any]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), Exchange)
        self.events: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        for numbered in enumerate(events):
            self.events.put(numbered)
        self.count = len(events)
        self.answers: dict[int, list[Any]] = {}
        self.is_over = threading.Event()

    @property
    def address(self) -> str:
        host, port = self.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"

    def note_the_end_of(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        self.is_over.set()

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)  # the inherited one looks for this machine's name
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = map(str, self.server_address[:2])  # type: ignore[assignment]


class Exchange(BaseHTTPRequestHandler):
    server: Platform
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        number, event = self.server.events.get()
        self._reply(
            200,
            json.dumps(event).encode(),
            {
                "Lambda-Runtime-Aws-Request-Id": f"id-{number}",
                "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + TIMEOUT_MS),
            },
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        identity, _, endpoint = self.path.rpartition("/")
        self.server.answers[int(identity.rpartition("-")[2])] = [endpoint, body]
        self._reply(202, b"{}", {})
        if len(self.server.answers) == self.server.count:
            self.server.is_over.set()

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


def serve(host: str, user: int | None, start: dict[str, Any]) -> dict[str, Any]:
    """Start the runtime once, and say what it answered, by the number of the event, and what it printed."""
    with Platform(host, start["events"]) as platform:
        threading.Thread(target=platform.serve_forever, daemon=True).start()
        process = subprocess.Popen(
            ["/entry_script.sh", start["handler"]],
            env={**os.environ, "AWS_LAMBDA_RUNTIME_API": platform.address, **start.get("env", {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        threading.Thread(target=platform.note_the_end_of, args=(process,), daemon=True).start()
        platform.is_over.wait(DEADLINE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        printed = process.stdout.read().decode(errors="replace")
        platform.shutdown()
        return {"answers": [platform.answers.get(number) for number in range(platform.count)], "printed": printed}


def take_ipv4_away() -> None:
    """Leave the loopback without an address of IPv4; needs CAP_NET_ADMIN."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        nothing = struct.pack("16sH2x4s8x", b"lo", socket.AF_INET, bytes(4))
        fcntl.ioctl(any_socket, SIOCSIFADDR, nothing)
    with socket.socket(socket.AF_INET) as listener:
        try:
            listener.bind(("127.0.0.1", 0))
        except OSError:
            return
    raise SystemExit("127.0.0.1 is still there")


def main() -> None:
    todo = json.loads(sys.argv[1])
    if todo.get("without_ipv4"):
        take_ipv4_away()
    users = todo.get("users") or [None]
    print(json.dumps([serve(todo.get("host", "127.0.0.1"), user, start) for user in users for start in todo["starts"]]))


if __name__ == "__main__":
    main()
