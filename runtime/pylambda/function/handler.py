"""`"pkg/mod.function"` to a callable.

The name's parts and the faults' messages are the official client's, because people search for them; the hints are
ours. Slashes count as dots. What follows the module may be an attribute of an object: `module.Class.method`.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from pylambda.faults import ImportModuleError

    Handler = Callable[[Any, Any], Any]


# What a name begins with that leads to a web app; see `apps`.
APP_PREFIXES = ("asgi:", "wsgi:")
# What a name begins with that leads to a command; see `commands`.
CONSOLE_PREFIX = "console:"
# Of a code object: CO_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR; see `inspect`.
SPECIAL_CODE = 0x20 | 0x80 | 0x100 | 0x200


def is_plain(handler: "Handler") -> bool:
    """Whether it is a function and nothing but: no coroutine, no generator, no decorator's mark on it.

    The rest is for `adapt`, which is not imported for a plain one.
    """
    kind: type = type(handler)
    if kind is not type(is_plain):  # an object may show the code of what it wraps, and do something else
        return False
    return not handler.__code__.co_flags & SPECIAL_CODE and not handler.__dict__


def load(name: str, task_root: str) -> "Handler":
    """Import the handler's module and return the handler.

    Args:
        name: `module.function`, the module's parts parted by dots or slashes; or `console:` and a command.
        task_root: the function's folder, for hints.

    Raises:
        LoadFault: one of its kinds; the cause is chained, so that its traceback can be shown.
        Exception: whatever the module itself raised.
    """
    if name.startswith(CONSOLE_PREFIX):
        from pylambda.function.commands import load_command

        return load_command(name, task_root)
    module_name, dotted, attribute = _parts(name)
    module, attributes = import_module(dotted, module_name, attribute, task_root)
    found: Any = module
    for step in attributes.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            from pylambda.faults import HandlerNotFound

            raise HandlerNotFound(
                f"Handler '{attribute}' missing on module '{module_name}'",
                hint=near_names(found, step),
                stack=(),
            ) from None
    if not callable(found):
        from pylambda.faults import HandlerNotFound

        raise HandlerNotFound(
            f"Handler '{attribute}' on module '{module_name}' is not callable: it is of type {type(found).__name__}",
            hint="name a function that takes event and context",
            stack=(),
        )
    return found  # type: ignore[no-any-return]


def _parts(name: str) -> tuple[str, str, str]:
    """Take a handler's name apart: its module as it is spelled, the same with dots alone, and the function."""
    module_name, dot, attribute = name.rpartition(".")
    dotted = module_name.replace("/", ".")
    if not dot:
        from pylambda.faults import MalformedHandlerName

        raise MalformedHandlerName(
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
            hint=f"write module.function, such as {name}.handler for a function 'handler' in {name}.py"
            if name
            else 'name the handler in the image, CMD ["app.handler"], or in _HANDLER',
            stack=(),
        )
    if not attribute or not all(dotted.split(".")):
        from pylambda.faults import MalformedHandlerName

        raise MalformedHandlerName(
            f"Bad handler '{name}': a part of the name is empty", hint="write module.function", stack=()
        )
    if dotted.partition(".")[0] in sys.builtin_module_names:
        from pylambda.faults import BuiltInModuleConflict

        raise BuiltInModuleConflict(
            f"Cannot use built-in module {module_name} as a handler module",
            hint="Python has a module of this name built in: give the file another name",
            stack=(),
        )
    return module_name, dotted, attribute


def import_module(dotted: str, module_name: str, attribute: str, task_root: str) -> "tuple[ModuleType, str]":
    """Return the module, and what is to be found in it: more than `attribute` where `dotted` ends in a class.

    Args:
        dotted: the module's name.
        module_name: the same as it was spelled.
        attribute: what is looked for in it.
        task_root: the function's folder, for hints.

    Raises:
        LoadFault: it cannot be imported.
        Exception: whatever the module itself raised.
    """
    try:
        __import__(dotted)
        return sys.modules[dotted], attribute
    except ModuleNotFoundError as error:
        parent, dot, last = dotted.rpartition(".")
        if dot and error.name == dotted and hasattr(sys.modules.get(parent), last):
            return sys.modules[parent], f"{last}.{attribute}"
        raise _import_fault(module_name, dotted, error, task_root) from error
    except ImportError as error:
        raise _import_fault(module_name, dotted, error, task_root) from error
    except SyntaxError as error:
        from pylambda.faults import UserCodeSyntaxError

        raise UserCodeSyntaxError(
            f"Syntax error in module '{module_name}': {error}",
            hint=f"mend {error.filename}, line {error.lineno}",
            stack=(f'  File "{error.filename}" Line {error.lineno}\n    {error.text}',),
        ) from error
    except (SystemExit, KeyboardInterrupt) as error:
        from pylambda.faults import Ended, ExitError

        if isinstance(error, Ended):
            raise  # the module served a handler itself, with `run`
        code = exit_code(error)
        message = f"module '{module_name}' raised {error!r}: the process exits with code {code}"
        raise ExitError(message, exit_code=code) from error


def _import_fault(module_name: str, dotted: str, error: ImportError, task_root: str) -> "ImportModuleError":
    from pylambda.faults import ImportModuleError
    from pylambda.function.hints import for_import_error

    hint = for_import_error(error, module_name, dotted, task_root)
    fault = ImportModuleError(f"Unable to import module '{module_name}': {error}", hint=hint)
    return fault.with_traceback(error.__traceback__)


def near_names(found: object, name: str) -> str:
    """Return what was probably meant by a name that `found` lacks."""
    from pylambda.function.hints import for_missing_attribute

    return for_missing_attribute(found, name)


def exit_code(error: BaseException) -> int:
    """Return the status that the interpreter would end with for `error`."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    code = error.code if isinstance(error, SystemExit) else 1
    if code is None:
        return 0
    return code if isinstance(code, int) else 1
