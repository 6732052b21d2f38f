"""How fast a streamed response is: bytes a second beside a plain socket, and the time to its first byte.

    .venv/bin/python bench/streaming.py [--rounds 5]

Everything is measured in one run, in turns, with the same receiver: 200 MB in chunks of 64 kB, streamed by a handler
through the runtime, and sent by a bare process with `sendall`. The first byte of a streamed response is timed beside
the whole response of a plain handler on the same kind of connection: from the event sent to the byte read. Medians
are printed, and ratios, which is what to read.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

CHECKOUT = Path(__file__).resolve().parent.parent
CHUNKS, CHUNK_BYTES = 3200, 65536
TOTAL_BYTES = CHUNKS * CHUNK_BYTES
ROUND_TRIPS = 400
TIMEOUT_S = 60.0
IDLE_S = 0.001
END = b"0\r\n\r\n"
EVENT = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 2\r\n\r\n{}"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
FUNCTION = f"""
from time import sleep
chunk = bytes({CHUNK_BYTES})
def large(event, context):
    for _ in range({CHUNKS}):
        yield chunk
def first(event, context):
    yield "a"
    sleep({IDLE_S})  # the second chunk takes its time, as a model's token does
def plain(event, context):
    return "a"
"""
PLAIN_SENDER = f"""
import socket, sys
chunk = bytes({CHUNK_BYTES})
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
connection.recv(1)
for _ in range({CHUNKS}):
    connection.sendall(chunk)
connection.recv(1)
"""


class Receiver:
    """Where senders connect to; takes what they send."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self.port: int = self._listener.getsockname()[1]
        self._buffer = bytearray(1 << 20)

    def accept(self) -> socket.socket:
        """Return the next sender's connection."""
        connection, _ = self._listener.accept()
        connection.settimeout(TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def take(self, connection: socket.socket, is_all: Callable[[int, bytes], bool]) -> float:
        """Read until `is_all`, given the number of bytes so far and the last few; return when the first one came."""
        total, last, first_at = 0, b"", 0.0
        while not is_all(total, last):
            size = connection.recv_into(self._buffer)
            if not size:
                raise ConnectionError(f"the sender ended after {total} bytes")
            first_at = first_at or perf_counter()
            total += size
            last = (last + bytes(self._buffer[max(0, size - 5) : size]))[-5:]
        return first_at


@contextmanager
def sender(command: list[str], folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """Run a sending process; end it in the end."""
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environ}, start_new_session=True)
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(TIMEOUT_S)


@contextmanager
def runtime(handler: str, port: int, folder: Path) -> Iterator[None]:
    """Run the runtime on a handler of `FUNCTION`."""
    environ = {
        "PYLAMBDA_PYTHON": sys.executable,
        "LAMBDA_RUNTIME_DIR": str(CHECKOUT / "runtime"),
        "LAMBDA_TASK_ROOT": str(folder),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "_HANDLER": f"function.{handler}",
    }
    with sender([str(CHECKOUT / "bootstrap")], folder, environ):
        yield


def head_is_there(total: int, last: bytes) -> bool:
    return last.endswith(b"\r\n\r\n")


def end_is_there(total: int, last: bytes) -> bool:
    return last == END


def stream_s(receiver: Receiver, folder: Path) -> float:
    """Return how long the runtime takes for all chunks."""
    with runtime("large", receiver.port, folder):
        connection = receiver.accept()
        receiver.take(connection, head_is_there)
        start = perf_counter()
        connection.sendall(EVENT)
        receiver.take(connection, lambda total, last: total > TOTAL_BYTES and last == END)
        return perf_counter() - start


def plain_s(receiver: Receiver, folder: Path) -> float:
    """Return how long a bare process takes for all chunks."""
    with sender([sys.executable, "-c", PLAIN_SENDER, str(receiver.port)], folder, {}):
        connection = receiver.accept()
        start = perf_counter()
        connection.sendall(b"!")
        receiver.take(connection, lambda total, last: total == TOTAL_BYTES)
        elapsed = perf_counter() - start
        connection.sendall(b"!")
        return elapsed


def first_bytes_s(receiver: Receiver, folder: Path) -> tuple[float, float]:
    """Return the median times from an event to its answer's first byte: streamed, and plain. In turns, both warm."""
    streamed, plain = [], []
    with runtime("first", receiver.port, folder):
        stream = receiver.accept()
        with runtime("plain", receiver.port, folder):
            whole = receiver.accept()
            receiver.take(stream, head_is_there)
            receiver.take(whole, head_is_there)
            for _ in range(ROUND_TRIPS):
                sleep(IDLE_S)  # both are done with their last answers and wait
                start = perf_counter()
                stream.sendall(EVENT)
                streamed.append(receiver.take(stream, end_is_there) - start)
                stream.sendall(ACCEPTED)
                stream = receiver.accept()
                receiver.take(stream, head_is_there)
                sleep(IDLE_S)
                start = perf_counter()
                whole.sendall(EVENT)
                # A plain answer comes with the next request behind it, in the same segment.
                plain.append(receiver.take(whole, head_is_there) - start)
                whole.sendall(ACCEPTED)
    return median(streamed[ROUND_TRIPS // 10 :]), median(plain[ROUND_TRIPS // 10 :])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure streamed responses beside a plain socket.")
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often to send 200 MB each way (default: %(default)s)"
    )
    rounds: int = parser.parse_args().rounds
    receiver = Receiver()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "function.py").write_text(FUNCTION)
        turns = [(stream_s(receiver, folder), plain_s(receiver, folder)) for _ in range(rounds)]
        streamed, plain = (median(times) for times in zip(*turns, strict=True))
        first, whole = first_bytes_s(receiver, folder)
    megabytes = TOTAL_BYTES / 1e6
    print(f"streamed    {megabytes / streamed:7.0f} MB/s")
    print(f"sendall     {megabytes / plain:7.0f} MB/s")
    print(f"ratio       {plain / streamed:10.2f}   of the plain socket's rate; the goal is at least 0.5")
    print(f"first byte  {first * 1e6:7.0f} us of a streamed response")
    print(f"plain       {whole * 1e6:7.0f} us of a plain handler's")
    print(f"ratio       {first / whole:10.2f}   the goal is at most 1.2")


if __name__ == "__main__":
    main()
