"""`asgi:pkg.mod:app` and its like to the app: what is no plain handler says by its prefix what it is.

Nothing is guessed: the prefix is right, or the fault says which one would be. Imported for such names only.
"""

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from pylambda.faults import HandlerNotFound, MalformedHandlerName, WrongPrefix
from pylambda.function.adapt import ASYNC_CODE, Adapted, code_flags, collect, settle
from pylambda.function.handler import import_module, near_names

if TYPE_CHECKING:
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler
    from pylambda.start.settings import Settings

ASGI, WSGI = "asgi", "wsgi"
TAKES = {ASGI: "scope, receive and send", WSGI: "environ and start_response"}
ARGUMENTS = {ASGI: 3, WSGI: 2}


class App:
    """What such a name leads to.

    Args:
        kind: the prefix.
        target: the app.
    """

    def __init__(self, kind: str, target: Any) -> None:
        self.kind = kind
        self.target = target

    def __call__(self, event: Any, context: Any) -> Any:
        """Is not to be called: `adapt` makes a handler of it."""
        raise TypeError(f"an {self.kind} app is no handler")


def load_app(name: str, task_root: str) -> App:
    """Import the app's module and return the app.

    Args:
        name: `asgi:module:attribute` or `wsgi:module:attribute`; `()` at the end calls what makes the app.
        task_root: the function's folder, for hints.

    Raises:
        LoadFault: one of its kinds; the cause is chained, so that its traceback can be shown.
        Exception: whatever the module, or what makes the app, raised.
    """
    kind, _, place = name.partition(":")
    module_name, _, attributes = place.partition(":")
    is_factory = attributes.endswith("()")
    attributes = attributes.removesuffix("()")
    dotted = module_name.replace("/", ".")
    if not all(dotted.split(".")) or not all(attributes.split(".")):
        raise MalformedHandlerName(
            f"Bad handler '{name}': not {kind}:module:attribute",
            hint=f"write {kind}:app:app for 'app' in app.py, {kind}:app:create_app() for a function that makes it",
            stack=(),
        )
    module, attributes = import_module(dotted, module_name, attributes, task_root)
    found = _attribute(module, module_name, attributes)
    if is_factory:
        if not callable(found):
            raise _wrong(name, f"is of type {type(found).__name__} and cannot be called", "leave out the ()")
        found = found()
    _look_at(found, kind, name, is_factory=is_factory)
    return App(kind, found)


def adapt_app(
    app: App,
    settings: "Settings",
    runner: "Callable[[], Runner]",
    log_error: Callable[[BaseException, str], object],
    around: "Callable[[Handler, bool], Handler] | None" = None,
) -> Adapted:
    """Return an app in the shape that the loop calls.

    Args:
        app: what its name led to.
        settings: where it is mounted, what streams.
        runner: gives the event loop; not asked for it where the app has no use for one.
        log_error: takes what the app raises for a request, and the request's id.
        around: makes of a handler, and whether it is asynchronous, what is called in its place: its middleware.

    Raises:
        LoadFault: a variable holds what it cannot.
    """
    from pylambda.web.front import Front, WebSettings
    from pylambda.web.results import encode

    front = Front(
        WebSettings(settings.root_path, settings.non_http, settings.health_path, settings.streaming_fronts), log_error
    )
    encoded = partial(collect, encode, runner) if settings.collects_streams else encode
    if app.kind == WSGI:
        from pylambda.web.wsgi import WsgiHandler

        wsgi = WsgiHandler(app.target, front)
        return Adapted(around(wsgi, False) if around else wsgi, encode=encoded)
    from pylambda.web.asgi import AsgiHandler

    asgi = AsgiHandler(app.target, front, runner())
    respond = around(asgi.respond, True) if around else asgi.respond
    adapted = Adapted(partial(settle, respond, runner) if around else asgi, encode=encoded)
    adapted.respond = respond

    def start() -> None:
        asgi.lifespan.start()
        if asgi.lifespan.is_running:  # else there is nothing to be done in the end, and no signal to ask for
            adapted.on_shutdown = asgi.lifespan.stop

    adapted.on_init = start
    return adapted


def _attribute(found: Any, module_name: str, attributes: str) -> Any:
    for step in attributes.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            raise HandlerNotFound(
                f"Handler '{attributes}' missing on module '{module_name}'", hint=near_names(found, step), stack=()
            ) from None
    return found


def _look_at(app: Any, kind: str, name: str, *, is_factory: bool) -> None:
    """Refuse what can be seen to be no app of its kind."""
    place = name.partition(":")[2]
    if isinstance(app, type):
        raise _wrong(name, "is a class", f"write {kind}:{place}() to have one made, or name an instance")
    if not callable(app):
        raise _wrong(name, f"is of type {type(app).__name__} and cannot be called", f"name an {kind.upper()} app")
    is_async = bool(code_flags(app) & ASYNC_CODE)
    if is_async and kind == WSGI:
        raise _wrong(name, "is async, as ASGI apps are", f"write {ASGI}:{place}")
    if _takes(app, ARGUMENTS[kind]):
        return
    if kind == ASGI and not is_async and _takes(app, ARGUMENTS[WSGI]):
        raise _wrong(name, "takes two arguments and is not async, as WSGI apps are", f"write {WSGI}:{place}")
    if kind == ASGI and not is_async and _takes(app, 1):
        raise _wrong(
            name,
            "takes a scope alone, as ASGI 2 apps did",
            "wrap it in asgiref.compatibility.guarantee_single_callable",
        )
    if _takes(app, 0) and not is_factory:
        raise _wrong(name, "takes no arguments, so it makes an app and is none", f"write {kind}:{place}()")
    mend = "write module.function for a handler" if _takes(app, 2) else f"name an {kind.upper()} app"
    raise _wrong(name, f"does not take {TAKES[kind]}", mend)


def _takes(function: Any, count: int) -> bool:
    try:
        signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # it is not written in Python, and does not say
        return True
    return True


def _wrong(name: str, what: str, hint: str) -> WrongPrefix:
    return WrongPrefix(f"Handler '{name}' {what}", hint=hint, stack=())
