"""`pylambda invoke`: its arguments, what it prints, and its exit codes.

It ends with 0 when the function succeeded, 1 when it failed, 2 when the command line makes no sense, 3 when nobody
answered. Standard output carries the function's response and nothing else.
"""

import argparse
import base64
import json
import os
import sys
from pathlib import Path

from pylambda.local import VENDOR, samples
from pylambda.local.answers import DEFAULT_TIMEOUT_S, DEFAULT_URL, LONGEST_EVENT, InvokeError, NoAnswer
from pylambda.local.commands import FAILED, NOBODY_THERE, add_command, complain


class InputError(Exception):
    """Raised when an event cannot be used; the message is one line."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    parser = add_command(
        commands,
        "invoke",
        "send one event to a running function and print its response",
        epilog="Exits 0 when the function succeeded, 1 when it failed, 2 when the command line makes no sense,"
        " 3 when nobody answered.",
    )
    parser.add_argument(
        "event", nargs="?", default="{}", metavar="EVENT", help="JSON, @FILE, or - for standard input (default: {})"
    )
    parser.add_argument("--event", dest="sample", metavar="SHAPE", help="send what `pylambda event SHAPE` prints")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stream", action="store_true", help="print a streamed response as it comes")
    how.add_argument("--async", dest="background", action="store_true", help="wait for no response")
    parser.add_argument("--tail", action="store_true", help="print the end of the log to stderr")
    parser.add_argument(
        "--url",
        default=DEFAULT_URL,
        help=f"where the function listens, with or without the invocation path (default: {DEFAULT_URL})",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help="how long to wait for the response (default: %(default)g)",
    )
    parser.set_defaults(run=run)


def seconds(text: str) -> float:
    """Read a time limit: argparse turns the ValueError into its own message."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def run(arguments: argparse.Namespace) -> int:
    """Send the event; return the exit code."""
    sys.path += VENDOR
    try:
        # Here and not above: `emulator` works where `requests` is not installed.
        from pylambda.local import invoke
    except ModuleNotFoundError as error:
        return complain(f"{error}; `invoke` needs it: pip install requests")
    try:
        event = sample_event(arguments) if arguments.sample else read_event(arguments.event)
        headers = {"X-Amz-Log-Type": "Tail"} if arguments.tail else {}
        if arguments.stream:
            failure, log = invoke.stream(
                arguments.url, event, headers=headers, timeout=arguments.timeout, write=write_through
            )
            return finish(failure, log)
        if arguments.background:
            headers["X-Amz-Invocation-Type"] = "Event"
        answer = invoke.send(arguments.url, event, headers=headers, timeout=arguments.timeout)
    except NoAnswer as error:
        complain(error)
        return NOBODY_THERE
    except (InputError, InvokeError, samples.SampleError) as error:
        return complain(error)
    if not arguments.background:
        show(answer.body)
    return finish(answer.failure, answer.headers.get("x-amz-log-result", ""))


def sample_event(arguments: argparse.Namespace) -> bytes:
    return json.dumps(samples.sample(arguments.sample)).encode()


def write_through(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def finish(failure: str | None, log: str) -> int:
    """Say how it went, on standard error, and return the exit code."""
    if log:
        sys.stderr.write(base64.b64decode(log).decode(errors="replace"))
    if failure is not None:
        print(f"pylambda: the function failed: {first_line(failure)}", file=sys.stderr)
        return FAILED
    return 0


def read_event(argument: str) -> bytes:
    """Return the event that an argument means: JSON, `@FILE` or `-`.

    Raises:
        InputError: it cannot be read, is not JSON, or is longer than what an invocation takes.
    """
    source = "standard input" if argument == "-" else argument[1:] if argument.startswith("@") else "EVENT"
    try:
        if argument == "-":
            event = sys.stdin.buffer.read()
        elif argument.startswith("@"):
            event = Path(argument[1:]).read_bytes()
        else:
            # Bytes of the command line that are not UTF-8 come as surrogates: back to bytes, for the check below.
            event = os.fsencode(argument)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot read {source!r}: {reason}") from error
    if len(event) > LONGEST_EVENT:
        raise InputError(f"{source} is {len(event):,} bytes long; an invocation takes at most {LONGEST_EVENT:,}")
    check_json(event, source)
    return event


def check_json(event: bytes, source: str) -> None:
    """Refuse what the function would refuse, and say where it goes wrong."""
    try:
        json.loads(event.decode("utf-8-sig"), parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        hint = ""
        if source == "EVENT" and os.path.isfile(event):
            hint = f"; to send the file, write @{event.decode()}"
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{source} is not JSON: {error.msg} at {where}{hint}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source} is not JSON: {error}") from error


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def show(body: bytes) -> None:
    """Print a response: indented JSON for people, the same bytes for programs."""
    if not sys.stdout.isatty():
        sys.stdout.buffer.write(body)
        return
    print(pretty(body))


def pretty(body: bytes) -> str:
    """Return the body indented where it is JSON, as text where it is not."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def first_line(text: str) -> str:
    return text.splitlines()[0] if text else text
