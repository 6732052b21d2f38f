"""Starts the runtime: reads the environment, loads the handler, serves it. `run` has the handler from its caller."""

import gc
import sys
from posix import _exit, getpid

from pylambda import names
from pylambda.function.handler import APP_PREFIXES, is_plain, load
from pylambda.log.failures import exhaustion, log_failure
from pylambda.log.sinks import sink_of, unbuffer, warn
from pylambda.loop import Loop
from pylambda.payload import codec
from pylambda.runtime_api.client import RuntimeApi
from pylambda.runtime_api.invocation import current
from pylambda.start import installed, search_path
from pylambda.start.environment import Environment
from pylambda.start.settings import Settings, describe_function, mend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from pylambda.function.adapt import Adapted
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler
    from pylambda.lifecycle.life import Life
    from pylambda.log.failures import Failure
    from pylambda.log.sinks import Sink
    from pylambda.runtime_api.invocation import InvocationSource
    from pylambda.start.environment import Variables

EXIT_LOAD_FAULT = EXIT_API_FAULT = 1
# Before a collection: boto3 meets one in place of seventy, and documents that a module parses leave no more garbage.
OBJECTS_WHILE_LOADING = 50_000


def main() -> int:
    """Serve the handler that the environment names; return the exit code."""
    return _guarded(Runtime.run)


def run(handler: "Handler") -> "NoReturn":
    """Serve a handler from a program of your own, until the platform ends it.

    Args:
        handler: whatever may be named as one: a function, `async def`, a generator, marked `raw` or `typed`.

    Raises:
        SystemExit: the handler ended the process, or the Runtime API cannot be used; says so on stderr.
    """
    from pylambda.faults import Ended

    raise Ended(_guarded(lambda runtime: runtime.run_own(handler)))


def _guarded(serve: "Callable[[Runtime], int]") -> int:
    _die_of_sigterm_as_pid_1()
    unbuffer("stdout")
    unbuffer("stderr")
    try:
        environ = Environment()
        mend(environ)
        return serve(Runtime(Settings(environ, sys.argv)))
    except Exception as error:
        fault = exhaustion(error) or error
        from pylambda.faults import Fault

        if not isinstance(fault, Fault):
            raise
        hint = f" ({fault.advice})" if fault.hint else ""
        warn(f"{fault.error_type}: {fault.message}{hint}")
        return EXIT_API_FAULT
    except KeyboardInterrupt:
        return 130


class Runtime:
    """The parts, put together for one process.

    Args:
        settings: what the environment asks for.

    Attributes:
        kept: what a process keeps once it was needed, such as the event loop; a thread has `threading.local` here.

    Raises:
        ApiFault: the Runtime API's address cannot be one.
    """

    exit = staticmethod(_exit)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.current = current
        self.sink: Sink = sink_of(settings.telemetry_fd, local=settings.local, log_json=settings.log_json)
        self.api = RuntimeApi(settings.runtime_api, warn)
        self.kept: Any = type(sys.implementation)()

    def run(self) -> int:
        """Load the handler and serve it; return the exit code.

        Raises:
            ApiFault: the Runtime API cannot be used.
        """
        settings = self.settings
        isolated = names.PYTHONPATH not in settings.environ
        installed.add(sys.path, settings.runtime_dir, isolated=isolated, user_base=settings.user_base)
        finder = search_path.keep_standard_names(sys.path)
        search_path.set_up(settings, sys.path, settings.environ)
        search_path.find_image_sdk(settings.runtime_dir, warn)
        # Not before: what a `.pth` file sets up comes first.
        finder.when_loaded("logging", self._install_logging)
        # The function's folder may be writable, as a mounted checkout is; nothing is written outside /tmp.
        sys.dont_write_bytecode = True
        return self._serve(self._load)

    def _load(self) -> "Handler":
        if self._is_app:
            from pylambda.function.apps import load_app

            return load_app(self.settings.handler, self.settings.task_root)
        return load(self.settings.handler, self.settings.task_root)

    @property
    def _is_app(self) -> bool:
        return self.settings.handler.startswith(APP_PREFIXES)

    def run_own(self, handler: "Handler") -> int:
        """Serve a handler of a program that set up its own search path; return the exit code.

        Raises:
            ApiFault: the Runtime API cannot be used.
        """
        search_path.keep_standard_names(sys.path).when_loaded("logging", self._install_logging_if_bare)
        return self._serve(lambda: handler)

    def _serve(self, load_handler: "Callable[[], Handler]") -> int:
        settings = self.settings
        if names.PRINT in settings.environ:
            from pylambda.lifecycle.prints import printing

            load_handler = printing(self, load_handler)
        if names.MAX_CONCURRENCY in settings.environ:
            from pylambda.workers.many import serve

            return serve(self, load_handler)
        failed: BaseException | None = None
        try:
            life = self._life() if self._is_app or settings.asks_for_life else None
            handler, adapted, life = self.prepare(load_handler, life)
            api = self.timed(self.api)
            if life:
                api = life.gated(api)
        except BaseException as error:
            failed = error
        if failed:  # outside `except`: an integration may ask what is being handled, and take it for the function's
            return self.fail_init(failed)
        loop = self.loop(api, handler, adapted, settings.environ)
        return life.serve(loop.run) if life else loop.run()

    def prepare(
        self, load_handler: "Callable[[], Handler]", life: "Life | None"
    ) -> "tuple[Handler, Adapted | None, Life | None]":
        """Load the handler and run what is to be done in init; return it, its shape and its life, if any.

        Args:
            life: what there is to it besides invocations, where that is known before.
        """
        thresholds = gc.get_threshold()
        gc.set_threshold(OBJECTS_WHILE_LOADING, *thresholds[1:])
        handler = load_handler()
        if "awslambdaric.bootstrap" in sys.modules and not Loop.stand_in:
            from pylambda.function.client_package import NOT_RUN, warn_of_patches

            warn_of_patches(sys.modules["awslambdaric.bootstrap"], NOT_RUN)
        if life is None and "pylambda.lifecycle" in sys.modules:  # the function named a hook
            life = self._life()
        around = life.around if life else None
        adapted = None
        if not is_plain(handler) or self.settings.asks_for_more or around:
            adapted = self._adapt(handler, around)
        if life:
            life.begin(adapted)
        if gc.get_threshold()[0] == OBJECTS_WHILE_LOADING:  # else the function has set its own
            gc.set_threshold(*thresholds)
        return handler, adapted, life

    def timed(self, api: "InvocationSource") -> "InvocationSource":
        """Return the Runtime API with a clock beside it, where that is asked for."""
        if not self.settings.deadline_dump_ms:
            return api
        from pylambda.function.deadline_dump import DumpBeforeDeadline

        return DumpBeforeDeadline(api, self.settings.deadline_dump_ms)

    def loop(
        self, api: "InvocationSource", handler: "Handler", adapted: "Adapted | None", environ: "Variables"
    ) -> Loop:
        """Return what serves a handler that `prepare` has returned; `environ` is where trace ids are published."""
        if self.settings.prints_records:
            from pylambda.lifecycle.prints import LineEnds

            api = LineEnds(api)
        loop = Loop(
            api,
            adapted.call if adapted else handler,
            function=describe_function(self.settings.environ),
            current=self.current,
            sink=self.sink,
            environ=environ,
            log_json=self.settings.log_json,
            runner=self.runner,
            decode=adapted.decode if adapted else codec.decode,
            encode=adapted.encode if adapted else codec.encode,
        )
        if Loop.stand_in:
            Loop.stand_in.serving.adopt(loop)
        return loop

    def _adapt(self, handler: "Handler", around: "Callable[[Handler, bool], Handler] | None") -> "Adapted":
        if self._is_app:
            from pylambda.function.apps import App, adapt_app

            if isinstance(handler, App):
                return adapt_app(handler, self.settings, self.runner, self.log, around)
        from pylambda.function.adapt import adapt

        return adapt(handler, self.settings, self.runner, around)

    def _life(self) -> "Life":
        from pylambda.lifecycle.life import Life

        return Life(self.settings, self.api, self.current, runner=self.runner, log=self.log, exit=self.exit)

    def runner(self) -> "Runner":
        """Return what has the event loop."""
        if not hasattr(self.kept, "runner"):
            from pylambda.function.aio import Runner

            of = self.settings
            self.kept.runner = Runner(self.current, use_uvloop=of.use_uvloop, margin_ms=of.deadline_margin_ms)
        return self.kept.runner  # type: ignore[no-any-return]

    def fail_init(self, error: BaseException) -> int:
        """Tell the platform what the function raised while it was loaded; return the exit code.

        Raises:
            Ended: `error`, where that is how the function's module ended: it served a handler itself.
        """
        from pylambda.faults import Ended, ExitError

        if isinstance(error, Ended):
            raise error
        report = self.log(error)
        self.api.fail_init(report)
        return error.exit_code if isinstance(error, ExitError) else EXIT_LOAD_FAULT

    def log(self, error: BaseException, request_id: str = "") -> "Failure":
        """Log a failure, of an invocation or of the start, and return the report on it."""
        hint_for = None if request_id else _hint_for
        return log_failure(error, self.sink, log_json=self.settings.log_json, request_id=request_id, hint_for=hint_for)

    def _install_logging(self) -> None:
        from pylambda.log.records import install

        install(self.current, self.sink, log_json=self.settings.log_json, log_level=self.settings.log_level)

    def _install_logging_if_bare(self) -> None:
        import logging

        if not logging.getLogger().handlers:
            self._install_logging()


def attribute_of_main(name: str) -> object:
    """Return what integrations look for in `__main__`: what stands in for the official client's main module."""
    if name != "awslambdaricmain":
        raise AttributeError(f"module '__main__' has no attribute {name!r}")
    from pylambda.function.client_package import main_module

    return main_module()


def _hint_for(error: BaseException) -> str:
    from pylambda.function.hints import for_exception

    return for_exception(error)


def _die_of_sigterm_as_pid_1() -> None:
    """Let SIGTERM end the process where the kernel would not: PID 1 of a container ignores what it does not handle."""
    if getpid() == 1:
        from _signal import SIGTERM, signal  # type: ignore[import-not-found]

        signal(SIGTERM, lambda number, frame: _exit(128 + number))
