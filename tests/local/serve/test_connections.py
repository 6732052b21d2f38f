"""A call as most are takes a short way through the service: the answers are the same, however its bytes come."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.serve.conftest import Service, serving, wait_for

SOURCE = """
import pathlib, time

def handler(event, context):
    while event == "wait" and not (pathlib.Path(__file__).parent / "until").exists():
        time.sleep(0.005)
    if event == "fail":
        raise ValueError("as asked")
    return event
"""
PATH = "/2015-03-31/functions/f/invocations"
# A field that the short way does not know: the request is read by h11.
UNUSUAL = "X-Unusual: yes\r\n"
IDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}|Root=\S+")
# Not to be served: by the field, the beginning of the head or the body, and the status.
REFUSED = {
    "two lengths": ("Host: f\r\nContent-Length: 2\r\nContent-Length: 3\r\n", 400),
    "a length with a sign": ("Host: f\r\nContent-Length: +2\r\n", 400),
    "a length in words": ("Host: f\r\nContent-Length: two\r\n", 400),
    "no host": ("Content-Length: 2\r\n", 400),
    "two hosts": ("Host: f\r\nHost: g\r\nContent-Length: 2\r\n", 400),
    "a space before the colon": ("Host : f\r\nContent-Length: 2\r\n", 400),
    "a line end of its own": ("Host: f\r\nUser-Agent: a\rContent-Length: 2\r\n\r\n", 400),
    "a coding that nobody knows": ("Host: f\r\nTransfer-Encoding: gzip\r\n", 501),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("connections") / "task"
    folder.mkdir()
    (folder / "app.py").write_text(SOURCE)
    with serving(folder, "app.handler", ("--concurrency", "1", "--timeout", "60", "--no-reload"), {}) as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), timeout=30) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connected


@pytest.fixture
def until(service: Service) -> Iterator[Path]:
    """A file for which the event "wait" waits."""
    file = service.folder / "until"
    yield file
    file.unlink(missing_ok=True)


def request(body: str, fields: str = "", path: str = PATH) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: f\r\n{fields}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def answers(client: socket.socket, count: int) -> list[tuple[bytes, bytes]]:
    """Return so many answers, head and body each."""
    found: list[tuple[bytes, bytes]] = []
    data = b""
    while len(found) < count:
        head, end, rest = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and length and len(rest) >= int(length[1]):
            found.append((head, rest[: int(length[1])]))
            data = rest[int(length[1]) :]
            continue
        more = client.recv(1 << 16)
        assert more, f"the connection ended after {found}, {data!r}"
        data += more
    assert not data
    return found


@pytest.mark.parametrize("event", ['"here"', '"fail"', '{"a": "\\u00e4"}'])
@pytest.mark.parametrize("fields", ["", "X-Amz-Log-Type: None\r\n", "X-Amzn-Trace-Id: Root=1-2-3\r\n"])
def test_both_ways_have_one_answer(client: socket.socket, event: str, fields: str) -> None:
    client.sendall(request(event, fields))
    (short,) = answers(client, 1)
    client.sendall(request(event, fields + UNUSUAL))
    (long,) = answers(client, 1)
    assert [IDS.sub(b"ID", part) for part in short] == [IDS.sub(b"ID", part) for part in long]


def test_the_end_of_the_log_comes_on_both_ways(client: socket.socket) -> None:
    for fields in ("X-Amz-Log-Type: Tail\r\n", f"X-Amz-Log-Type: Tail\r\n{UNUSUAL}"):
        client.sendall(request('"here"', fields))
        (head, body) = answers(client, 1)[0]
        assert body == b'"here"'
        assert b"X-Amz-Log-Result: " in head


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("fields", ["", UNUSUAL])
def test_a_call_may_come_in_pieces(client: socket.socket, size: int, fields: str) -> None:
    data = request('"in pieces"', fields)
    for begin in range(0, len(data), size):
        client.sendall(data[begin : begin + size])
    assert answers(client, 1)[0][1] == b'"in pieces"'


@pytest.mark.parametrize("length", [60_000, 70_000, 1_000_000])
def test_a_long_call_is_answered_whole(client: socket.socket, length: int) -> None:
    event = '"' + "a" * length + '"'
    client.sendall(request(event))
    assert answers(client, 1)[0][1] == event.encode()


def test_calls_that_come_together_are_answered_in_their_order(client: socket.socket, until: Path) -> None:
    texts = ['"a"', '"wait"', '"b"', '"c"', '"d"']
    client.sendall(b"".join(request(text, UNUSUAL if text == '"c"' else "") for text in texts))
    until.touch()
    assert [body.decode() for _, body in answers(client, len(texts))] == texts


def test_calls_that_come_while_one_runs_are_answered_after_it(
    client: socket.socket, service: Service, until: Path
) -> None:
    before = service.output().count("runs")
    client.sendall(request('"wait"'))
    wait_for(lambda: service.output().count("runs") > before, "line of a call that takes its time")
    client.sendall(request('"a"'))
    client.sendall(request('"b"'))
    until.touch()
    assert [body for _, body in answers(client, 3)] == [b'"wait"', b'"a"', b'"b"']


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused_by_who_knows(client: socket.socket, name: str) -> None:
    fields, status = REFUSED[name]
    client.sendall(f"POST {PATH} HTTP/1.1\r\n{fields}\r\n{{}}".encode())
    assert client.recv(1 << 16).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("text", ["{", '{"a": NaN}'])
def test_an_event_that_is_no_json_is_refused_on_both_ways(client: socket.socket, text: str) -> None:
    seen = []
    for fields in ("", UNUSUAL):
        client.sendall(request(text, fields))
        seen.append([IDS.sub(b"ID", part) for part in answers(client, 1)[0]])
    assert seen[0] == seen[1]
    assert seen[0][0].startswith(b"HTTP/1.1 400 ")


def test_a_client_that_leaves_before_its_call_runs_is_dropped(
    service: Service, client: socket.socket, until: Path
) -> None:
    # Given the only worker at work
    client.sendall(request('"wait"'))
    with socket.create_connection(client.getpeername()) as other:
        other.sendall(request('"nobody waits"'))
    # When somebody who waits for it leaves, then that call is not made
    service.wait_for_output(r"invoke [0-9a-f-]{36} dropped: its caller left before it began")
    until.touch()
    assert answers(client, 1)[0][1] == b'"wait"'
