"""The same behind apig-wsgi."""

from apig_wsgi import make_lambda_handler
from web_flask import app  # type: ignore[import-not-found]

handler = make_lambda_handler(app)
