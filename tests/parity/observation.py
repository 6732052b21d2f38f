"""What a run showed of itself, brought into a form in which two runs can be compared.

JSON is compared by what it says: white space and escapes do not matter, the order of keys, keys that come twice and
the digits of numbers do. Time stamps, addresses of objects and the runtimes' own frames in a traceback on stderr are
masked: the one thing that must differ between two runs is when they ran, and who ran them.
"""

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from tests.contract.http_side import Request

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d((?:[.,]\d{3})?)")
REPEATED_MASK = "[Previous line repeated]"
EPOCH_MS = re.compile(r"\b1[6-9]\d{11}\b")
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
# A frame of a runtime, or of what starts it, with its line of code and the markers below that.
RUNTIME_FRAME = re.compile(
    r'(?:^|(?<=\r)) *File "(?:[^"]*/(?:awslambdaric|runtime/pylambda|official)/[^"]*|<frozen runpy>)", '
    r"line [^\r\n]*[\r\n]"
    r"(?:    [^\r\n]*[\r\n])*",
    re.MULTILINE,
)
# Where in a runtime a warning was given, and that line of code.
WARNING_PLACE = re.compile(
    r"^/\S+/(?:awslambdaric|runtime/pylambda)/\S+:\d+: (\w+Warning: .*\n)(?:  .*\n)?", re.MULTILINE
)
# How deep a recursion may go depends on how deep the runtime stands when it calls the handler.
REPEATED = re.compile(rb"\[Previous line repeated \d+ more times\]")
ESCAPED_TEXT = re.compile(rb"\\u(?!00[0-7])[0-9a-fA-F]{4}")
FRAME_HEAD = struct.Struct(">IIQ")


@dataclass(frozen=True)
class Post:
    """What was sent to the Runtime API once.

    Attributes:
        path: after the API's version, with the request id.
        content_type: without parameters.
        error_type: `Lambda-Runtime-Function-Error-Type`.
        invocation_id: `Lambda-Runtime-Invocation-Id`.
        escaped: whether text beyond ASCII is spelled in escapes.
        body: as it was sent; compared by `said`.
        cause: the X-Ray cause, its paths in order.
    """

    path: str
    content_type: str | None
    error_type: str | None
    invocation_id: str | None
    escaped: bool
    body: bytes
    cause: str

    @property
    def endpoint(self) -> str:
        """`response`, `error` or `init/error`."""
        return self.path if self.path == "init/error" else self.path.rpartition("/")[2]

    @property
    def document(self) -> dict[str, Any]:
        """The error document; empty where the body is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def said(self) -> str:
        """The body by its meaning."""
        if self.content_type == "application/unknown":
            return repr(self.body)
        return canonical(self.body)


@dataclass(frozen=True)
class Observation:
    """What one runtime did for one case.

    Attributes:
        posts: what it sent.
        out: its stdout, `err` its stderr; masked.
        frames: what it wrote to the telemetry descriptor: each frame's type and text.
        exit_code: None where it still serves.
    """

    posts: tuple[Post, ...]
    out: str
    err: str
    frames: tuple[tuple[str, str], ...]
    exit_code: int | None

    def flat(self) -> dict[str, str]:
        """Return every fact under a name, for comparison and for reading."""
        facts = {
            "exit code": str(self.exit_code), "stdout": self.out, "stderr": self.err, "posts": str(len(self.posts)),
        }  # fmt: skip
        facts["frames"] = "".join(f"{kind}\n{text}\n" for kind, text in self.frames)
        for number, post in enumerate(self.posts):
            for part in fields(post):
                value = post.said if part.name == "body" else getattr(post, part.name)
                facts[f"post {number} {part.name}"] = str(value)
        return facts


def post_of(request: Request) -> Post:
    """Take a request apart."""
    kind = request.header("Content-Type")
    return Post(
        path=request.path.removeprefix("/2018-06-01/runtime/"),
        content_type=None if kind is None else kind.partition(";")[0],
        error_type=request.header("Lambda-Runtime-Function-Error-Type"),
        invocation_id=request.header("Lambda-Runtime-Invocation-Id"),
        escaped=kind != "application/unknown" and bool(ESCAPED_TEXT.search(request.body)),
        body=REPEATED.sub(REPEATED_MASK.encode(), request.body),
        cause=_cause(request),
    )


def frames_of(data: bytes) -> Iterator[tuple[str, str]]:
    """Take apart what was written to the telemetry descriptor."""
    while data:
        kind, length, microseconds = FRAME_HEAD.unpack_from(data)
        start = FRAME_HEAD.size
        if not 1e15 < microseconds < 1e16:
            yield "a time stamp that is none", str(microseconds)
        yield f"{kind:08X}", masked(data[start : start + length])
        data = data[start + length :]


def masked(text: bytes) -> str:
    """Return text without what differs from run to run."""
    plain = REPEATED.sub(REPEATED_MASK.encode(), text).decode(errors="backslashreplace")
    plain = TIMESTAMP.sub(lambda match: f"0000-00-00{match[1]}00:00:00{'.000' if match[2] else ''}", plain)
    return ADDRESS.sub("0xADDRESS", EPOCH_MS.sub("EPOCH-MS", plain))


def without_runtime_frames(text: str) -> str:
    """Return tracebacks and warnings without the places in the runtimes themselves."""
    return WARNING_PLACE.sub(r"\1", RUNTIME_FRAME.sub("", text))


def canonical(body: bytes) -> str:
    """Return JSON by its meaning; what is no JSON, or nested too deep to be looked at, as it is."""
    try:
        return _spell(json.loads(body, object_pairs_hook=_Pairs, parse_float=_Number, parse_int=_Number,
                                 parse_constant=_Number))  # fmt: skip
    except (ValueError, RecursionError):
        return repr(body)


class _Number(str):
    """A number by its digits."""


class _Pairs(list[tuple[str, Any]]):
    """An object with its keys in order, twice where they came twice."""


def _spell(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, _Pairs):
        return (
            "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_spell(member)}" for key, member in value) + "}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(_spell, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _cause(request: Request) -> str:
    # From the bytes: the official client sends UTF-8, which a parsed header is not.
    found = re.search(rb"(?im)^lambda-runtime-function-xray-error-cause: ?([^\r\n]*)", request.head)
    if not found or not found[1].strip():
        return ""
    cause = json.loads(found[1])
    cause["paths"] = sorted(cause["paths"])
    for exception in cause["exceptions"]:
        runs = (list(run) for _, run in groupby(exception["stack"]))
        # As `traceback` shortens them: three of each, the number of the others masked.
        exception["stack"] = [
            frame for run in runs for frame in (run if len(run) <= 3 else [*run[:3], {**run[0], "line": "repeated"}])
        ]
    return json.dumps(cause, ensure_ascii=False)
