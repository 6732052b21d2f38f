"""What the app streams; no network, no Lambda."""

from app import app

client = app.test_client()


def test_greets_word_by_word() -> None:
    response = client.get("/", query_string={"name": "you"})
    assert response.mimetype == "text/event-stream"
    assert response.text == 'data: {"word": "Hello"}\n\ndata: {"word": "you"}\n\ndata: [DONE]\n\n'
