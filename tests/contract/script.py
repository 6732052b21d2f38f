"""What the fake Runtime API is told to do, as data: the events that it hands out, and how it replies.

A `Reply()` without arguments is what AWS does. Every argument is one way in which a server may differ, and they
combine: a 413 in chunks, cut in the middle. What cannot be said this way is a file in `tests/wire/`.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

REQUEST_ID = "Lambda-Runtime-Aws-Request-Id"
FUNCTION_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:hello"
TRACE_ID = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
WIRE_FILES = Path(__file__).parents[1] / "wire"

Headers = Mapping[str, str | None]


class Then(Enum):
    """What becomes of the connection after a reply."""

    KEEP = "it stays open"
    CLOSE = "the reply says that it closes, and it does"
    DROP = "it closes although the reply does not say so"
    RESET = "it is reset, as by a server that died"


class Framing(Enum):
    """How the client can tell where a reply's body ends."""

    LENGTH = "Content-Length"
    CHUNKED = "chunks"
    TO_END = "the connection ends"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How the fake replies to one request.

    Attributes:
        status: instead of the usual one.
        body: instead of the usual one.
        headers: more headers, or others in the place of the usual ones; None leaves one out.
        spelling: changes the case of header names.
        framing: how the body's end is told.
        chunk_bytes: the size of each chunk but the last.
        interim: whole replies sent before, such as `100 Continue`.
        raw: all bytes of the reply, in place of everything above.
        split_at: offsets at which the client gets the bytes before, and the rest only when it has read those.
        cut_at: how many bytes are sent before the connection is dropped; 0 drops it without a reply.
        then: what becomes of the connection.
        hold_s: how long the client waits for the reply.
        unread: reply before the request's body is read, as servers do that refuse it for its size.
    """

    status: int | None = None
    body: bytes | None = None
    headers: Headers = field(default_factory=dict)
    spelling: Callable[[str], str] = str
    framing: Framing = Framing.LENGTH
    chunk_bytes: int = 16
    interim: bytes = b""
    raw: bytes | None = None
    split_at: Iterable[int] = ()
    cut_at: int | None = None
    then: Then = Then.KEEP
    hold_s: float = 0.0
    unread: bool = False

    def to_bytes(self, status: int, headers: Headers, body: bytes) -> bytes:
        """Return the reply as it goes over the wire; the arguments are the usual status, headers and body."""
        if self.raw is not None:
            return self.raw
        body = body if self.body is None else self.body
        framed = {
            Framing.LENGTH: {"Content-Length": str(len(body))},
            Framing.CHUNKED: {"Transfer-Encoding": "chunked"},
            Framing.TO_END: {},
        }[self.framing]
        closing = {"Connection": "close"} if self.then is Then.CLOSE else {}
        lines = [f"HTTP/1.1 {status if self.status is None else self.status} Reason"]
        for name, value in merge(headers, framed, closing, self.headers).items():
            lines.append(f"{self.spelling(name)}: {value}")
        head = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return self.interim + head + (self._chunks(body) if self.framing is Framing.CHUNKED else body)

    def _chunks(self, body: bytes) -> bytes:
        parts = [body[start : start + self.chunk_bytes] for start in range(0, len(body), self.chunk_bytes)]
        return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


AS_AWS = Reply()


@dataclass(frozen=True)
class Next:
    """One event.

    Attributes:
        event: a JSON value, or `bytes` that are sent as they are.
        headers: of the `/next` reply: more, others, or None to leave one of the usual out.
        request_id: made up where it is empty.
        deadline_ms: how long the invocation may take.
        replies: how the first, second, ... request for this event is answered; later ones as AWS does.
        answers: how the first, second, ... answer to it is taken; later ones as AWS does.
    """

    event: object = field(default_factory=dict)
    headers: Headers = field(default_factory=dict)
    request_id: str = ""
    deadline_ms: int = 3000
    replies: tuple[Reply, ...] = ()
    answers: tuple[Reply, ...] = ()

    @property
    def body(self) -> bytes:
        """The event as it is sent."""
        return self.event if isinstance(self.event, bytes) else json.dumps(self.event).encode()


def merge(*parts: Headers) -> dict[str, str]:
    """Put headers together: a later one replaces an earlier one of the same name in any case; None removes it."""
    merged: dict[str, str | None] = {}
    for part in parts:
        for name, value in part.items():
            known = next((spelled for spelled in merged if spelled.lower() == name.lower()), name)
            merged[known] = value
    return {name: value for name, value in merged.items() if value is not None}


def read_wire_file(path: Path) -> bytes:
    r"""Return the bytes that a file in `tests/wire/` spells.

    Line ends of the file are for the reader only: what goes over the wire is spelled `\r\n`, and other bytes `\xNN`.
    Lines that begin with `#` before the first other line say what the case is about.
    """
    lines = path.read_text(encoding="ascii").splitlines()
    while lines and lines[0].startswith("#"):
        del lines[0]
    return "".join(lines).encode().decode("unicode_escape").encode("latin-1")


def scripted(path: Path) -> Next:
    """Return an event whose `/next` reply is a file in `tests/wire/`."""
    raw = read_wire_file(path)
    found = re.search(rb"(?i)^" + REQUEST_ID.encode() + rb":[ \t]*([^\s]+)", raw, re.MULTILINE)
    request_id = found[1].decode() if found else "not-said"
    reply = Reply(raw=raw, then=Then.DROP if path.stem.endswith("-then-end") else Then.KEEP)
    # A request that is sent again gets the same bytes again: what a case shows does not hang on a retry.
    return Next(request_id=request_id, replies=(reply,) * 10)
