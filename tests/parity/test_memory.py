"""A function takes no more memory for its runtime's sake. Ratios of two processes in one run, not megabytes."""

import json

import pytest

from tests.contract.script import Next
from tests.parity import pythons
from tests.parity.cases import Case, Group
from tests.parity.pair import ImageOf, run

MOST = 1.4
PAGES = """
import resource

from bs4 import BeautifulSoup

PAGE = "<html><body>" + "<div class='a'><p>text <b>bold</b></p></div>" * 200 + "</body></html>"
FOUND = [len(BeautifulSoup(PAGE, "html.parser").find_all("b")) for _ in range(150)]


def handler(event, context):
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""


@pytest.mark.timeout(pythons.INSTALL_DEADLINE_S)
@pytest.mark.parametrize("python", pythons.found(), ids=lambda python: python.version)
def test_garbage_is_collected_while_a_module_comes_in(image_of: ImageOf, python: pythons.Python) -> None:
    case = Case("pages parsed at import", (Next({}),), (), "", "")
    group = Group(
        case.name, "memory", "app.handler", {"app.py": PAGES}, {}, "", {}, frames=False, alone=True, cases=[case]
    )
    seen = run(group, image_of(python)).cases[case.name]
    official, ours = (json.loads(side.posts[0].body) for side in (seen.official, seen.ours))
    assert ours <= MOST * official
