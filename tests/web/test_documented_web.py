"""The apps of docs/web.md and docs/migrate.md, served by the name below each: those of other adapters too."""

import base64
import itertools
import json
import re
from pathlib import Path

import pytest

from tests.documents import ROOT, Block, blocks
from tests.web.conftest import begin, served, streaming
from tests.web.doors import DOORS, Client

pytestmark = pytest.mark.needs("web-frameworks")

QUEUE_EVENT = {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}
MIGRATE = ROOT / "docs" / "migrate.md"
EXAMPLES = [
    (app, image)
    for page in (ROOT / "docs" / "web.md", MIGRATE)
    for app, image in itertools.pairwise(blocks(page))
    if app.language == "python"
]


@pytest.mark.parametrize(("app", "image"), EXAMPLES, ids=[str(number) for number in range(len(EXAMPLES))])
def test_an_app_answers_under_the_name_below_it(app: Block, image: Block, tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "app.py").write_text(app.text)
    (handler,) = re.findall(r'^CMD \["(.*)"\]$', image.text, re.MULTILINE)
    variables = dict(re.findall(r"^ENV (\w+)=(.*)$", image.text, re.MULTILINE))
    if variables:
        with streaming(tmp_path, handler, folder) as runtime:
            head, _, body = begin(runtime, "/").read_chunked().body.partition(bytes(8))
            assert json.loads(head)["statusCode"] == 200
            assert body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
        return
    with served(tmp_path, handler, {"LAMBDA_TASK_ROOT": str(folder)}) as running:
        assert Client(DOORS["url"], running.invoke).get("/").json == {"hello": "web"}


def test_the_page_moves_from_each_adapter_that_the_tests_compare_with() -> None:
    page = MIGRATE.read_text()
    assert all(f"## From {name}\n" in page for name in ("mangum", "apig-wsgi", "serverless-wsgi"))
    before = [app for app, image in EXAMPLES if 'CMD ["app.handler"]' in image.text]
    assert len(before) == 3


def test_an_event_that_is_no_request_goes_where_the_page_says(tmp_path: Path) -> None:
    with served(tmp_path, "wsgi:mirror:wsgi_app", {"PYLAMBDA_NON_HTTP": "/events"}) as app:
        seen = app.invoke(QUEUE_EVENT)
        assert (seen["method"], seen["path"]) == ("POST", "/events")
        assert json.loads(base64.b64decode(seen["body"])) == QUEUE_EVENT


def test_such_an_event_is_an_error_that_names_its_source(tmp_path: Path) -> None:
    with served(tmp_path, "wsgi:mirror:wsgi_app") as app:
        answer = app.answer_to(app.give(QUEUE_EVENT))
        assert answer.endpoint == "error"
        assert "it comes from aws:sqs" in answer.json["errorMessage"]
