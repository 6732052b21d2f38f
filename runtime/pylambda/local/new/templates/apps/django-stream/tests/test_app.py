"""What the project streams; no network, no Lambda."""

from django.test import Client
from project import wsgi  # noqa: F401 - sets Django up

client = Client(headers={"host": "localhost"})


def test_greets_word_by_word() -> None:
    response = client.get("/", {"name": "you"})
    assert response.headers["content-type"] == "text/event-stream"
    assert response.getvalue() == b'data: {"word": "Hello"}\n\ndata: {"word": "you"}\n\ndata: [DONE]\n\n'
