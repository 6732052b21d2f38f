"""The environment, read once into a record. The only module that touches `os.environ`.

Two things are not read here once and for all: `_HANDLER` is read after a wrapper may have rewritten it, which is
when this module runs, and the function's own description (name, memory, ...) is read after the function's module
was imported, because that module may set it.
"""

import os

from pylambda import names
from pylambda.faults import MalformedHandlerName

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


class Settings:
    """What the environment asks for.

    Attributes:
        environ: the environment itself, for the parts that must write to it.
        runtime_api: `host:port` of the Runtime API; empty outside Lambda.
        task_root: the function's folder.
        runtime_dir: the folder that holds this package.
        log_json: whether log records are JSON objects.
        log_level: the level of the root logger in capitals; empty where none is asked for.
        telemetry_fd: the descriptor for framed log records, or None for stdout.
        local: whether the run is on somebody's own machine, through `entry_script.sh`.
    """

    __slots__ = (
        "_handler",
        "environ",
        "local",
        "log_json",
        "log_level",
        "runtime_api",
        "runtime_dir",
        "task_root",
        "telemetry_fd",
    )

    def __init__(self, environ: "MutableMapping[str, str]", argv: "list[str]") -> None:
        """Read `environ`; `argv` is the interpreter's, its second element the handler where `_HANDLER` is not set.

        The telemetry descriptor's variable is removed: a child process must not write to it.
        """
        read = environ.get
        if names.FUNCTION_LOG_LEVEL in environ:
            # The emulator dies of a LOG_LEVEL it does not know, so `local/emulator.py` keeps it away from it.
            environ["LOG_LEVEL"] = environ.pop(names.FUNCTION_LOG_LEVEL)
        self.environ = environ
        self.runtime_api = read(names.RUNTIME_API, "")
        self._handler = read(names.HANDLER) or (argv[1] if len(argv) > 1 else "")
        self.runtime_dir = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.task_root = read(names.TASK_ROOT) or os.getcwd()
        self.log_json = read(names.LOG_FORMAT, "").upper() == "JSON"
        level = read(names.LOG_LEVEL, "")
        # Exactly this spelling, as in the official client: the platform only ever sends capitals.
        self.log_level = "DEBUG" if level == "TRACE" else level.upper()
        descriptor = environ.pop(names.TELEMETRY_LOG_FD, "")
        self.telemetry_fd = int(descriptor) if descriptor.isdecimal() else None
        self.local = bool(read(names.LOCAL))

    @property
    def handler(self) -> str:
        """The handler's name, such as `app.handler`.

        Raises:
            MalformedHandlerName: there is none.
        """
        if not self._handler:
            raise MalformedHandlerName(
                "Handler not set", hint=f'name it in the image, CMD ["app.handler"], or in {names.HANDLER}'
            )
        return self._handler


def describe_function(environ: "Mapping[str, str]") -> "dict[str, str | None]":
    """Read what the platform says of the function, under the names that `context` gives it."""
    read = environ.get
    return {
        "log_group_name": read(names.LOG_GROUP_NAME),
        "log_stream_name": read(names.LOG_STREAM_NAME),
        "function_name": read(names.FUNCTION_NAME),
        "memory_limit_in_mb": read(names.FUNCTION_MEMORY_SIZE),
        "function_version": read(names.FUNCTION_VERSION),
    }


def read_process() -> Settings:
    """Read the settings of this process.

    Raises:
        MalformedHandlerName: no handler is named.
    """
    import sys

    return Settings(os.environ, sys.argv)
