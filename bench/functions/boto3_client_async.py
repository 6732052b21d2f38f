"""The same with an asynchronous handler."""

from boto3_client import client as client  # type: ignore[import-not-found]


async def handler(event: object, context: object) -> object:
    return event
