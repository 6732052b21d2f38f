"""Start Amazon's Runtime Interface Emulator on `bootstrap`, or say in one line why it would not work.

Where PYLAMBDA_EMULATOR asks for it, or where that program is not there, `pylambda serve` takes its place.

`entry_script.sh` runs this file as a script when it is not inside Lambda. The emulator's own answers to a wrong
setting are a Go panic, a silent exit, or a fault that shows only at the first invocation; so what is known to go
wrong is looked at here, before this process becomes the emulator. `execv` and not a child: process 1 of a
container is then the emulator itself, which stops everything on SIGTERM.

What the emulator is told, and why on its command line:

- `--log-level`: it reads LOG_LEVEL as its own level and dies of a value that logrus does not know (`CRITICAL`, or
  nothing at all), while a function's LOG_LEVEL is the function's matter. A flag beats the variable, so the
  function still sees what its user set, and the emulator a level that it knows.
- the two addresses: the port that events are sent to, and the one that the runtime asks for them.
- the handler never: it takes arguments that look like its own flags, so the handler travels in `_HANDLER`.

This file stands alone: the standard library and nothing of this package, because it starts before any search
path is set up. Exit codes are the shell's: 127 for a missing emulator, 126 for one that cannot be run, 1 for the
rest.
"""

import _socket  # `socket` and `shutil` are half of this start
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

EMULATOR = "aws-lambda-rie"

# The platform's variable: where it is set, there is no need of an emulator, and there shall be none.
RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
# Variables of ours: where events are sent, and where the runtime asks for them.
CHOICE = "PYLAMBDA_EMULATOR"
AMAZONS, OURS = "rie", "pylambda"
HOST = "PYLAMBDA_HOST"
PORT = "PYLAMBDA_PORT"
RUNTIME_API_PORT = "PYLAMBDA_RUNTIME_API_PORT"

# All interfaces, as Amazon's own entry point has it: `docker run -p` does not reach a container's loopback.
DEFAULT_HOST = "0.0.0.0"
DEFAULT_PORT = 8080
DEFAULT_RUNTIME_API_PORT = 9001
LOOPBACK = "127.0.0.1"

# The emulator's variable; unset it allows 300 seconds, and it panics at each invocation where this is not a number.
TIMEOUT = "AWS_LAMBDA_FUNCTION_TIMEOUT"
LONGEST_TIMEOUT_S = 10**9  # about 30 years; more overflows its nanoseconds

# Only levels quieter than its default are passed on: DEBUG and TRACE are meant for the function, not for a flood.
DEFAULT_LOG_LEVEL = "info"
QUIET_LOG_LEVELS = ("warn", "warning", "error", "fatal", "panic")

NOT_EXECUTABLE = 126
NOT_FOUND = 127


class StartError(Exception):
    """Raised when the emulator would not work; carries the exit code."""

    def __init__(self, why: str, code: int = 1) -> None:
        super().__init__(why)
        self.code = code


def main(argv: list[str]) -> int:
    """Become the emulator on the bootstrap that `argv` names; return an exit code only when that fails."""
    try:
        if os.environ.get(RUNTIME_API):
            raise StartError(f"{RUNTIME_API} is set: this is Lambda; nothing local starts here")
        path, arguments = plan(argv[1], os.environ) if takes_amazons(os.environ) else plan_ours(os.environ)
        become(path, arguments)
    except StartError as refusal:
        print(f"pylambda: {refusal}", file=sys.stderr)
        return refusal.code
    return 0


def takes_amazons(environ: "Mapping[str, str]") -> bool:
    """Return whether Amazon's emulator is wanted: by name, or because it lies there and nobody said otherwise.

    Raises:
        StartError: something else is named.
    """
    choice = environ.get(CHOICE) or ""
    if choice not in ("", AMAZONS, OURS):
        raise StartError(
            f"{CHOICE} is {choice!r}: it takes {AMAZONS} (Amazon's emulator) or {OURS} (`pylambda serve`)."
        )
    if choice:
        return choice == AMAZONS
    return bool(emulators(environ.get("PATH", os.defpath)))


def emulators(search_path: str) -> list[str]:
    """Return the files of the emulator's name on a search path, whether they can be executed or not."""
    paths = [os.path.join(folder, EMULATOR) for folder in search_path.split(os.pathsep)]
    return [path for path in paths if os.path.isfile(path)]


def plan_ours(environ: "Mapping[str, str]") -> tuple[str, list[str]]:
    """Return the interpreter and the argument list of `pylambda serve`. The handler travels in `_HANDLER`."""
    runtime_dir = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = (
        f"import sys; sys.path.insert(0, {runtime_dir!r}); from pylambda.local.__main__ import main; sys.exit(main())"
    )
    # -I as above, and no -S: what the user installed, h11 for one, may lie in site-packages.
    return sys.executable, [sys.executable, "-I", "-c", code, "serve", "--host", environ.get(HOST) or DEFAULT_HOST]


def plan(bootstrap: str, environ: "Mapping[str, str]") -> tuple[str, list[str]]:
    """Return the emulator's path and its argument list.

    Raises:
        StartError: it is missing, a setting is wrong, or a port is taken.
    """
    path = find_emulator(environ.get("PATH", os.defpath))
    check_timeout(environ.get(TIMEOUT, ""))
    host = environ.get(HOST) or DEFAULT_HOST
    port = read_port(environ, PORT, DEFAULT_PORT)
    api_port = read_port(environ, RUNTIME_API_PORT, DEFAULT_RUNTIME_API_PORT)
    if port == api_port:
        raise StartError(f"{PORT} and {RUNTIME_API_PORT} are both {port}: events and the runtime need one each.")
    check_port(host, port, f"set {PORT} to another one")
    check_port(LOOPBACK, api_port, f"set {RUNTIME_API_PORT} to another one (the runtime asks for events there)")
    return path, [
        EMULATOR,
        *("--log-level", log_level(environ.get("LOG_LEVEL", ""))),
        *("--runtime-interface-emulator-address", f"{host}:{port}"),
        *("--runtime-api-address", f"{LOOPBACK}:{api_port}"),
        bootstrap,
    ]


def find_emulator(search_path: str) -> str:
    """Return the path of the emulator.

    Raises:
        StartError: it is not on `search_path`, or it is and cannot be executed.
    """
    present = emulators(search_path)
    for path in present:
        if os.access(path, os.X_OK):
            return path
    if present:
        raise StartError(f"{present[0]} is not executable: chmod +x it.", NOT_EXECUTABLE)
    raise StartError(
        f"{EMULATOR} is not on PATH, and {CHOICE} is {AMAZONS}. Without {CHOICE} `pylambda serve` takes its place;"
        f" or mount one: docker run -v FILE:/usr/local/bin/{EMULATOR}; outside of a container put its folder on PATH."
        " `pylambda emulator` prints such a FILE.",
        NOT_FOUND,
    )


def check_timeout(text: str) -> None:
    """Refuse a time limit that the emulator panics at, or that no function can meet."""
    if text and not (is_whole_number(text) and 0 < int(text) <= LONGEST_TIMEOUT_S):
        raise StartError(f"{TIMEOUT} is {text!r}: it takes a whole number of seconds above zero, such as 30.")


def read_port(environ: "Mapping[str, str]", name: str, default: int) -> int:
    """Return the port that a variable names."""
    text = environ.get(name) or str(default)
    if not (is_whole_number(text) and 0 < int(text) <= 65535):
        raise StartError(f"{name} is {text!r}: it takes a port number from 1 to 65535.")
    return int(text)


def check_port(host: str, port: int, mend: str) -> None:
    """Refuse an address that cannot be listened on; SO_REUSEADDR because that is how the emulator does it."""
    probe = _socket.socket()
    probe.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, port))
        probe.listen()
    except OSError as error:
        why = error.strerror or str(error)
        raise StartError(f"cannot listen on {host}:{port} ({why}): stop what uses that port, or {mend}.") from error
    finally:
        probe.close()


def log_level(of_function: str) -> str:
    """Return the emulator's level, given the one that the function's LOG_LEVEL asks for."""
    level = of_function.lower()
    return level if level in QUIET_LOG_LEVELS else DEFAULT_LOG_LEVEL


def become(path: str, arguments: list[str]) -> None:
    """Replace this process.

    Raises:
        StartError: the system refuses to run the file, as it does with one for another architecture.
    """
    try:
        os.execv(path, arguments)
    except OSError as error:
        machine = os.uname().machine
        raise StartError(
            f"{path} cannot be run here ({error.strerror}): this machine needs one for {machine}.", NOT_EXECUTABLE
        ) from error


def is_whole_number(text: str) -> bool:
    """Whether `text` is digits and nothing else; the length keeps `int` cheap."""
    return text.isascii() and text.isdigit() and len(text) <= 18


if __name__ == "__main__":
    sys.exit(main(sys.argv))
