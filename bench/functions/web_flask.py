"""A small JSON body in, a small one out."""

from typing import Any

from flask import Flask, request

app = Flask(__name__)


@app.post("/orders")
def order() -> Any:
    body = request.get_json()
    return {"name": body["name"], "quantity": body["quantity"]}
