"""A Flask app as it runs anywhere: nothing in it knows of Lambda."""

from flask import Flask, Response, redirect, render_template_string, request, url_for
from werkzeug.wrappers import Response as AnyResponse

PAGE = """<!doctype html>
<title>Guest book</title>
<form method="post"><input name="name"><button>Sign</button></form>
<p>You are {{ name or "a stranger" }}.</p>
"""

app = Flask(__name__)


@app.get("/")
def book() -> str:
    """Show the page, with the name that the client's cookie has."""
    return render_template_string(PAGE, name=request.cookies.get("name"))


@app.post("/")
def sign() -> AnyResponse:
    """Remember the name, and show the page again."""
    response = redirect(url_for("book"))
    response.set_cookie("name", request.form["name"])
    return response


@app.get("/logo.bin")
def logo() -> Response:
    """Give bytes that are no text."""
    return Response(bytes(range(256)), mimetype="application/octet-stream")
