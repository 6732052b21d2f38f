"""What an invocation of a plain handler asks of the kernel. Counts, not times: they hold on any machine.

    sendto     the answer, with the request for the next event behind it in the same write
    recvfrom   the platform's 202
    recvfrom   the next event

Nothing else: no clock that goes into the kernel, no `sendto` of its own for `/next`. The two `recvfrom` would be one if
the platform wrote both replies at once, which it has no reason to: the Runtime API below sends an event only when the
trace says that the runtime has read the 202.

Now and then the allocator asks for memory; so it is the invocation that most are like which counts, and most means
nine of ten.
"""

import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("strace")

CHECKOUT = Path(__file__).parents[2]
WARM_UP, MEASURED = 20, 50
CALLS = ("sendto", "recvfrom", "recvfrom")
EVENT = b'{"message": "hello"}'
NEXT_REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476a536\r\n"
    b"Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Trace-Id: Root=1-5bef4de7\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(EVENT), EVENT)
)
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
PATIENCE_S = 60.0


def requests(connection: socket.socket) -> Iterator[bytes]:
    """Each request line that comes, once its request is whole; the bodies are dropped."""
    received = b""
    while True:
        head, end, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = int(length[1]) if length else 0
        if end and len(rest) >= size:
            received = rest[size:]
            yield head.partition(b"\r\n")[0]
            continue
        more = connection.recv(1 << 16)
        assert more, "the runtime closed its connection"
        received += more


def serve(listener: socket.socket, trace: Path) -> None:
    """Play the Runtime API for all invocations, then hang up."""
    listener.settimeout(PATIENCE_S)
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming = requests(connection)
        assert next(incoming).startswith(b"GET ")
        for number in range(WARM_UP + MEASURED + 1):
            connection.sendall(NEXT_REPLY)
            assert next(incoming).startswith(b"POST ")
            connection.sendall(ACCEPTED)
            assert next(incoming).startswith(b"GET ")
            wait_until_read(trace, number + 1)


def wait_until_read(trace: Path, answers: int) -> None:
    """Wait until the trace says that the runtime has read so many replies to its answers."""
    deadline = time.monotonic() + PATIENCE_S
    while trace.read_text().count("HTTP/1.1 202 Accepted") < answers:
        assert time.monotonic() < deadline, "the runtime does not read the reply to its answer"
        time.sleep(0.001)


def trace_of_a_run(folder: Path) -> list[str]:
    """Serve every invocation under strace; return the lines of the trace, all threads and processes in one."""
    trace = folder / "trace"
    trace.touch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        environ = {
            "PYLAMBDA_PYTHON": os.path.realpath(sys.executable),
            "LAMBDA_RUNTIME_DIR": str(CHECKOUT / "runtime"),
            "LAMBDA_TASK_ROOT": str(folder),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}",
            "_HANDLER": "app.handler",
            "HOME": "/tmp",
        }
        line = ["strace", "-f", "-qq", "-o", str(trace), str(CHECKOUT / "bootstrap")]
        with subprocess.Popen(line, cwd=folder, env=environ, stderr=subprocess.DEVNULL) as runtime:
            try:
                serve(listener, trace)
            finally:
                # The connection is closed and nobody listens: the runtime says so and ends.
                listener.close()
                runtime.wait(timeout=PATIENCE_S)
    return trace.read_text().splitlines()


def test_an_invocation_costs_three_system_calls(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): return event\n")
    lines = trace_of_a_run(tmp_path)
    answers = [place for place, line in enumerate(lines) if ' "POST /' in line]
    invocations = Counter(
        tuple(found[1] for line in lines[start:end] if (found := re.match(r"\d+ +(\w+)\(", line)))
        for start, end in pairwise(answers[WARM_UP:])
    )
    assert invocations.total() == MEASURED
    assert invocations.most_common(1)[0][0] == CALLS
    assert invocations[CALLS] >= 0.9 * MEASURED
