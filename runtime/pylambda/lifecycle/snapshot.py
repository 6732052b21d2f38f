"""SnapStart: hooks, the wait across the snapshot, what must differ from one restored environment to the next, hooks.

A request for `/restore/next` is answered in each environment that is restored from the snapshot, once; it never times
out. Hooks of Amazon's package `snapshot_restore_py` run too, where the function has imported it: between ours, as if
they had been registered first.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-custom.html; exit codes and error types
are those of awslambdaric 4.2.2, `bootstrap.on_init_complete`.
"""

import sys

from pylambda import names
from pylambda.lifecycle import hooks
from pylambda.lifecycle.shutdown import Terminated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pylambda.function.aio import Runner
    from pylambda.log.failures import Failure
    from pylambda.runtime_api.client import RuntimeApi
    from pylambda.start.environment import Variables

EXIT_BEFORE_SNAPSHOT = 64
EXIT_AFTER_RESTORE = 65
AMAZONS = "snapshot_restore_py"


def pass_through(
    api: "RuntimeApi",
    environ: "Variables",
    runner: "Callable[[], Runner]",
    log: "Callable[[BaseException], Failure]",
) -> int | None:
    """Return in each environment that is restored; or the exit code where a hook, or the platform, fails.

    Args:
        api: is told of that.
        environ: loses the trace id that it had.
        runner: gives the event loop, for hooks that are asynchronous.
        log: logs a failure and makes the report on it.

    Raises:
        ApiFault: the Runtime API cannot be used.
    """
    try:
        hooks.run(hooks.newest_first(hooks.BEFORE_SNAPSHOT), runner)
        _run_amazons_before()
        api.ask("GET", names.RESTORE_NEXT_PATH, expected=200)
    except Terminated:
        raise
    except BaseException as error:  # SystemExit too, as there
        api.fail_init(log(error), error_type=names.BEFORE_SNAPSHOT_ERROR)
        return EXIT_BEFORE_SNAPSHOT
    try:
        _renew(api, environ)
        _run_amazons_after()
        hooks.run(hooks.AFTER_RESTORE, runner)
    except Terminated:
        raise
    except BaseException as error:
        api.fail_init(log(error), path=names.RESTORE_ERROR_PATH, error_type=names.AFTER_RESTORE_ERROR)
        return EXIT_AFTER_RESTORE
    return None


def reseed() -> None:
    """Give the generators that a process's modules share new entropy, where it is a twin of another process."""
    # Whose functions share one generator. `uuid4`, `secrets` and `SystemRandom` ask the kernel, which is told.
    generator = getattr(sys.modules.get("random"), "_inst", None)
    if generator is not None:
        generator.seed()
    seed = getattr(sys.modules.get("numpy.random"), "seed", None)
    if seed is not None:
        seed()


def _renew(api: "RuntimeApi", environ: "Variables") -> None:
    """Make a twin of the environment that was snapshotted an environment of its own, as far as that is ours to do."""
    api.connection.close()
    environ.pop(names.XRAY_TRACE_ID, "")
    reseed()


def _run_amazons_before() -> None:
    package = sys.modules.get(AMAZONS)
    registered = package.get_before_snapshot() if package else []
    while registered:
        function, args, kwargs = registered.pop()
        function(*args, **kwargs)


def _run_amazons_after() -> None:
    package = sys.modules.get(AMAZONS)
    for function, args, kwargs in package.get_after_restore() if package else ():
        function(*args, **kwargs)
