"""`pylambda new`, as a user meets it: each kind of project is made, passes its own test, is served and asked."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from images import facts
from pylambda.local.new import project
from tests.conftest import WEB_FRAMEWORKS
from tests.local.serve.conftest import CHECKOUT, serving

FRAMEWORKS_PYTHON = WEB_FRAMEWORKS.parent / "bin" / "python"
LISTINGS = tomllib.loads(Path(__file__).with_name("listings.toml").read_text())
STREAM = 'data: {"word": "Hello"}\n\ndata: {"word": "you"}\n\ndata: [DONE]\n\n'
APPS = [
    pytest.param(
        web,
        stream,
        id=f"{web or 'plain'}{'-stream' if stream else ''}",
        marks=[pytest.mark.needs("web-frameworks")] if web else [],
    )
    for web in ("", *project.WEB)
    for stream in (False, True)
]


def new(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Type the command."""
    command = [sys.executable, "-m", "pylambda.local", "new", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def flags(web: str, stream: bool) -> list[str]:
    return [*(["--web", web] if web else []), *(["--stream"] if stream else [])]


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("web", "stream"), APPS)
def test_a_new_project_has_its_files_passes_its_test_and_answers(tmp_path: Path, web: str, stream: bool) -> None:
    # When a project is made
    made = new(tmp_path, "greeter", *flags(web, stream))
    assert made.returncode == 0, made.stderr
    # Then its files are there, and were named
    folder = tmp_path / "greeter"
    app = LISTINGS["app"][web or "plain"] + (LISTINGS["stream"]["web"] if web and stream else [])
    assert listing(folder) == {*LISTINGS["common"], *app}
    assert {f"greeter/{place}" for place in listing(folder)} < set(made.stdout.splitlines())

    # And its own test passes with a plain pytest, where nothing but its requirements and pylambda is installed
    python = FRAMEWORKS_PYTHON if web else Path(sys.executable)
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT / "runtime"), "PYTHONDONTWRITEBYTECODE": "1"}
    environ.pop("PYTEST_ADDOPTS", None)
    tested = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout

    # And `pylambda serve`, with no argument of the project's, serves it as its function URL would
    flags_here = ("--concurrency", "1", "--no-reload")
    with serving(folder, "", flags_here, {"PYLAMBDA_PYTHON": str(python)}) as service:
        answer = httpx.get(f"{service.url}/?name=you", timeout=60)
    assert answer.status_code == 200
    if stream:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.text == STREAM
        # What is sent before its length is known has none.
        assert "content-length" not in answer.headers
    else:
        assert answer.json() == {"message": "Hello, you!"}
        assert "content-length" in answer.headers


@pytest.mark.parametrize("ci", ["", *project.HOSTS])
@pytest.mark.parametrize("iac", ["", *project.IAC])
def test_what_deploys_it_is_added(tmp_path: Path, iac: str, ci: str) -> None:
    words = [*(["--iac", iac] if iac else []), *(["--ci", ci] if ci else [])]
    assert new(tmp_path, "greeter", *words).returncode == 0
    more = [*LISTINGS["iac"].get(iac, []), *LISTINGS["ci"].get(ci, [])]
    assert listing(tmp_path / "greeter") == {*LISTINGS["common"], *LISTINGS["app"]["plain"], *more}
    # And the project's page has a section for each, and no placeholder is left in any file
    page = (tmp_path / "greeter" / "README.md").read_text()
    assert page.count("\n## ") == 2 + bool(iac) + bool(ci)
    assert not [place for place in listing(tmp_path / "greeter") if "%{" in (tmp_path / "greeter" / place).read_text()]


@pytest.mark.parametrize(("web", "stream"), [(web, stream) for web in ("", *project.WEB) for stream in (False, True)])
def test_a_fact_is_the_same_in_each_file_that_has_it(web: str, stream: bool) -> None:
    files = project.files(project.Choice("greeter", web, stream, project.IAC, "github"))
    settings: dict[str, Any] = tomllib.loads(files["pyproject.toml"])["tool"]["pylambda"]
    assert f'CMD ["{settings["handler"]}"]' in files["Dockerfile"]
    # What the image has in its environment the service on this machine is given
    variables = [line.removeprefix("ENV ") for line in files["Dockerfile"].splitlines() if line.startswith("ENV ")]
    assert variables == files.get(settings.get("env-file", ""), "").splitlines()
    # And the URL streams where the function does, in every tool; the limit of time is one
    mode = "RESPONSE_STREAM" if stream else "BUFFERED"
    for place in ("template.yaml", "infra/app.py", "main.tf", "cloudformation.yaml"):
        assert mode in files[place]
    assert f"Timeout: {settings['timeout']}\n" in files["template.yaml"]
    assert f"Timeout: {settings['timeout']}\n" in files["cloudformation.yaml"]
    assert f"timeout       = {settings['timeout']}\n" in files["main.tf"]
    assert f"seconds({settings['timeout']})" in files["infra/app.py"]


def test_a_project_asks_for_the_file_of_a_release_as_the_page_on_starting_does() -> None:
    assert project.REQUIREMENT in project.files(project.Choice("greeter"))["requirements-dev.txt"]
    assert f"pip install '{project.REQUIREMENT}'" in (CHECKOUT / "docs" / "index.md").read_text()


def test_a_project_is_on_the_images_default_python() -> None:
    assert facts.load().default == project.PYTHON


@pytest.mark.parametrize("web", project.WEB)
def test_a_web_project_asks_for_what_the_example_asks_for(web: str) -> None:
    files = project.files(project.Choice("greeter", web))
    assert files["requirements.txt"] == (CHECKOUT / "examples" / web / "requirements.txt").read_text()


@pytest.mark.parametrize(
    "name", ["Greeter", "9lives", "-a", "a-", "a--b", "a_b", "a.b", "a/b", "../a", "", "ä", "a b", "a" * 51]
)
def test_a_name_that_no_function_could_have_is_refused(tmp_path: Path, name: str) -> None:
    made = new(tmp_path, "--", name)
    assert made.returncode == 2
    assert made.stderr.startswith(f"pylambda: {name!r} cannot name a project: small letters, digits")
    assert made.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    # Given an empty folder, which is taken
    (tmp_path / "greeter").mkdir()
    assert new(tmp_path, "greeter").returncode == 0
    (tmp_path / "greeter" / "app.py").write_text("mine\n")
    # When it is made once more
    made = new(tmp_path, "greeter", "--web", "flask")
    # Then it is refused, and nothing has changed
    assert made.returncode == 2
    assert (
        made.stderr
        == "pylambda: greeter is there already and is not an empty folder: take another name, or remove it\n"
    )
    assert (tmp_path / "greeter" / "app.py").read_text() == "mine\n"


def test_a_file_of_that_name_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "greeter").write_text("mine\n")
    made = new(tmp_path, "greeter")
    assert made.returncode == 2
    assert made.stderr.startswith("pylambda: greeter is there already")


def test_what_is_no_choice_is_refused(tmp_path: Path) -> None:
    made = new(tmp_path, "greeter", "--web", "bottle")
    assert made.returncode == 2
    assert "choose from" in made.stderr
    assert not (tmp_path / "greeter").exists()


def test_a_project_is_built_as_a_zip(tmp_path: Path) -> None:
    # Given a project without packages, for which nothing is downloaded
    assert new(tmp_path, "greeter").returncode == 0
    build = [sys.executable, "-m", "pylambda.local", "build", "--zip", "--outdir", str(tmp_path / "built")]
    done = subprocess.run(build, cwd=tmp_path / "greeter", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (archive,) = (tmp_path / "built").iterdir()
    assert "app.py" in zipfile.ZipFile(archive).namelist()


def test_the_cdks_settings_are_json() -> None:
    files = project.files(project.Choice("greeter", iac=("cdk",)))
    assert json.loads(files["cdk.json"])["app"] == "python3 infra/app.py"
