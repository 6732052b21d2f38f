"""What most functions do, as asynchronous code does it."""

import asyncio


async def handler(event: object, context: object) -> object:
    await asyncio.sleep(0.01)
    return event
