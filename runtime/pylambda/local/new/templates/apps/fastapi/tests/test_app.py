"""What the app answers; no network, no Lambda."""

from app import app
from fastapi.testclient import TestClient

client = TestClient(app)


def test_greets_by_name() -> None:
    assert client.get("/", params={"name": "you"}).json() == {"message": "Hello, you!"}


def test_greets_everybody_else() -> None:
    assert client.get("/").json() == {"message": "Hello, world!"}
