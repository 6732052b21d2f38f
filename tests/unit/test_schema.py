"""Typed events: by msgspec, by pydantic, and with neither of them. The libraries' own rules are not tested here."""

import dataclasses
import datetime
import sys
import typing
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pydantic
import pytest
from typing_extensions import TypedDict  # pydantic takes the one of `typing` from Python 3.12 on

from pylambda.faults import InvalidEvent, MarshalError, MissingDependency, UnmarshalError, UntypedHandler
from pylambda.function.adapt import typed
from pylambda.payload.schema import Schema, schema_of
from pylambda.payload.streams import PlainStream


@dataclasses.dataclass
class Item:
    sku: str
    count: int = 1


@dataclasses.dataclass
class Order:
    id: uuid.UUID
    at: datetime.datetime
    items: list[Item]
    note: str | None = None


class OrderDict(TypedDict):
    id: uuid.UUID
    at: datetime.datetime
    items: list[Item]
    note: typing.NotRequired[str | None]


class ItemModel(pydantic.BaseModel):
    sku: str
    count: int = 1


class OrderModel(pydantic.BaseModel):
    id: uuid.UUID
    at: datetime.datetime
    items: list[ItemModel]
    note: str | None = None


class OrderStruct(msgspec.Struct):
    id: uuid.UUID
    at: datetime.datetime
    items: list[Item]
    note: str | None = None


KINDS = [Order, OrderDict, OrderModel, OrderStruct]
GOOD = b'{"id": "00000000-0000-0000-0000-000000000001", "at": "2026-01-02T03:04:05Z", "items": [{"sku": "a"}]}'
BAD = b'{"id": "00000000-0000-0000-0000-000000000001", "at": "2026-01-02T03:04:05Z", "items": [{"sku": 5}]}'
WORSE = b'{"id": 1, "at": "never", "items": [{"sku": "a"}, {"count": "many"}]}'
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def schema_for(kind: Any, result: Any = None) -> Schema:
    def handler(event: Any, context: Any) -> Any: ...

    handler.__annotations__ = {"event": kind} if result is None else {"event": kind, "return": result}
    return schema_of(typed(handler))


@pytest.fixture(params=["msgspec", "pydantic"])
def only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let only one of the two be installed."""
    library: str = request.param
    monkeypatch.setitem(sys.modules, {"msgspec": "pydantic", "pydantic": "msgspec"}[library], None)
    return library


@each_kind
def test_an_event_is_decoded_with_all_that_is_nested_in_it(kind: Any) -> None:
    event = schema_for(kind).decode(GOOD, "application/json")
    get: Callable[[Any, str], Any] = dict.__getitem__ if isinstance(event, dict) else getattr
    assert get(event, "id") == uuid.UUID(int=1)
    assert get(event, "at") == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert [(item.sku, item.count) for item in get(event, "items")] == [("a", 1)]


@each_kind
def test_an_event_that_does_not_fit_names_the_path(kind: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"^the event is not valid: .*`\$\.items\[0\]\.sku`"):
        schema_for(kind).decode(BAD, "application/json")


def test_pydantic_names_every_bad_field() -> None:
    with pytest.raises(InvalidEvent) as raised:
        schema_for(OrderModel).decode(WORSE, None)
    for path in ("`$.id`", "`$.at`", "`$.items[1].sku`", "`$.items[1].count`"):
        assert path in raised.value.message


@each_kind
@pytest.mark.parametrize("body", [b"", b"{", b"nope", b"\xff"])
def test_an_event_that_is_not_json(kind: Any, body: bytes) -> None:
    with pytest.raises(UnmarshalError, match="Unable to unmarshal input: "):
        schema_for(kind).decode(body, None)


@pytest.mark.parametrize("kind", [Order, OrderDict, list[Order], Order | None])
def test_either_library_takes_what_belongs_to_neither(kind: Any, only: str) -> None:
    body = GOOD if kind != list[Order] else b"[" + GOOD + b"]"
    event = schema_for(kind).decode(body, None)
    first = event[0] if isinstance(event, list) else event
    assert (first["items"] if isinstance(first, dict) else first.items)[0].sku == "a"


@pytest.mark.parametrize(
    ("kind", "body"),
    [(ItemModel, b'{"sku": "a"}'), (list[ItemModel], b'[{"sku": "a"}]'), (ItemModel | None, b"null")],
)
def test_what_holds_a_model_goes_to_pydantic(kind: Any, body: bytes) -> None:
    assert schema_for(kind).decode(body, None) == pydantic.TypeAdapter(kind).validate_json(body)


def test_a_dataclass_that_holds_a_model_goes_to_pydantic() -> None:
    cart = dataclasses.make_dataclass("Cart", [("items", list[ItemModel])])
    event: Any = schema_for(cart).decode(b'{"items": [{"sku": "a"}]}', None)
    assert event.items == [ItemModel(sku="a")]


def test_with_neither_the_load_fault_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(MissingDependency) as raised:
        schema_for(Order)
    assert raised.value.error_type == "Runtime.MissingDependency"
    assert "pip install msgspec" in raised.value.hint


def test_a_handler_without_an_annotation_is_a_load_fault() -> None:
    with pytest.raises(UntypedHandler, match="no annotation") as raised:
        schema_of(typed(lambda event, context: None))
    assert "def handler(event: Order, context)" in raised.value.hint


def test_an_annotation_that_names_nothing_is_a_load_fault() -> None:
    def handler(event: "Nowhere", context: Any) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(UntypedHandler, match="name 'Nowhere' is not defined"):
        schema_of(handler)


def test_an_annotation_that_is_no_schema_is_a_load_fault() -> None:
    with pytest.raises(UntypedHandler, match="cannot be used"):
        schema_for(dict[int | str, set[int] | list[int]] | Order | OrderStruct)


class Service:
    def handle(self, event: Order, context: object) -> None: ...


def test_a_methods_first_parameter_is_the_one_after_self() -> None:
    assert isinstance(schema_of(Service().handle).decode(GOOD, None), Order)


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        (Item("a"), b'{"sku":"a","count":1}'),
        (ItemModel(sku="a"), b'{"sku":"a","count":1}'),
        ({"at": datetime.date(2026, 1, 2)}, b'{"at":"2026-01-02"}'),
        ([uuid.UUID(int=1)], b'["00000000-0000-0000-0000-000000000001"]'),
        (None, b"null"),
    ],
)
@pytest.mark.parametrize("kind", [OrderStruct, OrderModel])
def test_a_result_is_encoded_by_its_type(kind: Any, result: object, sent: bytes) -> None:
    assert schema_for(kind).encode(result) == (sent, "application/json")


def test_an_annotated_result_is_encoded_by_its_annotation() -> None:
    class Price(pydantic.BaseModel):
        amount: Decimal

        @pydantic.field_serializer("amount")
        def two_digits(self, amount: Decimal) -> str:
            return f"{amount:.2f}"

    assert schema_for(OrderModel, Price).encode(Price(amount=Decimal(1))) == (b'{"amount":"1.00"}', "application/json")


@pytest.mark.parametrize("kind", [OrderStruct, OrderModel])
def test_a_result_without_a_form_is_a_marshal_error(kind: Any) -> None:
    with pytest.raises(MarshalError, match="Unable to marshal response: "):
        schema_for(kind).encode(object())


@pytest.mark.parametrize("kind", [OrderStruct, OrderModel])
def test_bytes_and_streams_go_as_they_are(kind: Any) -> None:
    stream = PlainStream("a")
    assert schema_for(kind, Item).encode(stream)[0] is stream
    assert schema_for(kind, Item).encode(b"\xff")[0] == b"\xff"
