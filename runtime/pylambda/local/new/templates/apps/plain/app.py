"""The function: one event in, one result out."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Greet whom the event names, or the query of the function's URL."""
    query = event.get("queryStringParameters") or event
    return {"message": f"Hello, {query.get('name', 'world')}!"}
