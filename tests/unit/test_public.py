"""What users import: it is all there, it is cheap, and it is documented."""

import inspect
import subprocess
import sys
import tomllib
from fnmatch import fnmatch

import pytest

import pylambda
from tests.documents import ROOT

NAMES = [name for name in pylambda.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(pylambda, name))


def test_every_name_has_a_home_and_no_home_is_a_secret() -> None:
    assert sorted(pylambda._HOMES) == NAMES


def test_what_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'pylambda' has no attribute 'nothing'"):
        pylambda.nothing  # noqa: B018


@pytest.mark.parametrize("method", ["next", "respond", "respond_stream", "fail", "fail_init"])
def test_every_method_of_the_client_says_what_it_raises(method: str) -> None:
    assert "Raises:" in (inspect.getdoc(getattr(pylambda.RuntimeApi, method)) or "")


def test_importing_the_package_imports_two_modules() -> None:
    program = "import sys; before = set(sys.modules); import pylambda; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.split() == ["pylambda", "pylambda.names"]


def test_an_installed_pylambda_brings_no_awslambdaric() -> None:
    # Else it would take the place of the official client in the environment of whoever installs the command.
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    packages = [path.parent.name for path in (ROOT / find["where"][0]).glob("*/__init__.py")]
    assert {"awslambdaric", "pylambda"} == set(packages)
    assert [name for name in packages if any(fnmatch(name, pattern) for pattern in find["include"])] == ["pylambda"]
