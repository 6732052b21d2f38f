"""A Flask app that streams: each event leaves as soon as it is there. Nothing in it knows of Lambda."""

import json
import time
from collections.abc import Iterator

from flask import Flask, Response, request

PAUSE_S = 0.1
app = Flask(__name__)


def greetings(name: str) -> Iterator[str]:
    """Yield what a page reads with `EventSource`."""
    for word in ("Hello", name):
        yield f"data: {json.dumps({'word': word})}\n\n"
        time.sleep(PAUSE_S)
    yield "data: [DONE]\n\n"


@app.get("/")
def hello() -> Response:
    """Greet somebody, word by word."""
    response = Response(greetings(request.args.get("name", "world")), mimetype="text/event-stream")
    response.headers["cache-control"] = "no-cache"
    return response
