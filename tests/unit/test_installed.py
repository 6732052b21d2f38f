"""Which folders packages are found in, and when `site` has to do it."""

import builtins
import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from pylambda.start import installed


@pytest.fixture
def site_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let `site` seem not imported, and only note that it was asked to work."""
    import site

    calls: list[str] = []
    monkeypatch.setattr(site, "main", lambda: calls.append("main"))
    monkeypatch.setattr(site, "ENABLE_USER_SITE", None)
    monkeypatch.delitem(sys.modules, "site")
    monkeypatch.setitem(sys.modules, "site", site)
    for name in ("exit", "quit", "help"):
        monkeypatch.setattr(builtins, name, getattr(builtins, name))
    monkeypatch.delitem(sys.modules, "site")
    # `import site` finds the patched one again.
    monkeypatch.setattr(sys, "meta_path", [_Finder(site), *sys.meta_path])
    return calls


class _Finder(Loader):
    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name == "site" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        pass


def record(runtime_dir: Path, *folders: Path, interpreter: str = sys.executable) -> None:
    (runtime_dir / "site-packages").write_text("\n".join([interpreter, *map(str, folders)]) + "\n")


def test_recorded_folders_are_enough_where_nothing_is_to_be_run(
    tmp_path: Path, site_calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    packages = tmp_path / "packages"
    (packages / "requests").mkdir(parents=True)
    record(tmp_path, packages, tmp_path / "not there")
    path = ["stdlib"]
    installed.add(path, str(tmp_path), isolated=True, user_base="")
    assert path == ["stdlib", str(packages)]
    assert site_calls == []
    with pytest.raises(SystemExit, match="3"):
        builtins.exit(3)
    with pytest.raises(SystemExit, match=r"^None$"):
        builtins.quit()
    help("topics")
    assert "ASSERTION" in capsys.readouterr().out


@pytest.mark.parametrize("hook", ["a.pth", "sitecustomize.py", "usercustomize"])
def test_site_does_it_where_something_is_to_be_run(hook: str, tmp_path: Path, site_calls: list[str]) -> None:
    (tmp_path / hook).touch()
    record(tmp_path, tmp_path)
    installed.add([], str(tmp_path), isolated=True, user_base="")
    assert site_calls == ["main"]


def test_site_does_it_where_a_pythonpath_is_set(tmp_path: Path, site_calls: list[str]) -> None:
    record(tmp_path)
    installed.add([], str(tmp_path), isolated=False, user_base="")
    assert site_calls == ["main"]


@pytest.mark.parametrize("interpreter", ["/usr/bin/another", ""])
def test_site_does_it_for_an_interpreter_that_was_not_recorded(
    interpreter: str, tmp_path: Path, site_calls: list[str]
) -> None:
    record(tmp_path, interpreter=interpreter)
    installed.add([], str(tmp_path), isolated=True, user_base="")
    assert site_calls == ["main"]


@pytest.mark.parametrize(("user_base", "enabled"), [("", False), ("/home/me/.local", None)])
def test_packages_of_a_user_are_looked_for_where_there_may_be_some(
    user_base: str, enabled: bool | None, tmp_path: Path, site_calls: list[str]
) -> None:
    # Given a home below which nothing was installed, as /tmp is one, `site` would look there all the same
    installed.add([], str(tmp_path), isolated=True, user_base=user_base)
    assert site_calls == ["main"]
    # Then it is told not to; else it decides for itself
    assert sys.modules["site"].ENABLE_USER_SITE is enabled


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    path: list[str] = []
    installed.add(path, str(tmp_path), isolated=True, user_base="")
    assert path == []
