"""The page at /_pylambda/, in a real browser."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.local.serve.conftest import Service, serving

pytestmark = pytest.mark.needs("browser")

FUNCTION = """
def handler(event, context):
    print("a line of the function")
    if event.get("raise"):
        raise ValueError("as asked")
    return {"got": event, "tenant": context.tenant_id}
"""
STREAMING = """
def handler(event, context):
    yield "one "
    yield "two"
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("page") / "task"
    folder.mkdir()
    (folder / "app.py").write_text(FUNCTION)
    with serving(folder, "app.handler", ("--event-retry-delay", "0", "--event-retries", "1"), {}) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        # No sandbox: its setuid helper refuses root, as which tests in containers run.
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, service: Service) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{service.url}/_pylambda/")
    yield page
    context.close()
    assert complaints == []


def send(page: Page, event: str) -> None:
    page.get_by_role("textbox", name="Event").fill(event)
    page.keyboard.press("Control+Enter")


def test_an_event_is_sent_by_the_keyboard_alone(page: Page) -> None:
    page.get_by_label("Tenant").fill("blue")
    send(page, '{"n": 1}')
    expect(page.locator("#outcome")).to_contain_text("200  ok")
    expect(page.locator("#result")).to_have_text('{\n  "got": {\n    "n": 1\n  },\n  "tenant": "blue"\n}')
    expect(page.locator("#log")).to_contain_text("a line of the function")


def test_a_failure_is_shown_as_one(page: Page) -> None:
    send(page, '{"raise": 1}')
    expect(page.locator("#outcome")).to_contain_text("Unhandled")
    expect(page.locator("#outcome")).to_have_class("bad")
    expect(page.locator("#result")).to_contain_text("as asked")


def test_an_event_that_is_no_json_is_not_sent_and_shows_where(page: Page) -> None:
    send(page, '{\n  "n": oops\n}')
    expect(page.get_by_role("alert")).to_contain_text("line 2, column 8: ")
    expect(page.locator("#outcome")).to_have_text("nothing sent yet")


def test_a_sample_is_taken_and_an_event_saved(page: Page) -> None:
    page.get_by_label("Sample or saved event").select_option("sqs")
    expect(page.get_by_role("textbox", name="Event")).to_have_value(containing("aws:sqs"))
    page.get_by_role("textbox", name="Event").fill('{"mine": 1}')
    page.get_by_label("Name to save under").fill("mine")
    page.get_by_role("button", name="Save").click()
    page.reload()
    page.get_by_label("Sample or saved event").select_option("saved: mine")
    expect(page.get_by_role("textbox", name="Event")).to_have_value('{"mine": 1}')


def containing(part: str) -> Any:

    return re.compile(re.escape(part))


def test_what_was_sent_is_sent_again(page: Page) -> None:
    send(page, '{"n": 7}')
    expect(page.locator("#outcome")).to_contain_text("ok")
    page.get_by_role("textbox", name="Event").fill("{}")
    page.locator("#history button").first.click()
    expect(page.get_by_role("textbox", name="Event")).to_have_value('{"n": 7}')


@pytest.mark.parametrize(
    ("kind", "part"), [("Copy as curl", "curl -d '{\"n\": 1}'"), ("boto3", "import boto3"), ("pytest", "def test_")]
)
def test_a_call_is_copied(page: Page, kind: str, part: str) -> None:
    page.get_by_role("textbox", name="Event").fill('{"n": 1}')
    page.get_by_role("button", name=kind).click()
    expect(page.get_by_label("Copied text")).to_have_value(containing(part))


def test_the_copied_python_runs(page: Page, service: Service) -> None:
    send(page, '{"n": 1}')
    expect(page.locator("#outcome")).to_contain_text("ok")
    page.get_by_role("button", name="pytest").click()
    text = page.get_by_label("Copied text").input_value()
    scope: dict[str, Any] = {}

    os.environ.update(AWS_DEFAULT_REGION="eu-central-1", AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none")
    exec(text, scope)
    scope["test_the_function"]()


def test_an_event_that_nobody_waits_for_is_followed(page: Page) -> None:
    page.get_by_label("Type").select_option("Event")
    send(page, '{"raise": 1}')
    expect(page.locator("#background")).to_contain_text("attempt 2 of 2  Function.ValueError")


def test_chunks_are_listed_as_they_come(browser: Any, tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "app.py").write_text(STREAMING)
    with serving(folder, "app.handler", (), {}) as service:
        page = browser.new_page()
        page.goto(f"{service.url}/_pylambda/")
        page.get_by_label("Type").select_option("Stream")
        send(page, "{}")
        expect(page.locator("#result")).to_have_text("one two")
        expect(page.locator("#chunks li")).to_have_count(2)

        # A file that does not start is shown, and its mending too
        (folder / "app.py").write_text("def handler(event, context)\n")
        expect(page.locator("#broken")).to_contain_text("UserCodeSyntaxError", timeout=20_000)
        (folder / "app.py").write_text(STREAMING)
        expect(page.locator("#broken")).to_be_hidden(timeout=20_000)
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_narrow_window(browser: Any, service: Service, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{service.url}/_pylambda/")
    expect(page.locator("#what")).to_contain_text("app.handler")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light is (scheme == "light")
    context.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"Host": "evil.example.com:8080"},
        {"Origin": "http://evil.example.com"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_others_are_not_told_anything(service: Service, headers: dict[str, str]) -> None:
    for path in ("/_pylambda/", "/_pylambda/state", "/_pylambda/events/sqs"):
        answer = httpx.get(service.url + path, headers=headers)
        assert answer.status_code == 403
        assert "app.handler" not in answer.text


def test_nothing_comes_from_outside(service: Service) -> None:
    answer = httpx.get(f"{service.url}/_pylambda/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text.replace("http://www.w3.org", "")
    assert "https://" not in answer.text


def test_the_state_is_json(service: Service) -> None:
    state = json.loads(httpx.get(f"{service.url}/_pylambda/state").content)
    assert state["handler"] == "app.handler"
    assert state["limit"] >= 1


def test_without_it_the_function_answers(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context):\n    return event['rawPath']\n")
    with serving(folder, "app.handler", ("--no-ui",), {}) as service:
        assert httpx.get(f"{service.url}/_pylambda/").text == "/_pylambda/"
