"""`LambdaContext` for annotations, for tests that make one, and for `isinstance`.

What a handler gets is the runtime's own context, which is an instance of this class as far as `isinstance` is
concerned; once `awslambdaric.bootstrap` serves, it is of this class itself.
"""

from collections.abc import Callable
from typing import Any, cast

from pylambda.function.client_context import Client, ClientContext
from pylambda.function.context import CognitoIdentity
from pylambda.function.context import LambdaContext as RuntimeContext
from pylambda.runtime_api import invocation
from pylambda.start.environment import Environment
from pylambda.start.settings import describe_function

from .given import GivenInvocation

__all__ = ["Client", "ClientContext", "CognitoIdentity", "LambdaContext", "make_obj_from_dict", "set_obj_from_dict"]


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or (cls is LambdaContext and isinstance(instance, RuntimeContext))


class LambdaContext(RuntimeContext, metaclass=_Kind):
    """What is known of an invocation. The function is described by the environment.

    Args:
        invoke_id: the request id.
        client_context: what a mobile client said of itself; its `w3c` is taken out, as there.
        cognito_identity: `cognitoIdentityId` and `cognitoIdentityPoolId`.
        epoch_deadline_time_in_ms: when the platform ends the invocation.
        invoked_function_arn: the ARN that was invoked.
        tenant_id: the tenant.
    """

    # Where `log` writes; the runtime puts its own log's here.
    _write_log: "Callable[[str], None]" = staticmethod(lambda text: print(text, end=""))

    def __init__(
        self,
        invoke_id: str,
        client_context: dict[str, Any] | None,
        cognito_identity: dict[str, Any] | None,
        epoch_deadline_time_in_ms: int,
        invoked_function_arn: str | None = None,
        tenant_id: str | None = None,
    ) -> None:
        given = GivenInvocation(invoke_id, deadline_ms=int(epoch_deadline_time_in_ms), tenant_id=tenant_id)
        super().__init__(given, describe_function(Environment()), self._write_log)
        self.invoked_function_arn = cast(str, invoked_function_arn)  # None where it was not given
        self._epoch_deadline_time_in_ms = int(epoch_deadline_time_in_ms)
        served = invocation.current.invocation
        if served is not None and served.request_id == invoke_id:
            self._invocation = served  # knows the trace id, and whether it is the first
        if client_context is not None:
            self._take_client_context(client_context)
        if cognito_identity is not None:
            self._take_identity(cognito_identity)


def make_obj_from_dict(_class: Callable[[], Any], _dict: dict[str, Any] | None, fields: object = None) -> Any:
    """Return an instance with its slots from a dictionary; None for None."""
    if _dict is None:
        return None
    made = _class()
    set_obj_from_dict(made, _dict)
    return made


def set_obj_from_dict(obj: Any, _dict: dict[str, Any], fields: Any = None) -> None:
    """Set attributes from a dictionary, the slots of the object's class where none are named."""
    for field in type(obj).__slots__ if fields is None else fields:
        setattr(obj, field, _dict.get(field))
