"""What each monitoring tool tells is what it tells beside the official client: of a success, a failure, a deadline that
is near and a start that fails.

The tools and what they need are in an environment of their own, `make monitoring`. A tool is a table of `tools.toml`
and a line of docs/monitoring.md.
"""

import json
import tomllib
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from tests.contract.http_side import Request
from tests.contract.script import Next
from tests.documents import ROOT
from tests.monitoring import shapes
from tests.monitoring.both import ENVIRONMENT, Both, Function, Told, run
from tests.monitoring.sink import Certificate, make_certificate

FOLDER = Path(__file__).parent
TOOLS: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "tools.toml").read_text())
KEYS = set("function also handler env tls arrivals log failure near start apart".split())
# Longer than the 1.5 s before its end at which Sentry tells of a deadline, by what a busy machine may take to begin.
NEAR_MS = 2_200
PAGE = (ROOT / "docs" / "monitoring.md").read_text()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def watched(name: str, certificate: Certificate, **more: str) -> Function:
    """Return a tool's function."""
    tool = TOOLS[name]
    assert tool.keys() <= KEYS
    modules = {f"{module}.py": module for module in ["work", *tool.get("also", ())]} | {"app.py": tool["function"]}
    files = {file: (FOLDER / "functions" / f"{module}.py").read_text() for file, module in modules.items()}
    # What the wrapper script of OpenTelemetry's layer does.
    files["otel-instrument"] = f'#!/bin/sh\nexec {ENVIRONMENT / "bin" / "opentelemetry-instrument"} "$@"\n'
    env = {"SINK": "{sink}", **tool.get("env", {}), **more}
    if tool.get("tls"):
        env |= {"SSL_CERT_FILE": "{ca}", "REQUESTS_CA_BUNDLE": "{ca}"}
    return Function(files, tool.get("handler", "app.handler"), env, certificate if tool.get("tls") else None)


def told(name: str, side: Told) -> dict[str, Any]:
    """Return all that a tool told, for comparison."""
    tool = TOOLS[name]
    apart = tool.get("apart", ())
    return {
        "arrived": shapes.arrived(side, apart),
        "logged": shapes.logged(side, tool["log"], apart) if "log" in tool else [],
        "answers": [answer(post) for post in side.posts],
        "exit code": side.exit_code,
    }


def answer(post: Request) -> object:
    """Return what the platform was told; of an error without its trace, which is the runtime's and not the tool's."""
    if post.endpoint == "response":
        return post.json
    return [post.endpoint, post.json["errorType"], post.json["errorMessage"]]


def same(name: str, both: Both) -> dict[str, Any]:
    """Return what was told, which is the same beside the official client."""
    official, ours = told(name, both.official), told(name, both.ours)
    assert ours == official, "\n".join(unified_diff(_lines(official), _lines(ours), "official", "ours", lineterm=""))
    return ours


def _lines(told: dict[str, Any]) -> list[str]:
    """Return what was told with a line for each value, for a difference that can be read."""
    readable = {
        **told,
        "arrived": [[line.partition(" [")[0], json.loads("[" + line.partition(" [")[2])] for line in told["arrived"]],
        "logged": list(map(json.loads, told["logged"])),
    }
    return json.dumps(readable, indent=1).splitlines()


@pytest.mark.needs("monitoring")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TOOLS)
def test_it_tells_of_invocations_what_it_tells_beside_the_official_client(
    name: str, certificate: Certificate, tmp_path: Path
) -> None:
    tool = TOOLS[name]
    # Given a success, a failure, and a handler that works until its time is nearly up
    events = [Next({}), Next({"fail": True}), Next({"near": True}, deadline_ms=NEAR_MS)]
    # When both runtimes serve them
    told = same(name, run(watched(name, certificate), events, tmp_path, tool.get("arrivals", 0)))
    # Then the same was told, and that was something
    text = "\n".join([*told["arrived"], *told["logged"]])
    assert len(told["arrived"]) >= tool.get("arrivals", 0)
    assert told["logged"] or "log" not in tool
    assert tool.get("failure", "on purpose") in text
    assert tool.get("near", "") in text
    assert [answer[0] if isinstance(answer, list) else answer["body"] for answer in told["answers"]] == [
        "fine", "error", "fine",
    ]  # fmt: skip


@pytest.mark.needs("monitoring")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TOOLS)
def test_it_tells_of_a_start_that_fails_what_it_tells_beside_the_official_client(
    name: str, certificate: Certificate, tmp_path: Path
) -> None:
    start = TOOLS[name].get("start", "")
    both = run(watched(name, certificate, FAIL_START="1"), [Next({})], tmp_path, 1 if start else 0)
    assert start in "\n".join(same(name, both)["arrived"])


def test_the_page_has_each_tool_with_its_version() -> None:
    pins = dict(
        line.split("==") for line in (FOLDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")
    )
    rows = [line for line in PAGE.splitlines() if line.startswith("### ")]
    assert [row.split("`")[1] for row in rows] == list(TOOLS)
    for row in rows:
        package, version = row.split("`")[3].split(" ")
        assert pins[package] == version, row


@pytest.mark.parametrize("name", TOOLS)
def test_the_page_says_what_is_told(name: str) -> None:
    row = PAGE.split(f"### `{name}`")[1].split("\n### ")[0]
    lines = [line.partition(": ")[0] for line in row.splitlines() if line.startswith("- ")]
    assert lines == ["- Set up", "- Arrives", "- Know"]
    assert ("a deadline that is near" in row) == bool(TOOLS[name].get("near"))
    assert ("a start that fails" in row) == bool(TOOLS[name].get("start"))
