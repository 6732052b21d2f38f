"""`putenv` for a variable that changes with each invocation. Imported once there were many.

`os.putenv` calls `setenv`, and glibc never frees a value that it was given there, for somebody may still read it: 144
bytes for each trace id. C's own `putenv` takes a string into the environment as it is, and "altering the string shall
change the environment" (POSIX.1-2017, putenv). So a variable has one string here, which is altered.
"""

import ctypes
from posix import putenv

STRING_BYTES = 4096

_libc = ctypes.CDLL(None)
_calloc, _putenv = _libc.calloc, _libc.putenv
_calloc.restype = ctypes.c_void_p
_putenv.argtypes = [ctypes.c_void_p]


class _String:
    """What the environment has of a variable.

    Its memory is never freed: it belongs to the environment, which outlives the interpreter.

    Attributes:
        begin: name and equals sign.
        value: what was written last; None where that was not here.
    """

    __slots__ = ("address", "begin", "characters", "value")

    def __init__(self, name: bytes) -> None:
        self.begin = name + b"="
        self.value: bytes | None = None
        self.address = _calloc(1, STRING_BYTES)
        if self.address is None:
            raise MemoryError
        self.characters = (ctypes.c_char * STRING_BYTES).from_address(self.address)


class Strings:
    """Sets variables as child processes see them.

    Args:
        environ: the variables as Python code sees them; what `put` writes is to be written there too, the same object.
    """

    def __init__(self, environ: dict[bytes, bytes]) -> None:
        self._environ = environ
        self._strings: dict[bytes, _String] = {}

    def put(self, name: bytes, value: bytes) -> None:
        """Set a variable; the same as `os.putenv`, which gets a value that is longer than all trace ids.

        Raises:
            MemoryError: there is none for the variable's string.
        """
        string = self._strings.get(name)
        if string is None:
            string = self._strings[name] = _String(name)
        text = string.begin + value
        if len(text) >= STRING_BYTES:
            string.value = None
            return putenv(name, value)
        string.characters.value = text
        # Somebody else may have written the variable since, or removed it.
        if string.value is None or self._environ.get(name) is not string.value:
            _putenv(string.address)
        string.value = value
        return None
