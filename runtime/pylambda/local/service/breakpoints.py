"""`breakpoint()` in a worker: pdb on the terminal on which `pylambda serve` was typed.

A worker has a session of its own, no standard input, and an output that is read line by line. So it is told the
terminal's name, opens that, and has its clocks stopped, for a person takes longer than a function may. Where the
variables have leaked into Lambda, nobody there stops a clock: then it does not stop.
"""

import os
import sys
from typing import Any

from pylambda import names
from pylambda.log.sinks import warn

HOOK = "PYTHONBREAKPOINT"
STOP = f"{__name__}.stop"
TERMINAL = "PYLAMBDA_TERMINAL"
PATH = "/pylambda/breakpoint"


def variables(terminal: str) -> dict[str, str]:
    """Return what a worker is started with to meet a person at a terminal."""
    return {HOOK: STOP, TERMINAL: terminal}


def stop(*_arguments: Any, **_options: Any) -> None:
    """Stop where `breakpoint()` stands; the interpreter calls this in its place."""
    if not stop_clocks(os.environ.get(names.RUNTIME_API, "")):
        warn(f"breakpoint() does nothing here: {HOOK} is {STOP}, and this is no worker of `pylambda serve`")
        return
    import pdb

    terminal = os.environ[TERMINAL]
    # Open as long as the debugger is, which is as long as the person steps.
    reader, writer = open(terminal), open(terminal, "w")  # noqa: SIM115
    pdb.Pdb(stdin=reader, stdout=writer).set_trace(sys._getframe(1))


def stop_clocks(address: str) -> bool:
    """Tell the service that a person has the invocation now; return whether it is the service that was told."""
    import http.client
    from contextlib import closing

    try:
        with closing(http.client.HTTPConnection(address)) as connection:
            connection.request("POST", PATH)
            reply = connection.getresponse()
            reply.read()
    except (OSError, http.client.HTTPException):
        return False
    return 200 <= reply.status < 300
