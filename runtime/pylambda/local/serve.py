"""`pylambda serve`: its arguments, and what happens before there is a service.

The start is two interpreters, this one and the first worker's. So the worker is started as soon as it is known what it
is to serve, and this one loads all the rest of itself meanwhile. Inside Lambda nothing starts, whatever variable leaks
there.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from socket import socket
from typing import Any

from pylambda import names
from pylambda.local import VENDOR, beside
from pylambda.local.commands import add_command, complain
from pylambda.local.options import OptionError, add_flags
from pylambda.local.serve_options import OPTIONS
from pylambda.local.serve_settings import Settings, settings_of
from pylambda.local.service.launch import Launch, listen
from pylambda.local.worker_plans import WorkerPlans

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    parser = add_command(
        commands,
        "serve",
        "serve a function on this machine as Lambda would",
        ": the Invoke API, HTTP in front of it, time limits, many at once.",
        "Settings are taken from flags, else from PYLAMBDA_* variables, else from [tool.pylambda] in"
        " pyproject.toml or from pylambda.toml.",
    )
    parser.add_argument("handler", nargs="?", metavar="HANDLER", help="such as app.handler")
    add_flags(parser, OPTIONS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it; return the exit code."""
    try:
        if os.environ.get(names.RUNTIME_API):
            raise OptionError(f"{names.RUNTIME_API} is set: this is Lambda, or a worker; nothing local starts here")
        return _serve(settings_of(arguments, os.environ), beside.find(beside.BOOTSTRAP))
    except OptionError as error:
        return complain(error)


def _serve(settings: Settings, bootstrap: Path) -> int:
    sockets: list[socket] = []
    launch = None
    plans = WorkerPlans(settings, bootstrap, settings.environ.get("PYLAMBDA_PYTHON") or sys.executable)
    try:
        sockets = _listening(settings)
        held = _held_signals()
        launch = _first_launch(plans) if settings.workers else None
        sys.path += VENDOR
        run_loop = _asyncio_without_tls()
        from pylambda.local.serving import Service

        return run_loop(Service(settings, plans, sockets, launch, held).run())
    except ModuleNotFoundError as error:
        raise OptionError(f"{error}; `serve` needs it: pip install 'pylambda[local]'") from error
    finally:
        if launch is not None:
            launch.abandon()
        for one in sockets:
            one.close()
        plans.close()


def _asyncio_without_tls() -> Callable[[Coroutine[Any, Any, int]], int]:
    """Return `asyncio.run`. asyncio does without `ssl` where Python has none, and nothing here speaks TLS: loading that
    would be an eighth of all that this process loads."""
    was_loaded = "ssl" in sys.modules
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    try:
        import asyncio
    finally:
        if not was_loaded:
            del sys.modules["ssl"]
    return asyncio.run


def _listening(settings: Settings) -> "list[socket]":
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        why = f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; set --port"
        raise OptionError(why) from error


def _first_launch(plans: WorkerPlans) -> Launch | None:
    """Start the first worker; None where that fails, as the pool will see, and say, when it tries."""
    with suppress(OSError):
        return Launch(plans.plan())
    return None


def _held_signals() -> list[int]:
    """Note signals from now on, in the list that is returned: whoever takes over can end what was started by then."""
    held: list[int] = []
    for number in SIGNALS:
        signal.signal(number, lambda number, _frame: held.append(number))
    return held
