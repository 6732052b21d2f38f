"""The fake itself, seen by a client of the standard library: what a test concludes from it must be so."""

import http.client
import json
import socket
import sys
from collections.abc import Iterator

import pytest

from tests.contract import delivery
from tests.contract.fake_api import FakeRuntimeApi
from tests.contract.script import Framing, Next, Reply, Then

NEXT = "/2018-06-01/runtime/invocation/next"


@pytest.fixture
def api() -> Iterator[FakeRuntimeApi]:
    with FakeRuntimeApi(Next({"n": 1}, request_id="one"), Next({"n": 2}, request_id="two")) as api:
        yield api


@pytest.fixture
def client(api: FakeRuntimeApi) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(api.address, timeout=10)
    yield connection
    connection.close()


def ask(client: http.client.HTTPConnection) -> tuple[str | None, object]:
    client.request("GET", NEXT)
    reply = client.getresponse()
    assert reply.status == 200
    return reply.getheader("Lambda-Runtime-Aws-Request-Id"), json.loads(reply.read())


def post(client: http.client.HTTPConnection, path: str, body: bytes = b"{}") -> tuple[int, dict[str, str]]:
    client.request("POST", f"/2018-06-01/runtime/{path}", body)
    reply = client.getresponse()
    return reply.status, json.loads(reply.read())


def test_events_are_handed_out_in_order_and_again_until_they_are_answered(client: http.client.HTTPConnection) -> None:
    assert ask(client) == ask(client) == ("one", {"n": 1})
    assert post(client, "invocation/one/response") == (202, {"status": "OK"})
    assert ask(client) == ("two", {"n": 2})
    assert post(client, "invocation/two/error") == (202, {"status": "OK"})


@pytest.mark.parametrize(
    ("paths", "status", "error_type"),
    [
        (["invocation/other/response"], 400, "InvalidRequestID"),
        (["invocation/two/response"], 400, "InvalidRequestID"),
        (["invocation/one/response", "invocation/one/response"], 403, "InvalidStateTransition"),
        (["invocation/one/response", "invocation/one/error"], 403, "InvalidStateTransition"),
        (["init/error"], 403, "InvalidStateTransition"),
        (["invocation/one/elsewhere"], 404, "NotFound"),
    ],
)
def test_what_the_platform_refuses_is_refused(
    client: http.client.HTTPConnection, paths: list[str], status: int, error_type: str
) -> None:
    ask(client)
    for path in paths[:-1]:
        post(client, path)
    refused, document = post(client, paths[-1])
    assert (refused, document["errorType"]) == (status, error_type)


def test_a_body_may_have_just_the_size_that_the_platform_takes(client: http.client.HTTPConnection) -> None:
    ask(client)
    assert post(client, "invocation/one/response", b"x" * 6_291_556)[0] == 202
    ask(client)
    assert post(client, "invocation/two/response", b"x" * 6_291_557)[0] == 413


def test_an_answer_to_another_attempt_is_late(client: http.client.HTTPConnection, api: FakeRuntimeApi) -> None:
    ask(client)
    client.request("POST", f"{NEXT[:-4]}one/response", b"", {"Lambda-Runtime-Invocation-Id": "other"})
    assert client.getresponse().status == 410


def test_a_request_is_kept_as_it_came(client: http.client.HTTPConnection, api: FakeRuntimeApi) -> None:
    ask(client)
    client.request("POST", f"{NEXT[:-4]}one/error", b"body", {"X-First": "1", "x-second": "2"})
    client.getresponse().read()
    asked, posted = api.requests
    assert (asked.endpoint, asked.connection, asked.opens_connection) == ("next", 1, True)
    assert (posted.endpoint, posted.request_id, posted.body) == ("error", "one", b"body")
    assert (posted.connection, posted.opens_connection, posted.status) == (1, False, 202)
    assert [name for name, _ in posted.headers][-2:] == ["X-First", "x-second"]
    assert posted.header("X-SECOND") == "2"
    assert posted.head.endswith(b"x-second: 2\r\n\r\n")
    assert api.complaints == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /x HTTP/1.1\nHost: a\n\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nX-Folded: b\r\n c\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_request_of_bad_form_is_complained_of(api: FakeRuntimeApi, request_bytes: bytes) -> None:
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request_bytes)
        connection.recv(1000)
    assert api.complaints != []


def test_a_split_reply_comes_in_parts_of_just_these_sizes() -> None:
    """The second part is not sent before the first was read, so what one `recv` gives is no matter of luck."""
    with FakeRuntimeApi(Next("x" * 1000, replies=(Reply(split_at=(1, 7, 500)),))) as api:
        host, port = api.address.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"GET {NEXT} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert [len(connection.recv(65_536)) for _ in range(3)] == [1, 6, 493]


@pytest.mark.parametrize(
    ("reply", "received"),
    [
        (Reply(cut_at=0), b""),
        (Reply(cut_at=8), b"HTTP/1.1"),
        (Reply(raw=b"anything", then=Then.DROP), b"anything"),
    ],
)
def test_a_reply_can_be_cut_or_be_any_bytes(reply: Reply, received: bytes) -> None:
    with FakeRuntimeApi(Next(replies=(reply,))) as api:
        host, port = api.address.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"GET {NEXT} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert connection.recv(1000, socket.MSG_WAITALL) == received


def test_a_reset_is_one() -> None:
    with FakeRuntimeApi(Next(replies=(Reply(cut_at=0, then=Then.RESET),))) as api:
        host, port = api.address.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"GET {NEXT} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            with pytest.raises(ConnectionResetError):
                connection.recv(1000)


@pytest.mark.parametrize("framing", Framing)
def test_every_framing_is_read_by_the_standard_library(framing: Framing) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    with FakeRuntimeApi(Next({"n": 1}, request_id="one", replies=(Reply(framing=framing, interim=interim),))) as api:
        client = http.client.HTTPConnection(api.address, timeout=10)
        assert ask(client) == ("one", {"n": 1})
        client.close()


def test_without_events_a_request_waits_until_one_is_added() -> None:
    with FakeRuntimeApi() as api:
        client = http.client.HTTPConnection(api.address, timeout=10)
        client.request("GET", NEXT)
        api.wait_until(lambda: api.idle, "a request waits")
        api.add(Next({"late": True}))
        assert json.loads(client.getresponse().read()) == {"late": True}
        client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked in Linux's way")
def test_the_kernel_tells_how_much_the_far_end_has_not_read() -> None:
    # Given a connection of which the far end reads a part
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as near,
        server.accept()[0] as far,
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, delivery.SOCK_DIAG) as kernel,
    ):
        unread = [delivery.unread_bytes(kernel, delivery.far_end_of(near))]
        near.sendall(b"hello")
        unread.append(delivery.unread_bytes(kernel, delivery.far_end_of(near)))
        far.recv(2)
        # Then the rest is told
        assert [*unread, delivery.unread_bytes(kernel, delivery.far_end_of(near))] == [0, 5, 3]
