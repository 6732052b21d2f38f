"""Starts a worker's runtime under `debugpy`; the interpreter runs this file in the place of the runtime's.

    debugged.py listen|connect HOST PORT  OPTIONS... RUNTIME

`debugpy` is the function's own, or the environment's. It is started before anything of the function is imported, so
that a breakpoint in a module's top is one too.
"""

import os
import runpy
import sys
import time
from collections.abc import Callable

EDITOR_S = 10.0


def connect(attempt: Callable[[tuple[str, int]], None], address: tuple[str, int]) -> None:
    """Connect to the editor, which after a reload listens again a moment after the last worker has ended."""
    deadline = time.monotonic() + EDITOR_S
    while True:
        try:
            attempt(address)
        except (OSError, RuntimeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def main() -> None:
    """Attach a debugger, then become the runtime."""
    way, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    runtime = sys.argv[-1]
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], "/opt/python"]
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # else a warning about frozen modules at each start
    try:
        import debugpy
    except ModuleNotFoundError:
        sys.exit("pylambda: --debug needs debugpy, and the function has none: pip install debugpy")
    try:
        if way == "listen":
            # In this process, so that the port is free again when it ends; another one would outlive it.
            debugpy.listen((host, port), in_process_debug_adapter=True)
            print(f"waits for a debugger on {host}:{port}", flush=True)
            debugpy.wait_for_client()
        else:
            connect(debugpy.connect, (host, port))
    except (OSError, RuntimeError) as error:
        sys.exit(f"pylambda: the debugger at {host}:{port} cannot be had: {error}")
    del sys.path[:2]
    sys.argv = [runtime]
    runpy.run_path(runtime, run_name="__main__")


if __name__ == "__main__":
    main()
