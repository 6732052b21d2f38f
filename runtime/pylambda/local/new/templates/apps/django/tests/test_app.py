"""What the project answers; no network, no Lambda."""

from django.test import Client
from project import wsgi  # noqa: F401 - sets Django up

client = Client(headers={"host": "localhost"})


def test_greets_by_name() -> None:
    assert client.get("/", {"name": "you"}).json() == {"message": "Hello, you!"}


def test_greets_everybody_else() -> None:
    assert client.get("/").json() == {"message": "Hello, world!"}
