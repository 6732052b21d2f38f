"""What other adapters make of the recorded events, beside what this runtime makes of them.

A peer runs in the interpreter of the frameworks, without a runtime: what it returns is what it would have sent. Two
results are compared as the client and the app see them, not key by key: a header that a front door ignores is lost.
"""

import json
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from tests.web.doors import EVENTS, recorded, response

PEERS = {
    "mangum": "asgi:mirror:asgi_app",
    "apig-wsgi": "wsgi:mirror:wsgi_app",
    "serverless-wsgi": "wsgi:mirror:wsgi_app",
}
REQUESTS = sorted(path.stem for path in EVENTS.glob("*.json"))
# One event of each front door, to which every answer of the mirror is given.
FRONT_DOORS = ("rest-get", "http-v1-get", "http-v2-get", "url-post-json", "alb-get", "alb-multi-get", "lattice-v2-post")
ANSWERS = ("json", "problem", "svg", "latin", "binary", "gzip", "headers", "empty", "redirect", "odd")


class Difference(NamedTuple):
    """A row of `differences.toml`.

    Attributes:
        peers: who does it another way.
        fields: patterns of the fields in which it shows.
        events: patterns of the events that show it.
        theirs: what these peers do.
        ours: what this runtime does, and why.
    """

    peers: list[str]
    fields: list[str]
    events: list[str]
    theirs: str
    ours: str

    def covers(self, peer: str, event: str, field: str) -> bool:
        """Whether the row says that there is this difference."""
        return (
            peer in self.peers
            and any(fnmatch(field, one) for one in self.fields)
            and any(fnmatch(event, one) for one in self.events)
        )

    @property
    def line(self) -> str:
        """The row as docs/web.md has it."""
        return f"| {', '.join(self.peers)} | {self.theirs} | {self.ours} |"


def differences() -> list[Difference]:
    """Return every difference that is meant to be."""
    found = tomllib.loads((Path(__file__).parent / "differences.toml").read_text())
    return [Difference(**row) for row in found["difference"]]


def events() -> dict[str, Any]:
    """Every event that is given to all, by its name."""
    asked = {name: recorded(name) for name in REQUESTS}
    answered = {f"{name}:{answer}": _asking_for(answer, recorded(name)) for name in FRONT_DOORS for answer in ANSWERS}
    return asked | answered


def of_peer(peer: str, python: Path, mirror: Path) -> dict[str, Any]:
    """Return a peer's results by the events' names."""
    done = subprocess.run(
        [python, mirror, peer], input=json.dumps(events()), capture_output=True, text=True, timeout=60, check=True
    )
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def differing(event: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Name each field in which two results differ; a peer that raised differs in `raised` alone."""
    if ("raised" in ours) != ("raised" in theirs):
        yield "raised"
    if "raised" in ours or "raised" in theirs:
        return
    mine, other = as_client(event, ours), as_client(event, theirs)
    if ":" not in event:
        yield from _members(mine.pop("body"), other.pop("body"))
    yield from _fields(mine, other)


def as_client(event: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the client of a front door gets of a result: status, body, each header's values."""
    heard = dict(result)
    if event.startswith(("http-v2", "url", "alb-get", "alb-health", "alb-post", "lattice")):
        heard.pop("multiValueHeaders", None)
    if event.startswith("alb-multi"):
        heard.pop("headers", None)
    if not event.startswith(("http-v2", "url")):
        heard.pop("cookies", None)
    heard.setdefault("body", "")
    answered = response(heard)
    found: dict[str, Any] = {"status": answered.status, "body": answered.body}
    for name in sorted({name for name, _ in answered.headers}):
        found[f"header {name}"] = sorted(part for value in answered.all(name) for part in _parts(name, value))
    return found


def _parts(name: str, value: str) -> list[str]:
    return [value] if name == "set-cookie" else [part.strip() for part in value.split(",")]


def _members(mine: bytes, other: bytes) -> Iterator[str]:
    """Compare what the two apps say that they were asked."""
    seen, also = json.loads(mine), json.loads(other)
    headers, others = _joined(seen.pop("headers")), _joined(also.pop("headers"))
    yield from (f"request {name}" for name in _fields(seen, also))
    yield from (f"request header {name}" for name in _fields(headers, others))


def _joined(headers: list[list[str]]) -> dict[str, list[str]]:
    """Return values by name, each list in order: whether they come joined or one by one is the protocol's matter."""
    joined: dict[str, list[str]] = {}
    for name, value in headers:
        joined.setdefault(name, []).extend(part.strip() for part in value.replace(";", ",").split(","))
    return {name: sorted(values) for name, values in joined.items()}


def _fields(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _asking_for(answer: str, event: dict[str, Any]) -> dict[str, Any]:
    for key, is_list in (("headers", event.get("version") == "2.0" and "path" in event), ("multiValueHeaders", True)):
        if event.get(key):
            event[key]["x-answer"] = [answer] if is_list else answer
    return event
