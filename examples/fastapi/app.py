"""A FastAPI app as it runs anywhere: nothing in it knows of Lambda."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from pydantic import BaseModel, Field


class Order(BaseModel):
    """What a customer sends."""

    id: str
    quantity: int = Field(gt=0)


class Pools(TypedDict):
    """What lives as long as the environment does: a connection pool in a real app."""

    orders: dict[str, Order]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Pools]:
    """Open what every request shares: once, before the first event."""
    yield {"orders": {}}


app = FastAPI(title="Orders", lifespan=lifespan)


@app.post("/orders", status_code=201)
async def place(order: Order, request: Request, tasks: BackgroundTasks) -> Order:
    """Take an order. The receipt is written once the customer has the answer."""
    request.state.orders[order.id] = order
    tasks.add_task(print, f"receipt for {order.id}")
    return order


@app.get("/orders/{order_id}")
async def show(order_id: str, request: Request) -> Order:
    """Show an order that this environment has taken."""
    if order_id not in request.state.orders:
        raise HTTPException(404, "no such order")
    order: Order = request.state.orders[order_id]
    return order
