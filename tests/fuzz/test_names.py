"""Names of handlers and client contexts: each is good, or refused by its own fault; nothing else comes out."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylambda.faults import LambdaContextUnmarshalError, LoadFault
from pylambda.function import apps, handler
from pylambda.function.client_context import ClientContext, parse_object
from tests.fuzz.test_json import PLAIN

# Nothing of these can be imported but the last two, which hold what is and what is not a handler.
PARTS = st.sampled_from(
    [
        "app",
        "",
        ".",
        "..",
        "/",
        "a b",
        "\0",
        "\ud800",
        "é",
        "()",
        ":",
        "asgi",
        "wsgi",
        "__init__",
        "x" * 300,
        "json",
        "dumps",
    ]
)
NAMES = st.lists(PARTS, max_size=6).map("".join) | st.text(max_size=20)


@pytest.fixture(autouse=True)
def no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])


@given(NAMES)
def test_a_name_leads_to_a_handler_or_to_its_fault(name: str) -> None:
    try:
        found = handler.load(name, "/var/task")
    except LoadFault as fault:
        assert fault.hint
    else:
        assert callable(found)


@given(st.sampled_from(["asgi", "wsgi"]), NAMES)
def test_a_name_leads_to_an_app_or_to_its_fault(kind: str, name: str) -> None:
    try:
        apps.load_app(f"{kind}:{name}", "/var/task")
    except LoadFault as fault:
        assert fault.hint


@given(PLAIN.map(json.dumps) | st.text(max_size=30))
def test_a_client_context_is_an_object_or_refused(text: str) -> None:
    try:
        members = parse_object(text, "Client Context")
        made: Any = members and ClientContext(members)
    except LambdaContextUnmarshalError:
        return
    assert made is None or members == {} or made.custom == json.loads(text).get("custom")
