"""What a span says of an invocation, in OpenTelemetry's names: read off the event, the ARN and the result.

Source: OpenTelemetry semantic conventions 1.37, "FaaS spans", "Instrumenting AWS Lambda" and "HTTP spans".
"""

from typing import Any

from pylambda import names
from pylambda.faults import InvalidEvent
from pylambda.payload import codec
from pylambda.payload.streams import PRELUDE_END
from pylambda.web.events import at, shape_of

HTTP, TIMER, PUBSUB, DATASOURCE, OTHER = "http", "timer", "pubsub", "datasource", "other"
# `faas.trigger` by what the first record says it comes from.
RECORD_TRIGGERS = {
    "aws:sqs": PUBSUB,
    "aws:sns": PUBSUB,
    "aws:kinesis": PUBSUB,
    "aws:s3": DATASOURCE,
    "aws:dynamodb": DATASOURCE,
}
SCHEME_HEADER = "x-forwarded-proto"
PARTS_OF_AN_ARN = 7


class Facts:
    """What an event says.

    Args:
        event: of any kind.

    Attributes:
        trigger: what `faas.trigger` says.
        headers: of an HTTP request, by their names in lower case; they may name a parent.
        attributes: of a request: its method, path and scheme. The query may hold secrets. The route is the app's to
            say, and the event of an API names its own.
    """

    def __init__(self, event: Any) -> None:
        self.headers: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        try:
            shape = shape_of(event)
        except (
            InvalidEvent,
            TypeError,
        ):  # of a WebSocket API, for an authorizer, or of something that only looks like one
            shape = None
        if shape is None:
            self.trigger = _trigger_of(event)
            return
        self.trigger = HTTP
        for name, value in _items(event.get("multiValueHeaders")) + _items(event.get("headers")):
            text = value[-1] if isinstance(value, list) and value else value
            if isinstance(text, str):
                self.headers[name.lower()] = text
        known = {
            "http.request.method": at(event, shape.method),
            "url.path": event.get(shape.path),
            "url.scheme": self.headers.get(SCHEME_HEADER, "https"),
        }
        self.attributes = {name: value for name, value in known.items() if isinstance(value, str)}

    @property
    def is_consumer(self) -> bool:
        """Whether what was sent lay somewhere before it came, so that nobody waits for the answer."""
        return self.trigger in (PUBSUB, DATASOURCE)


def attributes_of_arn(arn: str, version: str | None) -> dict[str, str]:
    """Return what an ARN says: a version stands in the place of an alias, which may be another's tomorrow."""
    parts = arn.split(":")
    if len(parts) < PARTS_OF_AN_ARN:
        return {}
    if len(parts) > PARTS_OF_AN_ARN and version:
        parts[PARTS_OF_AN_ARN] = version
    return {"cloud.resource_id": ":".join(parts), "cloud.account.id": parts[4]}


def status_of_result(result: Any) -> int | None:
    """Return the HTTP status that a result has; None where it has none."""
    status = result.get("statusCode") if isinstance(result, dict) else None
    return status if isinstance(status, int) else None


def status_of_chunk(chunk: "codec.Chunk", content_type: str) -> int | None:
    """Return the HTTP status that the first chunk of a streamed result begins with; None where it has none."""
    if content_type != names.HTTP_INTEGRATION or isinstance(chunk, str):
        return None
    head, end, _ = bytes(chunk).partition(PRELUDE_END)
    return status_of_result(codec.decode(head, None)) if end else None


def _items(headers: Any) -> list[tuple[str, Any]]:
    return list(headers.items()) if isinstance(headers, dict) else []


def _trigger_of(event: Any) -> str:
    if not isinstance(event, dict):
        return OTHER
    if event.get("source") == "aws.events":
        return TIMER
    records = event.get("Records")
    first = records[0] if isinstance(records, list) and records else None
    source = (first.get("eventSource") or first.get("EventSource")) if isinstance(first, dict) else None
    return RECORD_TRIGGERS.get(source, OTHER) if isinstance(source, str) else OTHER
