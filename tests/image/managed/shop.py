"""A web app whose packages come out of another layer."""

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()


@app.post("/orders")
async def orders() -> StreamingResponse:
    async def parts():
        for number in range(3):
            yield f"{number} "

    return StreamingResponse(parts(), media_type="text/plain")
