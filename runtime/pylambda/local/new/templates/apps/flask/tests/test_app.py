"""What the app answers; no network, no Lambda."""

from app import app

client = app.test_client()


def test_greets_by_name() -> None:
    assert client.get("/", query_string={"name": "you"}).get_json() == {"message": "Hello, you!"}


def test_greets_everybody_else() -> None:
    assert client.get("/").get_json() == {"message": "Hello, world!"}
