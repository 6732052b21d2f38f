"""What a mobile client says of itself and its user, in headers of JSON. Imported when an invocation brings one.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
"""

from collections.abc import Iterable
from typing import Any

from pylambda.faults import LambdaContextUnmarshalError


def describe(record: object, names: Iterable[str]) -> str:
    """Return the class and some attributes of an object as text, as the official client shows them."""
    fields = ",".join(f"{name}={getattr(record, name)}" for name in names)
    return f"{type(record).__name__}([{fields}])"


class Record:
    """Attributes from a JSON object; a missing key is None."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, members: dict[str, Any] = {}) -> None:  # noqa: B006 - never written to
        for name in self.__slots__:
            setattr(self, name, members.get(name))

    def __repr__(self) -> str:
        return describe(self, self.__slots__)


class Client(Record):
    """The application on the phone that made the call."""

    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")  # noqa: RUF023


class ClientContext(Record):
    """What a mobile client said of itself: `custom`, `env`, and `client`, a `Client` or None."""

    __slots__ = ("custom", "env", "client")  # noqa: RUF023
    custom: Any
    env: Any
    client: Any

    def __init__(self, members: dict[str, Any] = {}) -> None:  # noqa: B006 - never written to
        super().__init__(members)
        if self.client is not None:
            self.client = Client(_require_object(self.client, "Client Context"))


def parse_object(text: str, name: str) -> dict[str, Any] | None:
    """Return the members of a header's JSON object, None for `null`.

    Args:
        text: the header's value.
        name: what it is, for the message.

    Raises:
        LambdaContextUnmarshalError: it is no JSON, or no object.
    """
    import json

    try:
        members = json.loads(text)
    except Exception as error:
        raise LambdaContextUnmarshalError(f"Unable to parse {name} JSON: {error}", stack=()) from None
    return None if members is None else _require_object(members, name)


def _require_object(members: Any, name: str) -> dict[str, Any]:
    if not isinstance(members, dict):
        kind = type(members).__name__
        raise LambdaContextUnmarshalError(f"Unable to parse {name} JSON: expected an object, got {kind}", stack=())
    return members
