"""Every example of docs/handlers.md and docs/streaming.md is run, and answers what the page says below it.

So is examples/tokens.
"""

import itertools
import json
from pathlib import Path

import pytest

from tests.contract.raw_api import CHECKOUT, Peer, Request, serving
from tests.documents import Block, blocks

PAGES = [CHECKOUT / "docs" / name for name in ("handlers.md", "streaming.md")]
EXAMPLES = [
    (block, below) for page in PAGES for block, below in itertools.pairwise(blocks(page)) if block.language == "python"
]
TOKENS = CHECKOUT / "examples" / "tokens" / "app.py"


def body_of(peer: Peer, request: Request) -> bytes:
    """Return a body, chunked or not, without a prelude."""
    if "transfer-encoding" not in request.headers:
        return request.body
    return peer.read_chunked().body.rpartition(bytes(8))[2]


def answer_to(peer: Peer, event: str, number: int) -> str:
    peer.give_event(event.encode(), request_id=f"id-{number}")
    request = peer.read_request()
    body = body_of(peer, request).decode()
    peer.reply()
    if not request.line.endswith("/error HTTP/1.1"):
        return body.replace("\n", "\\n")
    document = json.loads(body)
    return f"{document['errorType']}: {document['errorMessage']}"


def test_the_pages_have_an_answer_below_every_example() -> None:
    assert len(EXAMPLES) > 10
    assert {below.language for _, below in EXAMPLES} == {"text"}


@pytest.mark.parametrize(("example", "below"), EXAMPLES, ids=[str(number) for number in range(len(EXAMPLES))])
def test_an_example_answers_what_the_page_says(example: Block, below: Block, tmp_path: Path) -> None:
    program = "pylambda.run(" in example.text or "RuntimeApi(" in example.text
    with serving(tmp_path, example.text, program=program) as runtime:
        peer = runtime.accept()
        for number, line in enumerate(below.lines, start=1):
            event, _, answer = line.partition(" -> ")
            assert answer_to(peer, event, number) == answer
            if not peer.has_more():  # as after a stream
                peer = runtime.accept()


def test_tokens_leave_one_by_one(tmp_path: Path) -> None:
    with serving(tmp_path, TOKENS.read_text()) as runtime:
        peer = runtime.accept()
        peer.give_event(json.dumps({"body": json.dumps({"prompt": "hi"})}).encode())
        peer.read_request()
        prelude, *events = peer.read_chunked().chunks
    assert json.loads(prelude.removesuffix(bytes(8)))["headers"]["content-type"] == "text/event-stream"
    assert events[0] == b'data: {"token": "You "}\n\n'
    assert events[-1] == b"data: [DONE]\n\n"
    tokens = [json.loads(event.removeprefix(b"data: "))["token"] for event in events[:-1]]
    assert "".join(tokens).startswith("You said 'hi'. Each word of this answer left as soon as")


def test_a_request_without_a_prompt_is_the_callers_fault(tmp_path: Path) -> None:
    with serving(tmp_path, TOKENS.read_text()) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        prelude, text = peer.read_chunked().chunks
    assert json.loads(prelude.removesuffix(bytes(8)))["statusCode"] == 400
    assert b"prompt" in text
