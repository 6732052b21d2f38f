"""Starlette's own suite, from the sdist on PyPI, with its test client's requests sent through the adapter.

It says whether the adapter keeps what the framework promises. What must fail is in `suites/expected.toml`.
"""

import os
import re
import subprocess
import tarfile
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.contract.runtime_process import CHECKOUT
from tests.web.conftest import FRAMEWORKS, PYTHON

pytestmark = [pytest.mark.needs("web-frameworks"), pytest.mark.timeout(600)]

WEB = Path(__file__).parent
# The other half of its tests is the same ones on trio, where there is asyncio here.
OPTIONS = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "-W", "ignore", "-k", "not trio", "--color=no"]
PLUGIN = ["-p", "through_the_adapter", "--continue-on-collection-errors"]
MOST_OF_IT = 600


def test_starlettes_suite_passes_but_for_what_is_expected(tmp_path: Path) -> None:
    # Given the suite of the version that is installed
    (sdist,) = (FRAMEWORKS / "suites").glob("starlette-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    # When it runs, with the adapter in its client
    places = [folder, CHECKOUT / "runtime", WEB, WEB / "suites"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [os.fspath(PYTHON), "-m", "pytest", *OPTIONS, *PLUGIN, f"--rootdir={folder}", "tests"]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=590, check=False)
    # Then what fails is what must, and it was the whole of it that ran
    failed = re.findall(r"^(?:FAILED|ERROR) (tests/\S+)", done.stdout, re.MULTILINE)
    expected = groups()
    assert [one for one in failed if not any(covers(group, one) for group in expected)] == []
    assert [group["reason"] for group in expected if not any(covers(group, one) for one in failed)] == []
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout[-2000:]
    assert int(passed[1]) >= MOST_OF_IT


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((WEB / "suites" / "expected.toml").read_text())["group"]
    return found


def covers(group: dict[str, Any], test: str) -> bool:
    return any(fnmatch(test, pattern) for pattern in group["tests"])
