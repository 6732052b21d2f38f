"""JSON forms of the values that the C encoder does not know. Imported when the first such value appears.

Packages that bring kinds of values along are never imported here: where a function holds such a value, it has.

A `Decimal` must come out as its own digits without quotes, which no default hook can ask of the C encoder. So it
is handed a string made of the digits between two marks that no other text holds, and the marks go, with their
quotes, from the finished document.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from os import fspath, urandom
from types import GeneratorType
from typing import Any, TypeVar

Form = TypeVar("Form", bound=Callable[[Any], Any])

# What users add, at import of their modules: one registry for the process, because encoding has no other owner.
_ADDED: dict[type, Callable[[Any], Any]] = {}
_MARK = f"pylambda-digits-{urandom(16).hex()}-"


def restore_digits(text: str) -> str:
    """Return a document with the marks around each `Decimal` removed, and the quotes with them."""
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "")


def json_default(kind: type) -> Callable[[Form], Form]:
    """Let results hold a type that has no JSON form, or give it another one.

    Args:
        kind: the type, and with it those derived from it; not one that JSON knows, such as `str`.

    Returns:
        A decorator for the function that makes of a value what is written in its place.
    """

    def register(form: Form) -> Form:
        _ADDED[kind] = form
        return form

    return register


def to_plain(value: Any, *, strict: bool = False) -> Any:
    """Return what the encoder shall write in place of `value`, an object that it does not know.

    Args:
        value: the object.
        strict: refuse what the official client refuses, unless `json_default` knows it.

    Raises:
        TypeError: it has no JSON form.
    """
    for kind in type(value).__mro__ if _ADDED else ():
        if kind in _ADDED:
            return with_plain_containers(_ADDED[kind](value))
    for known, form in _OFFICIAL_FORMS if strict else _FORMS:
        if known(value):
            return with_plain_containers(form(value))
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def with_plain_containers(value: Any) -> Any:
    """Return `value`, a tree without circles, with what the encoder would write otherwise than the official client.

    Keys that are `bytes` become text; named tuples, and lists and dictionaries with an `_asdict` of their own,
    become dictionaries. Where there is none of these it is the very same object.

    Raises:
        TypeError: a key has no JSON form.
    """
    if not isinstance(value, (dict, list, tuple)):
        return value
    if _has_asdict(value):
        return with_plain_containers(_asdict(value))
    if isinstance(value, dict):
        keys = [_plain_key(key) for key in value]
        members = [with_plain_containers(member) for member in value.values()]
        if _all_same(keys, value) and _all_same(members, value.values()):
            return value
        return dict(zip(keys, members, strict=True))
    members = [with_plain_containers(member) for member in value]
    return value if _all_same(members, value) else members


def mend_of_unwritable(result: object) -> str:
    """Return what to do where a plain handler returned what another kind of handler is made of; else nothing."""
    if isinstance(result, Awaitable):
        if hasattr(result, "close"):
            result.close()  # or else Python warns that it was never awaited
        return "the handler returned a coroutine: make it `async def`, or let its decorator use functools.wraps"
    if isinstance(result, (AsyncIterator, GeneratorType)):
        return "the handler returned a generator: return pylambda.StreamingResponse(generator) to stream it"
    return ""


def _plain_key(key: Any) -> Any:
    if isinstance(key, bytes):
        return key.decode()
    if key is None or isinstance(key, (str, int, float)):
        return key
    raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")


def _all_same(new: list[Any], old: Iterable[Any]) -> bool:
    return all(one is other for one, other in zip(new, old, strict=True))


def _has_asdict(value: Any) -> bool:
    return callable(getattr(value, "_asdict", None))


def _asdict(value: Any) -> dict[Any, Any]:
    members = value._asdict()
    if not isinstance(members, dict):
        raise TypeError(f"_asdict() must return a dict, not {type(members).__name__}")
    return members


def _is_a(module: str, name: str) -> Callable[[Any], bool]:
    """Test for a class of a module that the function imported; where it did not, there can be no instance."""

    def known(value: Any) -> bool:
        kind = getattr(sys.modules.get(module), name, None)
        return kind is not None and isinstance(value, kind)

    return known


def _digits(value: Any) -> Any:
    # simplejson writes '-NaN' for a negative one, which nothing reads.
    return float("nan") if value.is_nan() else f"{_MARK}{value}{_MARK}"


def _duration(value: Any) -> str:
    """Write a timedelta as ISO 8601 has it, such as `P1DT2H3M4.5S`."""
    sign = "-" if value.days < 0 else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06d}".rstrip("0") if value.microseconds else ""
    date = f"{value.days}D" if value.days else ""
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
    if seconds or fraction or not (date or time):
        time += f"{seconds}{fraction}S"
    return f"{sign}P{date}{'T' if time else ''}{time}"


def _has(name: str) -> Callable[[Any], bool]:
    """Test for an attribute of the class, for kinds that have no class in common."""
    return lambda value: hasattr(type(value), name)


def _dataclass_members(value: Any) -> dict[str, Any]:
    # Whoever made the dataclass has imported the module.
    return {field.name: getattr(value, field.name) for field in sys.modules["dataclasses"].fields(value)}


def _struct_members(value: Any) -> Any:
    return sys.modules["msgspec"].to_builtins(value, enc_hook=to_plain)


_Forms = tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...]
_OFFICIAL_FORMS: _Forms = (
    (lambda value: isinstance(value, bytes), lambda value: value.decode()),
    (_has_asdict, _asdict),
    (_is_a("decimal", "Decimal"), _digits),
)
_FORMS: _Forms = (
    *_OFFICIAL_FORMS,
    (_is_a("datetime", "date"), lambda value: value.isoformat()),
    (_is_a("datetime", "time"), lambda value: value.isoformat()),
    (_is_a("datetime", "timedelta"), _duration),
    (_is_a("uuid", "UUID"), str),
    (_is_a("enum", "Enum"), lambda value: value.value),
    (lambda value: isinstance(value, (set, frozenset)), list),
    (_has("__struct_fields__"), _struct_members),
    # Models, and dataclasses of pydantic's, which it writes by the types of their fields.
    (_has("__pydantic_serializer__"), lambda value: type(value).__pydantic_serializer__.to_python(value, mode="json")),
    (_has("__dataclass_fields__"), _dataclass_members),
    (_has("__fspath__"), fspath),
)
