"""One import for all processes: the function is loaded, its hooks run, and what there is is forked.

What a fork takes along in a state that nobody repairs is looked for first: threads, which stay behind, with the locks
that they hold, and sockets, which all processes would read from.
"""

import gc
import os
import socket
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pylambda import names
from pylambda.faults import ExitError
from pylambda.function.handler import exit_code
from pylambda.lifecycle import hooks
from pylambda.lifecycle.limits import Anew
from pylambda.lifecycle.snapshot import reseed
from pylambda.log.sinks import warn

if TYPE_CHECKING:
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler
    from pylambda.workers.host import Host

# Amazon's name for the hooks, where a function uses it.
AMAZONS = "awslambdaric.lambda_concurrency_hooks"
# Tells the interpreter that starts in the place of this one that the import was found unfit for all.
MARK = "pylambda-import-each"
EXIT_CODE = 1


def load_for_all(host: "Host", load_handler: "Callable[[], Handler]") -> "int | Callable[[], Handler]":
    """Load the handler for workers to come; return what each of them is to load, or the exit code where it failed.

    Where something is in the way of a fork, the process starts anew in place and leaves the import to each worker.

    Args:
        host: the parts of this process, which will be the workers' parent.
        load_handler: returns the handler.
    """
    if MARK in sys._xoptions:
        return load_handler
    anew = Anew()
    sockets = _open_sockets()
    try:
        handler = load_handler()
    except BaseException as error:
        return host.fail_init(error)
    try:
        _run_hooks(host.runner)
    except BaseException as error:
        host.api.fail_init(host.log(error), error_type=names.PRE_FORK_ERROR)
        return EXIT_CODE
    if hasattr(host.kept, "runner"):  # a hook was asynchronous
        host.kept.runner.close()
        del host.kept.runner
    found = [*_threads(), *_sockets(sockets)]
    if found:
        warn(f"{names.PREFORK} has no effect, each worker imports the function: there is {', '.join(found)}")
        anew.start(mark=MARK)
    # What the collector looks at it writes to, and what is written to the kernel copies.
    gc.collect()
    gc.freeze()

    def preloaded() -> "Handler":
        reseed()
        return handler

    return preloaded


def _open_sockets() -> set[str]:
    """Return what the kernel calls the sockets that are open."""
    return {target for _, target in _descriptors() if target.startswith("socket:")}


def _descriptors() -> Iterator[tuple[int, str]]:
    for number in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            yield number, os.readlink(f"/proc/self/fd/{number}")
        except OSError:  # the one that listed the folder
            continue


def _run_hooks(runner: "Callable[[], Runner]") -> None:
    """Run what the function wants done before the fork: ours, then Amazon's, each as registered.

    Raises:
        Exception: what the first one raises that fails.
        ExitError: it exits.
    """
    try:
        hooks.run(hooks.BEFORE_FORK, runner)
        package = sys.modules.get(AMAZONS)
        for function, args, kwargs in package.get_pre_fork() if package else ():
            function(*args, **kwargs)
    except (SystemExit, KeyboardInterrupt) as error:
        code = exit_code(error)
        message = f"a before_fork hook raised {error!r}: the process exits with code {code}"
        raise ExitError(message, exit_code=code) from error


def _threads() -> Iterator[str]:
    own = os.getpid()
    for task in sorted(os.listdir("/proc/self/task"), key=int):
        if int(task) == own:
            continue
        threading = sys.modules.get("threading")
        names = {thread.native_id: thread.name for thread in threading.enumerate()} if threading else {}
        try:
            with open(f"/proc/self/task/{task}/comm") as file:
                yield f"the thread {names.get(int(task)) or file.read().strip()!r}"
        except OSError:  # it has ended
            continue


def _sockets(known: set[str]) -> Iterator[str]:
    for number, target in _descriptors():
        if target.startswith("socket:") and target not in known:
            yield f"the socket {_describe(number)}"


def _describe(descriptor: int) -> str:
    with socket.socket(fileno=os.dup(descriptor)) as one:
        for address in (one.getpeername, one.getsockname):
            try:
                found = address()
            except OSError:
                continue
            if isinstance(found, tuple):
                return f"{'to' if address == one.getpeername else 'at'} {found[0]}:{found[1]}"
    return f"of descriptor {descriptor}"
