"""What the function answers; no network, no Lambda."""

import app


def test_greets_by_name() -> None:
    assert app.handler({"name": "you"}, None) == {"message": "Hello, you!"}


def test_greets_whom_the_query_names() -> None:
    assert app.handler({"queryStringParameters": {"name": "you"}}, None) == {"message": "Hello, you!"}


def test_greets_everybody_else() -> None:
    assert app.handler({}, None) == {"message": "Hello, world!"}
