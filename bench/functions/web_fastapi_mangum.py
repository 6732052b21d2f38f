"""The same behind mangum: without a lifespan, and as it is by default, with one for each event."""

from mangum import Mangum
from web_fastapi import app  # type: ignore[import-not-found]

handler = Mangum(app, lifespan="off")
default = Mangum(app)
