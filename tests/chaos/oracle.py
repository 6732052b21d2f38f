"""Accounts for every invocation of a round: answered with its own result and none else's, or lost with good reason."""

import json
import re
from collections.abc import Iterator, Sequence

from tests.chaos.modes import EXIT, FAILURE, RESULT, Mode
from tests.chaos.plan import Trial
from tests.chaos.unruly_api import Answer

TOKEN = re.compile(rb"t\d+t")
# What a function is told of an event that the Runtime API cut off.
CUT_OFF = ("Runtime.UnmarshalError", "Runtime.ExitError")
# Between the head and the body of a streamed HTTP response.
PRELUDE_END = bytes(8)


def judge(mode: Mode, request_id: str, trial: Trial, answers: Sequence[Answer], *, excused: bool) -> Iterator[str]:
    """Yield what is wrong with how an invocation was answered.

    Args:
        mode: how it was served.
        request_id: its id.
        trial: what happened to it.
        answers: what the platform read, in order.
        excused: whether its process ended with it, and had a reason to.
    """
    if not answers:
        if not (excused or trial.may_be_lost):
            yield "was not answered"
        return
    if mode.supervised and answers[0].kind == "response":
        # A worker may end between its answer and the note of it: the platform refuses what its supervisor says then.
        answers = [answers[0], *(answer for answer in answers[1:] if b"Runtime.ExitError" not in answer.body)]
    whole = [answer for answer in answers if not (answer.kind == "response" and answer.failure)]
    if len({answer.body for answer in whole}) > 1 and not trial.ends:
        yield f"was answered with different bodies: {[answer.body[:200] for answer in whole]}"
    for answer in answers:
        others = set(TOKEN.findall(answer.body)) - {trial.token.encode()}
        if others:
            yield f"was answered with another one's token: {answer.body[:200]!r}"
        elif not _is_right(mode, request_id, trial, answer, excused=excused):
            yield f"was answered with {answer.kind} {answer.body[:300]!r}, which is not {trial.misdeed.answer}"


def _is_right(mode: Mode, request_id: str, trial: Trial, answer: Answer, *, excused: bool) -> bool:
    misdeed = trial.misdeed
    if answer.kind == "error":
        error_type = json.loads(answer.body)["errorType"]
        if error_type == "Runtime.ExitError":
            return misdeed.answer == EXIT or excused or trial.ends or misdeed.ends
        is_its_own = error_type in misdeed.error_types and not (mode.http and misdeed.answer == FAILURE)
        return is_its_own or (trial.ends and error_type in CUT_OFF)
    if answer.failure:  # a stream that broke off
        return misdeed.answer in (FAILURE, EXIT) or excused
    if not mode.http:
        return misdeed.answer == RESULT and _is_result(request_id, trial, answer.body)
    status, text = _http_response(mode, answer.body)
    if status == 500:
        return misdeed.answer == FAILURE
    return status == 200 and misdeed.answer == RESULT and _is_result(request_id, trial, text)


def _http_response(mode: Mode, body: bytes) -> tuple[int, bytes]:
    if mode.streams:
        prelude, _, text = body.partition(PRELUDE_END)
        return json.loads(prelude)["statusCode"], text
    response = json.loads(body)
    return response["statusCode"], response["body"].encode()


def _is_result(request_id: str, trial: Trial, text: bytes) -> bool:
    result = json.loads(text)
    return bool(result["token"] == trial.token and result["id"] == request_id)
