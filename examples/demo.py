"""`make demo`: one function, two events, no container.

Starts `examples/orders` behind the Lambda emulator the way an image does, through `entry_script.sh`, sends it an API
Gateway request and a batch of SQS messages, shows what came back and what the function logged, and stops it.
"""

import argparse
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pylambda.local import fetch
from pylambda.local.answers import InvokeError
from pylambda.local.function import Function, FunctionError, Kit, running
from pylambda.local.invoke_command import pretty

CHECKOUT = Path(__file__).resolve().parent.parent
EVENTS = Path("tests/events")
FUNCTION = Path("examples/orders")
HANDLER = "app.handler"
EVENT_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Step:
    """One event of the demonstration."""

    title: str
    event: str
    what: str


STEPS = (
    Step("A request from API Gateway", "apigateway-v2.json", "POST /orders: two pots of tea and a cup"),
    Step("A batch from SQS", "sqs.json", "three messages, of which the second lacks a price and must come back"),
)

NEXT = """\
What next
  make run                                  keep a function up, on port 8080, until Ctrl-C
  make invoke EVENT='{"name": "you"}'       send it an event, from another terminal
  make invoke EVENT=@tests/events/s3.json   more events lie there
  examples/hello                            the smallest function, with its Dockerfile
"""


def main() -> int:
    arguments = argparse.ArgumentParser(description="Run the example behind the Lambda emulator.")
    arguments.add_argument("--cache", type=Path, default=fetch.DEFAULT_CACHE, help="keep downloads here")
    cache: Path = arguments.parse_args().cache
    # Ctrl-C already arrives as an exception; these would end the demo without stopping what it started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        emulator = fetch.find(None, cache)
        kit = Kit(CHECKOUT / "entry_script.sh", CHECKOUT / "runtime", emulator)
        print(f"Starting {FUNCTION} behind the Lambda emulator: ./entry_script.sh {HANDLER}", flush=True)
        with running(kit, HANDLER, CHECKOUT / FUNCTION) as function:
            return play(function)
    except (fetch.FetchError, FunctionError) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def play(function: Function) -> int:
    """Send each event; at the first failure, show everything there is."""
    logged = 0
    for number, step in enumerate(STEPS, start=1):
        print(f"\n{bold(f'{number}. {step.title}')}\n   {step.what}")
        print(f"\n   {dim('event')}     {EVENTS / step.event}", flush=True)
        try:
            answer = function.invoke((CHECKOUT / EVENTS / step.event).read_bytes(), timeout=EVENT_TIMEOUT_S)
        except InvokeError as error:
            return give_up(function, str(error))
        block("response", pretty(answer.body).splitlines())
        lines = function.log()
        block("log", lines[logged:])
        logged = len(lines)
        if answer.failure is not None:
            return give_up(function, answer.failure)
    print(f"\n{NEXT}", end="", flush=True)
    return 0


def block(title: str, lines: list[str]) -> None:
    """Print lines beside their title."""
    for label, line in zip([title] + [""] * len(lines), lines, strict=False):
        print(f"   {dim(f'{label:9}')} {line}")


def give_up(function: Function, why: str) -> int:
    print(f"\nThe demo failed: {why}\nEverything that was printed:\n{function.output()}", file=sys.stderr)
    return 1


def bold(text: str) -> str:
    return styled("1", text)


def dim(text: str) -> str:
    return styled("2", text)


def styled(code: str, text: str) -> str:
    """Colour for people only; https://no-color.org is honoured."""
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


if __name__ == "__main__":
    sys.exit(main())
