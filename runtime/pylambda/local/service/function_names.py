"""Names of functions as clients write them: plain, with an alias or a version, partial and full ARNs.

Source: the pattern of `NamespacedFunctionName` in the model of the Lambda API (botocore, `lambda/2015-03-31`).
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?(-iso([a-z])?)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
LATEST = "$LATEST"
# The same, with names for the two parts that matter.
_PARTS = PATTERN.replace(r"([a-zA-Z0-9-_\.]+)", r"(?P<name>[a-zA-Z0-9-_\.]+)").replace(r"(:(\$", r"(:(?P<qualifier>\$")
_QUALIFIER = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9$_-]+"
_PUNCTUATION = str.maketrans("", "", "-_.")


class NameInvalid(ValueError):
    """Raised when a name is none; the message is the service's."""


class Target(NamedTuple):
    """Which function is meant.

    Attributes:
        name: without ARN and qualifier.
        qualifier: an alias, a version or `$LATEST`; empty where none was given.
    """

    name: str
    qualifier: str

    @property
    def version(self) -> str:
        """The version that runs: a number that was asked for, else the only one there is."""
        return self.qualifier if self.qualifier.isdigit() else LATEST


def target_of(segment: str, qualifier: str) -> Target:
    """Read a name.

    Args:
        segment: the path's segment as it came, percent-encoded.
        qualifier: the query's `Qualifier`, decoded; empty where there is none.

    Raises:
        NameInvalid: it is no name, or the two qualifiers differ.
    """
    if not qualifier and is_plain(segment):
        return Target(segment, "")  # two patterns that take a millisecond to compile have nothing to find
    text = unquote(segment)
    found = re.fullmatch(_PARTS, text)
    if found is None:
        raise NameInvalid(invalid(text, "functionName", PATTERN))
    if qualifier and not re.fullmatch(_QUALIFIER, qualifier):
        raise NameInvalid(invalid(qualifier, "qualifier", _QUALIFIER))
    of_name = found["qualifier"] or ""
    if of_name and qualifier and of_name != qualifier:
        raise NameInvalid("The derived qualifier from the function name does not match the specified qualifier.")
    return Target(found["name"], of_name or qualifier)


def is_plain(segment: str) -> bool:
    """Return whether a segment is a name and no more, as most are."""
    return segment.isascii() and segment.translate(_PUNCTUATION).isalnum()


def invalid(value: str, field: str, pattern: str) -> str:
    """Return the service's sentence for a value that does not fit."""
    return (
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}"
    )
