"""Code objects of source files that have no byte code, without what `compile` sets up before its first.

`compile` takes syntax trees too, so it makes a class for each kind of node before it looks at what it was given: a
hundred and more, which takes most of a millisecond. `exec` makes the same code of a source without them. It runs that
code as well, but only as far as the first name that the code asks for or gives: there are no built-in functions to
import or to make a class by, and what should hold the names is a tuple, which holds none. The traceback has the code.
"""

import sys
from _frozen_importlib_external import SourceFileLoader
from _imp import _fix_co_filename  # type: ignore[attr-defined]
from _warnings import filters
from posix import F_OK, access

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType
    from typing import Any

# Without one, a program comes to a name or to its end.
LOOP = b"while"
# A warning would name the file that `exec` takes a source to be of, so it is made an error, and left to `compile`.
NO_WARNING = ("error", None, Warning, "<string>", 0)
# Of `sys.monitoring`.
TOOL_IDS = range(6)

_has_byte_code: "dict[str, bool]" = {}


def prepare(spec: "ModuleSpec") -> None:
    """Have a module that was found made of such code, where nothing has byte code in its folder, or is to write some.

    What cannot be compiled in this way is left as it is found: to import it raises, or warns of, what it always does.
    """
    loader, file = spec.loader, spec.origin
    if type(loader) is not SourceFileLoader or not file or not sys.dont_write_bytecode or sys.pycache_prefix:
        return
    folder = file.rpartition("/")[0]
    if folder not in _has_byte_code:
        _has_byte_code[folder] = access(f"{folder}/__pycache__", F_OK)
    if _has_byte_code[folder] or _is_watched():
        return
    try:
        code = code_of(loader.get_data(file), file)
    except OSError:
        return
    if code is None:
        return

    def get_code(name: str) -> "CodeType":
        del loader.get_code
        return code

    loader.get_code = get_code  # type: ignore[method-assign, assignment]


def code_of(source: bytes, file: str) -> "CodeType | None":
    """Return the code that `compile` would make of a source; None where that is for `compile` to do."""
    if LOOP in source:
        return None
    warnings = sys.modules.get("warnings")
    in_force: list[Any] = warnings.filters if warnings else filters
    in_force.insert(0, NO_WARNING)
    try:
        exec(source, {"__builtins__": {}}, ())  # type: ignore[arg-type]
    except Exception as error:
        frames = error.__traceback__
        if frames is None or frames.tb_next is None:
            return None  # it does not compile
        code = frames.tb_next.tb_frame.f_code
        _fix_co_filename(code, file)
        return code
    finally:
        in_force.remove(NO_WARNING)
    return None


def _is_watched() -> bool:
    """Whether a debugger or a tracer would see the code run under another file's name, and look away from then on."""
    if sys.gettrace() or sys.getprofile():
        return True
    return sys.version_info >= (3, 12) and any(map(sys.monitoring.get_tool, TOOL_IDS))
