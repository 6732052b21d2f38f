"""The environment of this process, without `os`, which a plain handler never needs.

`posix.environ` is the dictionary of bytes that `os.environ` wraps once `os` is imported: what is written here is seen
there, and the other way round. A child process sees what `putenv` was told.
"""

from posix import environ as _environ
from posix import putenv, unsetenv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Variables(Protocol):
        """What is asked of an environment: `Environment` has it, and so has a dictionary of texts."""

        def __contains__(self, name: object, /) -> bool: ...
        def __setitem__(self, name: str, value: str, /) -> None: ...
        def get(self, name: str, /) -> str | None: ...
        def pop(self, name: str, default: str, /) -> str: ...


# By then `setenv` has kept 0.6 MB of trace ids, as much as it takes to keep none, and that is some ms to import.
MANY_WRITES = 4000


def original() -> "dict[bytes, bytes]":
    """Return the environment that this process was started with, whatever has become of it since."""
    with open("/proc/self/environ", "rb") as file:
        variables = file.read().split(b"\0")
    return {name: value for name, equals, value in (variable.partition(b"=") for variable in variables) if equals}


class Environment:
    """The variables by name, as text; the few methods of a mapping that are needed."""

    __slots__ = ("_put", "_writes")

    def __init__(self) -> None:
        self._put: Callable[[bytes, bytes], None] = self._put_and_count
        self._writes = 0

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.encode() in _environ

    def get(self, name: str) -> str | None:
        """Return a variable's value, None where it is not set."""
        value = _environ.get(name.encode())
        return None if value is None else value.decode("utf-8", "surrogateescape")

    def __setitem__(self, name: str, value: str) -> None:
        encoded_name, encoded = name.encode(), value.encode("utf-8", "surrogateescape")
        self._put(encoded_name, encoded)
        _environ[encoded_name] = encoded

    def pop(self, name: str, default: str) -> str:
        """Remove a variable and return the value that it had, `default` where it was not set."""
        encoded_name = name.encode()
        value = _environ.pop(encoded_name, None)
        if value is None:
            return default
        unsetenv(encoded_name)
        return value.decode("utf-8", "surrogateescape")

    def _put_and_count(self, name: bytes, value: bytes) -> None:
        self._writes += 1
        if self._writes == MANY_WRITES:
            self._put = putenv  # and so it stays on a Python without ctypes, or with no descriptor left to import it
            try:
                from pylambda.start.putenv import Strings
            except Exception:
                pass
            else:
                self._put = Strings(_environ).put
        putenv(name, value)
