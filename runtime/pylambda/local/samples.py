"""`pylambda event`: realistic events of the services that call functions, to print, to change and to send.

The files lie beside this module and are the ones that the project's tests use. A body goes where the service would put
it: as text, as base64, zipped. HTTP events are made by the same code that makes them in `pylambda serve`.
"""

import argparse
import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pylambda.local import file_beside
from pylambda.local.commands import add_command, complain

# The names of the command, and the file that each of them is; HTTP ones by the front that makes them.
FRONTS = {"apigw-v2": "v2", "apigw-v1": "v1", "apigw-rest": "rest", "url": "url", "alb": "alb"}
FILES = {
    "sqs": "sqs",
    "sns": "sns",
    "s3": "s3",
    "dynamodb": "dynamodb-stream",
    "kinesis": "kinesis",
    "eventbridge": "eventbridge",
    "scheduled": "scheduled",
    "cloudwatch-logs": "cloudwatch-logs",
    "cognito": "cognito",
    "ses": "ses",
    "msk": "msk",
    "kafka": "kafka",
}
SHAPES = (*FRONTS, *FILES)


class SampleError(Exception):
    """Raised when there is no such event; the message is one line."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    parser = add_command(
        commands,
        "event",
        "print an event as a service of AWS would send it",
        epilog=f"SHAPE is one of: {', '.join(SHAPES)}. Without one they are listed.",
    )
    parser.add_argument("shape", nargs="?", metavar="SHAPE", help="which one")
    parser.add_argument("--body", help="what the message, the record or the request holds")
    parser.add_argument("--method", default="GET", help="of an HTTP event (default: GET, POST with a body)")
    parser.add_argument("--path", default="/", help="of an HTTP event, with its query (default: /)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print an event; return the exit code."""
    if arguments.shape is None:
        print("\n".join(SHAPES))
        return 0
    try:
        event = sample(arguments.shape, arguments.body, method=arguments.method, path=arguments.path)
    except SampleError as error:
        return complain(error)
    print(json.dumps(event, indent=2, ensure_ascii=False))
    return 0


def sample(shape: str, body: str | None = None, *, method: str = "GET", path: str = "/") -> Any:
    """Return an event.

    Args:
        shape: one of `SHAPES`.
        body: what it holds; None for what the sample has.
        method: of an HTTP event.
        path: of an HTTP event, with its query.

    Raises:
        SampleError: there is no such shape, or it holds no body.
    """
    if shape in FRONTS:
        return http_event(FRONTS[shape], body, method, path)
    if shape not in FILES:
        import difflib

        near = difflib.get_close_matches(shape, SHAPES, 3, 0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(SHAPES)}"
        raise SampleError(f"there is no event {shape!r}; {hint}")
    event = json.loads(file_beside(__name__, f"events/{FILES[shape]}.json"))
    if body is None:
        return event
    if shape not in BODIES:
        raise SampleError(f"an event of {shape} holds no body; these do: {', '.join((*FRONTS, *BODIES))}")
    BODIES[shape](event, body)
    return event


def http_event(front: str, body: str | None, method: str, path: str) -> dict[str, Any]:
    """Return the event that a front makes of a request."""
    from pylambda.local.fronts.requests import Incoming, event_of
    from pylambda.local.fronts.shapes import SHAPES as FRONT_SHAPES

    headers = [("Host", "shop.example.com"), ("User-Agent", "curl/8.5.0"), ("Accept", "*/*")]
    if body is not None:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body.encode())))]
    parts = urlsplit(path)
    incoming = Incoming(
        method="POST" if body is not None and method == "GET" else method,
        path=parts.path or "/",
        query=parts.query,
        headers=headers,
        body=(body or "").encode(),
        peer="203.0.113.7",
        port=443,
        region="eu-central-1",
        trace_id="Root=1-69b30e5e-5a1d7c3e2b4f6a8c0d1e2f3a",
        request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    )
    return event_of(FRONT_SHAPES[front], incoming)


def _sqs(event: Any, body: str) -> None:
    event["Records"] = [{**event["Records"][0], "body": body}]


def _sns(event: Any, body: str) -> None:
    event["Records"] = event["Records"][:1]
    event["Records"][0]["Sns"]["Message"] = body


def _kinesis(event: Any, body: str) -> None:
    event["Records"] = event["Records"][:1]
    event["Records"][0]["kinesis"]["data"] = base64.b64encode(body.encode()).decode()


def _eventbridge(event: Any, body: str) -> None:
    try:
        event["detail"] = json.loads(body)
    except ValueError as error:
        raise SampleError(f"the detail of an event of EventBridge is JSON, and --body is none: {error}") from None


def _logs(event: Any, body: str) -> None:
    import gzip

    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    data["logEvents"][0]["message"] = body
    event["awslogs"]["data"] = base64.b64encode(gzip.compress(json.dumps(data).encode(), mtime=0)).decode()


def _kafka(event: Any, body: str) -> None:
    (records,) = event["records"].values()
    records[0]["value"] = base64.b64encode(body.encode()).decode()


BODIES: dict[str, Callable[[Any, str], None]] = {
    "sqs": _sqs,
    "sns": _sns,
    "kinesis": _kinesis,
    "eventbridge": _eventbridge,
    "cloudwatch-logs": _logs,
    "msk": _kafka,
    "kafka": _kafka,
}
