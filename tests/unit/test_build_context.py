"""The build context of the image: the same bytes whatever the host's umask, and nothing but what the image carries."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from images import context, facts


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout under a careful umask, with byte code lying about."""
    for name in ("Dockerfile", "bootstrap", "pylambda/names.py", "pylambda/__pycache__/names.pyc", "vendor/tomli.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        path.chmod(0o600)
        path.parent.chmod(0o700)
    monkeypatch.setattr(context, "FILES", {name: tmp_path / name for name in ("Dockerfile", "bootstrap")})
    monkeypatch.setattr(context, "FOLDERS", {name: tmp_path / name for name in ("pylambda", "vendor")})
    return tmp_path


def tar() -> bytes:
    stream = io.BytesIO()
    context.write(stream)
    return stream.getvalue()


@pytest.mark.usefixtures("checkout")
def test_modes_are_the_images_and_byte_code_stays_behind() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar())) as archive:
        modes = {member.name: oct(member.mode) for member in archive}
    assert modes == {
        "Dockerfile": "0o644",
        "boto3": "0o755",
        "bootstrap": "0o755",
        "pylambda": "0o755",
        "pylambda/names.py": "0o644",
        "vendor": "0o755",
        "vendor/tomli.py": "0o644",
    }


def test_the_time_of_a_checkout_does_not_matter(checkout: Path) -> None:
    before = tar()
    os.utime(checkout / "bootstrap", (0, 0))
    assert tar() == before


def test_a_missing_part_is_an_error(checkout: Path) -> None:
    (checkout / "bootstrap").unlink()
    with pytest.raises(OSError, match="bootstrap"):
        tar()


def test_the_programs_of_an_architecture_go_under_its_other_name(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given what images/vendor.py puts there
    program = checkout / "tools" / "x86_64" / "usr" / "local" / "bin" / "uv"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setattr(context, "BUILD", checkout)
    # When the context of the build variant is written into a folder
    context.write_folder(checkout / "context", facts.load().archs[:1])
    # Then the Dockerfile finds it by the name that builders use, and it can be executed
    written = checkout / "context" / "tools" / "amd64" / "usr" / "local" / "bin" / "uv"
    assert written.stat().st_mode & 0o777 == 0o755


def test_boto3_goes_in_where_it_is_asked_for(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given what images/vendor.py puts there
    file = checkout / "boto3" / "var" / "runtime" / "aws-sdk" / "boto3" / "__init__.py"
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setattr(context, "BUILD", checkout)
    # When the context of the boto3 variant is written into a folder, and that of another
    for name, with_boto3 in (("with", True), ("without", False)):
        context.write_folder(checkout / name, with_boto3=with_boto3)
    # Then the Dockerfile finds the folder in both, because the classic builder makes every stage
    assert (checkout / "with" / file.relative_to(checkout)).stat().st_mode & 0o777 == 0o644
    assert list((checkout / "without" / "boto3").iterdir()) == []
