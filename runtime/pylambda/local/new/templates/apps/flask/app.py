"""A Flask app as it runs anywhere: nothing in it knows of Lambda."""

from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def hello() -> dict[str, str]:
    """Greet somebody."""
    return {"message": f"Hello, {request.args.get('name', 'world')}!"}
