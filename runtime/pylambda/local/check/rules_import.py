"""What came of starting the function, told apart from what only this machine or this moment lacks."""

import platform
import re
import sys
from collections.abc import Iterator

from pylambda.local.check import packages
from pylambda.local.check.findings import Found, Rule, Severity
from pylambda.local.check.subject import Subject

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
# Kinds of errors that a start without a network ends with.
NETWORK = re.compile(
    r"EndpointConnectionError|ConnectTimeout|ConnectionError|NewConnectionError|URLError|gaierror|Name or service not"
    r" known|Temporary failure in name resolution|Network is unreachable|Could not connect to the endpoint"
)
# A key that is a variable's name by its looks.
VARIABLE = re.compile(r"'?([A-Z][A-Z0-9_]+)'?")
LONGEST = 300


def failed(subject: Subject) -> Iterator[Found]:
    """Yield the failure, where it is the function's."""
    outcome = subject.outcome
    if outcome is None or outcome.ready or not outcome.tried or _excuse(subject):
        return
    if outcome.error is None:
        last = outcome.output.strip().splitlines()[-1:] or [""]
        yield Found("", f"{outcome.why}: {last[0][:LONGEST]}" if last[0] else outcome.why)
        return
    kind, message = _error(subject)
    if kind == "KeyError" and (variable := VARIABLE.fullmatch(message)):
        text = f"a variable may be missing, KeyError: {variable[1]}; give it with --env {variable[1]}=..."
        yield Found("", text, severity=WARNING)
        return
    yield Found("", f"{kind}: {message}"[:LONGEST])


def read_only(subject: Subject) -> Iterator[Found]:
    """Yield a write that the file system refused."""
    outcome = subject.outcome
    said = f"{outcome.error} {outcome.output}" if outcome and not outcome.ready else ""
    found = re.search(r"Read-only file system:? \\*'?([^'\"\\]+)", said)
    if found:
        yield Found("", f"the function writes to {found[1].strip()} while it starts")


def untried(subject: Subject) -> Iterator[Found]:
    """Yield why the start says nothing."""
    outcome = subject.outcome
    if outcome is None:
        if subject.handler:
            how = "give an image by its name" if subject.target.kind == "image" else "--import starts it here"
            yield Found("", f"the function was not started: {how}")
    elif not outcome.tried:
        yield Found("", f"the function could not be started here: {outcome.why}")
    elif not outcome.ready and (excuse := _excuse(subject)):
        yield Found("", excuse)


def _error(subject: Subject) -> tuple[str, str]:
    error = (subject.outcome.error if subject.outcome else None) or {}
    message = str(error.get("errorMessage", "")).strip()
    return str(error.get("errorType", "")), message.splitlines()[0] if message else ""


def _excuse(subject: Subject) -> str:
    """Return what else than the function explains a failure, empty where nothing does."""
    outcome = subject.outcome
    if outcome is None or outcome.ready:
        return ""
    kind, message = _error(subject)
    if NETWORK.search(f"{kind} {message}"):
        return f"the function asks the network while it starts, and there was none: {kind}: {message}"[:LONGEST]
    if "exec format error" in outcome.why.lower():
        return f"this machine cannot run programs for {subject.arch}"
    if subject.target.image is None and (strangers := _strangers(subject)):
        return f"{strangers} cannot be imported by this Python, and something failed: {kind}: {message}"[:LONGEST]
    return ""


def _strangers(subject: Subject) -> str:
    """Return the first native module that is for another Python or machine than those that the trial had."""
    here = packages.MACHINES.get(platform.machine(), platform.machine())
    for file, found in subject.natives:
        tagged = packages.TAGGED.fullmatch(file.name)
        is_other = tagged is not None and int(tagged["python"][1:]) != sys.version_info[1]
        if is_other or found.machine != here:
            return file.path
    return ""


RULES = (
    Rule(
        "PL-IMPORT", ERROR, "the function does not start",
        "Lambda reports the same with every invocation.",
        "Run it on this machine: `pylambda serve HANDLER`, or `docker run IMAGE` and an event.",
        failed,
    ),
    Rule(
        "PL-IMPORT-WRITE", ERROR, "a write outside of /tmp while the function starts",
        "Lambda's file system cannot be written but for /tmp.",
        "Write below /tmp; libraries have a variable for their caches' folder (docs/check.md).",
        read_only,
    ),
    Rule(
        "PL-UNTRIED", NOTE, "whether the function starts was not seen",
        "A name that is in a file may still fail when the file is run.",
        "Check the image by its name where an engine answers, or a folder or a zip with --import.",
        untried,
    ),
)  # fmt: skip
