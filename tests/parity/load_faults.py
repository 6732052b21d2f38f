"""Row e: what both runtimes say of a function that cannot be loaded.

The reference warns that an update of the runtime might be to blame, sends its faults with an empty stack, and a user's
exception with the import system's frames. Ours warns of nothing, shows the user's frames and ends its log with a hint.
Type and message stay the same, and the log still says what the document says: it is rebuilt here from that.
"""

import json
import re
from dataclasses import replace

from tests.parity.cases import Case
from tests.parity.not_so import NotSo
from tests.parity.observation import Observation, Post, canonical

WARNING = "LAMBDA_WARNING: Unhandled exception. "
# A line of text, or a JSON object, on stdout.
WARNING_LINE = re.compile(r"\[WARNING\]\t\S+\t\tLAMBDA_WARNING: .*\r\n|\{[^{}]*\"message\": \"LAMBDA_WARNING: .*\}\n")
HINT = re.compile(r"\rHint: ([^\r\n]+)\n$|\nHint: ([^\r\n]+)$|, \"hint\": (\"[^\r\n]+\")\}\n?$")
IMPORT_SYSTEM = re.compile(r'  File "(?:<frozen importlib\.[^"]*>|[^"]*/importlib/__init__\.py)", ')
TIMESTAMP = "0000-00-00T00:00:00Z"
ERROR_FRAMES = {True: "A55A0016", False: "A55A0017"}


def report_load_fault(official: Observation, ours: Observation, case: Case) -> Observation:
    """e: see above; or what cannot be called is found out at the start, or what the reference does not find works.

    Where the case has words for both, the fault is another one: a name with an empty part.
    """
    if [post.endpoint for post in ours.posts] == ["response"]:
        return _resolves(official, ours, case)
    if [post.endpoint for post in official.posts] == ["error"]:
        return _fails_earlier(official, ours, case)
    if [post.endpoint for post in (*official.posts, *ours.posts)] != ["init/error", "init/error"]:
        raise NotSo("not both report one load fault")
    said = _without_warning(official)
    sent, own = official.posts[0].document, ours.posts[0].document
    error_type = official.posts[0].error_type
    if case.official:
        if sent["errorMessage"] != case.official or not case.ours:
            raise NotSo(f"the reference does not say {case.official!r}")
        error_type = "Runtime.MalformedHandlerName"
        sent = {**sent, "errorMessage": case.ours, "errorType": error_type}
    stack = [frame for frame in sent["stackTrace"] if not IMPORT_SYSTEM.match(frame)]
    if not stack:
        stack = own["stackTrace"]
        if not all(re.match(r'  File "[^"]*", line \d+, in ', frame) for frame in stack):
            raise NotSo("our stack trace is none")
    document = {**sent, "stackTrace": stack}
    post = replace(official.posts[0], error_type=error_type, body=json.dumps(document).encode())
    log = ours.frames[-1][1] if ours.frames else ours.out
    hint = _hint(log)
    as_json = log.startswith("{") or "\n{" in log
    return with_log(replace(said, posts=(post,)), document, hint, as_json=as_json)


def _hint(log: str) -> str:
    found = HINT.search(log)
    if not found:
        return ""
    return found[1] or found[2] or str(json.loads(found[3]))


def _without_warning(official: Observation) -> Observation:
    if official.frames:
        first, *rest = official.frames
        if WARNING not in first[1]:
            raise NotSo("the reference does not warn")
        return replace(official, frames=tuple(rest))
    out, count = WARNING_LINE.subn("", official.out)
    if count != 1:
        raise NotSo("the reference does not warn")
    return replace(official, out=out)


def with_log(said: Observation, document: dict[str, object], hint: str, *, as_json: bool) -> Observation:
    """Put the report of `document`, with the hint, in the place of the report that is there."""
    lines = [f"[ERROR] {document['errorType']}: {document['errorMessage']}", "Traceback (most recent call last):"]
    if not document["errorMessage"]:
        lines[0] = f"[ERROR] {document['errorType']}"
    stack = document["stackTrace"]
    assert isinstance(stack, list)
    for frame in stack:
        lines += [re.sub("^ +", lambda indent: "\u00a0" * len(indent[0]), line) for line in frame.splitlines()]
    lines += [f"Hint: {hint}"] if hint else []
    record = {"timestamp": TIMESTAMP, "level": "ERROR", **document, **({"hint": hint} if hint else {})}
    if said.frames:
        text = json.dumps(record, ensure_ascii=False) if as_json else "\n".join(lines)
        return replace(said, frames=(*said.frames[:-1], (ERROR_FRAMES[as_json], text)))
    kept = said.out[: said.out.rindex('{"timestamp"' if as_json else "[ERROR] ")]
    text = json.dumps(record, ensure_ascii=False) if as_json else "\r".join(lines)
    return replace(said, out=f"{kept}{text}\n")


def _resolves(official: Observation, ours: Observation, case: Case) -> Observation:
    if not official.posts or official.posts[0].document.get("errorType") != case.official or not case.official:
        raise NotSo(f"the reference does not fail with {case.official!r}")
    if ours.posts[0].said != canonical(case.ours.encode()):
        raise NotSo(f"ours does not answer {case.ours!r}")
    return replace(official, posts=ours.posts, out="", exit_code=None)


def _fails_earlier(official: Observation, ours: Observation, case: Case) -> Observation:
    found: Post | None = ours.posts[0] if len(ours.posts) == 1 else None
    if not case.official or case.official != official.posts[0].document.get("errorMessage"):
        raise NotSo(f"the reference does not say {case.official!r}")
    if found is None or (found.endpoint, found.error_type) != ("init/error", "Runtime.HandlerNotFound"):
        raise NotSo("ours does not report Runtime.HandlerNotFound at the start")
    return replace(official, posts=ours.posts, out=ours.out, exit_code=1)
