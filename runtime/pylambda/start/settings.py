"""The environment, read once into a record. What of it may change later is written by `environment` alone.

Two things are not read here once and for all: `_HANDLER` is read after a wrapper may have rewritten it, which is
when this module runs, and the function's own description (name, memory, ...) is read after the function's module
was imported, because that module may set it.
"""

from posix import R_OK, W_OK, X_OK, access, getcwd
from sys import version_info

from pylambda import names
from pylambda.start.installed import has_user_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.start.environment import Variables

# Enough for an async handler's `finally` and for the report to reach the platform.
DEFAULT_DEADLINE_MARGIN_MS = 100
# The front doors that can stream a response, as PYLAMBDA_STREAM names them.
STREAMING_FRONTS = frozenset(("url", "rest"))
# When spans leave, as PYLAMBDA_OTEL names it: before the answer, or after it.
OTEL_BEFORE, OTEL_AFTER = "before", "after"
# What PYLAMBDA_JSON may say.
JSON_STRICT = "strict"
JSON_LIBRARIES = ("orjson", "msgspec")

# How several invocations are served at once; the second as Amazon's client names it, which knows no tasks.
PROCESS, THREAD, ASYNC, HYBRID = "process", "thread", "async", "hybrid"
MODES = PROCESS, THREAD, ASYNC
AMAZONS_MODES = PROCESS, THREAD, HYBRID


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
        local: whether the run is on somebody's own machine.
        json_mode: `strict` where a result may hold only what the official client encodes, or the library that reads and
            writes JSON; else empty.
        prints_records: whether what is printed becomes JSON records; never where the log is text.
        use_uvloop: whether the event loop of async handlers is uvloop's.
        deadline_margin_ms: how long before the deadline an async handler is cancelled.
        root_path: where a web app is mounted, empty for nowhere; None where the event has to tell.
        health_path: the path that is answered without the web app; empty for none.
        non_http: what a web app does with an event that is no HTTP request: `error`, `404`, or a path to POST it to.
        streaming_fronts: the front doors whose responses a web app streams.
        deadline_dump_ms: how long before the deadline every thread's stack is printed; 0 for never.
        snap_start: whether a snapshot will be taken of this environment once it is initialized.
        wants_sigterm: whether the function asks for the signal for a handler of its own.
        max_invocations: how many a process serves before it starts anew; 0 for any number.
        max_concurrency: how many invocations to serve at once, where it may be several.
        concurrency: how: one of the modes; empty where that is left to what the handler is.
        prefork: whether the function is imported once for all processes.
        max_rss_mb: how much memory it may hold between two invocations; 0 for any.
        otel: when the spans of invocations leave, `OTEL_BEFORE` or `OTEL_AFTER` the answer; empty where there are none.

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
        return self.collects_streams or names.JSON_MODE in self.environ

    @property
    def collects_streams(self) -> bool:
        """Whether the far side would hold a stream until its end, as the emulator does; `pylambda serve` does not."""
        # The emulator of several invocations at once takes a stream as it is, though it holds it too.
        if not self.local or names.MAX_CONCURRENCY in self.environ:
            return False
        return self.environ.get(names.LOCAL) != names.LOCAL_STREAMS

    @property
    def user_base(self) -> str:
        """Where packages of the user's own may be, as `site` has it; nothing is installed where all is new."""
        base, home = self.environ.get(names.PYTHONUSERBASE), self.environ.get(names.HOME)
        return base or (f"{home}/.local" if home and home != names.WRITABLE_DIR else "")

    @property
    def venv(self) -> str:
        """The virtual environment whose programs come first on PATH; empty where it is the image's Python."""
        programs = (self.environ.get(names.PATH) or "").partition(":")[0]
        folder = programs.removesuffix("/bin")
        if folder == programs or programs in names.SYSTEM_PROGRAMS:
            return ""
        return folder if access(f"{folder}/pyvenv.cfg", R_OK) else ""

    @property
    def json_mode(self) -> str:
        mode = (self.environ.get(names.JSON_MODE) or "").lower()
        if mode not in ("", JSON_STRICT, *JSON_LIBRARIES):
            raise self._invalid(names.JSON_MODE, "it may be 'orjson', 'msgspec' or 'strict', or not be set")
        return mode

    @property
    def prints_records(self) -> bool:
        choice = (self.environ.get(names.PRINT) or "").lower()
        if choice not in ("", "json"):
            raise self._invalid(names.PRINT, "it may be 'json', or not be set")
        return bool(choice) and self.log_json

    @property
    def use_uvloop(self) -> bool:
        return (self.environ.get(names.UVLOOP) or "0") != "0"

    @property
    def deadline_margin_ms(self) -> int:
        return self._milliseconds(names.DEADLINE_MARGIN_MS, DEFAULT_DEADLINE_MARGIN_MS)

    @property
    def deadline_dump_ms(self) -> int:
        return self._milliseconds(names.DEADLINE_DUMP_MS, 0)

    @property
    def root_path(self) -> str | None:
        path = self.environ.get(names.ROOT_PATH)
        return path if path is None else self._path(names.ROOT_PATH, path.rstrip("/"))

    @property
    def health_path(self) -> str:
        return self._path(names.HEALTH_PATH, self.environ.get(names.HEALTH_PATH) or "")

    @property
    def non_http(self) -> str:
        choice = self.environ.get(names.NON_HTTP) or "error"
        return choice if choice in ("error", "404") else self._path(names.NON_HTTP, choice, "'error', '404', or ")

    @property
    def streaming_fronts(self) -> "frozenset[str]":
        fronts = frozenset((self.environ.get(names.STREAM) or "").replace(" ", "").split(",")) - {""}
        if fronts <= STREAMING_FRONTS:
            return fronts
        raise self._invalid(names.STREAM, "it may be 'url', 'rest' or 'url,rest'")

    def _path(self, name: str, path: str, or_else: str = "") -> str:
        if path and not path.startswith("/"):
            raise self._invalid(name, f"it must be {or_else}a path that begins with a slash")
        return path

    def _invalid(self, name: str, hint: str) -> Exception:
        from pylambda.faults import InvalidSetting

        return InvalidSetting(f"{name} is {self.environ.get(name)!r}", hint=hint, stack=())

    @property
    def asks_for_life(self) -> bool:
        """Whether there is more to a plain handler's life than invocations, hooks of its own aside."""
        return self.snap_start or any(name in self.environ for name in names.FOR_LIFE)

    @property
    def snap_start(self) -> bool:
        return self.environ.get(names.INITIALIZATION_TYPE) == names.SNAP_START

    @property
    def wants_sigterm(self) -> bool:
        return (self.environ.get(names.SHUTDOWN) or "0") != "0"

    @property
    def max_invocations(self) -> int:
        return self._whole_number(names.MAX_INVOCATIONS, 0, "invocations")

    @property
    def max_rss_mb(self) -> int:
        return self._whole_number(names.MAX_RSS_MB, 0, "megabytes")

    @property
    def otel(self) -> str:
        choice = (self.environ.get(names.OTEL) or "").lower()
        if choice not in ("", OTEL_BEFORE, OTEL_AFTER):
            raise self._invalid(names.OTEL, "it may be 'before' or 'after' (spans leave before or after the answer)")
        return choice

    @property
    def max_concurrency(self) -> int:
        count = self._whole_number(names.MAX_CONCURRENCY, 1, "invocations, at least 1")
        if not count:
            raise self._invalid(names.MAX_CONCURRENCY, "it must be a whole number of invocations, at least 1")
        return count

    @property
    def concurrency(self) -> str:
        for name, modes in ((names.CONCURRENCY, MODES), (names.CONCURRENCY_MODE, AMAZONS_MODES)):
            mode = (self.environ.get(name) or "").lower()
            if mode in modes:
                return mode
            if mode:
                raise self._invalid(name, f"it may be {', '.join(map(repr, modes[:-1]))} or {modes[-1]!r}")
        return ""

    @property
    def prefork(self) -> bool:
        return (self.environ.get(names.PREFORK) or "0") != "0"

    def _milliseconds(self, name: str, default: int) -> int:
        return self._whole_number(name, default, "milliseconds")

    def _whole_number(self, name: str, default: int, unit: str) -> int:
        text = self.environ.get(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()):
            raise self._invalid(name, f"it must be a whole number of {unit}")
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
    one folder that can be. Caches that a user has placed somewhere stay there: only the home is moved, and packages
    that were installed below it are found where they are.

    Libraries know Lambda, and which Python it runs, by a variable that Amazon's start script sets, whatever was there:
    `export AWS_EXECUTION_ENV=AWS_Lambda_python3.12` in /var/runtime/bootstrap. There it is set before a wrapper runs,
    which `bootstrap` sees to, and a wrapper may change it.
    """
    for name in names.MALLOC_SETTINGS:
        environ.pop(name, "")
    for name in names.CREDENTIALS:
        if environ.get(name) == "":
            environ.pop(name, "")
    home = environ.get(names.HOME)
    if not home or not access(home, W_OK | X_OK):
        environ[names.HOME] = names.WRITABLE_DIR
        if home and names.PYTHONUSERBASE not in environ and has_user_packages(f"{home}/.local"):
            environ[names.PYTHONUSERBASE] = f"{home}/.local"
    if not (environ.get(names.EXEC_WRAPPER) and environ.get(names.EXECUTION_ENV)):
        environ[names.EXECUTION_ENV] = f"AWS_Lambda_python{version_info.major}.{version_info.minor}"
