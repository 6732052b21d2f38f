"""A function with a package that is compiled for one Python and one architecture."""

from typing import Any

from markupsafe import escape


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    return {"html": str(escape(event.get("text", "")))}
