"""The function that the image tests put into images: each handler tells one thing about where it runs."""

import os
import sys
import tempfile
import time
from typing import Any


def handler(event: Any, context: Any) -> dict[str, Any]:
    return {"event": event, "name": context.function_name}


def python(event: Any, context: Any) -> list[int]:
    return list(sys.version_info[:2])


def user(event: Any, context: Any) -> dict[str, Any]:
    return {"uid": os.getuid(), "gid": os.getgid(), "home": os.environ.get("HOME")}


def scratch(event: Any, context: Any) -> str:
    """Write where a function may write."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"x")
    return file.name


def lock(event: Any, context: Any) -> None:
    """Make what needs memory that processes share."""
    import multiprocessing

    multiprocessing.Lock()


def orphan(event: Any, context: Any) -> bool:
    """Leave a process behind that ends once the first process has it, and return whether that lets go of it."""
    read, write = os.pipe()
    if os.fork() == 0:
        orphan = os.fork()
        if orphan == 0:
            while os.getppid() != 1:
                time.sleep(0.001)
        else:
            os.write(write, b"%d" % orphan)
        os._exit(0)
    os.wait()
    left = f"/proc/{os.read(read, 20).decode()}"
    deadline = time.monotonic() + 10
    while os.path.exists(left) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not os.path.exists(left)


def variable(event: Any, context: Any) -> str | None:
    return os.environ.get(event["name"])


def loaded(event: Any, context: Any) -> bool:
    """Whether the start has imported a module."""
    return event["name"] in sys.modules


def module(event: Any, context: Any) -> dict[str, Any]:
    """Import what the event names and say where it came from."""
    found = __import__(event["name"])
    return {"file": found.__file__, "version": getattr(found, "__version__", None)}
