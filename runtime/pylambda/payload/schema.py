"""`@pylambda.typed`: events decoded into what a handler's first parameter is annotated with.

All decoding, checking and encoding is done by `msgspec` or `pydantic`. A `pydantic` model goes to pydantic and a
`msgspec` struct to msgspec, also where they are parts of something else; either takes the rest (dataclasses,
TypedDicts, lists, unions, datetimes), msgspec first because it is faster. Imported when a handler is marked.

`msgspec` names the first bad field of an event, `pydantic` all of them.
"""

import inspect
import sys
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.faults import InvalidEvent, MarshalError, MissingDependency, UnmarshalError, UntypedHandler
from pylambda.payload import codec

if TYPE_CHECKING:
    Handler = Callable[..., Any]

UTF8_BOM = codec.BOM.encode()


class Schema:
    """Decodes events into one type and encodes results by theirs.

    Args:
        load: makes an event of JSON text; raises `InvalidEvent` or `UnmarshalError`.
        dump: makes JSON text of a result.
    """

    def __init__(self, load: Callable[[bytes], Any], dump: Callable[[Any], bytes]) -> None:
        self._load = load
        self._dump = dump

    def decode(self, body: bytes | bytearray, content_type: str | None) -> Any:
        """Return the event as the handler's type.

        Raises:
            InvalidEvent: it does not fit; the message has the path of each bad field.
            UnmarshalError: it is not JSON.
        """
        return self._load(bytes(body).removeprefix(UTF8_BOM))

    def encode(self, result: Any) -> "tuple[bytes | codec.Stream, str]":
        """Return what is sent for a result, and its content type.

        Raises:
            MarshalError: the result cannot be written.
        """
        if isinstance(result, (bytes, codec.Stream)):
            return codec.encode(result)
        try:
            return self._dump(result), names.JSON
        except Exception as error:
            raise MarshalError(f"Unable to marshal response: {error}", stack=()) from None


def schema_of(handler: "Handler") -> Schema:
    """Return the schema that a handler's annotations ask for.

    Raises:
        UntypedHandler: the first parameter has no annotation, or it cannot be made sense of.
        MissingDependency: what would decode it is not installed.
    """
    event_kind, result_kind = _annotations(handler)
    build = _library(event_kind)
    try:
        return build(event_kind, result_kind)
    except Exception as error:
        raise UntypedHandler(f"the event's annotation {event_kind!r} cannot be used: {error}", stack=()) from error


def _annotations(handler: "Handler") -> tuple[Any, Any]:
    try:
        signature = inspect.signature(handler, eval_str=True)
    except (NameError, TypeError, ValueError) as error:
        raise UntypedHandler(
            f"the annotations of the typed handler cannot be read: {error}",
            hint="import what they name outside of `if TYPE_CHECKING`",
            stack=(),
        ) from error
    empty = inspect.Parameter.empty
    event_kind = next((parameter.annotation for parameter in signature.parameters.values()), empty)
    if event_kind is empty:
        raise UntypedHandler(
            "the typed handler's first parameter has no annotation, so nothing says what its event is",
            hint="annotate it: def handler(event: Order, context)",
            stack=(),
        )
    result_kind = signature.return_annotation
    return event_kind, None if result_kind in (empty, None) else result_kind


def _library(kind: Any) -> Callable[[Any, Any], Schema]:
    """Return what builds the schema of `kind`."""
    # A kind that needs one of them was made by it, so it is loaded.
    if _mentions(kind, "pydantic", "BaseModel"):
        return _pydantic_schema
    if _mentions(kind, "msgspec", "Struct") or _is_installed("msgspec"):
        return _msgspec_schema
    if _is_installed("pydantic"):
        return _pydantic_schema
    raise MissingDependency(
        "a typed handler needs msgspec or pydantic, and neither can be imported",
        hint="install one of them in the image: pip install msgspec",
        stack=(),
    )


def _is_installed(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def _mentions(kind: Any, module: str, base: str) -> bool:
    """Whether `kind` is, or has among its parts, a class derived from `module.base`."""
    class_ = getattr(sys.modules.get(module), base, None)
    pending: list[Any] = [kind]
    seen: list[Any] = []
    while class_ is not None and pending:
        part = pending.pop()
        if any(part is one for one in seen):
            continue
        seen.append(part)
        if isinstance(part, type) and issubclass(part, class_):
            return True
        pending += typing.get_args(part)
        pending += _fields(part)
    return False


def _fields(kind: Any) -> list[Any]:
    if not isinstance(kind, type) or kind.__module__ == "builtins":
        return []
    try:
        return list(typing.get_type_hints(kind).values())
    except (NameError, TypeError):
        return []


def _msgspec_schema(event_kind: Any, result_kind: Any) -> Schema:
    import msgspec

    from pylambda.payload.values import to_plain

    decoder = msgspec.json.Decoder(event_kind)
    encoder = msgspec.json.Encoder(enc_hook=to_plain, decimal_format="number")

    def load(body: bytes) -> Any:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError as error:
            raise InvalidEvent(f"the event is not valid: {error}", stack=()) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnmarshalError(f"Unable to unmarshal input: {error}", stack=()) from None

    return Schema(load, encoder.encode)


def _pydantic_schema(event_kind: Any, result_kind: Any) -> Schema:
    import pydantic
    import pydantic_core

    events: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(event_kind)
    results = None if result_kind is None else pydantic.TypeAdapter(result_kind)

    def load(body: bytes) -> Any:
        try:
            return events.validate_json(body)
        except pydantic.ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            if faults[0]["type"] == "json_invalid":
                raise UnmarshalError(f"Unable to unmarshal input: {faults[0]['msg']}", stack=()) from None
            fields = "; ".join(f"{fault['msg']} - at `{_path(fault['loc'])}`" for fault in faults)
            raise InvalidEvent(f"the event is not valid: {fields}", stack=()) from None

    def dump(result: Any) -> bytes:
        if results is None or isinstance(result, codec.Stream):
            return pydantic_core.to_json(result)
        return results.dump_json(result, warnings="error")

    return Schema(load, dump)


def _path(steps: tuple[int | str, ...]) -> str:
    """Write where a field is as msgspec does: `$.items[0].price`."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
