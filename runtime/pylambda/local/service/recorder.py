"""Remembers what the page shows and the screen does not keep, and passes everything on."""

from collections import Counter

from pylambda.local.service.invocation import Invocation
from pylambda.local.service.observer import Observer
from pylambda.local.service.outcomes import Outcome


class Recorder:
    """An observer in front of another one.

    Args:
        observer: is told everything.

    Attributes:
        start_error: the document of the last start that failed; empty once a worker has started again.
        counts: how many invocations ended how: `success`, `error`, `timeout`.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.start_error = ""
        self.counts: Counter[str] = Counter()

    def began(self, invocation: Invocation) -> None:
        """Pass it on."""
        self._observer.began(invocation)

    def ended(self, invocation: Invocation, outcome: Outcome) -> None:
        """Count it."""
        self.counts[outcome.status] += 1
        self._observer.ended(invocation, outcome)

    def rendered(self, invocation: Invocation, outcome: Outcome, status: int, size: int, cause: str) -> None:
        """Pass it on."""
        self._observer.rendered(invocation, outcome, status, size, cause)

    def line(self, text: str, invocation: Invocation | None, worker: int) -> None:
        """Pass it on."""
        self._observer.line(text, invocation, worker)

    def ready(self, worker: int, init_ms: float) -> None:
        """Forget the last failure."""
        self.start_error = ""
        self._observer.ready(worker, init_ms)

    def start_failed(self, worker: int, outcome: Outcome) -> None:
        """Keep why."""
        self.start_error = outcome.body.decode(errors="replace")
        self._observer.start_failed(worker, outcome)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._observer.note(text)
