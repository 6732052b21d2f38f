"""What a rule is and what it finds: an id that stays, how bad it is, what, why, the mend, and the page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from pylambda.local.check.subject import Subject

PAGE = "docs/check.md"


class Severity(IntEnum):
    """How bad a finding is; only errors make the command fail."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """What it is called in every output."""
        return self.name.lower()


@dataclass(frozen=True)
class Found:
    """One place where a rule does not hold.

    Attributes:
        where: a path in the target, a layer, a variable's name; empty for the target as a whole.
        what: a sentence about this place.
        line: in the file of that path; 0 for none.
        severity: where it is not the rule's own.
    """

    where: str
    what: str
    line: int = 0
    severity: Severity | None = None


@dataclass(frozen=True)
class Rule:
    """One thing that is looked for.

    Attributes:
        id: for `--ignore`, and for programs: it never changes.
        severity: how bad it is.
        title: what is wrong, in a few words.
        why: what happens then.
        mend: what to do.
        look: finds the places.
    """

    id: str
    severity: Severity
    title: str
    why: str
    mend: str
    look: Callable[[Subject], Iterator[Found]]

    @property
    def page(self) -> str:
        """Where it is explained."""
        return f"{PAGE}#{self.id.lower()}"


@dataclass(frozen=True)
class Finding:
    """A rule, and one place where it does not hold."""

    rule: Rule
    found: Found

    @property
    def severity(self) -> Severity:
        """How bad it is here."""
        return self.rule.severity if self.found.severity is None else self.found.severity
