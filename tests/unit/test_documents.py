"""What the documents say is held to what the machine does: commands are run somewhere, links lead somewhere."""

import argparse
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from pylambda import names
from pylambda.local.__main__ import parser
from tests.documents import ROOT, Block, blocks, pages

CI = (ROOT / ".ci" / "run").read_text().splitlines()
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
SOURCES = "".join(
    path.read_text() for folder in ("runtime", "bench") for path in (ROOT / folder).rglob("*.py")
) + "".join((ROOT / name).read_text() for name in ("bootstrap", "entry_script.sh"))
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
VARIABLE = re.compile(r"PYLAMBDA_[A-Z]+(?:_[A-Z]+)*")
COMMANDS = [(page, block) for page in pages() for block in blocks(page) if block.language == "sh"]


@pytest.mark.parametrize(("page", "block"), COMMANDS, ids=lambda value: getattr(value, "name", None))
def test_every_command_is_run_by_ci_or_by_a_test_that_is_named(page: Path, block: Block) -> None:
    if block.runner:
        assert page.name in (ROOT / block.runner).read_text()
    else:
        assert set(block.lines) <= set(CI)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_into_the_tree_leads_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_functions_of_the_pages_are_the_examples() -> None:
    (python,) = [block for block in blocks(ROOT / "docs" / "index.md") if block.language == "python"]
    (first,) = [block for block in blocks(ROOT / "docs" / "index.md") if block.language == "dockerfile"]
    (two_stage,) = [block for block in blocks(ROOT / "docs" / "images.md") if block.language == "dockerfile"]
    example = ROOT / "examples" / "hello"
    assert first.text == (example / "Dockerfile").read_text()
    assert two_stage.text == (ROOT / "examples" / "two-stage" / "Dockerfile").read_text()
    assert python.lines[-1].strip() in (example / "app.py").read_text()


def test_what_a_dockerfile_becomes_is_one_that_the_tests_build() -> None:
    cases = tomllib.loads((ROOT / "tests" / "image" / "dockerfiles" / "cases.toml").read_text())["case"]
    built = [case["dockerfile"].replace("public.ecr.aws/lambda/python:", "pylambda:") for case in cases]
    dockerfiles = [block.text for block in blocks(ROOT / "docs" / "migrate.md") if block.language == "dockerfile"]
    assert dockerfiles[1] in built
    web = next(block.text for block in blocks(ROOT / "docs" / "web.md") if block.language == "dockerfile")
    assert dockerfiles[-1] == web == (ROOT / "examples" / "fastapi" / "Dockerfile").read_text()


def commands_of_pylambda() -> dict[str, argparse.ArgumentParser]:
    (commands,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(commands.choices)


def code_of(page: Path) -> list[str]:
    """What a page shows as code: its blocks line by line, and what stands between backticks."""
    lines = [line for block in blocks(page) for line in block.lines]
    return lines + INLINE.findall(re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_target_of_make_and_every_command_that_is_named_is_there(page: Path) -> None:
    code, commands = code_of(page), commands_of_pylambda()
    targets = {found[1] for text in code if (found := re.match(r"make ([a-z][a-z0-9-]*)", text))}
    assert targets <= set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
    for text in code:
        if found := re.match(r"pylambda ([a-z]+)\b(.*)", text):
            flags = {word.partition("=")[0] for word in found[2].partition(" -- ")[0].split() if word.startswith("--")}
            assert flags <= commands[found[1]]._option_string_actions.keys(), text


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_variable_that_is_named_is_read_somewhere(page: Path) -> None:
    named = set(VARIABLE.findall(page.read_text()))
    assert named <= set(VARIABLE.findall(SOURCES))


def test_every_variable_of_the_runtime_is_on_a_page() -> None:
    ours = {value for value in vars(names).values() if isinstance(value, str) and VARIABLE.fullmatch(value)}
    assert ours <= {name for page in pages() for name in VARIABLE.findall(page.read_text())}


def test_make_help_tells_of_every_target() -> None:
    told = subprocess.run(
        ("make", "--no-print-directory", "help"), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert [line.split()[1] for line in told.splitlines()] == targets


def test_the_figures_of_the_first_page_are_those_of_the_run_that_is_shown() -> None:
    cold, cycle = re.findall(r"a cold start takes (\S+) of\s+its time, an invocation (\S+)\. ", README)[0]
    run = (ROOT / "docs" / "performance.md").read_text()
    for what, ratio in (("cold start, plain handler | start to first /next, ms", cold), ("64 B | cycle, µs", cycle)):
        (row,) = re.findall(rf"^\| {re.escape(what)} \|.*\| awslambdaric \|.*$", run, re.MULTILINE)
        assert f"| {ratio} |" in row
