"""docs/errors.md has a heading for each message of the source, and none that nothing says."""

import re

import pytest

from pylambda import faults, names
from pylambda.start.settings import Settings
from tests.messages import ROOT, VARIES, Message, messages

PAGE = (ROOT / "docs" / "errors.md").read_text()
HEADING = re.compile(r"^#{2,4} (.+)$", re.MULTILINE)
QUOTED = re.compile(r"(?P<ticks>`+) ?(?P<text>.+?) ?(?P=ticks)$")
HEADINGS = HEADING.findall(PAGE)
HEADED = [quoted["text"] for quoted in map(QUOTED.match, HEADINGS) if quoted]

# What nobody reads by itself, by who says it or word for word.
NOT_FOR_USERS = {
    "ProtocolError": "the end of `... to the Runtime API at ... failed: ...`",
    "ConnectionResetError": "the end of that too",
    "ConnectionAbortedError": "the end of that too",
    "Gone": "how one part of pylambda serve tells another that a client went away",
    "BodyTooLong": "how one part of pylambda serve tells another what to refuse",
    "NameInvalid": "the Lambda service's own words",
    "… …": "the ends of Runtime.ConsoleError, which its section lists",
    "…: …": "a fault on stderr, whose message has a heading of its own",
    "the far side closed the connection, or answered before the end": "the end of `the response to ... broke off ...`",
    "an empty chunk would end the body": "no caller of the runtime's sends one",
    "Non-standard token '…'": "the end of the Lambda service's own refusal",
    "module '__main__' has no attribute …": "Python's own words",
    "module … has no attribute …": "Python's own words",
    "it is not there": "the end of `... is no image that ... holds: ...`",
    "an address outside of the file": "the end of a finding of pylambda check",
    "a broken ELF file: …": "the end of a finding of pylambda check",
    "a number of seconds above 0, such as 3 or 0.5": "the end of `... is ...; it takes ...`",
    "a whole number": "the end of that too",
    "a port from 0 to 65535": "the end of that too",
    "HOST:PORT, such as 127.0.0.1:5678": "the end of that too",
    "1 or 0": "the end of that too",
}


@pytest.fixture(scope="module")
def found() -> list[Message]:
    """All messages of the source."""
    return messages()


@pytest.fixture(scope="module")
def said(found: list[Message]) -> list[Message]:
    """Those for users."""
    return [message for message in found if not {message.kind, message.text} & NOT_FOR_USERS.keys()]


def test_every_message_is_a_heading(said: list[Message]) -> None:
    missing = [message for message in said if not any(heads(heading, message.text) for heading in HEADED)]
    assert not missing, (
        "docs/errors.md has no heading for these: write one, and below it what the message means and what to do\n"
        + "\n".join(f"{message.place}: {message.text}" for message in missing)
    )


def heads(heading: str, text: str) -> bool:
    """Whether a heading is a message, or its first sentence with `…` for the rest."""
    return text == heading or (heading.endswith(f". {VARIES}") and text.startswith(heading.removesuffix(VARIES)))


def test_every_heading_is_a_message(said: list[Message]) -> None:
    texts = {message.text for message in said}
    assert [heading for heading in HEADED if not any(heads(heading, text) for text in texts)] == []


def test_what_is_not_for_users_is_still_said(found: list[Message]) -> None:
    words = {word for message in found for word in (message.kind, message.text)}
    assert NOT_FOR_USERS.keys() <= words


def test_every_message_has_an_entry_of_its_own_or_of_those_around_it() -> None:
    # Given that messages whose lines touch share what stands below the last
    assert re.findall(r"^#### `.+\n\n+(?=#|\Z)", PAGE, re.MULTILINE) == []
    assert len(HEADED) == len(set(HEADED))


KINDS = {kind for kind in vars(faults).values() if isinstance(kind, type) and issubclass(kind, faults.Fault)}
# Those that others derive from are families, and have no name.
NAMED = sorted(KINDS - {base for kind in KINDS for base in kind.__bases__}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.__name__)
def test_the_hint_of_every_fault_leads_to_its_section(kind: type[faults.Fault]) -> None:
    fault = kind.__new__(kind)
    faults.Fault.__init__(fault, "it is wrong", hint="mend it")
    assert fault.advice.startswith("mend it [docs/errors.md#")
    anchor = fault.advice.partition("#")[2].rstrip("]")
    assert anchor in [heading.lower().replace(".", "") for heading in HEADINGS]


def refuses(variable: str) -> bool:
    """Whether a variable can hold something that the runtime refuses."""
    settings = Settings({variable: "no/such?"}, [])
    for name, member in vars(Settings).items():
        if isinstance(member, property):
            try:
                getattr(settings, name)
            except faults.InvalidSetting:
                return True
    return False


def test_every_variable_that_may_be_refused_is_in_the_table_of_what_they_take() -> None:
    table = PAGE.partition("#### `… is …`")[2].partition("####")[0]
    listed = set(re.findall(r"`((?:PYLAMBDA|AWS)_[A-Z_]+)`", table))
    ours = {text for text in vars(names).values() if isinstance(text, str) and re.match("PYLAMBDA_|AWS_LAMBDA_", text)}
    assert {variable for variable in ours if refuses(variable)} == listed
