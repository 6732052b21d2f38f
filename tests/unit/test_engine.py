"""`make engine` with a docker and a dockerd that are scripts: one answers once the other runs."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from images import engine

DOCKER = """#!/bin/sh
[ -e "{folder}/daemon.pid" ] && echo 20.10 && exit
echo "Cannot connect to the Docker daemon" >&2
exit 1
"""
DOCKERD = """#!/bin/sh
echo "dockerd starts"
echo $$ > {folder}/daemon.pid
exec tail -f /dev/null
"""


def program(path: Path, text: str) -> None:
    path.write_text(text.format(folder=path.parent))
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with both programs, neither running; what a test started ends with it."""
    program(tmp_path / "docker", DOCKER)
    program(tmp_path / "dockerd", DOCKERD)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    yield tmp_path
    started = tmp_path / "daemon.pid"
    if started.exists():
        pid = int(started.read_text())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.fixture
def daemon(folder: Path) -> engine.Daemon:
    return engine.Daemon(folder / "docker.pid", folder / "containerd.pid", folder / "log" / "dockerd.log")


def test_nothing_is_done_where_an_engine_answers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(folder / "docker", "#!/bin/sh\necho 28.1\n")
    assert engine.ensure() == "28.1"
    assert "nothing to do" in capsys.readouterr().out


def test_dockerd_is_started_and_waited_for(daemon: engine.Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert engine.start(daemon) == "20.10"
    assert daemon.log.read_text() == "dockerd starts\n"
    assert f"Starting dockerd; its log is {daemon.log}" in capsys.readouterr().out


@pytest.mark.parametrize("stale", ["999999999", "1", "", "nonsense"])
def test_a_stale_pid_file_is_cleared_away(stale: str, daemon: engine.Daemon) -> None:
    # Given the file of a dockerd that is dead, or whose number is another program's by now
    daemon.pid_file.write_text(stale)
    daemon.containerd_pid_file.write_text(stale)
    # When the engine is started
    engine.start(daemon)
    # Then neither is left to stop it
    assert not daemon.pid_file.exists()
    assert not daemon.containerd_pid_file.exists()


def test_a_dockerd_that_ends_is_told_with_its_log(folder: Path, daemon: engine.Daemon) -> None:
    program(folder / "dockerd", "#!/bin/sh\necho no space left\nexit 1\n")
    with pytest.raises(engine.EngineError, match="no space left"):
        engine.start(daemon)


@pytest.mark.usefixtures("folder")
def test_an_engine_elsewhere_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:1")
    with pytest.raises(engine.EngineError, match="DOCKER_HOST=tcp://far:1 does not answer"):
        engine.ensure()


@pytest.mark.usefixtures("folder")
def test_only_root_starts_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(engine.EngineError, match="needs root"):
        engine.ensure()


def test_without_apt_the_mend_is_the_systems_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(engine.EngineError, match="no apt-get to install it with"):
        engine.ensure()
