"""A small JSON body in, a small one out; and a large one both ways."""

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

app = FastAPI()


class Order(BaseModel):
    name: str
    quantity: int


@app.post("/orders")
async def order(order: Order) -> Order:
    return order


@app.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")
