"""A FastAPI app as it runs anywhere: nothing in it knows of Lambda."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def hello(name: str = "world") -> dict[str, str]:
    """Greet somebody."""
    return {"message": f"Hello, {name}!"}
