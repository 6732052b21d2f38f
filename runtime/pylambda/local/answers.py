"""What an answer to an event means: bytes and headers in, success or a sentence out. No input, no output.

The classic emulator answers 200 for nearly everything, so the status alone says little. A function failed when

- the body is an error document: a JSON object that has `errorType` and `errorMessage`, both text, and nothing but
  the keys that runtimes and the platform write. One key more, and it is a function's own result. A function
  that returns exactly an error document can't be told from one that failed, not here and not in the emulator; or
- the body is, outside of JSON, the emulator's one sentence for a timeout. A function's text arrives in quotes; or
- the status is not 2xx; or
- a header says so: `X-Amz-Function-Error` in Lambda, `Error-Type` from the emulator of managed instances.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

DEFAULT_URL = "http://127.0.0.1:8080"
# The emulator serves this name alone, whatever the function is called.
INVOCATION_PATH = "/2015-03-31/functions/function/invocations"

# The emulator cuts a longer event off without a word, and what reaches the function is broken JSON.
LONGEST_EVENT = 6 * 1024 * 1024 + 100

# No function runs longer than 900 seconds in Lambda; a little more lets the emulator be the one that says so.
DEFAULT_TIMEOUT_S = 910.0

FAILURE_HEADERS = ("x-amz-function-error", "error-type")
DOCUMENT_KEYS = frozenset(
    {"errorType", "errorMessage", "requestId", "stackTrace", "trace", "cause", "exit_code", "output"}
)
TIMED_OUT = re.compile(rb"Task timed out after -?\d+\.\d\d seconds")


class InvokeError(Exception):
    """Raised when no answer came, or the request could not be made; the message is one line."""


class NoAnswer(InvokeError):
    """Raised when the request was sent, or was to be sent, and nobody answered it."""


@dataclass(frozen=True)
class Answer:
    """What came back from a function. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def failure(self) -> str | None:
        """A sentence for a failed invocation, None for a successful one."""
        document = error_document(self.body)
        if document is not None:
            return f"{document['errorType']}: {document['errorMessage']}"
        if TIMED_OUT.fullmatch(self.body):
            return self.body.decode()
        if not 200 <= self.status < 300:
            return f"HTTP status {self.status}"
        return next((f"{name}: {self.headers[name]}" for name in FAILURE_HEADERS if self.headers.get(name)), None)

    def json(self) -> Any:
        """Return the body decoded."""
        return json.loads(self.body)


def error_document(body: bytes) -> dict[str, Any] | None:
    """Return the body as an error document, None where it is anything else."""
    # Cheap to say no: most bodies are results, and some are megabytes.
    if not body.lstrip().startswith(b"{") or b'"errorType"' not in body:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not DOCUMENT_KEYS.issuperset(document):
        return None
    texts = (document.get("errorType"), document.get("errorMessage"))
    return document if all(isinstance(text, str) for text in texts) else None


def invocation_url(url: str) -> SplitResult:
    """Return the full URL, given that or only its beginning.

    Raises:
        InvokeError: it is not an http or https URL with a host.
    """
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise InvokeError(f"{url!r} is not a URL such as {DEFAULT_URL}")
    return parts if parts.path.strip("/") else parts._replace(path=INVOCATION_PATH)
