"""The examples do what they say, and every shape of event that AWS documents passes through whole."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylambda.local.function import Function, Kit, running

CHECKOUT = Path(__file__).parents[2]
EVENTS = sorted((CHECKOUT / "tests" / "events").glob("*.json"))


@pytest.fixture(scope="module")
def hello(kit: Kit) -> Iterator[Function]:
    with running(kit, "app.handler", CHECKOUT / "examples" / "hello") as function:
        yield function


@pytest.fixture(scope="module")
def orders(kit: Kit) -> Iterator[Function]:
    with running(kit, "app.handler", CHECKOUT / "examples" / "orders") as function:
        yield function


def event(name: str) -> Any:
    return json.loads((CHECKOUT / "tests" / "events" / name).read_bytes())


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_every_event_passes_whole(echo: Function, hello: Function, path: Path) -> None:
    answer = echo.invoke(path.read_bytes())
    assert answer.failure is None
    assert answer.json() == json.loads(path.read_bytes())
    assert hello.invoke(path.read_bytes()).json() == {"message": "Hello, world!"}


def test_hello(hello: Function) -> None:
    assert hello.invoke(b'{"name": "Ada"}').json() == {"message": "Hello, Ada!"}


@pytest.mark.parametrize("name", ["apigateway-v2.json", "function-url.json"])
def test_an_order_over_http(orders: Function, name: str) -> None:
    answer = orders.invoke(json.dumps(event(name)).encode())
    assert answer.json() == {
        "statusCode": 201,
        "headers": {"content-type": "application/json"},
        "body": '{"id": "A-1001", "total_cents": 2100}',
    }
    assert any(line.endswith("\tTook order A-1001: 2100 cents") for line in orders.log())


@pytest.mark.parametrize("body", [None, "", "{", "[]", '{"id": 1}', base64.b64encode(b"{}").decode()])
def test_an_order_that_makes_no_sense(orders: Function, body: str | None) -> None:
    request = {**event("apigateway-v2.json"), "body": body}
    assert orders.invoke(json.dumps(request).encode()).json()["statusCode"] == 400


def test_only_the_broken_message_comes_back(orders: Function) -> None:
    answer = orders.invoke(json.dumps(event("sqs.json")).encode())
    assert answer.json() == {"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]}
    assert "Shipping A-1003, worth 0 cents" in orders.log()
    assert "KeyError: 'price_cents'" in orders.log()


def test_what_is_neither(orders: Function) -> None:
    failure = orders.invoke(json.dumps(event("scheduled.json")).encode()).failure
    assert failure is not None
    assert failure.startswith("ValueError: neither an HTTP request nor a batch of messages")
