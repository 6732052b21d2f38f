"""What the service tells whoever watches: the screen, the page, a test."""

from typing import Protocol

from pylambda.local.service.invocation import Invocation
from pylambda.local.service.outcomes import Outcome


class Observer(Protocol):
    """Somebody who is told."""

    def began(self, invocation: Invocation) -> None:
        """A worker was given an invocation."""

    def ended(self, invocation: Invocation, outcome: Outcome) -> None:
        """An invocation has its outcome."""

    def rendered(self, invocation: Invocation, outcome: Outcome, status: int, size: int, cause: str) -> None:
        """A front has made a response of an outcome; `cause` is what it hides from its client, empty for nothing."""

    def line(self, text: str, invocation: Invocation | None, worker: int) -> None:
        """A worker has printed a line; for whom is None where it had no invocation, or several."""

    def ready(self, worker: int, init_ms: float) -> None:
        """A worker has started and asks for its first event."""

    def start_failed(self, worker: int, outcome: Outcome) -> None:
        """A worker ended before it asked for an event."""

    def note(self, text: str) -> None:
        """Something happened that a person should know."""
