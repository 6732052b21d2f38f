"""What this machine lacks decides what is skipped, and nothing else does.

A test module that needs a part says so with `pytestmark = pytest.mark.needs("engine")`. Where the part is missing
its tests are skipped, and the end of the run says in one line for each part why, and which command would enable it.
"""

import functools
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.image import buildkit

SAM = Path(__file__).parents[1] / ".cache" / "sam" / "bin" / "sam"
AWS_CLI = Path(__file__).parents[1] / ".cache" / "aws-cli" / "bin" / "aws"
WEB_FRAMEWORKS = Path(__file__).parents[1] / ".cache" / "web-frameworks" / ".ready"
MONITORING = Path(__file__).parents[1] / ".cache" / "monitoring" / ".ready"
CHECKED = Path(__file__).parents[1] / ".cache" / "check-packages"
IAC = Path(__file__).parents[1] / ".cache" / "iac"
DOCS = Path(__file__).parents[1] / ".cache" / "docs" / ".ready"
QEMU_BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
# Folders whose slow fixtures, made once a run, all of their tests share; the longest first, so that it ends in time.
TOGETHER = ("image", "parity", "local")


class Part(NamedTuple):
    """Something that a machine may lack."""

    is_here: Callable[[], bool]
    missing: str
    mend: str


def _engine_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "info"], capture_output=True, timeout=60, check=False).returncode == 0


def _buildkit_is_made() -> bool:
    return _engine_answers() and buildkit.is_here()


def _strace_works() -> bool:
    strace = shutil.which("strace")
    # Where tracing is forbidden, as in some containers, the program is there and fails.
    return strace is not None and subprocess.run([strace, "true"], capture_output=True, check=False).returncode == 0


PARTS = {
    "cc": Part(lambda: shutil.which("cc") is not None, "there is no C compiler", "apt-get install gcc libc6-dev"),
    "strace": Part(_strace_works, "strace is missing or may not trace", "apt-get install strace"),
    "engine": Part(_engine_answers, "no container engine answers", "make engine"),
    "arm64": Part(
        lambda: platform.machine() == "aarch64" or QEMU_BINFMT.exists(),
        "this machine cannot run arm64 programs",
        "make arm64",
    ),
    "registry": Part(
        lambda: all(map(shutil.which, ("docker-registry", "skopeo"))),
        "docker-registry or skopeo is missing",
        "make registry",
    ),
    "web-frameworks": Part(WEB_FRAMEWORKS.exists, "the web frameworks are missing", "make web-frameworks"),
    "browser": Part(lambda: shutil.which("chromium") is not None, "there is no Chromium", "make browser"),
    "sam": Part(SAM.exists, "the SAM CLI is missing", "make sam"),
    "aws-cli": Part(AWS_CLI.exists, "the AWS CLI is missing", "make aws-cli"),
    "iac": Part((IAC / ".ready").exists, "the CDK and moto are missing", "make iac"),
    "buildkit": Part(_buildkit_is_made, "the engine with BuildKit is missing", "make buildkit"),
    "docs": Part(DOCS.exists, "what builds the pages is missing", "make docs"),
    "check-packages": Part((CHECKED / ".ready").exists, "the packages to check are missing", "make check-packages"),
    "monitoring": Part(MONITORING.exists, "the monitoring tools are missing", "make monitoring"),
}


@functools.cache
def _is_here(part: str) -> bool:
    return PARTS[part].is_here()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: left to make test-slow, so that make test stays within its 12 minutes")
    config.addinivalue_line("markers", f"needs(part): skipped where the machine lacks the part: {', '.join(PARTS)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: TOGETHER.index(group) if (group := _group(item.nodeid)) in TOGETHER else len(TOGETHER))
    for item in items:
        for mark in item.iter_markers("needs"):
            for part in mark.args:
                if not _is_here(part):
                    item.add_marker(pytest.mark.skip(reason=f"{PARTS[part].missing}: {PARTS[part].mend}"))
                    item.user_properties.append(("lacks", part))


class ByFolder(LoadScopeScheduling):  # type: ignore[misc]  # which has no types
    """Which tests stay in one process where the suite runs in several."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    return ByFolder(config, log)


def _group(nodeid: str) -> str:
    """Return a folder of `TOGETHER`, or else the test's file; all tests of the bench make its kit in one place."""
    path = Path(nodeid.partition("::")[0])
    folder = path.parts[1]
    return "image" if path.name == "test_bench.py" else folder if folder in TOGETHER else str(path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    for name, part in PARTS.items():
        count = sum(("lacks", name) in report.user_properties for report in skipped)
        if count:
            terminalreporter.write_line(f"{count} tests not run: {part.missing}; enable them with: {part.mend}")
