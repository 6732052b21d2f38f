"""What each deliberate difference does, as code: the reference's observation in, what it would be in ours out.

An explainer changes exactly what its row of docs/compatibility.md speaks of, so what is left after it must be equal.
Where the row lets something appear that the reference has nothing of, the explainer checks its form before it takes
it over. One that does not find in the reference what its row says raises `NotSo`.
"""

import json
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.parity.cases import Case
from tests.parity.load_faults import report_load_fault, with_log
from tests.parity.not_so import NotSo
from tests.parity.observation import Observation, Post, canonical

Explainer = Callable[[Observation, Observation, Case], Observation]

# Where a record begins, and the report of a failure. Not at the start of a line alone: the reference's records with a
# traceback do not end theirs.
RECORD = re.compile(r"(?=\[[^\]\n]{0,20}\]\t0000-00-00T00:00:00\.000Z\t|(?<![^\n])\[ERROR\] [^\n])")
DESCRIBED = (
    "Unable to unmarshal input: ",
    "Unable to marshal response: maximum recursion depth exceeded",
    "Unable to marshal response: Stack overflow (used ",  # what Python 3.14 says of it
)
# The X-Ray cause's type of what the runtime itself raised.
VALIDATION_ERROR = "LambdaValidationError"
MAX_CAUSE_BYTES = 1 << 20
# A frame of a runtime, or of the import system.
OWN_FRAME = re.compile(r'  File "(?:[^"]*/awslambdaric/|<frozen importlib)')
# What the reference's C++ part writes before it ends.
HUNG_UP = "Failed to get next invocation. No Response from endpoint"
POST_FAILED = re.compile(r"\[ERROR\] \[[^]]+\] LAMBDA_RUNTIME Failed to post .*\n\n?")
# The platform's pattern of error types.
# What the reference logs of an answer that is refused where several are served at once.
REFUSED_IN_WORKER = "This won't kill the Runtime loop"
PLATFORM_NAME = re.compile(r"[A-Z][a-zA-Z]+")
NON_ASCII_ESCAPES = re.compile(r"(?:\\u(?!00[0-7])[0-9a-fA-F]{4})+")


def join_lines(official: Observation, ours: Observation, case: Case) -> Observation:
    """a: a record of several lines is one line, and ends; where the record is in a format of the user's own, the case
    says what it looks like."""
    if case.official:
        return say_otherwise(official, ours, case)
    first, *records = RECORD.split(official.out)
    return replace(official, out=first + "".join(record.rstrip("\n").replace("\n", "\r") + "\n" for record in records))


def report_exit(official: Observation, ours: Observation, case: Case) -> Observation:
    """b: one more error and one more line of the log say that the process ends, with the code that it ends with; that
    is 130 where the reference dies of SIGINT."""
    if len(ours.posts) != len(official.posts) + 1:
        raise NotSo("there is not one post more")
    post = ours.posts[-1]
    kind = "Runtime.ExitError"
    if (post.endpoint, post.document.get("errorType"), post.error_type) not in {
        ("error", kind, kind),
        ("init/error", kind, kind),
    }:
        raise NotSo("the last post is no exit error")
    message = post.document["errorMessage"]
    if post.endpoint == "error" and not message.endswith(f": the process exits with code {ours.exit_code}"):
        raise NotSo(f"the message does not name the exit code: {message}")
    line = f"[ERROR] {kind}: {message}\r"
    if not ours.out.startswith(official.out + line) or ours.out.count("\n", len(official.out)) != 1:
        raise NotSo("the log has not exactly one line about it")
    # What the interpreter prints of an exception at its end is in the log instead.
    err = official.err if ours.err else ""
    code = 130 if official.exit_code == -signal.SIGINT else official.exit_code
    return replace(official, posts=(*official.posts, post), out=ours.out, err=err, exit_code=code)


def encode_more(official: Observation, ours: Observation, case: Case) -> Observation:
    """c: there is a response where the reference refused a type, or died of a surrogate."""
    if not case.ours or not case.official:
        raise NotSo("the case does not say what both send")
    post = Post("", "application/json", None, None, escaped=False, body=case.ours.encode(), cause="")
    if not official.posts:
        if official.exit_code != 1 or case.official not in official.err:
            raise NotSo(f"the reference did not die of {case.official}")
        answered = _response(ours)
        # A lone surrogate has no spelling but an escape.
        post = replace(post, path=answered.path, escaped=answered.escaped)
        return replace(official, posts=(post,), err="", exit_code=None)
    refused = official.posts[0]
    message = refused.document.get("errorMessage", "")
    if case.official not in message or refused.document["errorType"] != "Runtime.MarshalError":
        raise NotSo(f"the reference did not refuse it with {case.official!r}")
    log = f"[ERROR] Runtime.MarshalError: {message}\rTraceback (most recent call last):\n"
    if official.out != log:
        raise NotSo("the reference's log is not the one line of a refusal")
    answer = replace(post, path=refused.path.removesuffix("error") + "response", escaped=False)
    return replace(official, posts=(answer,), out="")


def run_other_kinds(official: Observation, ours: Observation, case: Case) -> Observation:
    """u: there is a response where the reference refused a coroutine, which it then warns that nobody awaited; or both
    refuse what a plain handler returned, and ours adds how to have it streamed."""
    if not case.official:
        refusal, hint, mend = ours.out.removesuffix("\n").partition("\rHint: ")
        if not hint or "StreamingResponse" not in mend:
            raise NotSo("there is no hint")
        return replace(official, out=official.out.replace(refusal, refusal + hint + mend))
    if "was never awaited" not in official.err:
        raise NotSo("the reference does not warn of a coroutine")
    return encode_more(replace(official, err=""), ours, case)


def serve_apps(official: Observation, ours: Observation, case: Case) -> Observation:
    """aa: there is a response to a request where the reference took the prefix for a part of a module's name."""
    if [post.document.get("errorType") for post in official.posts] != ["Runtime.MalformedHandlerName"]:
        raise NotSo("the reference does not refuse the name")
    if [(post.endpoint, post.document.get("statusCode")) for post in ours.posts] != [("response", 200)]:
        raise NotSo("there is no response to a request")
    return ours


def write_unicode(official: Observation, ours: Observation, case: Case) -> Observation:
    """d: text beyond ASCII is not spelled in escapes, in what is sent and in JSON reports."""

    def plain(text: str) -> str:
        return NON_ASCII_ESCAPES.sub(lambda match: str(json.loads(f'"{match[0]}"')), text)

    posts = tuple(replace(post, escaped=False) for post in official.posts)
    frames = tuple((kind, plain(text)) for kind, text in official.frames)
    return replace(official, posts=posts, out=plain(official.out), frames=frames)


def send_error_type(official: Observation, ours: Observation, case: Case) -> Observation:
    """f: `/error` carries the type, in the platform's pattern."""

    def with_type(post: Post) -> Post:
        if post.endpoint != "error" or post.error_type is not None:
            return post
        name = post.document.get("errorType", "")
        ours = json.loads(post.cause)["exceptions"][0]["type"] == VALIDATION_ERROR if post.cause else False
        category, last = ("Runtime", name.removeprefix("Runtime.")) if ours else ("Function", name)
        return replace(post, error_type=f"{category}.{last if PLATFORM_NAME.fullmatch(last) else 'Unknown'}")

    return replace(official, posts=tuple(map(with_type, official.posts)))


def take_as_json(official: Observation, ours: Observation, case: Case) -> Observation:
    """g: the handler gets the parsed event where the reference gave it bytes, or died."""
    post = _response(ours)
    if case.official.startswith("exit code"):
        if case.official != f"exit code {official.exit_code}" or official.posts:
            raise NotSo(f"the reference ended with {official.exit_code}")
        return replace(official, posts=(replace(post, body=case.ours.encode()),), exit_code=None)
    if canonical(case.official.encode()) != _response(official).said:
        raise NotSo("the reference's answer is another one")
    return replace(official, posts=(replace(official.posts[0], body=case.ours.encode()),))


def forgive(official: Observation, ours: Observation, case: Case) -> Observation:
    """h: a refused answer is one line on stderr; the reference died of it, and what came after is new."""
    if official.exit_code != 1 or case.official not in official.out:
        raise NotSo(f"the reference did not die of {case.official!r}")
    if official.posts != ours.posts[: len(official.posts)] or ours.err.count("\n") != 1 or case.ours not in ours.err:
        raise NotSo(f"stderr is not one line with {case.ours!r}")
    return replace(official, posts=ours.posts, out=POST_FAILED.sub("", official.out), err=ours.err, exit_code=None)


def serve_on(official: Observation, ours: Observation, case: Case) -> Observation:
    """m: the reference died before it answered; ours answers with what the case says, and serves on."""
    if official.posts or official.exit_code is None or not case.official or case.official not in official.err:
        raise NotSo(f"the reference did not die of {case.official!r}")
    if len(ours.posts) != 1 or not case.ours or case.ours not in ours.posts[0].body.decode(errors="replace"):
        raise NotSo(f"ours does not answer with {case.ours!r}")
    code = 1 if ours.posts[0].endpoint == "init/error" else None
    return replace(official, posts=ours.posts, out=ours.out, frames=ours.frames, err="", exit_code=code)


def show_user_frames(official: Observation, ours: Observation, case: Case) -> Observation:
    """n: frames of the runtime and of the import system are left out of stack trace, X-Ray cause and log."""
    posts = []
    for post in official.posts:
        document = post.document
        stack = document.get("stackTrace", [])
        kept = [frame for frame in stack if not OWN_FRAME.match(frame)]
        is_load_fault = post.endpoint == "init/error" and post.error_type != "Runtime.BeforeSnapshotError"
        if is_load_fault or kept == stack:
            posts.append(post)
            continue
        document["stackTrace"] = kept
        body = json.dumps(document).encode()
        posts.append(replace(post, body=body, cause=_cause_without_own_frames(post.cause)))
        official = with_log(official, document, "", as_json=official.out.startswith("{"))
    return replace(official, posts=tuple(posts))


def _cause_without_own_frames(text: str) -> str:
    if not text:  # around a snapshot there is none
        return ""
    cause = json.loads(text)
    for exception in cause["exceptions"]:
        own = [frame for frame in exception["stack"] if not OWN_FRAME.match(f'  File "{frame["path"]}"')]
        exception["stack"] = own
        cause["paths"] = sorted({frame["path"] for frame in own})
    return json.dumps(cause, ensure_ascii=False)


def lose_the_record_only(official: Observation, ours: Observation, case: Case) -> Observation:
    """o: a record that cannot be written costs the record, which is told on stderr, or is written after all."""
    failed = [post for post in official.posts if "/logging/__init__.py" in "".join(post.document.get("stackTrace", []))]
    if len(failed) != 1 or case.official not in failed[0].document["errorMessage"] or not case.official:
        raise NotSo(f"no record of the reference's fails with {case.official!r}")
    answer = _response(ours)
    told = ours.err.startswith("--- Logging error ---\n") and not ours.out and not ours.frames
    written = not ours.err and ours.out.count("\n") + len(ours.frames) == 1
    if answer.body != b"null" or not (told or written):
        raise NotSo("ours neither writes the record nor tells of it")
    return replace(official, posts=ours.posts, out=ours.out, err=ours.err, frames=ours.frames)


def refuse_context(official: Observation, ours: Observation, case: Case) -> Observation:
    """q: a client context or an identity that is no object is refused by name, not by an error of the client's own."""
    if [post.document.get("errorType") for post in official.posts] != ["AttributeError"]:
        raise NotSo("the reference does not fail with an AttributeError")
    if "/awslambdaric/lambda_context.py" not in official.posts[0].document["stackTrace"][-1]:
        raise NotSo("the reference does not fail in its own code")
    kind = "Runtime.LambdaContextUnmarshalError"
    document = {**official.posts[0].document, "errorType": kind, "errorMessage": case.ours, "stackTrace": []}
    cause = json.loads(official.posts[0].cause)
    cause.update(exceptions=[{"message": case.ours, "type": VALIDATION_ERROR, "stack": []}], paths=[])
    post = replace(official.posts[0], body=json.dumps(document).encode(), cause=json.dumps(cause), error_type=kind)
    return with_log(replace(official, posts=(post,)), document, "", as_json=False)


def keep_to_the_descriptor(official: Observation, ours: Observation, case: Case) -> Observation:
    """r: what `context.log` was given is in a frame without a level, and not on stdout."""
    if not case.official or official.out.count(case.official) != 1:
        raise NotSo(f"the reference does not print {case.official!r}")
    out = official.out.replace(case.official, "")
    return replace(official, out=out, frames=(*official.frames, ("A55A0003", case.official)))


def send_ascii_cause(official: Observation, ours: Observation, case: Case) -> Observation:
    """s: an X-Ray cause that is longer than 1 MiB in ASCII is not there."""

    def cut(cause: str) -> str:
        return "" if cause and len(json.dumps(json.loads(cause))) >= MAX_CAUSE_BYTES else cause

    return replace(official, posts=tuple(replace(post, cause=cut(post.cause)) for post in official.posts))


def add_milliseconds(official: Observation, ours: Observation, case: Case) -> Observation:
    """i: time stamps of JSON records have three more digits."""

    def longer(text: str) -> str:
        return text.replace('"timestamp": "0000-00-00T00:00:00Z"', '"timestamp": "0000-00-00T00:00:00.000Z"')

    frames = tuple((kind, longer(text)) for kind, text in official.frames)
    return replace(official, out=longer(official.out), frames=frames)


def say_otherwise(official: Observation, ours: Observation, case: Case) -> Observation:
    """Every row that a case puts in words of its own: where the reference says this, ours says that."""
    if not case.official or case.official == case.ours:
        raise NotSo("the case does not say what both say")
    found = 0

    def change(text: str) -> str:
        nonlocal found
        found += text.count(case.official)
        return text.replace(case.official, case.ours)

    posts = tuple(replace(post, body=change(post.body.decode("latin-1")).encode("latin-1")) for post in official.posts)
    changed = replace(
        official, posts=posts, out=change(official.out), err=change(official.err),
        frames=tuple((kind, change(text)) for kind, text in official.frames),
    )  # fmt: skip
    if not found:
        raise NotSo(f"the reference does not say {case.official!r}")
    return changed


def describe_unmarshal(official: Observation, ours: Observation, case: Case) -> Observation:
    """k: what follows `Unable to unmarshal input:` is Python's, and so is where a recursion ended in a response."""
    for index, (theirs, own) in enumerate(zip(official.posts, ours.posts, strict=False)):
        old, new = (post.document.get("errorMessage", "") for post in (theirs, own))
        if any(old.startswith(prefix) and new.startswith(prefix) and new != prefix for prefix in DESCRIBED):
            official = _with_message(official, index, old, new)
    return official


def _with_message(observation: Observation, index: int, old: str, new: str) -> Observation:
    def change(text: str) -> str:
        for before, after in ((old, new), (json.dumps(old)[1:-1], json.dumps(new)[1:-1])):
            if before in text:
                return text.replace(before, after, 1)
        return text

    posts = list(observation.posts)
    posts[index] = replace(
        posts[index], body=change(posts[index].body.decode()).encode(), cause=change(posts[index].cause)
    )
    frames = tuple((kind, change(text)) for kind, text in observation.frames)
    return replace(observation, posts=tuple(posts), out=change(observation.out), frames=frames)


def _response(observation: Observation) -> Post:
    if [post.endpoint for post in observation.posts] != ["response"]:
        raise NotSo("there is not one response")
    return observation.posts[0]


def refuse_namesake(official: Observation, ours: Observation, case: Case) -> Observation:
    """x: the function is not loaded, and the hint says what to rename."""
    if [post.endpoint for post in ours.posts] != ["init/error"] or "give it another name" not in ours.out:
        raise NotSo("there is no load fault that says to rename something")
    return replace(official, posts=ours.posts, out=ours.out, exit_code=ours.exit_code)


def outlive_workers(official: Observation, ours: Observation, case: Case) -> Observation:
    """ab: a worker that dies is answered for and replaced, one that cannot be loaded is an exit with 1; a refused
    answer is a line on stderr, not a log record.
    """
    lines = POST_FAILED.sub("", official.out).splitlines(keepends=True)
    kept = [line for line in lines if REFUSED_IN_WORKER not in line]
    if refused := len(lines) - len(kept):
        if ours.err.count("\n") != refused or ours.err.count(" was refused, ") != refused:
            raise NotSo("ours does not say on stderr what was refused")
        return replace(official, out="".join(kept), err=ours.err)
    if [post.endpoint for post in ours.posts] == ["init/error"] and (official.exit_code, ours.exit_code) == (0, 1):
        return replace(official, exit_code=1)
    if official.posts or official.exit_code is None:
        raise NotSo("the reference did not end with its worker")
    if [post.endpoint for post in ours.posts] != ["error", "response"] or "a new one is started" not in ours.err:
        raise NotSo("ours did not answer for its worker and replace it")
    return replace(official, posts=ours.posts, err=ours.err, exit_code=None)


def ask_again(official: Observation, ours: Observation, case: Case) -> Observation:
    """ac: the event that the reference died for is served."""
    if official.exit_code != 1 or HUNG_UP not in official.out:
        raise NotSo("the reference did not die of the platform's hanging up")
    if [post.endpoint for post in ours.posts] != ["response"] * (len(official.posts) + 1):
        raise NotSo("there is not one response more")
    return replace(official, posts=(*official.posts, ours.posts[-1]), out="", err="", exit_code=None)


EXPLAINERS: Mapping[str, Explainer] = {
    "a": join_lines,
    "b": report_exit,
    "c": encode_more,
    "d": write_unicode,
    "e": report_load_fault,
    "f": send_error_type,
    "g": take_as_json,
    "h": forgive,
    "i": add_milliseconds,
    "j": say_otherwise,
    "k": describe_unmarshal,
    "l": say_otherwise,
    "m": serve_on,
    "n": show_user_frames,
    "o": lose_the_record_only,
    "p": say_otherwise,
    "q": refuse_context,
    "r": keep_to_the_descriptor,
    "s": send_ascii_cause,
    "u": run_other_kinds,
    "v": say_otherwise,
    "w": say_otherwise,
    "x": refuse_namesake,
    "y": say_otherwise,
    "z": say_otherwise,
    "aa": serve_apps,
    "ab": outlive_workers,
    "ac": ask_again,
}
