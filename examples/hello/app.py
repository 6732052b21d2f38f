"""The smallest function: it greets whoever the event names."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    return {"message": f"Hello, {event.get('name', 'world')}!"}
