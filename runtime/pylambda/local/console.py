"""`pylambda console`: run a command in a function that has a `console:` handler, and end as the command did.

Standard output carries what the command wrote, as far as the function gives it back. The exit code is the command's
own; `FAILED` where the function failed in another way, `NOBODY_THERE` where it was not reached.
"""

import argparse
import json
import sys
from typing import Any

from pylambda.local import VENDOR
from pylambda.local.answers import DEFAULT_TIMEOUT_S, Answer, InvokeError, NoAnswer, error_document
from pylambda.local.commands import CANNOT, FAILED, NOBODY_THERE, add_command, complain

CONNECT_TIMEOUT_S = 5.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    parser = add_command(
        commands,
        "console",
        "run a command in a function with a console: handler, and end with its exit code",
        epilog="Exits as the command did; with 1 when the function failed otherwise, 3 when it was not reached."
        " For --function-name boto3 must be installed; it takes region and credentials from where it always does.",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--function-name", metavar="NAME", help="a function in AWS: its name, or its ARN")
    where.add_argument("--url", help="where a function on this machine listens, such as http://127.0.0.1:8080")
    parser.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help="how long to wait for the command's end (default: %(default)g)",
    )
    parser.add_argument("args", nargs="*", metavar="ARGUMENT", help="the command's own, behind --")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send the command and print what it wrote; return its exit code."""
    sys.path += VENDOR
    event = json.dumps({"args": arguments.args}).encode()
    try:
        if arguments.url is not None:
            answer = _send_to_url(arguments.url, event, arguments.timeout)
        else:
            answer = _send_to_aws(arguments.function_name, event, arguments.timeout)
    except InvokeError as error:
        complain(error)
        return NOBODY_THERE if isinstance(error, NoAnswer) else CANNOT
    return _show(answer)


def _send_to_url(url: str, event: bytes, timeout_s: float) -> Answer:
    try:
        from pylambda.local import invoke
    except ModuleNotFoundError as error:
        raise InvokeError(f"{error}; `console --url` needs it: pip install requests") from None
    return invoke.send(url, event, timeout=timeout_s)


def _send_to_aws(function_name: str, event: bytes, timeout_s: float) -> Answer:
    try:
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise InvokeError(f"{error}; `console --function-name` needs it: pip install boto3") from None
    # Once and no more: a command that is sent again runs again.
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S, read_timeout=timeout_s, tcp_keepalive=True, retries={"total_max_attempts": 1}
    )
    try:
        reply = boto3.client("lambda", config=config).invoke(FunctionName=function_name, Payload=event)
        body = reply["Payload"].read()
    except (BotoCoreError, ClientError) as error:
        raise NoAnswer(f"cannot invoke {function_name}: {error}") from error
    failure = reply.get("FunctionError")
    return Answer(reply["StatusCode"], {"x-amz-function-error": failure} if failure else {}, body)


def _show(answer: Answer) -> int:
    """Print what the command wrote; return its exit code, that of a failed invocation where it has none."""
    result = _result_of(answer)
    if result is None:
        why = answer.failure or f"its handler is no console: handler, it answered {_shortened(answer.body)}"
        complain(f"the function failed: {why.splitlines()[0]}")
        return FAILED
    print(result["output"], end="", flush=True)
    if answer.failure is not None:
        complain(answer.failure.splitlines()[0])
    code: int = result["exit_code"]
    return code


def _result_of(answer: Answer) -> dict[str, Any] | None:
    try:
        members = answer.json() if answer.failure is None else error_document(answer.body)
    except ValueError:
        return None
    if not isinstance(members, dict):
        return None
    has_end = isinstance(members.get("exit_code"), int) and isinstance(members.get("output"), str)
    return members if has_end else None


def _shortened(body: bytes) -> str:
    text = body.decode(errors="replace")
    return text if len(text) <= 80 else f"{text[:80]}..."
