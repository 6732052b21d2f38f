"""Handlers that cannot be loaded. The emulator loads at the first event, so that is where it shows."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pylambda.local.function import Function, Kit, running

if TYPE_CHECKING:
    from tests.local.conftest import Start

FINE = "def handler(event, context):\n    return 'served'\n"


def load_fault(function: Function) -> dict[str, Any]:
    """Send an event to a function that cannot be loaded; return the error document."""
    answer = function.invoke(b"{}")
    assert answer.status == 502
    assert answer.failure is not None
    document: dict[str, Any] = answer.json()
    assert any(line.startswith(f"[ERROR] {document['errorType']}: ") for line in function.log())
    return document


def hints(function: Function) -> str:
    return "\n".join(line for line in function.log() if "Hint: " in line)


def test_the_module_is_missing(start: "Start") -> None:
    function = start(FINE, handler="aap.handler")
    document = load_fault(function)
    assert document["errorType"] == "Runtime.ImportModuleError"
    assert document["errorMessage"] == "Unable to import module 'aap': No module named 'aap'"
    assert "'app'" in hints(function)


def test_a_module_that_it_imports_is_missing(start: "Start") -> None:
    function = start("import pandaz\n" + FINE)
    document = load_fault(function)
    assert document["errorType"] == "Runtime.ImportModuleError"
    assert document["errorMessage"] == "Unable to import module 'app': No module named 'pandaz'"
    assert "app.py" in "".join(document["stackTrace"])
    assert "pandaz" in hints(function)


def test_a_syntax_error(start: "Start") -> None:
    function = start("x = 1\ndef handler(event, context)\n    return 1\n")
    document = load_fault(function)
    assert document["errorType"] == "Runtime.UserCodeSyntaxError"
    assert document["errorMessage"] == "Syntax error in module 'app': expected ':' (app.py, line 2)"
    assert "app.py" in hints(function)
    assert "line 2" in hints(function)


def test_the_function_is_missing(start: "Start") -> None:
    function = start(FINE, handler="app.handle")
    document = load_fault(function)
    assert document["errorType"] == "Runtime.HandlerNotFound"
    assert document["errorMessage"] == "Handler 'handle' missing on module 'app'"
    assert "'handler'" in hints(function)


def test_the_name_is_no_handler(start: "Start") -> None:
    document = load_fault(start(FINE, handler="app"))
    assert document["errorType"] == "Runtime.MalformedHandlerName"
    assert document["errorMessage"] == "Bad handler 'app': not enough values to unpack (expected 2, got 1)"


def test_the_module_raises(start: "Start") -> None:
    document = load_fault(start("raise ValueError('no TABLE_NAME')\n"))
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "no TABLE_NAME")
    assert "app.py" in "".join(document["stackTrace"])


def test_the_file_cannot_be_read(kit: Kit, tmp_path: Path) -> None:
    folder = tmp_path / "function"
    folder.mkdir()
    (folder / "app.py").write_text(FINE)
    (folder / "app.py").chmod(0)
    with running(as_ordinary_user(kit, tmp_path), "app.handler", folder) as function:
        document = load_fault(function)
        assert "app.py" in document["errorMessage"]
        assert "ermission" in document["errorMessage"]


def as_ordinary_user(kit: Kit, folder: Path) -> Kit:
    """Return a kit whose function may read only what the modes allow: root may read everything, so it gives that up."""
    if os.geteuid() != 0:
        return kit
    script = folder / "without_rights.sh"
    script.write_text(
        f'#!/bin/sh\nexec setpriv --bounding-set=-dac_override,-dac_read_search "{kit.entry_script}" "$@"\n'
    )
    script.chmod(0o755)
    return Kit(script, kit.runtime_dir, kit.emulator, kit.python)


def test_once_mended_the_next_event_is_served(start: "Start", tmp_path: Path) -> None:
    function = start("import pandaz\n" + FINE)
    load_fault(function)
    (tmp_path / "app.py").write_text(FINE)
    assert function.invoke(b"{}").json() == "served"


@pytest.mark.parametrize(
    ("module", "handler"),
    [("app.py", "app.handler"), ("orders/api.py", "orders/api.handler"), ("orders/api.py", "orders.api.handler")],
)
def test_a_module_in_a_folder(kit: Kit, tmp_path: Path, module: str, handler: str) -> None:
    (tmp_path / module).parent.mkdir(exist_ok=True)
    (tmp_path / module).write_text(FINE)
    with running(kit, handler, tmp_path) as function:
        assert function.invoke(b"{}").json() == "served"
