"""What a function asks to be called for at the moments of its environment's life: the decorators, and their lists.

Imported when a function first names one of them. Where the package `lifecycle` is not loaded once the function is,
there are no hooks, and nothing is paid for them.

Each moment has a list in the order of registration; who runs one chooses the direction: `run` for hooks of which a
failure counts, `run_each` where the next one runs whatever happens, over `newest_first` where the last come first.
"""

from pylambda.faults import InvalidHook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    from pylambda.function.aio import Runner

    Hook = Callable[[], Any]
    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

INIT: "list[Hook]" = []
BEFORE_SNAPSHOT: "list[Hook]" = []
AFTER_RESTORE: "list[Hook]" = []
BEFORE_FORK: "list[Hook]" = []
SHUTDOWN: "list[Hook]" = []

TAKES_ANY_NUMBER = 0x04  # CO_VARARGS of a code object


def on_init(hook: "Decorated") -> "Decorated":
    """Have a function called when the handler is loaded, before the first event: the place to open pools and clients.

    Args:
        hook: takes no arguments; may be `async def`. What it raises is an init error, and the process ends.

    Raises:
        InvalidHook: it cannot be called without arguments.
    """
    return _register(INIT, "on_init", hook)


def before_snapshot(hook: "Decorated") -> "Decorated":
    """Have a function called before SnapStart takes its snapshot, the one registered last first.

    Args:
        hook: takes no arguments; may be `async def`. What it raises ends the process, and no version is published.

    Raises:
        InvalidHook: it cannot be called without arguments.
    """
    return _register(BEFORE_SNAPSHOT, "before_snapshot", hook)


def after_restore(hook: "Decorated") -> "Decorated":
    """Have a function called each time SnapStart has restored the snapshot, before the first event.

    Args:
        hook: takes no arguments; may be `async def`. What it raises ends the process, and the caller gets an error.

    Raises:
        InvalidHook: it cannot be called without arguments.
    """
    return _register(AFTER_RESTORE, "after_restore", hook)


def before_fork(hook: "Decorated") -> "Decorated":
    """Have a function called in the process that loads the function for several workers, before they are forked.

    Args:
        hook: takes no arguments; may be `async def`. What it raises ends the process before there is a worker.

    Raises:
        InvalidHook: it cannot be called without arguments.
    """
    return _register(BEFORE_FORK, "before_fork", hook)


def on_shutdown(hook: "Decorated") -> "Decorated":
    """Have a function called when the platform shuts the environment down, the one registered last first.

    Args:
        hook: takes no arguments; may be `async def`. What it raises is logged, and the next one runs.

    Raises:
        InvalidHook: it cannot be called without arguments.
    """
    return _register(SHUTDOWN, "on_shutdown", hook)


def run(hooks: "Iterable[Hook]", runner: "Callable[[], Runner]") -> None:
    """Call hooks in turn and see async ones through.

    Args:
        hooks: such as `INIT`.
        runner: gives the event loop; called only where one is needed.

    Raises:
        BaseException: what the first one raises that fails; those after it are not called.
    """
    for hook in hooks:
        result = hook()
        if hasattr(result, "__await__"):
            runner().run(result)


def run_each(hooks: "Iterable[Hook]", runner: "Callable[[], Runner]", log: "Callable[[BaseException], object]") -> None:
    """Call every hook, whatever the others raise.

    Args:
        hooks: such as `newest_first(SHUTDOWN)`.
        runner: gives the event loop; called only where one is needed.
        log: is told of what one raises; a hook that exits does not keep the others from running either.
    """
    for hook in hooks:
        try:
            run((hook,), runner)
        except BaseException as error:
            log(error)


def newest_first(hooks: "list[Hook]") -> "Iterator[Hook]":
    """Take hooks out of their list, the last one first: so each of them is called once, whoever asks again."""
    while hooks:
        yield hooks.pop()


def refuse_unless_called_with(function: "Any", arguments: tuple[str, ...], name: str) -> None:
    """Look whether what a decorator was put on can be called as it will be.

    Args:
        function: what it was put on.
        arguments: what it will be given.
        name: the decorator's.

    Raises:
        InvalidHook: it cannot.
    """
    if not callable(function):
        raise InvalidHook(
            f"@pylambda.{name} was given a value of type {type(function).__name__}, which cannot be called",
            hint="put it on a function",
        )
    if not _takes(function, len(arguments)):
        # Not its repr, which may show what it holds.
        called = getattr(function, "__qualname__", None) or type(function).__qualname__
        raise InvalidHook(
            f"@pylambda.{name} will call {called}({', '.join(arguments)}), and it takes other arguments",
            hint=f"give it {'these ' + str(len(arguments)) if arguments else 'none'}, "
            "or defaults for the others, or wrap it in functools.partial",
        )


def _register(hooks: "list[Hook]", name: str, hook: "Decorated") -> "Decorated":
    refuse_unless_called_with(hook, (), name)
    hooks.append(hook)
    return hook


def _takes(function: "Any", count: int) -> bool:
    """Whether a function can be called with so many positional arguments; read off its code where it has some."""
    code = getattr(function, "__code__", None)
    if code is None:
        return _signature_takes(function, count)
    own = getattr(function, "__func__", function)
    if own is not function:
        count += 1  # a bound method's object comes first
    required: int = code.co_argcount - len(own.__defaults__ or ())
    at_most: int = count if code.co_flags & TAKES_ANY_NUMBER else code.co_argcount
    keyword_only: int = code.co_kwonlyargcount - len(own.__kwdefaults__ or ())
    return required <= count <= at_most and not keyword_only


def _signature_takes(function: "Any", count: int) -> bool:
    import inspect  # late: most hooks are functions

    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # written in C, and nothing is known of it
        return True
    return True
