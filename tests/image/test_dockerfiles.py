"""Dockerfiles as people write them for Amazon's image: only FROM is changed, and each answers as Lambda runs it."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tomli

from images import facts
from tests.image import wheels
from tests.image.checking import alarms
from tests.image.cli import Docker, DockerError, Image, Start
from tests.image.conftest import Subject, Workshop, subjects
from tests.image.test_run import AS_LAMBDA_RUNS_IT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(900)]

FOLDER = Path(__file__).with_name("dockerfiles")
AMAZONS = "public.ecr.aws/lambda/python:3.12"
# Debian's own Pythons, which install where Amazon's does.
VERSIONS = ("3.11", "3.13")
ALL = "PYLAMBDA_TEST_DOCKERFILES"


class Case(NamedTuple):
    """One Dockerfile; cases.toml says what its keys mean."""

    name: str
    dockerfile: str
    project: str = "pip"
    imports: tuple[str, ...] = ("greeting",)
    command: bool = True
    entrypoint: tuple[str, ...] = ()
    local: bool = False
    quick: bool = False
    says: str = ""
    variant: str = facts.UNNAMED
    finds: tuple[str, ...] = ()


CASES = [Case(**row) for row in tomli.loads((FOLDER / "cases.toml").read_text())["case"]]


def chosen() -> list[object]:
    """What this run builds: everything on two Pythons, or what is quick on the newer; a given base has one Python."""
    here = sorted({subject.version for subject in subjects()})
    versions = VERSIONS if set(VERSIONS) <= set(here) else here[-1:]
    if os.environ.get(ALL):
        return [pytest.param(case, version, id=f"{version}-{case.name}") for version in versions for case in CASES]
    return [pytest.param(case, versions[-1], id=f"{versions[-1]}-{case.name}") for case in CASES if case.quick]


class Bases:
    """The images that the Dockerfiles are built on, each made once a run."""

    def __init__(self, docker: Docker, workshop: Workshop, folder: Path) -> None:
        self._docker, self._workshop, self._folder = docker, workshop, folder
        self._made: dict[Image, str] = {}

    def tag(self, version: str, variant: str) -> str:
        (default,) = [row for row in subjects() if (row.version, row.variant) == (version, facts.UNNAMED)]
        image = self._workshop.image(self._subject(default, variant))
        if image not in self._made:
            self._made[image] = wheels.with_wheels(self._docker, image, self._folder)
        return self._made[image]

    def _subject(self, default: Subject, variant: str) -> Subject:
        if variant == facts.UNNAMED or isinstance(default.base, str):
            return default._replace(variant=variant)
        return default._replace(variant=variant, base=default.base._replace(tools=True))


@pytest.fixture(scope="module")
def bases(docker: Docker, workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Bases:
    return Bases(docker, workshop, tmp_path_factory.mktemp("bases"))


@pytest.fixture
def start(docker: Docker) -> Any:
    before = docker.containers()
    yield docker.start
    docker.remove_containers(before)


@pytest.mark.parametrize(("case", "version"), chosen())
def test_it_works_with_from_changed(case: Case, version: str, bases: Bases, docker: Docker, start: Start) -> None:
    # Given somebody's Dockerfile and project
    project = FOLDER / case.project
    files = {path.name: path for path in [*project.iterdir(), FOLDER / "app.py"]}
    text = case.dockerfile.replace(AMAZONS, bases.tag(version, case.variant)).replace("3.12", version)
    # When it is built and asked
    if case.says:
        with pytest.raises(DockerError) as refused:
            start(docker.build("dockerfile", text, files)).invoke({"imports": []})
        # Then it says what to do
        assert case.says in str(refused.value)
        return
    tag = docker.build("dockerfile", text, files)
    options = () if case.local else AS_LAMBDA_RUNS_IT
    program, *arguments = case.entrypoint or [""]
    entrypoint = ("--entrypoint", program) if program else ()
    container = start(tag, *arguments, options=(*options, *entrypoint))
    answer = container.invoke({"imports": list(case.imports)})
    # Then what was installed is there, and so is the command that came with it
    assert answer == {"found": list(case.imports), "command": "hello" if case.command else None}
    # And `pylambda check` says nothing of it, or what Lambda would
    if case.quick:
        assert alarms(tag).keys() == set(case.finds)
