"""What `pylambda new` makes passes `pylambda check`."""

from pathlib import Path

import pytest

from pylambda.local.__main__ import main
from tests.check.command import check

KINDS = (
    ("--ci", "github", "--iac", "cloudformation"),
    ("--stream", "--iac", "sam"),
    ("--web", "fastapi", "--stream", "--iac", "cdk"),
    ("--web", "flask", "--iac", "terraform", "--ci", "gitlab"),
    ("--web", "django"),
)


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_nothing_is_wrong_with_a_new_project(
    kind: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a new project
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["pylambda", "new", "greeter", *kind])
    assert main() == 0
    capsys.readouterr()
    # When it is checked as it is
    said = check(capsys, "greeter", "--json")
    # Then its handler is known and found, and nothing else is either
    assert said.code == 0
    assert said.document["handler"]
    assert said.found == {}
