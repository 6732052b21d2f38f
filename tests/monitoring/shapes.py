"""What a tool told, in a form in which two runs can be compared.

Values by which no two runs are alike are masked: times, durations, identifiers, addresses, the two folders. The frames
of a trace that are a runtime's own are left out: which those are is what the runtimes differ in.
"""

import base64
import gzip
import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.monitoring.both import PYTHON, Told
from tests.monitoring.sink import Arrival

RUNTIME = re.compile(r"awslambdaric|runtime/pylambda|importlib|tests/(?:parity|monitoring)/official|<frozen |runpy")
MASKS = (
    (re.compile(r"/\S*/(?:official|ours)/task"), "TASK"),
    (re.compile(r"127\.0\.0\.1:\d+"), "SINK"),
    (re.compile(r"00000000-0000-4000-8000-0*(\d+)"), r"REQUEST \1"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?:Z|\+00:00)?"), "TIME"),
    (re.compile(r"0x[0-9a-f]{6,}"), "ADDRESS"),
    (re.compile(r"\b\d+ ?ms\b"), "N ms"),
    (re.compile(r"\b(?:awslambdaric\.lambda_context|pylambda\.function\.context)\."), ""),
    (re.compile(r"\b(?:[0-9a-f]{8,}|[0-9A-F]{8,})\b"), "ID"),
    (re.compile(r"\b\d+\.\d{3,}\b"), "NUMBER"),
    (re.compile(r"[A-Za-z0-9+/]{60,}={0,2}"), "BYTES"),
)
# Where a frame of a trace says which file it is of, tool by tool.
FRAME_KEYS = ("filename", "fileName", "file", "abs_path", "path", "c")
# The X-Ray SDK shortens paths to names. These are the runtimes' alone: the functions here are `app` and `work`.
BARE_NAMES = {"__main__.py", "bootstrap.py", "loop.py", "main.py", "start.py"}
# What is of the run and not of the function: durations, sizes, processes, the packages beside the runtime.
APART = frozenset(
    (
        "length pid process.pid process_id modules execution_duration_in_millis remaining_time_in_millis d duration"
    ).split()
)
LARGEST_NUMBER_THAT_SAYS_SOMETHING = 100_000


def arrived(told: Told, apart: Iterable[str]) -> list[str]:
    """Return what reached the sink, one text each, sorted: tools send from threads.

    Args:
        told: by one run.
        apart: keys whose values are left out.
    """
    traces = [arrival for arrival in told.arrivals if arrival.path.endswith("/v1/traces")]
    others = [arrival for arrival in told.arrivals if arrival not in traces]
    # Which spans come in one request is a matter of time.
    found = [("span", [span]) for span in spans_of(traces)]
    found += [(f"{arrival.method} {_masked(arrival.path)}", arrival.values) for arrival in others]
    return sorted(f"{what} {json.dumps(_shape(values, frozenset(apart)), sort_keys=True)}" for what, values in found)


def logged(told: Told, pattern: str, apart: Iterable[str]) -> list[str]:
    """Return what a tool tells in the log.

    Args:
        told: by one run.
        pattern: of it; the official client does not end the line of a record that has a traceback.
        apart: keys whose values are left out.
    """
    # A record of several lines is one entry in both, joined in ours.
    found = re.findall(pattern, told.out.replace("\r", "\n"), re.MULTILINE)
    return [json.dumps(_shape(_value_of(text), frozenset(apart)), sort_keys=True) for text in found]


def _value_of(line: str) -> Any:
    try:
        value = json.loads(line)
    except ValueError:
        return line
    if isinstance(value, list) and value[1:2] == ["NR_LAMBDA_MONITORING"]:  # packed
        return [*value[:2], json.loads(gzip.decompress(base64.b64decode(value[2])))]
    return value


def _shape(value: Any, apart: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {_masked(key): _shape(member, apart) for key, member in value.items() if key not in apart | APART}
    if isinstance(value, list):
        return [
            _shape(member, apart) for member in value if not (_is_runtime_frame(member) or _is_apart(member, apart))
        ]
    if isinstance(value, bytes):
        return _shape(value.decode(errors="backslashreplace"), apart)
    if isinstance(value, str):
        if value[:1] in {"{", "[", '"'}:
            try:
                return _shape(json.loads(value), apart)
            except ValueError:
                pass
        return _masked("\n".join(_without_runtime_frames(value.split("\n"))))
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > LARGEST_NUMBER_THAT_SAYS_SOMETHING):
        return "NUMBER"
    return value


def _is_runtime_frame(member: Any) -> bool:
    if isinstance(member, dict):
        return any(RUNTIME.search(str(member.get(key))) for key in FRAME_KEYS) or member.get("path") in BARE_NAMES
    if isinstance(member, list):
        return all(isinstance(part, (str, int)) for part in member) and bool(RUNTIME.search(str(member)))
    return isinstance(member, str) and bool(RUNTIME.search(member))


def _is_apart(member: Any, apart: frozenset[str]) -> bool:
    return isinstance(member, dict) and member.get("key") in apart | APART


def _without_runtime_frames(lines: list[str]) -> list[str]:
    kept, drop = [], False
    for line in lines:
        if line.lstrip().startswith("File "):
            drop = bool(RUNTIME.search(line))
        elif drop and not line.startswith("    "):
            drop = False
        if not drop:
            kept.append(line)
    return kept


def _masked(text: str) -> str:
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text


def spans_of(traces: list[Arrival]) -> list[Any]:
    """Return the spans of OTLP requests, each with what it is of: its resource, its scope, and itself."""
    if not traces:
        return []
    lines = "\n".join(arrival.body.hex() for arrival in traces)
    program = [str(PYTHON), str(Path(__file__).with_name("otlp.py"))]
    printed = subprocess.run(program, input=lines, capture_output=True, text=True, check=True, timeout=60).stdout
    return [
        [resource.get("resource"), scope.get("scope"), span]
        for line in printed.splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
