"""The least that an asynchronous function can be."""


async def handler(event: object, context: object) -> object:
    return event
