"""`pylambda check` on an image of the engine's, as a user types it."""

import json
import sys
from typing import Any

from tests.image.cli import command


def findings(tag: str, *words: str) -> list[dict[str, Any]]:
    """What it finds in an image. Raises DockerError where it could not look."""
    ended = command(sys.executable, "-m", "pylambda.local", "check", tag, "--json", *words, check=False)
    assert ended.code in (0, 1), ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)["findings"]
    return found


def alarms(tag: str, *words: str) -> dict[str, str]:
    """Errors and warnings by their ids; and that the function was started."""
    found = findings(tag, *words)
    assert "PL-UNTRIED" not in {finding["id"] for finding in found}, found
    return {finding["id"]: finding["what"] for finding in found if finding["severity"] != "note"}
