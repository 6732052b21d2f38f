"""The one exception of the explainers, for all of their modules."""


class NotSo(Exception):
    """Raised when a run does not show what a row says; the message says what is missing."""
