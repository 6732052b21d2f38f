"""JSON forms of the values that the C encoder does not know. Imported when the first such value appears.

A `Decimal` must come out as its own digits without quotes, which no default hook can ask of the C encoder. So it
is handed a string made of the digits between two marks that no other text holds, and the marks go, with their
quotes, from the finished document.
"""

import sys
from collections.abc import Callable
from os import fspath, urandom
from typing import Any

_MARK = f"pylambda-digits-{urandom(16).hex()}-"


def restore_digits(text: str) -> str:
    """Return a document with the marks around each `Decimal` removed, and the quotes with them."""
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "")


def to_plain(value: Any) -> Any:
    """Return what the encoder shall write in place of `value`.

    Raises:
        TypeError: it has no JSON form.
    """
    for known, form in _FORMS:
        if known(value):
            return without_named_tuples(with_plain_keys(form(value)))
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def with_plain_keys(value: Any) -> Any:
    """Return `value` with `bytes` keys as text; the very same object where there is none."""
    if isinstance(value, dict):
        items = [(with_plain_keys(member), key) for key, member in value.items()]
        if any(isinstance(key, bytes) for key in value) or any(value[key] is not new for new, key in items):
            return {key.decode() if isinstance(key, bytes) else key: new for new, key in items}
    elif isinstance(value, (list, tuple)):
        members = [with_plain_keys(member) for member in value]
        if any(new is not old for new, old in zip(members, value, strict=True)):
            return members
    return value


def holds_named_tuple(value: Any) -> bool:
    """Whether `value`, a tree without circles, holds a named tuple in any of its lists, tuples and dictionaries."""
    level = [value]
    while level:
        deeper: list[Any] = []
        for container in level:
            if _is_named_tuple(container):
                return True
            members = container.values() if isinstance(container, dict) else container
            deeper += [member for member in members if isinstance(member, (dict, list, tuple))]
        level = deeper
    return False


def without_named_tuples(value: Any) -> Any:
    """Return `value` with every named tuple in it as a dictionary of its fields."""
    if isinstance(value, dict):
        return {key: without_named_tuples(member) for key, member in value.items()}
    if _is_named_tuple(value):
        return without_named_tuples(value._asdict())
    if isinstance(value, (list, tuple)):
        return [without_named_tuples(member) for member in value]
    return value


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and callable(getattr(value, "_asdict", None))


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
    (lambda value: callable(getattr(value, "_asdict", None)), lambda value: value._asdict()),
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
