"""What the app streams; no network, no Lambda."""

from app import app
from fastapi.testclient import TestClient

client = TestClient(app)


def test_greets_word_by_word() -> None:
    response = client.get("/", params={"name": "you"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text == 'data: {"word": "Hello"}\n\ndata: {"word": "you"}\n\ndata: [DONE]\n\n'
