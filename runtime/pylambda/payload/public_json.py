"""What `codec` takes of the interpreter's private `_json`, made of the public `json`: for a Python that has moved it.

The names, the arguments and what is raised are `_json`'s, as `codec` uses them.
"""

import json
from collections.abc import Callable
from typing import Any


def make_scanner(options: Any) -> Callable[[str, int], tuple[Any, int]]:
    """Return what parses a value from a place on; it raises StopIteration where there is none.

    Args:
        options: has `parse_constant`.
    """
    decoder = json.JSONDecoder(parse_constant=options.parse_constant)

    def scan(text: str, start: int) -> tuple[Any, int]:
        try:
            return decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if error.msg == "Expecting value":
                raise StopIteration(error.pos) from None
            raise

    return scan


def make_encoder(
    markers: object,
    default: Callable[[Any], Any],
    write_string: Callable[[str], str],
    indent: None,
    key_separator: str,
    item_separator: str,
    sort_keys: bool,
    skipkeys: bool,
    allow_nan: bool,
) -> Callable[[Any, int], tuple[str, ...]]:
    """Return what writes a value in pieces.

    Args:
        markers: not used: each value is written by an encoder of its own.
        default: returns something else for what has no JSON form.
        write_string: one of the two below.
        indent: none.
        key_separator: behind a key.
        item_separator: behind a member.
        sort_keys: by their text.
        skipkeys: leave out what cannot be a key.
        allow_nan: write NaN, and not refuse it.
    """
    encoder = json.JSONEncoder(
        default=default,
        ensure_ascii=write_string is encode_basestring_ascii,
        separators=(item_separator, key_separator),
        sort_keys=sort_keys,
        skipkeys=skipkeys,
        allow_nan=allow_nan,
    )
    return lambda value, level: tuple(encoder.iterencode(value))


def encode_basestring(text: str) -> str:
    """Write a text in real Unicode."""
    return json.dumps(text, ensure_ascii=False)


def encode_basestring_ascii(text: str) -> str:
    """Write a text in ASCII."""
    return json.dumps(text)
