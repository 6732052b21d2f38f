"""Secrets that must not come out: an environment full of them, and every way in which one could be written."""

import base64
import json
import urllib.parse

CANARIES = {
    name: f'canary{number}+{name[::-1]}/7f3a="é'
    for number, name in enumerate(
        (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_SECURITY_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "DATABASE_URL",
            "SECRET_KEY",
            "some_other_variable",
        )
    )
}


def found_in(output: bytes) -> list[str]:
    """The variables whose value is somewhere in what came out, as it is or written in another way."""
    return [name for name, value in CANARIES.items() if any(form in output for form in _forms(value))]


def _forms(value: str) -> set[bytes]:
    raw = value.encode()
    # Whatever comes before it shifts base64 by nought to two bytes, which the first and last characters show.
    shifted = {base64.b64encode(bytes(shift) + raw)[4 : 4 + len(raw)] for shift in range(3)}
    texts = {value, repr(value)[1:-1], ascii(value)[1:-1], json.dumps(value)[1:-1], urllib.parse.quote(value)}
    return {raw[:16], raw.hex().encode(), *shifted, *(text.encode() for text in texts)}
