"""An event's bytes to Python values and a result to JSON, by the runtime's rules.

A function may put an object of its own with these two methods in `LambdaRuntimeClient.marshaller`.
"""

from collections.abc import Callable
from typing import Any

from pylambda import names
from pylambda.payload import codec


def to_json(obj: object) -> str:
    """Return a value as JSON text."""
    return codec.to_json(obj).decode()


class LambdaMarshaller:
    """Decodes events and encodes results.

    Args:
        decode: makes the event of a body and its content type.
        encode: makes a body and its content type of a result.
    """

    def __init__(
        self,
        decode: Callable[[bytes | bytearray, str | None], Any] = codec.decode,
        encode: Callable[[Any], tuple[bytes | codec.Stream, str]] = codec.encode,
    ) -> None:
        self._decode = decode
        self._encode = encode

    def unmarshal_request(self, request: bytes | bytearray, content_type: str | None = names.JSON) -> Any:
        """Return the event. Raises UnmarshalError where it is said to be JSON and is not."""
        return self._decode(request, content_type)

    def marshal_response(self, response: object) -> tuple[bytes | codec.Stream, str]:
        """Return what is sent for a result, and its content type. Raises MarshalError where it has no JSON form."""
        return self._encode(response)
