"""mangum, apig-wsgi and serverless-wsgi on the recorded events: what differs is a row with its reason, and no more."""

from pathlib import Path
from typing import Any

import pytest

from tests.documents import ROOT
from tests.web.conftest import APPS, PYTHON, App, served
from tests.web.peers import PEERS, differences, differing, events, of_peer

ROWS = differences()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What this runtime answers, by handler and event."""
    found = {}
    for handler in sorted(set(PEERS.values())):
        with served(tmp_path_factory.mktemp("ours"), handler) as app:
            found[handler] = {name: _result(app, event) for name, event in events().items()}
    return found


@pytest.mark.needs("web-frameworks")
@pytest.mark.parametrize("peer", PEERS)
def test_every_difference_has_a_row_and_every_row_a_difference(peer: str, ours: dict[str, dict[str, Any]]) -> None:
    theirs = of_peer(peer, PYTHON, APPS / "mirror.py")
    mine = ours[PEERS[peer]]
    found = [(name, field) for name in mine for field in differing(name, mine[name], theirs[name])]
    unexplained = [one for one in found if not any(row.covers(peer, *one) for row in ROWS)]
    assert unexplained == []
    idle = [row.theirs for row in ROWS if peer in row.peers and not any(row.covers(peer, *one) for one in found)]
    assert idle == []


def test_the_page_has_every_row() -> None:
    page = Path(ROOT / "docs" / "web.md").read_text()
    assert [row.line for row in ROWS if row.line not in page] == []


def _result(app: App, event: Any) -> dict[str, Any]:
    answer = app.answer_to(app.give(event))
    result: dict[str, Any] = answer.json
    return result if answer.endpoint == "response" else {"raised": result["errorType"]}
