"""pylambda: the runtime for Python functions on AWS Lambda.

What a function may import is listed in `__all__`; everything else in this package is private. The names are resolved
when they are first used, so that importing this package, as the runtime itself does, costs next to nothing.
"""

from pylambda.names import VERSION as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.faults import (
        ApiFault,
        BadEndpoint,
        MissingRequestId,
        NotInLambda,
        TransportError,
        UnexpectedStatus,
    )
    from pylambda.function.adapt import raw, typed
    from pylambda.function.context import LambdaContext
    from pylambda.lifecycle.after import after_response
    from pylambda.lifecycle.hooks import after_restore, before_fork, before_snapshot, on_init, on_shutdown
    from pylambda.lifecycle.middleware import middleware
    from pylambda.main import run
    from pylambda.payload.streams import StreamingResponse
    from pylambda.payload.values import json_default
    from pylambda.runtime_api.client import RuntimeApi
    from pylambda.runtime_api.invocation import Invocation

_HOMES = {
    "ApiFault": "faults",
    "BadEndpoint": "faults",
    "Invocation": "runtime_api.invocation",
    "LambdaContext": "function.context",
    "MissingRequestId": "faults",
    "NotInLambda": "faults",
    "RuntimeApi": "runtime_api.client",
    "StreamingResponse": "payload.streams",
    "TransportError": "faults",
    "UnexpectedStatus": "faults",
    "after_response": "lifecycle.after",
    "after_restore": "lifecycle.hooks",
    "before_fork": "lifecycle.hooks",
    "before_snapshot": "lifecycle.hooks",
    "json_default": "payload.values",
    "middleware": "lifecycle.middleware",
    "on_init": "lifecycle.hooks",
    "on_shutdown": "lifecycle.hooks",
    "raw": "function.adapt",
    "run": "main",
    "typed": "function.adapt",
}

__all__ = [
    "ApiFault",
    "BadEndpoint",
    "Invocation",
    "LambdaContext",
    "MissingRequestId",
    "NotInLambda",
    "RuntimeApi",
    "StreamingResponse",
    "TransportError",
    "UnexpectedStatus",
    "__version__",
    "after_response",
    "after_restore",
    "before_fork",
    "before_snapshot",
    "json_default",
    "middleware",
    "on_init",
    "on_shutdown",
    "raw",
    "run",
    "typed",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pylambda' has no attribute {name!r}")
    value: object = getattr(__import__(f"pylambda.{_HOMES[name]}", fromlist=[name]), name)
    globals()[name] = value
    return value
