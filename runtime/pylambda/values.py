"""JSON forms of the values that the C encoder does not know. Imported when the first such value appears.

A `Decimal` must come out as its own digits without quotes, which no default hook can ask of the C encoder. So it
is handed a string made of the digits between two marks that no other text holds, and the marks go, with their
quotes, from the finished document.
"""

import sys
from collections.abc import Callable, Iterable
from os import fspath, urandom
from typing import Any

_MARK = f"pylambda-digits-{urandom(16).hex()}-"


def restore_digits(text: str) -> str:
    """Return a document with the marks around each `Decimal` removed, and the quotes with them."""
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "")


def to_plain(value: Any) -> Any:
    """Return what the encoder shall write in place of `value`, an object that it does not know.

    Raises:
        TypeError: it has no JSON form.
    """
    for known, form in _FORMS:
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


_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (lambda value: isinstance(value, bytes), lambda value: value.decode()),
    (_has_asdict, _asdict),
    (_is_a("decimal", "Decimal"), _digits),
    # From here on, kinds that the official client refuses.
    (_is_a("datetime", "date"), lambda value: value.isoformat()),
    (_is_a("datetime", "time"), lambda value: value.isoformat()),
    (_is_a("uuid", "UUID"), str),
    (_is_a("enum", "Enum"), lambda value: value.value),
    (lambda value: isinstance(value, (set, frozenset)), list),
    (
        lambda value: hasattr(type(value), "__dataclass_fields__"),
        lambda value: {name: getattr(value, name) for name in type(value).__dataclass_fields__},
    ),
    (lambda value: hasattr(type(value), "__fspath__"), fspath),
)
