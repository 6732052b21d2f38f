"""One version everywhere, and a base by digest."""

from pathlib import Path

import pytest

from images import facts, release
from pylambda.names import VERSION
from tests.unit.test_matrix import GOOD

CHANGELOG = """\
# Changelog

## 1.2.0 (2026-11-21)

### Added

- Something.

## 1.1.0 (2026-10-01)

- Older.
"""
DIGEST = f"sha256:{'ab' * 32}"


def test_the_newest_section_is_the_first() -> None:
    section = release.newest(CHANGELOG)
    assert (section.version, section.date) == ("1.2.0", "2026-11-21")
    assert section.text == "### Added\n\n- Something."


def test_what_agrees_is_released() -> None:
    release.check_tag("v1.2.0", "1.2.0", release.newest(CHANGELOG))


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "said"),
    [
        ("1.2.0", "1.2.0", CHANGELOG, "the tag must be v1.2.0"),
        ("v1.2.1", "1.2.0", CHANGELOG, "the tag is v1.2.1"),
        ("v1.3.0", "1.3.0", CHANGELOG, r"CHANGELOG.md opens with 1\.2\.0"),
        ("v1.2.0", "1.2.0", CHANGELOG.replace("2026-11-21", "unreleased"), "a release has its day there"),
        ("v1.2.0", "1.2.0", CHANGELOG.replace("### Added\n\n- Something.", ""), r"says nothing of 1\.2\.0"),
    ],
)
def test_what_disagrees_is_named(tag: str, version: str, changelog: str, said: str) -> None:
    with pytest.raises(release.ReleaseError, match=said):
        release.check_tag(tag, version, release.newest(changelog))


def test_the_changelog_of_this_project_can_be_read() -> None:
    assert release.newest(release.CHANGELOG.read_text()).version == VERSION


def test_only_the_base_is_rewritten() -> None:
    renewed = release.with_base(GOOD, f"example.org/base:1@{DIGEST}")
    assert facts.read(renewed).base == f"example.org/base:1@{DIGEST}"
    assert renewed.replace(f"@{DIGEST}", "") == GOOD
    with pytest.raises(release.ReleaseError, match="has 2 lines"):
        release.with_base(GOOD + 'base = "x"\n', "y")


@pytest.fixture
def docker(tmp_path: Path) -> str:
    """A docker whose pull says what a registry would."""
    script = tmp_path / "docker"
    script.write_text(f'#!/bin/sh\n[ "$*" = "pull example.org/base:1" ] && echo "Digest: {DIGEST}"\n')
    script.chmod(0o755)
    return str(script)


def test_the_base_is_bumped_once(docker: str, tmp_path: Path) -> None:
    file = tmp_path / "matrix.toml"
    file.write_text(GOOD)
    assert release.bump_base(docker, file) == f"example.org/base:1 is {DIGEST} now; it was not pinned"
    assert release.bump_base(docker, file) == f"example.org/base:1 is still {DIGEST}"
    assert facts.read(file.read_text()).base.endswith(DIGEST)


def test_a_registry_that_says_nothing_is_told(docker: str) -> None:
    with pytest.raises(release.ReleaseError, match="told no digest"):
        release.current_digest(docker, "example.org/other:1")
