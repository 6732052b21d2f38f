"""How the image's own packages are locked and unpacked; nothing is downloaded here."""

import json
import os
import stat
import subprocess
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
    (line,) = vendor.lock_lines([pin])
    assert line == f"requests==2.0 --hash=sha256:{'ab' * 32}"
    assert vendor.locked(f"# requests\n{line}\n") == {"ab" * 32}


def test_a_program_has_one_line_and_a_hash_for_each_architecture() -> None:
    found = [vendor.Pin("uv", "1", "aa"), vendor.Pin("uv", "1", "bb")]
    assert vendor.lock_lines(found) == ["uv==1 --hash=sha256:aa --hash=sha256:bb"]
    with pytest.raises(vendor.VendorError, match="uv: its wheels are of different versions, 1 and 2"):
        vendor.lock_lines([*found, vendor.Pin("uv", "2", "cc")])


def test_a_wheel_for_one_architecture_is_refused() -> None:
    with pytest.raises(vendor.VendorError, match="is not a wheel that ends in -none-any"):
        vendor.pins(report("https://example.org/requests-2.0-cp312-cp312-linux_x86_64.whl"))


@pytest.mark.parametrize(
    ("declared", "lock", "wheels"),
    [
        (vendor.DECLARED, vendor.LOCK, 1),
        (vendor.BOTO3, vendor.BOTO3_LOCK, 1),
        (vendor.TOOLS, vendor.TOOLS_LOCK, 2),
    ],
)
def test_everything_in_a_lock_has_a_hash(declared: Path, lock: Path, wheels: int) -> None:
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    assert len(vendor.locked("\n".join(lines))) == len(lines) * wheels
    named = {line for line in declared.read_text().splitlines() if not line.startswith("#")}
    assert named <= {line.partition("==")[0] for line in lines}


def test_unpacking_keeps_what_an_import_needs(tmp_path: Path) -> None:
    # Given a wheel with a script, and a folder with something older
    files = {
        "some/__init__.py": "x = 1",
        "some-1.0.data/scripts/run": "#!python",
        "some-1.0.dist-info/METADATA": "Name: some\n\nA long README",
        "some-1.0.dist-info/RECORD": "some/__init__.py,,",
    }
    target = tmp_path / "vendor"
    target.mkdir()
    (target / "old.py").touch()
    # When it is unpacked
    vendor.unpack([wheel(tmp_path, files)], target)
    # Then
    found = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert found == ["some-1.0.dist-info/METADATA", "some/__init__.py"]
    assert (target / "some-1.0.dist-info/METADATA").read_text() == "Name: some\n"
    assert stat.filemode((target / "some/__init__.py").stat().st_mode) == "-rw-r--r--"


def test_a_wheel_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(vendor.VendorError, match="points out of the folder"):
        vendor.unpack([wheel(tmp_path, {"../evil.py": ""})], tmp_path / "vendor")
    assert not (tmp_path / "evil.py").exists()


def test_programs_lie_where_an_image_has_them(tmp_path: Path) -> None:
    files = {"uv/__init__.py": "", "uv-1.data/scripts/uv": "ELF", "uv-1.dist-info/licenses/LICENSE-MIT": "MIT"}
    path = tmp_path / "uv-1-py3-none-manylinux2014_x86_64.whl"
    wheel(tmp_path, files).rename(path)
    vendor.unpack_programs([path], tmp_path / "tools")
    found = sorted(str(file.relative_to(tmp_path / "tools")) for file in tmp_path.glob("tools/**/*") if file.is_file())
    assert found == ["usr/local/bin/uv", "usr/share/licenses/uv/LICENSE-MIT"]
    assert stat.filemode((tmp_path / "tools/usr/local/bin/uv").stat().st_mode) == "-rwxr-xr-x"


def test_the_notice_names_every_package_and_its_licence(tmp_path: Path) -> None:
    (tmp_path / "some-1.0.dist-info").mkdir()
    metadata = tmp_path / "some-1.0.dist-info" / "METADATA"
    metadata.write_text("Name: some\nVersion: 1.0\nLicense-Expression: MIT\n\nAbout some.\n")
    (tmp_path / "some-1.0.dist-info" / "licenses").mkdir()
    said = vendor.notices("Ours.\n", (tmp_path, "var/runtime/vendor"))
    assert said == "Ours.\n\nsome 1.0\n    MIT: /var/runtime/vendor/some-1.0.dist-info/licenses/\n"
    metadata.write_text("Name: some\nVersion: 1.0\n\n")
    with pytest.raises(vendor.VendorError, match="names no licence"):
        vendor.notices("", (tmp_path, "var/runtime/vendor"))


def test_the_notice_knows_older_metadata(tmp_path: Path) -> None:
    # Given a wheel whose licence is a file among its metadata, and is not named as SPDX names it
    folder = tmp_path / "old-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: old\nVersion: 1.0\nLicense: Apache License 2.0\n\n")
    with pytest.raises(vendor.VendorError, match="its text is not there"):
        vendor.notices("", (tmp_path, "var/runtime/aws-sdk"))
    (folder / "LICENSE.txt").touch()
    said = vendor.notices("", (tmp_path, "var/runtime/aws-sdk"))
    assert said == "\nold 1.0\n    Apache-2.0: /var/runtime/aws-sdk/old-1.0.dist-info/LICENSE.txt\n"


def test_the_boto3_variant_has_nothing_twice() -> None:
    common, own = (vendor.versions(lock.read_text()) for lock in (vendor.LOCK, vendor.BOTO3_LOCK))
    assert own.keys() >= vendor.SDK_PROJECTS
    assert not common.keys() & own.keys()


def test_a_rebuild_hands_the_lock_of_boto3_to_its_machines_as_one_line(tmp_path: Path) -> None:
    make = ("make", "--silent", f"--file={vendor.ROOT}/Makefile")
    (tmp_path / "images").mkdir()
    lock = tmp_path / "images" / "boto3.lock"
    # Given a lock that one machine resolved
    lock.write_text("# Written by\nboto3==1 --hash=sha256:aa\nsix==2 --hash=sha256:bb\n")
    line = subprocess.run([*make, "boto3-lock"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert line.count("\n") == 1
    # When another one takes it, and a third gets none
    for given, expected in ((line.strip(), "boto3==1 --hash=sha256:aa\nsix==2 --hash=sha256:bb\n"), ("", "old")):
        lock.write_text("old")
        environ = {**os.environ, "BOTO3_LOCK": given}
        subprocess.run([*make, "take-boto3-lock"], cwd=tmp_path, env=environ, check=True)
        # Then
        assert lock.read_text() == expected
