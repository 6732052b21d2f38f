"""What goes to PyPI: all of the package and nothing else, and it works where nothing but the wheel is installed."""

import email
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from images import facts
from pylambda.names import VERSION
from tests.dist.conftest import Distributions, build
from tests.documents import ROOT

PACKAGE = ROOT / "runtime" / "pylambda"
UV = Path(sys.executable).with_name("uv")
# Beside the package, for `pylambda serve` and for the wrapper layer.
SHARED = {"bootstrap", "LICENSE", "bootstrap.py", "snapshot_restore_py.py"}


@pytest.fixture(scope="module")
def installed(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    say(UV, "venv", "--quiet", "--offline", "--python", sys.executable, folder)
    pip = (UV, "pip", "install", "--quiet", "--offline", "--no-index", "--no-deps", "--python", folder / "bin/python")
    say(*pip, distributions.wheel)
    return folder / "bin"


def say(*words: str | Path, cwd: Path | None = None) -> str:
    """Run a program and return what it prints."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
        env={"PATH": os.defpath, "HOME": os.environ.get("HOME", "/")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> set[str]:
    """The package's files, without what this machine has compiled."""
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {f"pylambda/{path.relative_to(PACKAGE).as_posix()}" for path in files}


def test_the_wheel_has_the_whole_package_and_no_tests(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    data = f"pylambda-{VERSION}.data/data/share/pylambda/"
    assert {name for name in names if not name.startswith(data)} == tracked()
    assert {"pylambda/py.typed", "pylambda/local/service/page.html", "pylambda/local/events/sqs.json"} <= names
    shared = {name.removeprefix(data) for name in names if name.startswith(data)}
    assert {name for name in shared if "/" not in name} == SHARED
    client = {f"awslambdaric/{path.name}" for path in (ROOT / "runtime/awslambdaric").glob("*.py")}
    assert shared - SHARED == client


def test_the_source_distribution_has_what_the_wheel_is_built_of(distributions: Distributions) -> None:
    with tarfile.open(distributions.source) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert {f"runtime/{name}" for name in tracked()} <= names
    assert {"bootstrap", "LICENSE", "README.md", "pyproject.toml"} <= names
    assert not [name for name in names if name.startswith(("tests/", "bench/", "images/", "docs/"))]


def test_two_builds_of_a_commit_are_the_same_wheel(distributions: Distributions, tmp_path: Path) -> None:
    assert build(tmp_path).wheel.read_bytes() == distributions.wheel.read_bytes()


def test_its_metadata_says_what_the_project_says(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        said = email.message_from_bytes(archive.read(f"pylambda-{VERSION}.dist-info/METADATA"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project  # it is in names.py, once
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("pylambda", VERSION, "Apache-2.0")
    assert said["Description-Content-Type"] == "text/markdown"
    assert str(said.get_payload()).strip().startswith("# pylambda")
    assert {line.partition(", ")[0] for line in said.get_all("Project-URL", [])} == {
        "Documentation",
        "Source",
        "Changelog",
    }
    pythons = {python.version for python in facts.load().pythons}
    named = {line.rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if "Python :: 3." in line}
    assert named == pythons
    # The runtime needs the standard library alone
    assert all("extra ==" in line for line in said.get_all("Requires-Dist", []))


def test_installed_alone_it_says_what_is_missing_of_the_laptops_side(installed: Path, tmp_path: Path) -> None:
    assert "serve" in say(installed / "pylambda", "--help")
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return event\n")
    done = subprocess.run(
        (installed / "pylambda", "serve", "app.handler", "--port", "0"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "pip install 'pylambda[local]'" in done.stderr


def test_installed_alone_it_makes_the_wrapper_layer_of_a_checkout(installed: Path, tmp_path: Path) -> None:
    # Given a checkout's layer, and the one of what pip installed
    version = ".".join(map(str, sys.version_info[:2]))
    for program in (installed / "pylambda", Path(sys.executable).with_name("pylambda")):
        outdir = tmp_path / program.parents[1].name
        say(program, "build", "--wrapper", "--python", version, "--outdir", outdir, cwd=tmp_path)
    # Then they have the same files
    first, second = (zipfile.ZipFile(path) for path in tmp_path.glob(f"*/pylambda-wrapper-{version}.zip"))
    with first, second:
        assert {info.filename: info.CRC for info in first.infolist()} == {
            info.filename: info.CRC for info in second.infolist()
        }
        assert {info.external_attr for info in first.infolist() if info.filename.endswith("/bootstrap")} == {
            0o100755 << 16
        }


def test_what_stands_for_the_official_client_is_not_in_its_place(installed: Path) -> None:
    """Installed, it would take the place of Amazon's, which other programs of the environment may need."""
    program = "import importlib.util; print(importlib.util.find_spec('awslambdaric'))"
    assert say(installed / "python", "-c", program).strip() == "None"
