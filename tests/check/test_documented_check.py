"""docs/check.md: its commands are run, and each finding is explained there as the command explains it."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from pylambda.local.check.findings import Rule
from pylambda.local.check.rules import RULES
from tests.check.command import check
from tests.check.targets import HANDLER, Entry, Image, zipped
from tests.documents import ROOT, blocks

PAGE = ROOT / "docs" / "check.md"
SECTIONS = dict(re.findall(r"^### (PL-[A-Z-]+)\n(.*?)(?=^### |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has all that the page's commands name."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "dist").mkdir()
    zipped(tmp_path / "dist" / "hello.zip", {})
    Image(files={"var/task/app.py": Entry(HANDLER, mode=0o600)}).saved(tmp_path / "hello.tar")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_commands_do_what_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [block for block in blocks(PAGE) if block.runner == "tests/check/test_documented_check.py"]
    words = [shlex.split(line) for line in block.lines]
    assert [line[:2] for line in words] == [["pylambda", "check"]] * 4
    said = [check(capsys, *line[2:]) for line in words]
    assert [one.code for one in said] == [0, 0, 1, 1]
    assert "app.handler" in said[0].out
    assert "PL-UNTRIED" not in said[1].out
    assert said[2].found.keys() == {"PL-READ"}
    assert json.loads((folder / "check.sarif").read_text())["runs"][0]["results"]


def test_what_it_shows_is_what_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = [block for block in blocks(PAGE) if block.language == "text"]
    assert check(capsys, "hello.tar", "--ignore", "PL-UNTRIED").out == shown.text


def test_its_settings_are_settings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [block for block in blocks(PAGE) if block.language == "toml"]
    (folder / "pyproject.toml").write_text(block.text)
    settings = tomllib.loads(block.text)["tool"]["pylambda"]["check"]
    document = check(capsys, "dist/hello.zip", "--json").document
    assert (document["handler"], document["arch"], document["python"]) == (
        settings["handler"],
        settings["arch"],
        settings["python"],
    )


def test_every_finding_has_its_heading_and_no_heading_is_left_over() -> None:
    assert list(SECTIONS) == [rule.id for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_finding_is_explained_as_the_command_explains_it(rule: Rule) -> None:
    section = " ".join(SECTIONS[rule.id].split())
    assert section.startswith(f"**{rule.severity.word}**: {rule.title} {' '.join(rule.why.split())} ")
    assert " ".join(rule.mend.split()) in section
    assert rule.page == f"docs/check.md#{rule.id.lower()}"
