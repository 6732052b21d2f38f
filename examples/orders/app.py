"""Orders, taken over HTTP and worked off a queue: one handler for both, told apart by the shape of the event.

HTTP: an API Gateway HTTP API or a function URL (payload format 2.0).
Queue: an SQS event source mapping with `ReportBatchItemFailures`, so that only what failed comes back.
"""

import base64
import json
import logging
from typing import Any

logging.getLogger().setLevel(logging.INFO)
logger = logging.getLogger(__name__)

Event = dict[str, Any]


def handler(event: Event, context: object) -> Event:
    if "http" in event.get("requestContext", {}):
        return take_order(event)
    if event.get("Records"):
        return {"batchItemFailures": [{"itemIdentifier": failed} for failed in work_off(event["Records"])]}
    raise ValueError(f"neither an HTTP request nor a batch of messages: {sorted(event)}")


def take_order(request: Event) -> Event:
    """Answer one request: 201 with the order's total, or 400 with the reason."""
    body = request.get("body") or ""
    try:
        order = json.loads(base64.b64decode(body) if request.get("isBase64Encoded") else body)
        total = price(order)
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("Refused an order: %r", error)
        return respond(400, {"error": "an order needs an id, and items with quantity and price_cents"})
    logger.info("Took order %s: %d cents", order["id"], total)
    return respond(201, {"id": order["id"], "total_cents": total})


def work_off(messages: list[Event]) -> list[str]:
    """Ship each message's order; return the ids of the messages to bring back."""
    failed = []
    for message in messages:
        try:
            order = json.loads(message["body"])
            print(f"Shipping {order['id']}, worth {price(order)} cents")
        except Exception:
            logger.exception("Message %s failed", message["messageId"])
            failed.append(message["messageId"])
    return failed


def price(order: Event) -> int:
    return sum(item["quantity"] * item["price_cents"] for item in order["items"])


def respond(status: int, body: Event) -> Event:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
