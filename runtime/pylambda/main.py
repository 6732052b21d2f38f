"""Starts the runtime: reads the environment, loads the handler, serves it. `run` has the handler from its caller."""

import gc
import sys
from io import BufferedWriter, TextIOWrapper

from pylambda import names
from pylambda.function.handler import APP_PREFIXES, is_plain, load
from pylambda.log.failures import log_failure
from pylambda.log.sinks import FrameSink, StdoutSink, warn
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

    from _typeshed import ReadableBuffer

    from pylambda.function.adapt import Adapted
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler
    from pylambda.lifecycle.life import Life
    from pylambda.log.failures import Failure
    from pylambda.log.sinks import Sink
    from pylambda.runtime_api.invocation import InvocationSource

EXIT_LOAD_FAULT = 1
EXIT_API_FAULT = 1


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
    _unbuffer("stdout")
    _unbuffer("stderr")
    try:
        environ = Environment()
        mend(environ)
        return serve(Runtime(Settings(environ, sys.argv)))
    except Exception as fault:
        from pylambda.faults import Fault

        if not isinstance(fault, Fault):
            raise
        hint = f" ({fault.hint})" if fault.hint else ""
        warn(f"{fault.error_type}: {fault.message}{hint}")
        return EXIT_API_FAULT
    except KeyboardInterrupt:
        return 130


class Runtime:
    """The parts, put together for one process.

    Args:
        settings: what the environment asks for.

    Raises:
        ApiFault: the Runtime API's address cannot be one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._current = current
        self._sink: Sink = (
            StdoutSink(local=settings.local)
            if settings.telemetry_fd is None
            else FrameSink(settings.telemetry_fd, log_json=settings.log_json)
        )
        self._api = RuntimeApi(settings.runtime_api, warn)
        self._maybe_runner: Runner | None = None

    def run(self) -> int:
        """Load the handler and serve it; return the exit code.

        Raises:
            ApiFault: the Runtime API cannot be used.
        """
        settings = self._settings
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
        name, task_root = self._settings.handler, self._settings.task_root
        if self._is_app:
            from pylambda.function.apps import load_app

            return load_app(name, task_root)
        return load(name, task_root)

    @property
    def _is_app(self) -> bool:
        return self._settings.handler.startswith(APP_PREFIXES)

    def run_own(self, handler: "Handler") -> int:
        """Serve a handler of a program that set up its own search path; return the exit code.

        Raises:
            ApiFault: the Runtime API cannot be used.
        """
        search_path.keep_standard_names(sys.path).when_loaded("logging", self._install_logging_if_bare)
        return self._serve(lambda: handler)

    def _serve(self, load_handler: "Callable[[], Handler]") -> int:
        settings = self._settings
        api: InvocationSource = self._api
        failed: BaseException | None = None
        # What is imported now stays: no collection need look at it while it comes in.
        thresholds = gc.get_threshold()
        gc.set_threshold(0)
        try:
            life = self._life() if self._is_app or settings.asks_for_life else None
            handler = load_handler()
            if "awslambdaric.bootstrap" in sys.modules and not Loop.stand_in:
                from pylambda.function.client_package import warn_of_patches

                warn_of_patches(sys.modules["awslambdaric.bootstrap"])
            if life is None and "pylambda.lifecycle" in sys.modules:  # the function named a hook
                life = self._life()
            around = life.around if life else None
            adapted = (
                None if is_plain(handler) and not (settings.asks_for_more or around) else self._adapt(handler, around)
            )
            if settings.deadline_dump_ms:
                from pylambda.function.deadline_dump import DumpBeforeDeadline

                api = DumpBeforeDeadline(api, settings.deadline_dump_ms)
            if life:
                life.begin(adapted)
                api = life.gated(api)
        except BaseException as error:
            failed = error
        if failed:  # outside `except`: an integration may ask what is being handled, and take it for the function's
            return self._fail_init(failed)
        if gc.get_threshold()[0] == 0:  # else the function has set its own
            gc.set_threshold(*thresholds)
        loop = Loop(
            api,
            adapted.call if adapted else handler,
            function=describe_function(settings.environ),
            current=self._current,
            sink=self._sink,
            environ=settings.environ,
            log_json=settings.log_json,
            runner=self._runner,
            decode=adapted.decode if adapted else codec.decode,
            encode=adapted.encode if adapted else codec.encode,
        )
        if Loop.stand_in:
            Loop.stand_in.serving.adopt(loop)
        return life.serve(loop.run) if life else loop.run()

    def _adapt(self, handler: "Handler", around: "Callable[[Handler, bool], Handler] | None") -> "Adapted":
        if self._is_app:
            from pylambda.function.apps import App, adapt_app

            if isinstance(handler, App):
                return adapt_app(handler, self._settings, self._runner, self._log, around)
        from pylambda.function.adapt import adapt

        return adapt(handler, self._settings, self._runner, around)

    def _life(self) -> "Life":
        from posix import _exit

        from pylambda.lifecycle.life import Life

        return Life(self._settings, self._api, self._current, runner=self._runner, log=self._log, exit=_exit)

    def _runner(self) -> "Runner":
        if self._maybe_runner is None:
            from pylambda.function.aio import Runner

            settings = self._settings
            self._maybe_runner = Runner(
                self._current, use_uvloop=settings.use_uvloop, margin_ms=settings.deadline_margin_ms
            )
        return self._maybe_runner

    def _fail_init(self, error: BaseException) -> int:
        """Tell the platform what the function raised while it was loaded; return the exit code.

        Raises:
            Ended: `error`, where that is how the function's module ended: it served a handler itself.
        """
        from pylambda.faults import Ended, ExitError

        if isinstance(error, Ended):
            raise error
        report = self._log(error)
        if Loop.stand_in:
            Loop.stand_in.serving.fail_init(self._api, report)
        else:
            self._api.fail_init(report)
        return error.exit_code if isinstance(error, ExitError) else EXIT_LOAD_FAULT

    def _log(self, error: BaseException, request_id: str = "") -> "Failure":
        hint_for = None if request_id else _hint_for
        return log_failure(
            error, self._sink, log_json=self._settings.log_json, request_id=request_id, hint_for=hint_for
        )

    def _install_logging(self) -> None:
        from pylambda.log.records import install

        install(self._current, self._sink, log_json=self._settings.log_json, log_level=self._settings.log_level)

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
    from posix import _exit, getpid

    if getpid() == 1:
        from _signal import SIGTERM, signal  # type: ignore[import-not-found]

        signal(SIGTERM, lambda number, frame: _exit(128 + number))


class _Unkept(BufferedWriter):
    """The layer that people write bytes to, and look below of; it keeps nothing back."""

    other: TextIOWrapper

    def write(self, data: "ReadableBuffer", /) -> int:
        count = super().write(data)
        self.flush()
        return count


def _unbuffer(name: str) -> None:
    """Let what was printed leave at once, so that nothing is lost when a function dies.

    -u does so too, but takes the buffered layer away, which some write to.
    """
    stream = getattr(sys, name)
    if type(stream) is not TextIOWrapper or isinstance(stream.buffer, _Unkept):
        return
    stream.flush()
    layer: Any = stream.buffer
    buffer = _Unkept(getattr(layer, "raw", layer))
    buffer.other = stream  # its end would close what lies below both; a program of one's own may have kept it, too
    setattr(sys, name, TextIOWrapper(buffer, encoding=stream.encoding, errors=stream.errors, write_through=True))
    getattr(sys, name).mode = "w"
    if getattr(sys, f"__{name}__") is stream:
        setattr(sys, f"__{name}__", getattr(sys, name))
