"""The environment, read once into a record. What of it may change later is written by `environment` alone.

Two things are not read here once and for all: `_HANDLER` is read after a wrapper may have rewritten it, which is
when this module runs, and the function's own description (name, memory, ...) is read after the function's module
was imported, because that module may set it.
"""

from posix import W_OK, X_OK, access, getcwd

from pylambda import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.start.environment import Variables

# Enough for an async handler's `finally` and for the report to reach the platform.
DEFAULT_DEADLINE_MARGIN_MS = 100


class Settings:
    """What the environment asks for.

    Attributes:
        environ: the environment itself, for the parts that must write to it.
        handler: its name, such as `app.handler`; empty where there is none.
        runtime_api: `host:port` of the Runtime API; empty outside Lambda.
        task_root: the function's folder.
        runtime_dir: the folder that holds this package.
        log_json: whether log records are JSON objects.
        log_level: the level of the root logger in capitals; empty where none is asked for.
        telemetry_fd: the descriptor for framed log records, or None for stdout.
        local: whether the run is on somebody's own machine, through `entry_script.sh`.
        json_strict: whether a result may hold only what the official client encodes.
        use_uvloop: whether the event loop of async handlers is uvloop's.
        deadline_margin_ms: how long before the deadline an async handler is cancelled.
        deadline_dump_ms: how long before the deadline every thread's stack is printed; 0 for never.

    Raises:
        InvalidSetting: by an attribute whose variable holds what it cannot.
    """

    __slots__ = (
        "environ",
        "handler",
        "local",
        "log_json",
        "log_level",
        "runtime_api",
        "runtime_dir",
        "task_root",
        "telemetry_fd",
    )

    def __init__(self, environ: "Variables", argv: "list[str]") -> None:
        """Read `environ`; `argv` is the interpreter's, its second element the handler where `_HANDLER` is not set.

        The telemetry descriptor's variable is removed: a child process must not write to it.
        """
        read = environ.get
        self.environ = environ
        self.runtime_api = read(names.RUNTIME_API) or ""
        self.handler = read(names.HANDLER) or (argv[1] if len(argv) > 1 else "")
        self.runtime_dir = __file__.removesuffix("/pylambda/start/settings.py")
        self.task_root = read(names.TASK_ROOT) or getcwd()
        self.log_json = (read(names.LOG_FORMAT) or "").upper() == "JSON"
        level = read(names.LOG_LEVEL) or ""
        # Exactly this spelling, as in the official client: the platform only ever sends capitals.
        self.log_level = "DEBUG" if level == "TRACE" else level.upper()
        descriptor = environ.pop(names.TELEMETRY_LOG_FD, "")
        self.telemetry_fd = int(descriptor) if descriptor.isdecimal() else None
        self.local = bool(read(names.LOCAL))

    @property
    def asks_for_more(self) -> bool:
        """Whether a plain handler needs more than the loop's own ways to decode and encode."""
        return self.local or names.JSON_MODE in self.environ

    @property
    def json_strict(self) -> bool:
        mode = self.environ.get(names.JSON_MODE) or ""
        if mode.lower() not in ("", "strict"):
            from pylambda.faults import InvalidSetting

            raise InvalidSetting(f"{names.JSON_MODE} is {mode!r}", hint="it may be 'strict', or not be set", stack=())
        return bool(mode)

    @property
    def use_uvloop(self) -> bool:
        return (self.environ.get(names.UVLOOP) or "0") != "0"

    @property
    def deadline_margin_ms(self) -> int:
        return self._milliseconds(names.DEADLINE_MARGIN_MS, DEFAULT_DEADLINE_MARGIN_MS)

    @property
    def deadline_dump_ms(self) -> int:
        return self._milliseconds(names.DEADLINE_DUMP_MS, 0)

    def _milliseconds(self, name: str, default: int) -> int:
        text = self.environ.get(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()):
            from pylambda.faults import InvalidSetting

            raise InvalidSetting(f"{name} is {text!r}", hint="it must be a whole number of milliseconds", stack=())
        return int(text)


def describe_function(environ: "Variables") -> "dict[str, str | None]":
    """Read what the platform says of the function, under the names that `context` gives it."""
    read = environ.get
    return {
        "log_group_name": read(names.LOG_GROUP_NAME),
        "log_stream_name": read(names.LOG_STREAM_NAME),
        "function_name": read(names.FUNCTION_NAME),
        "memory_limit_in_mb": read(names.FUNCTION_MEMORY_SIZE),
        "function_version": read(names.FUNCTION_VERSION),
    }


def mend(environ: "Variables") -> None:
    """Take from the environment what would make a function fail for no fault of its own.

    The emulator sets the credentials that it was not given to nothing, and an SDK takes nothing for credentials.
    In Lambda the home folder is missing or cannot be written, and libraries keep their caches below it; /tmp is the
    one folder that can be. Caches that a user has placed somewhere stay there: only the home is moved.
    """
    for name in names.MALLOC_SETTINGS:
        environ.pop(name, "")
    for name in names.CREDENTIALS:
        if environ.get(name) == "":
            environ.pop(name, "")
    home = environ.get(names.HOME)
    if not home or not access(home, W_OK | X_OK):
        environ[names.HOME] = names.WRITABLE_DIR
