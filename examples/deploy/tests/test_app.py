"""What the function streams; no network, no Lambda."""

import asyncio

import app


async def everything(name: str) -> list[str]:
    return [event async for event in app.greetings(name)]


def test_greets_word_by_word() -> None:
    assert asyncio.run(everything("you")) == [
        'data: {"word": "Hello"}\n\n',
        'data: {"word": "you"}\n\n',
        "data: [DONE]\n\n",
    ]


def test_is_an_event_stream() -> None:
    response = asyncio.run(app.handler({"queryStringParameters": {"name": "you"}}, None))
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
