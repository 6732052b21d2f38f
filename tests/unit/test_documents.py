"""What the documents say is held to what the machine does: commands are run somewhere, links lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.documents import ROOT, Block, blocks, pages

CI = (ROOT / ".ci" / "run").read_text().splitlines()
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
    assert dockerfiles[-1] == (ROOT / "examples" / "fastapi" / "Dockerfile").read_text()
