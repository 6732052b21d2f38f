"""What happens to each invocation of a round, drawn from a seed: the same seed gives the same misfortunes.

Three kinds of them, by what they entitle a runtime to:

    harmless  it goes on, and the invocation is answered
    ending    the Runtime API speaks no HTTP, or says that it is over: the process may end, in one line
    misdeeds  of the function, listed in `modes`

An event holds a token that no other has, and its answer must hold that one and no other.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.modes import MISDEEDS, Misdeed, Mode
from tests.contract.script import Framing, Next, Reply, Then

URL_EVENT = json.loads((Path(__file__).parents[1] / "events" / "function-url.json").read_text())
# How often a request is dropped before it is taken: at most one time fewer than there are attempts on new connections,
# and seldom so often, because the runtime waits longer and longer between them.
HANG_UPS = (1, 1, 1, 1, 1, 1, 2, 2, 3, 5)
MOST_HANG_UPS = max(HANG_UPS)
# A reply's head is shorter, a reply to an answer too.
HEAD_BYTES = 420
TOO_LONG_A_HEAD = b"HTTP/1.1 200 OK\r\nX: " + b"x" * ((1 << 20) + 100_000)
# Of an answer, and of nothing else.
REFUSALS = (400, 403, 410, 413)
# The Runtime API's word for "exit".
OVER = 500
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Trial(Next):
    """One invocation and what happens to it.

    Attributes:
        token: of its event.
        do: the function's misdeed; empty for none.
        ends: whether the Runtime API gives the process a reason to end.
        may_be_lost: whether it makes it impossible to answer.
        repeats: whether the event is handed out once more after it was answered.
        faults: how many there are, for the count.
    """

    token: str = ""
    do: str = ""
    ends: bool = False
    may_be_lost: bool = False
    repeats: bool = False
    faults: int = 0

    @property
    def is_deadly(self) -> bool:
        """Whether a process dies of it, in every mode."""
        return self.misdeed.ends or any(reply.status == OVER for reply in (*self.replies, *self.answers))

    @property
    def misdeed(self) -> Misdeed:
        """What the function does."""
        return MISDEEDS.get(self.do, Misdeed())


def draw(random: Random, mode: Mode, number: int, *, may_end: bool, may_die: bool) -> Trial:
    """Draw one invocation.

    Args:
        random: of the round.
        mode: how it is served.
        number: of the invocation, in the round.
        may_end: whether the Runtime API may do what ends a process.
        may_die: whether the function may, and whether the Runtime API may say that it is over.
    """
    token = f"t{number}t"
    replies, answers = _harmless(random), _harmless(random)
    do, is_ending, repeats = "", False, False
    match random.randrange(10):
        case 0 | 1 | 2:
            do = random.choice(
                [name for name, it in MISDEEDS.items() if mode.allows(name) and (may_die or not it.ends)]
            )
        case 3:
            answers = _taken_otherwise(random)
        case 4:
            repeats = not mode.streams
        case 5 if may_end:
            (replies, answers), is_ending = _ending(random, mode, may_die=may_die), True
    if mode.streams:
        answers = answers[-1:]
    loses = mode.streams and any(reply.cut_at is not None or reply.unread for reply in answers)
    return Trial(
        _event(random, mode, token, do),
        replies=replies,
        answers=answers,
        token=token,
        do=do,
        ends=is_ending,
        may_be_lost=loses or is_ending,
        repeats=repeats,
        faults=len(replies) + len(answers) + bool(do) + repeats,
        deadline_ms=120_000,
    )


def delivers(reply: Reply) -> bool:
    """Whether the runtime has an event after this reply to its request for one."""
    return reply.status in (None, 200) and reply.cut_at is None and reply.raw is None and not _lies_of_length(reply)


def spoils(reply: Reply) -> bool:
    """Whether the connection is of no use to anybody after this reply, although this side leaves it open."""
    is_an_end = reply.status is not None and reply.status >= 300 and reply.status not in REFUSALS
    return is_an_end or reply.raw is not None or _lies_of_length(reply) or reply.headers.get("Connection") == "close"


def _lies_of_length(reply: Reply) -> bool:
    return "Content-Length" in reply.headers


def _event(random: Random, mode: Mode, token: str, do: str) -> object:
    event = {
        "token": token,
        "do": do,
        "pad": "x" * random.choice((0, 0, 10, 1000, 20_000, 200_000)),
        "takes_s": random.choice((0, 0, 0.001, 0.003)) if mode.at_once > 1 else 0,
    }
    return {**URL_EVENT, "body": json.dumps(event), "isBase64Encoded": False} if mode.http else event


def _harmless(random: Random) -> tuple[Reply, ...]:
    """Draw what no runtime may mind: of one request, and of each time that it is sent again."""
    if random.random() < 0.3:
        return ()
    hang_ups = random.choice(HANG_UPS) if random.random() < 0.25 else 0
    return (*(_hang_up(random) for _ in range(hang_ups)), _odd(random))


def _hang_up(random: Random) -> Reply:
    """Draw a reply whose end does not come: none of it, some, a head alone."""
    then = random.choice((Then.DROP, Then.RESET))
    if random.random() < 0.2:
        return Reply(body=b"", headers={"Content-Length": "20"}, then=then)
    return Reply(cut_at=random.choice((0, 0, 9, random.randrange(HEAD_BYTES))), then=then)


def _odd(random: Random) -> Reply:
    """Draw a reply that is HTTP, however odd."""
    odd: Callable[[], Reply] = random.choice(
        (
            lambda: Reply(split_at=[random.randrange(1, HEAD_BYTES) for _ in range(random.randrange(1, 5))]),
            lambda: Reply(split_at=range(random.randrange(1, 40))),  # a trickle
            lambda: Reply(framing=Framing.CHUNKED, chunk_bytes=random.choice((1 << 16, 7777, 100_003))),
            lambda: Reply(framing=Framing.CHUNKED, split_at=[random.randrange(1, HEAD_BYTES)], chunk_bytes=5000),
            lambda: Reply(interim=b"HTTP/1.1 100 Continue\r\n\r\n" * random.randrange(1, 4)),
            lambda: Reply(interim=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", split_at=[random.randrange(60)]),
            lambda: Reply(then=Then.CLOSE),
            lambda: Reply(then=Then.DROP),
            lambda: Reply(then=Then.RESET),
            lambda: Reply(framing=Framing.TO_END, then=Then.CLOSE),
            lambda: Reply(headers={"Connection": "keep-alive"}),
            lambda: Reply(headers={"Connection": "close"}),  # and does not
            lambda: Reply(headers={f"X-{index}": "y" * 200 for index in range(random.randrange(1, 300))}),  # a flood
            lambda: Reply(headers={"X-Padded": " " * random.randrange(5000)}),
            lambda: Reply(hold_s=random.random() * 0.004),
            lambda: Reply(spelling=random.choice((str.lower, str.upper))),
        )
    )
    return odd()


def _taken_otherwise(random: Random) -> tuple[Reply, ...]:
    """Draw what becomes of an answer: it is dropped unread, refused, or taken with other words."""
    match random.randrange(3):
        case 0:
            return (Reply(cut_at=0, unread=True),) * random.choice(HANG_UPS)
        case 1:
            return (Reply(status=random.choice(REFUSALS), body=b'{"errorType":"Why"}'),)
        case _:
            status = random.choice((200, 201, 202, 204))
            return (Reply(status=status, body=b"" if status == 204 else b"thanks"),)


def _ending(random: Random, mode: Mode, *, may_die: bool) -> tuple[tuple[Reply, ...], tuple[Reply, ...]]:
    """Draw what ends a process: the replies to the request for an event, and to its answer."""
    bad = random.choice(
        (
            Reply(raw=random.randbytes(random.randrange(1, 200)) + b"\r\n\r\n", then=Then.DROP),
            Reply(raw=b"<html>\r\n\r\n"),
            Reply(raw=ACCEPTED * 2),  # a reply that nobody has asked for
            Reply(status=random.choice((204, 302, 404, 503, *([OVER] if may_die else []))), body=b""),
            Reply(headers={"Content-Length": "12"}, then=Then.DROP),  # it is longer
            Reply(headers={"Content-Length": "999999"}, then=Then.DROP),  # it is shorter
            Reply(headers={"Content-Length": random.choice(("-1", "x", "1e3", "1, 1"))}),
            Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            Reply(raw=TOO_LONG_A_HEAD, then=Then.DROP),
            Reply(cut_at=0),
        )
    )
    hangs_up = bad.cut_at is not None or bad.headers.get("Content-Length") == "999999"
    replies = (bad,) * (MOST_HANG_UPS + 2 if hangs_up and mode.at_once == 1 else 1)
    return (replies, ()) if random.random() < 0.5 else ((), replies)
