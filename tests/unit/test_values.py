"""Values that JSON does not have: the forms they are written in, what `strict` refuses, and users' own types."""

import collections
import dataclasses
import datetime
import enum
import json
import pathlib
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import msgspec
import pydantic
import pydantic.dataclasses
import pytest

from pylambda import json_default
from pylambda.faults import MarshalError
from pylambda.payload import codec, values


class Colour(enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int


@dataclasses.dataclass
class Order:
    at: object
    table: ClassVar[str] = "orders"
    rate: dataclasses.InitVar[int] = 1


class Model(pydantic.BaseModel):
    at: datetime.date
    price: Decimal
    path: pathlib.PurePosixPath


@pydantic.dataclasses.dataclass
class ModelClass:
    at: datetime.date


class Struct(msgspec.Struct, rename="camel", tag="order"):
    placed_at: datetime.date
    extra: object = None


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class Tip(Money):
    pass


DAY = datetime.date(2026, 1, 2)
# What the official client refuses, each with the form that it is written in here.
FORMS: list[tuple[Any, object]] = [
    (datetime.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (DAY, "2026-01-02"),
    (datetime.time(3, 4), "03:04:00"),
    (datetime.timedelta(days=1, hours=2, minutes=3, seconds=4.5), "P1DT2H3M4.5S"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Colour.RED, "red"),
    ({1}, [1]),
    (frozenset({Colour.RED}), ["red"]),
    (Order(Order({DAY})), {"at": {"at": ["2026-01-02"]}}),
    (pathlib.Path("/tmp/a"), "/tmp/a"),
    (
        Model(at=DAY, price=Decimal("1.10"), path=pathlib.PurePosixPath("/a")),
        {"at": "2026-01-02", "price": "1.10", "path": "/a"},
    ),
    (ModelClass(DAY), {"at": "2026-01-02"}),
    (Struct(DAY), {"type": "order", "placedAt": "2026-01-02", "extra": None}),
    (Struct(DAY, Colour.RED), {"type": "order", "placedAt": "2026-01-02", "extra": "red"}),
    (Struct(DAY, pathlib.Path("/a")), {"type": "order", "placedAt": "2026-01-02", "extra": "/a"}),
]
each_form = pytest.mark.parametrize(("value", "form"), FORMS, ids=lambda value: type(value).__name__)


def written(result: object, *, strict: bool = False) -> Any:
    body, content_type = codec.encode(result, strict=strict)
    assert isinstance(body, bytes)
    assert content_type == "application/json"
    return json.loads(body)


@each_form
def test_a_value_is_written_wherever_it_stands(value: object, form: object) -> None:
    assert written([value, {"deep": [value]}]) == [form, {"deep": [form]}]


@each_form
def test_strict_refuses_it_in_the_official_clients_words(value: object, form: object) -> None:
    with pytest.raises(MarshalError) as raised:
        codec.encode({"a": value}, strict=True)
    kind = type(value).__name__
    assert raised.value.message == f"Unable to marshal response: Object of type {kind} is not JSON serializable"


def test_strict_takes_what_the_official_client_takes() -> None:
    result = {"a": Point(1), b"b": b"text", "c": (1, None), "d": collections.OrderedDict(x=1), 1: Decimal("1.5")}
    assert written(result, strict=True) == {"a": {"x": 1}, "b": "text", "c": [1, None], "d": {"x": 1}, "1": 1.5}


@pytest.mark.parametrize(
    ("seconds", "form"),
    [
        (0, "PT0S"),
        (60, "PT1M"),
        (86400, "P1D"),
        (-1.5, "-PT1.5S"),
        (0.000001, "PT0.000001S"),
        (90061, "P1DT1H1M1S"),
        (3600 * 24 * 400, "P400D"),
    ],
)
def test_a_duration_is_iso_8601(seconds: float, form: str) -> None:
    duration = datetime.timedelta(seconds=seconds)
    assert written(duration) == form
    assert msgspec.convert(form, datetime.timedelta) == duration


@pytest.fixture
def registry() -> Iterator[None]:
    yield
    values._ADDED.clear()


@pytest.mark.usefixtures("registry")
def test_a_user_adds_a_type_and_with_it_those_derived_from_it() -> None:
    @json_default(Money)
    def money(value: Money) -> object:
        return {"amount": Decimal(value.cents) / 100}

    assert written([Money(150), Tip(5)]) == [{"amount": 1.5}, {"amount": 0.05}]
    assert written([Money(150)], strict=True) == [{"amount": 1.5}]
    assert money(Money(100)) == {"amount": Decimal(1)}


@pytest.mark.usefixtures("registry")
def test_a_nearer_type_wins_over_a_farther_one_and_over_the_usual_form() -> None:
    json_default(Money)(lambda value: "money")
    json_default(Tip)(lambda value: "tip")
    json_default(datetime.date)(lambda value: value.toordinal())
    assert written([Money(1), Tip(1), DAY]) == ["money", "tip", DAY.toordinal()]


@pytest.mark.usefixtures("registry")
def test_a_form_that_is_of_its_own_type_ends_in_an_error() -> None:
    json_default(Money)(lambda value: Money(value.cents))
    with pytest.raises(MarshalError):
        codec.encode(Money(1))
