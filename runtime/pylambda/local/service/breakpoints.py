"""`breakpoint()` in a worker: pdb on the terminal on which `pylambda serve` was typed.

A worker has a session of its own, no standard input, and an output that is read line by line. So it is told the
terminal's name, opens that, and has its clocks stopped, for a person takes longer than a function may.
"""

import os
import sys
from typing import Any

from pylambda import names

HOOK = "PYTHONBREAKPOINT"
STOP = f"{__name__}.stop"
TERMINAL = "PYLAMBDA_TERMINAL"
PATH = "/pylambda/breakpoint"


def variables(terminal: str) -> dict[str, str]:
    """Return what a worker is started with to meet a person at a terminal."""
    return {HOOK: STOP, TERMINAL: terminal}


def stop(*_arguments: Any, **_options: Any) -> None:
    """Stop where `breakpoint()` stands; the interpreter calls this in its place."""
    stop_clocks(os.environ[names.RUNTIME_API])
    import pdb

    terminal = os.environ[TERMINAL]
    # Open as long as the debugger is, which is as long as the person steps.
    reader, writer = open(terminal), open(terminal, "w")  # noqa: SIM115
    pdb.Pdb(stdin=reader, stdout=writer).set_trace(sys._getframe(1))


def stop_clocks(address: str) -> None:
    """Tell the service that a person has the invocation now."""
    import http.client

    connection = http.client.HTTPConnection(address)
    try:
        connection.request("POST", PATH)
        connection.getresponse().read()
    finally:
        connection.close()
