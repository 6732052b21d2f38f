"""`make profile`: where a function's cold start goes, by what it imports.

Starts `bootstrap` on the function, with the interpreter told to time its imports, and plays the Runtime API until it
asks for the first event. The time of the whole start is that of the fastest of a few more, without the trace, which
slows it.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import importtime
from bench.importtime import Module

CHECKOUT = Path(__file__).resolve().parent.parent
# What -X importtime sets; through the environment it reaches the interpreter that `bootstrap` starts.
TRACE = {"PYTHONPROFILEIMPORTTIME": "1"}
PATIENCE_S = 60.0
PLAIN_STARTS = 5
HEAD_END = b"\r\n\r\n"


class ProfileError(Exception):
    """Raised when there is nothing to measure. The message is one line for people."""


class Start(NamedTuple):
    """One start of the runtime: how long until it asked for an event, and what it wrote on stderr."""

    ms: float
    stderr: str


def main(argv: Sequence[str] | None = None) -> int:
    """Print the profile of the function that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description="Where a function's cold start goes.")
    parser.add_argument("handler", help="such as app.handler")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="where the function lies")
    arguments = parser.parse_args(argv)
    try:
        print("\n".join(profile(arguments.handler, arguments.folder)))
    except ProfileError as error:
        print(f"profile: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def profile(handler: str, folder: Path) -> list[str]:
    """The lines of a function's profile.

    Raises:
        ProfileError: there is no such folder, or the function does not load.
    """
    if not folder.is_dir():
        raise ProfileError(f"there is no folder {folder}: name the function's with DIR=...")
    # The first start also fills the disk's cache, and byte code is written where it would be.
    traced = start(handler, folder.resolve(), TRACE)
    plain_ms = min(start(handler, folder.resolve()).ms for _ in range(PLAIN_STARTS))
    return report(importtime.parse(traced.stderr), handler, plain_ms)


def report(roots: Sequence[Module], handler: str, plain_ms: float) -> list[str]:
    """The lines for an import tree.

    Args:
        roots: every import of the start.
        handler: the function's name, which tells its modules from the runtime's.
        plain_ms: how long the start takes when nothing is traced.
    """
    first = next((place for place, root in enumerate(roots) if root.name.startswith("pylambda")), 0)
    package = re.split(r"[./]", handler)[0]
    own = next((place for place, root in enumerate(roots) if place > first and _is_in(root, package)), len(roots))
    parts = {"interpreter": roots[:first], "runtime": roots[first:own], "function": roots[own:]}
    imports_ms = {name: sum(module.cumulative_us for module in part) / 1000 for name, part in parts.items()}
    total_ms = sum(imports_ms.values()) or 1.0
    lines = [
        f"{plain_ms:.1f} ms from start to the first request for an event.",
        f"{total_ms:.1f} ms of imports, as traced, which slows them:",
        *(f"{spent:9.1f} {spent / total_ms:6.0%}  {LABELS[name]}" for name, spent in imports_ms.items()),
        "",
    ]
    if not parts["function"]:
        return [*lines, f"{handler} imports nothing."]
    return [*lines, *importtime.render(parts["function"], total_ms)]


LABELS = {"interpreter": "the interpreter's own", "runtime": "the runtime's", "function": "the function's"}


def _is_in(module: Module, package: str) -> bool:
    return module.name == package or module.name.startswith(package + ".")


def start(handler: str, folder: Path, more: Mapping[str, str] | None = None) -> Start:
    """Start the runtime and end it when it asks for an event.

    Args:
        handler: the function.
        folder: where it lies.
        more: variables.

    Raises:
        ProfileError: the function does not load, or ends.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stderr = stack.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
        environ = {
            **os.environ,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}",
            "LAMBDA_TASK_ROOT": str(folder),
            "LAMBDA_RUNTIME_DIR": str(CHECKOUT / "runtime"),
            "PYLAMBDA_PYTHON": sys.executable,
            "_HANDLER": handler,
            **(more or {}),
        }
        line = [str(CHECKOUT / "bootstrap")]
        began = time.monotonic()
        runtime = subprocess.Popen(line, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=stderr)
        try:
            request = _first_request(listener, runtime)
            spent_ms = (time.monotonic() - began) * 1000
        finally:
            runtime.kill()
            runtime.wait()
        if not request.startswith(b"GET "):
            raise ProfileError(_reason(request, handler))
        stderr.seek(0)
        return Start(spent_ms, stderr.read())


def _first_request(listener: socket.socket, runtime: "subprocess.Popen[bytes]") -> bytes:
    listener.settimeout(0.2)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if runtime.poll() is not None:
                raise ProfileError(f"the function ended the process with exit code {runtime.returncode}") from None
            continue
        with connection:
            connection.settimeout(PATIENCE_S)
            return _read_request(connection)
    raise ProfileError(f"the function did not load within {PATIENCE_S:.0f} s")


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while HEAD_END not in request or len(request.partition(HEAD_END)[2]) < _body_bytes(request):
        more = connection.recv(1 << 16)
        if not more:
            break
        request += more
    return request


def _body_bytes(request: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", request.partition(HEAD_END)[0])
    return int(found[1]) if found else 0


def _reason(request: bytes, handler: str) -> str:
    """What `/init/error` was told, in one line."""
    try:
        document = json.loads(request.partition(HEAD_END)[2])
        text = f"{document['errorType']}: {document['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        text = "the runtime said no reason"
    return f"{handler} does not load: {' '.join(text.split())}"


if __name__ == "__main__":
    sys.exit(main())
