"""`make arm64` and `make registry` on machines that have what they install, or cannot."""

import os
from pathlib import Path

import pytest

from images import parts
from images.engine import EngineError


def test_nothing_is_done_where_arm64_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = tmp_path / "qemu-aarch64"
    handler.touch()
    monkeypatch.setattr(parts, "HANDLER", handler)
    parts.arm64()
    assert "nothing to do" in capsys.readouterr().out


def test_nothing_is_done_where_a_registry_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in parts.REGISTRY:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    parts.registry()
    assert "docker-registry and skopeo are here" in capsys.readouterr().out


def test_who_cannot_install_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(EngineError, match="apt-get install docker-registry skopeo"):
        parts.registry()
