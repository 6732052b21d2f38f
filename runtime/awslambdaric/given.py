"""What the official client's functions are given, in this runtime's own shapes: an invocation, an error document."""

from typing import Any

from pylambda.log.reports import VALIDATION_ERROR, Report
from pylambda.payload import codec
from pylambda.runtime_api.invocation import Invocation


class GivenInvocation(Invocation):
    """An invocation from its parts in place of a reply of the Runtime API's. For the parts see `Invocation`."""

    def __init__(
        self,
        request_id: str,
        *,
        event: bytes | bytearray = b"",
        content_type: str | None = None,
        deadline_ms: int = 0,
        function_arn: str | None = None,
        trace_id: str | None = None,
        client_context: str | None = None,
        cognito_identity: str | None = None,
        tenant_id: str | None = None,
        invocation_id: str | None = None,
    ) -> None:
        self.request_id, self._deadline = request_id, str(deadline_ms)
        self.event, self.content_type = event, content_type
        self.function_arn = function_arn or ""
        self.trace_id, self.invocation_id, self.tenant_id = trace_id, invocation_id, tenant_id
        self.client_context, self.cognito_identity = client_context, cognito_identity


class Document(dict[str, Any]):
    """An error document, and what the log says beyond it."""

    hint = ""


class GivenReport(Report):
    """A report from its error document.

    Args:
        document: `errorType`, `errorMessage`, `stackTrace` and, of an invocation, `requestId`.
        xray_cause: JSON, or nothing.
    """

    def __init__(self, document: dict[str, Any], xray_cause: str = "") -> None:
        self.request_id = document.get("requestId") or ""
        self.error_type = document.get("errorType") or ""
        self.message = document.get("errorMessage") or ""
        self.stack = list(document.get("stackTrace") or ())
        self.hint = getattr(document, "hint", "")
        self._xray_type, self._frames = VALIDATION_ERROR, []
        named = self.error_type.startswith(("Runtime.", "Function."))
        self._category_and_name = self.error_type if named else f"Function.{self.error_type}"
        self._document, self._given_cause = document, xray_cause

    @property
    def body(self) -> bytes:
        """The document as it was given."""
        return codec.to_json(self._document)

    @property
    def xray_cause(self) -> str:
        """The cause as it was given, in ASCII."""
        return self._given_cause
