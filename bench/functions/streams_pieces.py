"""A stream of three pieces."""

from collections.abc import Iterator


def handler(event: object, context: object) -> Iterator[str]:
    yield "one "
    yield "two "
    yield "three"
