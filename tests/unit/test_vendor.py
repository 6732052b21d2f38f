"""How the image's own packages are locked and unpacked; nothing is downloaded here."""

import json
import stat
import zipfile
from pathlib import Path

import pytest

from images import vendor


def report(url: str) -> str:
    """What `pip install --report` says of one package."""
    archive = {"hashes": {"sha256": "ab" * 32}}
    item = {
        "download_info": {"url": url, "archive_info": archive},
        "metadata": {"name": "Requests", "version": "2.0"},
    }
    return json.dumps({"install": [item]})


def wheel(folder: Path, files: dict[str, str]) -> Path:
    path = folder / "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_pin_is_a_line_that_pip_takes() -> None:
    (pin,) = vendor.pins(report("https://example.org/requests-2.0-py3-none-any.whl"))
    assert str(pin) == f"requests==2.0 --hash=sha256:{'ab' * 32}"
    assert vendor.locked(f"# requests\n{pin}\n") == {"ab" * 32}


def test_a_wheel_for_one_architecture_is_refused() -> None:
    with pytest.raises(vendor.VendorError, match="is not a pure wheel"):
        vendor.pins(report("https://example.org/requests-2.0-cp312-cp312-linux_x86_64.whl"))


def test_everything_in_the_lock_has_a_hash() -> None:
    lines = [line for line in vendor.LOCK.read_text().splitlines() if not line.startswith("#")]
    assert len(vendor.locked("\n".join(lines))) == len(lines)
    declared = {line for line in vendor.DECLARED.read_text().splitlines() if not line.startswith("#")}
    assert declared <= {line.partition("==")[0] for line in lines}


def test_unpacking_keeps_what_an_import_needs(tmp_path: Path) -> None:
    # Given a wheel with a script, and a folder with something older
    files = {"some/__init__.py": "x = 1", "some-1.0.data/scripts/run": "#!python", "some-1.0.dist-info/METADATA": ""}
    target = tmp_path / "vendor"
    target.mkdir()
    (target / "old.py").touch()
    # When it is unpacked
    vendor.unpack([wheel(tmp_path, files)], target)
    # Then
    found = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert found == ["some-1.0.dist-info/METADATA", "some/__init__.py"]
    assert stat.filemode((target / "some/__init__.py").stat().st_mode) == "-rw-r--r--"


def test_a_wheel_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(vendor.VendorError, match="points out of the folder"):
        vendor.unpack([wheel(tmp_path, {"../evil.py": ""})], tmp_path / "vendor")
    assert not (tmp_path / "evil.py").exists()
