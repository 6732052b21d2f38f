"""Whose boto3 a function gets: its own, whole, or the image's, whole, and never a part of each."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.runtime_process import CHECKOUT, Run, Runtime

Serve = Callable[..., Run]
FAMILY = ("boto3", "botocore", "s3transfer")
# As the real ones do: the first imports the others when it is used.
IMAGES = {
    "boto3": "import botocore, jmespath\nfrom s3transfer import whose as _\nwhose = 'image'\n",
    "botocore": "whose = 'image'\n",
    "s3transfer": "import botocore\nwhose = 'image'\n",
}
OWN = {name: source.replace("'image'", "'own'") for name, source in IMAGES.items()}
APP = """\
import importlib, sys
def handler(names, context):
    return [importlib.import_module(name).whose for name in names], sys.path
"""


@pytest.fixture
def runtime_dir(tmp_path: Path) -> Path:
    """A runtime as the boto3 variant of the image has it."""
    folder = tmp_path / "runtime"
    shutil.copytree(CHECKOUT / "runtime" / "pylambda", folder / "pylambda")
    for name, source in IMAGES.items():
        package = folder / "aws-sdk" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(source)
    (folder / "vendor").mkdir()
    (folder / "vendor" / "jmespath.py").write_text("whose = 'image'\n")
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter without packages: the one that runs the tests has a boto3."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin" / "python"


@pytest.fixture
def serve(runtime: Runtime, runtime_dir: Path, bare: Path) -> Serve:
    def serve(files: dict[str, str], *events: object) -> Run:
        env = {"PYLAMBDA_PYTHON": str(bare), "LAMBDA_RUNTIME_DIR": str(runtime_dir)}
        return runtime.serve(files={"app.py": APP, **files}, events=events, env=env)

    return serve


def own(*names: str) -> dict[str, str]:
    return {f"{name}/__init__.py": OWN.get(name, "whose = 'own'\n") for name in names}


def warnings(run: Run) -> list[str]:
    return [line for line in run.stderr.splitlines() if "stays out" in line]


def test_a_function_that_has_none_gets_the_images(serve: Serve, runtime_dir: Path) -> None:
    run = serve({}, list(FAMILY))
    found, path = run.responses[0].json
    assert found == ["image"] * 3
    assert path[-1] == f"{runtime_dir}/aws-sdk"
    assert warnings(run) == []


@pytest.mark.parametrize("first", FAMILY)
def test_whichever_is_imported_first(serve: Serve, first: str) -> None:
    found, _ = serve({}, [first, *FAMILY]).responses[0].json
    assert found == ["image"] * 4


def test_a_function_that_has_all_gets_its_own_and_no_line(serve: Serve, runtime_dir: Path) -> None:
    run = serve(own(*FAMILY), list(FAMILY))
    found, path = run.responses[0].json
    assert found == ["own"] * 3
    assert f"{runtime_dir}/aws-sdk" not in path
    assert warnings(run) == []


@pytest.mark.parametrize("have", [("botocore",), ("s3transfer", "botocore"), ("boto3",), ("boto3", "botocore")])
def test_one_that_has_some_gets_none_of_the_images_and_a_line_says_so(serve: Serve, have: tuple[str, ...]) -> None:
    # When it imports all of them, in one invocation each
    run = serve(own(*have), *([name] for name in FAMILY))
    # Then those that it lacks, or that lack something, are not there
    missing = [name for name in FAMILY if name not in have]
    for error in run.errors:
        document: dict[str, Any] = error.json
        assert document["errorType"] == "ModuleNotFoundError"
        assert document["errorMessage"] in [f"No module named '{name}'" for name in missing]
    assert [found for response in run.responses for found in response.json[0]] in ([], ["own"], ["own", "own"])
    # And the line names what is there, where, and what to do
    (line, *_) = warnings(run)
    assert line.startswith(f"pylambda: {missing[0]} of the image stays out, because ")
    assert f"/task/{have[0]}/__init__.py" in line or f"/task/{have[-1]}/__init__.py" in line
    assert f"install {missing[0]} beside it" in line


def test_what_fits_in_many_versions_may_be_the_functions_own(serve: Serve) -> None:
    # As with powertools, which bring a jmespath
    found, _ = serve(own("jmespath"), ["jmespath", *FAMILY]).responses[0].json
    assert found == ["own", "image", "image", "image"]


def test_an_image_without_it_says_which_has_it(runtime: Runtime, bare: Path) -> None:
    files = {"app.py": "import botocore.nothing\n", "botocore/__init__.py": "import s3transfer\n"}
    run = runtime.serve(files=files, env={"PYLAMBDA_PYTHON": str(bare)})
    assert "it imports 's3transfer', which is not installed in the image: install it, or build on" in run.stdout
    assert "-boto3" in run.stdout
    assert warnings(run) == []
