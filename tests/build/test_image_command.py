"""`pylambda build --image` up to Docker's command line: what is written, what is asked for, what is refused."""

from pathlib import Path

import pytest

from tests.build.conftest import APP, Build, write_project


def test_one_platform_is_asked_for_and_no_attestation(build: Build, project: Path, docker: dict[str, str]) -> None:
    code, said, _complaints = build(project, "--image", "--arch", "arm64", "--python", "3.13", environ=docker)
    assert code == 0
    called = Path(docker["CALLED"]).read_text().strip()
    assert called == f"1|build --platform=linux/arm64 --tag=hello --build-arg=SOURCE_DATE_EPOCH=315532800 {project}"
    assert "hello for arm64, 12 MB\nNext: docker run --rm -p 9000:8080 hello\n" in said
    assert "ARG BASE=ghcr.io/OWNER/pylambda:3.13\n" in (project / "Dockerfile").read_text()


def test_what_is_there_is_not_written_over(build: Build, project: Path, docker: dict[str, str]) -> None:
    write_project(project, {"Dockerfile": "FROM mine\n", ".dockerignore": "mine\n"})
    code, said, _complaints = build(project, "--image", environ=docker)
    assert (code, "wrote" in said) == (0, False)
    assert (project / "Dockerfile").read_text() == "FROM mine\n"
    assert (project / ".dockerignore").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("files", "installs"),
    [
        ({"requirements.txt": "greeting"}, ["COPY requirements*.txt ./", "--requirements requirements.txt"]),
        (
            {"pyproject.toml": '[project]\nname = "a"\ndependencies = ["greeting"]\n'},
            ["COPY pyproject.toml ./", "--requirements pyproject.toml"],
        ),
        ({"pyproject.toml": "", "uv.lock": ""}, ["COPY pyproject.toml uv.lock ./", "RUN uv export --quiet --locked"]),
        (
            {"pyproject.toml": "", "poetry.lock": ""},
            ["COPY pyproject.toml poetry.lock ./", "RUN pylambda build --packages"],
        ),
        ({}, ["FROM ${BASE}-build AS function"]),
    ],
    ids=["requirements.txt", "pyproject.toml", "uv.lock", "poetry.lock", "nothing"],
)
def test_packages_come_before_the_function_from_what_the_project_has(
    build: Build, tmp_path: Path, docker: dict[str, str], files: dict[str, str], installs: list[str]
) -> None:
    project = write_project(tmp_path / "hello", {"app.py": APP, **files})
    assert build(project, "--image", environ=docker)[0] == 0
    text = (project / "Dockerfile").read_text()
    assert [line for line in installs if line not in text] == []
    assert ("AS packages" in text) == bool(files)
    assert text.endswith('CMD ["app.handler"]\n')


def test_the_handler_is_the_projects(build: Build, tmp_path: Path, docker: dict[str, str]) -> None:
    files = {"src/shop/web.py": "", "pylambda.toml": 'handler = "asgi:shop.web:app"\nroot = "src"\n'}
    project = write_project(tmp_path / "hello", files)
    assert build(project, "--image", environ=docker)[0] == 0
    text = (project / "Dockerfile").read_text()
    assert "COPY src /function" in text
    assert 'CMD ["asgi:shop.web:app"]' in text


def test_without_a_handler_nothing_is_written(build: Build, tmp_path: Path, docker: dict[str, str]) -> None:
    project = write_project(tmp_path / "hello", {"shop.py": ""})
    code, _said, complaints = build(project, "--image", environ=docker)
    assert (code, "which handler is the image to start? --handler app.handler" in complaints) == (2, True)
    assert not (project / "Dockerfile").exists()


def test_without_docker_it_says_what_needs_none(build: Build, project: Path) -> None:
    code, _said, complaints = build(project, "--image", environ={"PATH": "/nowhere"})
    assert (code, "no docker command on PATH" in complaints, "--zip" in complaints) == (2, True, True)


def test_without_an_engine_it_says_so(build: Build, project: Path, docker: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin/docker").write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    code, _said, complaints = build(project, "--image", environ=docker)
    assert (code, complaints) == (
        2,
        "pylambda: no container engine answers: Cannot connect to the Docker daemon; start Docker\n",
    )
