"""pylambda: the runtime for Python functions on AWS Lambda.

What a function may import is listed in `__all__`; everything else in this package is private. The names are resolved
when they are first used, so that importing this package, as the runtime itself does, costs next to nothing.
"""

from pylambda.names import VERSION as __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pylambda.adapt import raw, typed
    from pylambda.api import RuntimeApi
    from pylambda.context import LambdaContext
    from pylambda.faults import (
        ApiFault,
        BadEndpoint,
        MissingRequestId,
        NotInLambda,
        TransportError,
        UnexpectedStatus,
    )
    from pylambda.invocation import Invocation
    from pylambda.main import run
    from pylambda.stream import StreamingResponse
    from pylambda.values import json_default

_HOMES = {
    "ApiFault": "faults",
    "BadEndpoint": "faults",
    "Invocation": "invocation",
    "LambdaContext": "context",
    "MissingRequestId": "faults",
    "NotInLambda": "faults",
    "RuntimeApi": "api",
    "StreamingResponse": "stream",
    "TransportError": "faults",
    "UnexpectedStatus": "faults",
    "json_default": "values",
    "raw": "adapt",
    "run": "main",
    "typed": "adapt",
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
    "json_default",
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
