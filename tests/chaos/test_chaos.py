"""What `make chaos` stands on: the same seed plays the same round, and an oracle that sees what it is there for."""

import json
from pathlib import Path
from random import Random

import pytest

from tests.chaos import round as one_round
from tests.chaos.__main__ import rounds_of
from tests.chaos.modes import MISDEEDS, MODES
from tests.chaos.oracle import judge
from tests.chaos.plan import Trial, draw
from tests.chaos.round import play
from tests.chaos.unruly_api import Answer

PLAIN = MODES["plain"]
ID = "id-1"
SPACED = b'{"token":  "t1t",  "id":  "id-1"}'


def result(token: str = "t1t", request_id: str = ID) -> Answer:
    return Answer("response", json.dumps({"token": token, "id": request_id}).encode(), "")


def failure(error_type: str) -> Answer:
    return Answer("error", json.dumps({"errorType": error_type}).encode(), error_type)


# What happened to an invocation, the answers to it, and a word of what is wrong with them; none where nothing is.
CASES: dict[str, tuple[Trial, list[Answer], str]] = {
    "its-result": (Trial(token="t1t"), [result()], ""),
    "twice-the-same": (Trial(token="t1t"), [result(), result()], ""),
    "its-failure": (Trial(token="t1t", do="fail"), [failure("Failure")], ""),
    "lost-with-reason": (Trial(token="t1t", may_be_lost=True), [], ""),
    "lost": (Trial(token="t1t"), [], "not answered"),
    "different-bodies": (
        Trial(token="t1t"),
        [result(), Answer("response", b'{"token":"t1t","id":"id-1"}', "")],
        "diff",
    ),
    "a-neighbours": (Trial(token="t1t"), [result("t2t")], "another one's"),
    "of-another-id": (Trial(token="t1t"), [result(request_id="id-2")], "not its result"),
    "failed-without-reason": (Trial(token="t1t"), [failure("OSError")], "not its result"),
    "fails-otherwise": (Trial(token="t1t", do="fail"), [failure("OSError")], "not its failure"),
    "swallows-its-failure": (Trial(token="t1t", do="fail"), [result()], "not its failure"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_oracle_sees_what_is_wrong_and_nothing_else(case: str) -> None:
    trial, answers, word = CASES[case]
    found = list(judge(PLAIN, ID, trial, answers, excused=False))
    assert bool(found) == bool(word)
    assert all(word in line for line in found)


@pytest.mark.parametrize("name", MODES)
def test_a_seed_draws_the_same_once_more(name: str) -> None:
    def drawn() -> list[str]:
        random = Random(7)
        return [str(draw(random, MODES[name], number, may_end=True, may_die=True).event) for number in range(50)]

    assert drawn() == drawn()


def test_every_misdeed_is_one_that_a_function_does() -> None:
    text = (Path(__file__).parent / "functions" / "misdeeds.py").read_text()
    assert [name for name in MISDEEDS if f"\ndef {name}(event):" not in text] == []


def test_faults_are_shared_out_to_all_modes() -> None:
    rounds = list(rounds_of(list(MODES), 3, 100_000))
    assert sum(one.faults for one in rounds) >= 100_000
    assert {one.mode for one in rounds} == set(MODES)
    assert len(set(rounds)) == len(rounds)


@pytest.mark.parametrize(
    ("right", "wrong", "word"),
    [
        ("token", "token", ""),
        ('"token": event["token"]', '"token": "t999999t"', "another one's"),
        ('"id": request_id', '"id": "id-2"', "not its result"),
    ],
    ids=["right", "a-neighbours", "of-another-id"],
)
def test_a_round_finds_a_function_that_answers_wrongly(
    right: str, wrong: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(one_round.FILES, "app.py", one_round.FILES["app.py"].replace(right, wrong))
    outcome = play("plain", 1, 20, tmp_path / "round")
    assert outcome.faults >= 20
    assert bool(outcome.wrong) == bool(word)
    assert any(word in line for line in outcome.wrong) == bool(word)
