"""What the pages show: each event of a stream leaves as soon as it is there."""

import json
import time
from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse

PAUSE_S = 0.1


def greetings(name: str) -> Iterator[str]:
    """Yield what a page reads with `EventSource`."""
    for word in ("Hello", name):
        yield f"data: {json.dumps({'word': word})}\n\n"
        time.sleep(PAUSE_S)
    yield "data: [DONE]\n\n"


def hello(request: HttpRequest) -> StreamingHttpResponse:
    """Greet somebody, word by word."""
    words = greetings(request.GET.get("name", "world"))
    return StreamingHttpResponse(words, content_type="text/event-stream", headers={"cache-control": "no-cache"})
