"""The official client's `bootstrap`: what loads a handler and what handles an invocation, to be called or replaced.

To import it is to make the runtime serve through it: see `serving`.
"""

import logging  # noqa: F401 - before `records`, which is imported where `logging` is
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.faults import LoadFault
from pylambda.function.client_context import parse_object
from pylambda.function.handler import load
from pylambda.log import reports
from pylambda.log.records import LambdaLoggerHandler, LambdaLoggerHandlerWithFrameType
from pylambda.payload import codec
from pylambda.start.environment import Environment
from pylambda.start.settings import Settings

from . import serving
from .given import Document, GivenReport
from .lambda_context import LambdaContext
from .lambda_runtime_client import LambdaRuntimeClient
from .lambda_runtime_exception import FaultException
from .lambda_runtime_log_utils import JsonFormatter
from .lambda_runtime_marshaller import to_json

if TYPE_CHECKING:
    from typing import NoReturn

    from .serving import LogSink

__all__ = [
    "FaultException",
    "JsonFormatter",
    "LambdaContext",
    "LambdaLoggerHandler",
    "LambdaLoggerHandlerWithFrameType",
    "LambdaRuntimeClient",
    "create_lambda_context",
    "handle_event_request",
    "log_error",
    "run",
    "to_json",
]

# Of the invocation that is served; the last one that began where several are at once.
_GLOBAL_AWS_REQUEST_ID: str | None = None
_GLOBAL_TENANT_ID: str | None = None


def _get_handler(handler: str) -> Callable[[Any, Any], Any]:
    """Import a handler's module and return the handler.

    Args:
        handler: its name, `module.function`.

    Raises:
        FaultException: it cannot be loaded.
        Exception: whatever the module itself raised.
    """
    try:
        return load(handler, Settings(Environment(), sys.argv).task_root)
    except LoadFault as fault:
        raised = FaultException(fault.error_type, fault.message)
        raised.hint, raised.stack = fault.hint, fault.stack
        raise raised.with_traceback(fault.__traceback__) from fault.__cause__


def handle_event_request(
    lambda_runtime_client: Any,
    request_handler: Callable[[Any, Any], Any],
    invoke_id: str,
    event_body: bytes | bytearray,
    content_type: str | None,
    client_context_json: str | None,
    cognito_identity_json: str | None,
    invoked_function_arn: str | None,
    epoch_deadline_time_in_ms: int,
    tenant_id: str | None,
    log_sink: "LogSink",
    invocation_id: str | None = None,
) -> None:
    """Serve one invocation: call the handler, answer with what it returned or raised.

    Args:
        lambda_runtime_client: answers.
        request_handler: the function's handler, or what wraps it.
        log_sink: takes the record of a failure.
        invoke_id: the request id; this and the rest are parts of the invocation.

    Raises:
        ApiFault: the answer ends the run.
        BaseException: the handler ended the process.
    """
    failed: Exception | None = None
    try:
        context = create_lambda_context(
            client_context_json,
            cognito_identity_json,
            epoch_deadline_time_in_ms,
            invoke_id,
            invoked_function_arn,
            tenant_id,
        )
        event = lambda_runtime_client.marshaller.unmarshal_request(event_body, content_type)
        del event_body
        response = request_handler(event, context)
        result, result_type = lambda_runtime_client.marshaller.marshal_response(response)
    except Exception as error:
        if lambda_runtime_client.in_child:
            raise
        failed = error
    # Outside `except`: what replaces a method of the client may ask what is being handled, and that is nothing.
    lambda_runtime_client.ask_next = not lambda_runtime_client.loop._current.deferred
    if failed is None:
        lambda_runtime_client.post_invocation_result(invoke_id, result, result_type, invocation_id)
        return
    report = reports.Report(failed, invoke_id)
    document = Document(codec.decode(report.body, names.JSON))
    document.hint = report.hint
    log_error(document, log_sink)
    lambda_runtime_client.post_invocation_error(invoke_id, to_json(document), report.xray_cause, invocation_id)


def create_lambda_context(
    client_context_json: str | None,
    cognito_identity_json: str | None,
    epoch_deadline_time_in_ms: int,
    invoke_id: str,
    invoked_function_arn: str | None,
    tenant_id: str | None,
) -> LambdaContext:
    """Return what a handler gets as `context`. Raises LambdaContextUnmarshalError where a header's JSON is none."""
    return LambdaContext(
        invoke_id,
        parse_object(client_context_json, "Client Context") if client_context_json else None,
        parse_object(cognito_identity_json, "Cognito Identity") if cognito_identity_json else None,
        epoch_deadline_time_in_ms,
        invoked_function_arn,
        tenant_id,
    )


def log_error(error_result: dict[str, Any], log_sink: "LogSink") -> None:
    """Write the record of a failure.

    Args:
        error_result: the error document.
        log_sink: takes it.
    """
    reports.log_report(GivenReport(error_result), log_sink, log_json=log_sink.log_json)


def run(*args: Any) -> "NoReturn":
    """Serve a handler until the platform ends the process.

    Args:
        args: the handler's name and a client; or, as in the client's first versions, a folder to import from, the
            handler's name and the Runtime API's address.

    Raises:
        SystemExit: always, with the exit code.
    """
    from .__main__ import main

    if len(args) == 3:
        folder, handler, _ = args
        sys.path.insert(0, folder)
    else:
        handler, _ = args
    main([sys.argv[0], handler])


serving.take_over(sys.modules[__name__])
