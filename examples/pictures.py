"""`make pictures`: what `pylambda serve` shows, recorded from a run.

The terminal becomes docs/serve.svg, the page docs/page.png.

Serves a copy of `examples/hello`, sends it what a person would, breaks the file, mends it, and draws what was printed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from html import escape
from pathlib import Path

import requests

CHECKOUT = Path(__file__).resolve().parent.parent
DOCS = CHECKOUT / "docs"
DEADLINE_S = 30.0
FONT_PX, LINE_PX, CHARACTER_PX, MARGIN_PX = 14, 21, 8.43, 16
# What is painted on a terminal, by a pattern on a line without colors.
PAINT = (
    (re.compile(r"\b(ok|200)\b"), "#7fd992"),
    (re.compile(r"\b(error|500|timeout)\b"), "#ff9a9a"),
    (re.compile(r".* changed.*|.*did not start.*"), "#e8c474"),
    (re.compile(r"https?://\S+"), "#a9b6ff"),
)


def main() -> int:
    """Record, draw, and write both files."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "hello"
        shutil.copytree(CHECKOUT / "examples" / "hello", folder)
        screen = Path(scratch) / "screen"
        with screen.open("wb") as out:
            environ = {**os.environ, "PYLAMBDA_PORT": "8080", "PYTHONUTF8": "1"}
            command = [sys.executable, "-m", "pylambda.local", "serve", "app.handler"]
            process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, env=environ)
        try:
            act(folder, screen)
            picture(Path(DOCS / "page.png"))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(DEADLINE_S)
        shown = [line for line in screen.read_text().splitlines() if " /_pylambda" not in line]
    (DOCS / "serve.svg").write_text(draw(["$ pylambda serve app.handler", *shown]))
    return 0


def act(folder: Path, screen: Path) -> None:
    """Do what a person does."""
    url = "http://127.0.0.1:8080"
    invocations = f"{url}/2015-03-31/functions/hello/invocations"
    file = folder / "app.py"
    wait_for(screen, "  try ")
    requests.post(invocations, b'{"name": "you"}', timeout=DEADLINE_S)
    requests.get(f"{url}/greet?lang=en", timeout=DEADLINE_S)
    source = file.read_text()
    file.write_text(source.replace("event.get('name', 'world')", "event['name']"))
    wait_for(screen, "new worker")
    requests.post(invocations, b"{}", timeout=DEADLINE_S)
    file.write_text(source.replace("Hello", "Good morning"))
    wait_for(screen, r"(?s)new worker.*new worker")
    requests.post(invocations, b'{"name": "you"}', timeout=DEADLINE_S)


def wait_for(screen: Path, pattern: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not re.search(pattern, screen.read_text()):
        if time.monotonic() > deadline:
            sys.exit(f"make pictures: the screen never showed {pattern!r}:\n{screen.read_text()}")
        time.sleep(0.02)


def draw(lines: list[str]) -> str:
    """Return a terminal with these lines as SVG."""
    width = max(map(len, lines)) * CHARACTER_PX + 2 * MARGIN_PX
    height = len(lines) * LINE_PX + 2 * MARGIN_PX
    places = [f'x="{MARGIN_PX}" y="{MARGIN_PX + (number + 0.75) * LINE_PX:g}"' for number in range(len(lines))]
    rows = [
        f'<text {place} xml:space="preserve">{painted(line)}</text>' for place, line in zip(places, lines, strict=True)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
            "<title>pylambda serve: a function is served, changed and served again</title>",
            f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#1b1b22"/>',
            f'<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="{FONT_PX}" fill="#dcdce4">',
            *rows,
            "</g>",
            "</svg>\n",
        ]
    )


def painted(line: str) -> str:
    """Return a line with the first pattern that is in it painted."""
    for pattern, color in PAINT:
        found = pattern.search(line)
        if found:
            before, after = escape(line[: found.start()]), escape(line[found.end() :])
            return f'{before}<tspan fill="{color}">{escape(found[0])}</tspan>{after}'
    return escape(line)


def picture(file: Path) -> None:
    """Send an event on the page, and take a picture of it."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 760})
        page.goto("http://127.0.0.1:8080/_pylambda/")
        page.get_by_role("textbox", name="Event").fill('{\n  "name": "you"\n}')
        page.keyboard.press("Control+Enter")
        expect(page.locator("#outcome")).to_contain_text("ok")
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
