"""The shop's service: it tells what so many of a thing cost."""

import json
import os
import pathlib

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

PRICES = json.loads(pathlib.Path(os.environ["SHOP_PRICES"]).read_text(encoding="utf-8"))

app = FastAPI(title="shop")


class Order(BaseModel):
    """What somebody wants to buy."""

    sku: int
    count: int = 1


@app.get("/healthz")
def healthy() -> dict[str, int]:
    """Answers once there are prices."""
    return {"prices": len(PRICES)}


@app.post("/price")
def price(order: Order) -> dict[str, float]:
    """The price of an order."""
    if str(order.sku) not in PRICES:
        raise HTTPException(404, f"nothing is sold as {order.sku}")
    return {"total": PRICES[str(order.sku)] * order.count}
