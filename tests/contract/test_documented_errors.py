"""The log that docs/errors.md begins with is what such a function prints."""

from tests.contract.runtime_process import CHECKOUT, Runtime
from tests.documents import blocks


def test_the_hint_that_the_page_shows_is_what_is_printed(runtime: Runtime) -> None:
    # Given a handler's name with a letter too few, on a laptop, where a record is several lines
    (shown,) = [block for block in blocks(CHECKOUT / "docs" / "errors.md") if block.language == "text"]
    run = runtime.serve(
        "app.handle",
        files={"app.py": "def handler(event, context):\n    return event\n"},
        env={"PYLAMBDA_LOCAL": "1"},
    )
    assert run.log == shown.lines
