"""What can go wrong, as the official client names it: one class, its kinds by their wire names."""

from pylambda.faults import Fault


class FaultException(Fault):
    """A failure that is not the function's own exception.

    Args:
        exception_type: its wire name.
        msg: a sentence.
        trace: the stack trace of the error document, one string a frame.
    """

    MARSHAL_ERROR = "Runtime.MarshalError"
    UNMARSHAL_ERROR = "Runtime.UnmarshalError"
    USER_CODE_SYNTAX_ERROR = "Runtime.UserCodeSyntaxError"
    HANDLER_NOT_FOUND = "Runtime.HandlerNotFound"
    IMPORT_MODULE_ERROR = "Runtime.ImportModuleError"
    BUILT_IN_MODULE_CONFLICT = "Runtime.BuiltInModuleConflict"
    MALFORMED_HANDLER_NAME = "Runtime.MalformedHandlerName"
    BEFORE_SNAPSHOT_ERROR = "Runtime.BeforeSnapshotError"
    AFTER_RESTORE_ERROR = "Runtime.AfterRestoreError"
    LAMBDA_CONTEXT_UNMARSHAL_ERROR = "Runtime.LambdaContextUnmarshalError"
    LAMBDA_RUNTIME_CLIENT_ERROR = "Runtime.LambdaRuntimeClientError"

    def __init__(self, exception_type: str, msg: str, trace: list[str] | None = None) -> None:
        super().__init__(msg, stack=tuple(trace or ()))
        self.exception_type = exception_type
        self.msg = msg
        self.trace = trace

    @property
    def error_type(self) -> str:
        """The wire name."""
        return self.exception_type
