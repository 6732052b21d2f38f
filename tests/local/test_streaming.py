"""Streaming handlers behind the real emulator, which gives a stream back in one piece with its prelude in front."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pylambda.local.function import Function, Kit, running

if TYPE_CHECKING:
    from tests.local.conftest import Start

CHECKOUT = Path(__file__).parents[2]


def test_a_response_comes_as_api_gateway_reads_it(start: "Start") -> None:
    function = start(
        """
        import pylambda
        async def body():
            yield "gr\u00fc\u00df"
            yield b"e"
        def handler(event, context):
            return pylambda.StreamingResponse(body(), 201, {"Content-Type": "text/plain"}, ["a=1"])
        """
    )
    assert function.invoke(b"{}").json() == {
        "statusCode": 201,
        "headers": {"Content-Type": "text/plain"},
        "cookies": ["a=1"],
        "body": "gr\u00fc\u00dfe",
    }


def test_a_body_that_is_no_text_comes_in_base64(start: "Start") -> None:
    function = start(
        """
        import pylambda
        def handler(event, context):
            return pylambda.StreamingResponse([b"\\xff", b"\\x00"])
        """
    )
    answer = function.invoke(b"{}").json()
    assert (answer["body"], answer["isBase64Encoded"]) == ("/wA=", True)


@pytest.mark.parametrize("asynchronous", ["", "async "])
def test_the_chunks_of_a_generator_come_together(start: "Start", asynchronous: str) -> None:
    function = start(f"{asynchronous}def handler(event, context):\n    yield 'a'\n    yield b'b'")
    assert [function.invoke(b"{}").body for _ in range(2)] == [b"ab", b"ab"]


def test_an_error_after_the_first_chunk_is_an_error(start: "Start") -> None:
    function = start("def handler(event, context):\n    yield 'a'\n    raise KeyError('late')")
    assert [function.invoke(b"{}").failure for _ in range(2)] == ["KeyError: 'late'"] * 2
    assert any("[ERROR] KeyError" in line for line in function.log())


def test_an_async_handler(start: "Start") -> None:
    function = start(
        """
        import asyncio
        loops = set()
        async def handler(event, context):
            await asyncio.sleep(0)
            loops.add(id(asyncio.get_running_loop()))
            return len(loops)
        """
    )
    assert [function.invoke(b"{}").json() for _ in range(3)] == [1, 1, 1]


@pytest.fixture
def tokens(kit: Kit) -> Iterator[Function]:
    with running(kit, "app.handler", CHECKOUT / "examples" / "tokens") as function:
        yield function


def test_the_token_example(tokens: Function) -> None:
    answer = tokens.invoke(json.dumps({"body": json.dumps({"prompt": "hi"})}).encode()).json()
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "text/event-stream"
    assert answer["body"].startswith('data: {"token": "You "}\n\n')
    assert answer["body"].endswith("data: [DONE]\n\n")
