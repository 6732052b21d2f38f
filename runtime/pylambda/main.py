"""Starts the runtime: reads the environment, loads the handler, serves it."""

import sys

from pylambda import codec, installed, names, search_path
from pylambda.api import RuntimeApi
from pylambda.environment import Environment
from pylambda.faults import ExitError, Fault
from pylambda.handler import load
from pylambda.invocation import Current
from pylambda.log.sinks import FrameSink, StdoutSink, warn
from pylambda.loop import Loop
from pylambda.settings import Settings, describe_function, mend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.handler import Handler
    from pylambda.log.sinks import Sink

EXIT_LOAD_FAULT = 1
EXIT_API_FAULT = 1


def main() -> int:
    """Serve the handler that the environment names; return the exit code."""
    _die_of_sigterm_as_pid_1()
    _unbuffer("stdout", 1)
    _unbuffer("stderr", 2)
    try:
        environ = Environment()
        mend(environ)
        return Runtime(Settings(environ, sys.argv)).run()
    except Fault as fault:
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
        self._current = Current()
        self._sink: Sink = (
            StdoutSink(local=settings.local)
            if settings.telemetry_fd is None
            else FrameSink(settings.telemetry_fd, log_json=settings.log_json)
        )
        self._api = RuntimeApi(settings.runtime_api, warn)

    def run(self) -> int:
        """Load the handler and serve it; return the exit code.

        Raises:
            ApiFault: the Runtime API cannot be used.
        """
        settings = self._settings
        installed.add(sys.path, settings.runtime_dir, isolated=names.PYTHONPATH not in settings.environ)
        search_path.keep_standard_names(sys.path, self._install_logging)
        search_path.set_up(settings, sys.path, settings.environ)
        # The function's folder may be writable, as a mounted checkout is; nothing is written outside /tmp.
        sys.dont_write_bytecode = True
        try:
            handler = load(settings.handler, settings.task_root)
        except BaseException as error:
            return self._fail_init(error)
        return self._serve(handler)

    def _serve(self, handler: "Handler") -> int:
        settings = self._settings
        loop = Loop(
            self._api,
            handler,
            function=describe_function(settings.environ),
            current=self._current,
            sink=self._sink,
            environ=settings.environ,
            log_json=settings.log_json,
        )
        return loop.run()

    def _fail_init(self, error: BaseException) -> int:
        from pylambda.hints import for_exception
        from pylambda.reports import Report, log_report

        report = Report(error, hint=for_exception(error))
        log_report(report, self._sink, log_json=self._settings.log_json)
        self._api.fail_init(report, codec.to_json(report.document))
        return error.exit_code if isinstance(error, ExitError) else EXIT_LOAD_FAULT

    def _install_logging(self) -> None:
        from pylambda.log.records import install

        install(self._current, self._sink, log_json=self._settings.log_json, log_level=self._settings.log_level)


def _die_of_sigterm_as_pid_1() -> None:
    """Let SIGTERM end the process where the kernel would not: PID 1 of a container ignores what it does not handle."""
    from posix import _exit, getpid

    if getpid() == 1:
        from _signal import SIGTERM, signal  # type: ignore[import-not-found]

        signal(SIGTERM, lambda number, frame: _exit(128 + number))


def _unbuffer(name: str, descriptor: int) -> None:
    """Make a stream what -u makes it, where the interpreter was started without: what was printed is never lost."""
    stream = getattr(sys, name)
    if stream is None or stream.write_through:
        return
    from io import FileIO, TextIOWrapper

    raw = FileIO(descriptor, "w", closefd=False)
    setattr(sys, name, TextIOWrapper(raw, encoding=stream.encoding, errors=stream.errors, write_through=True))
