"""Slow things once a run: stand-in bases, an image for each Python on them, a user's image on each of those.

A test says with `pytest.mark.variant("slim")` for which variant it holds, and runs on every variant that extends that
one too. The default variant is tested for each Python, the others for one: between two Pythons, what the variants
add is the same. The boto3 variant adds nothing but files, so only the tests that look at files look at it.
`make test-image BASE=... VERSION=... VARIANT=...` puts another base, Amazon's own for one, in the place of the
stand-ins.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from images import facts
from pylambda.local.fetch import this_machine
from tests.image import amazon_shaped, standin
from tests.image.cli import Container, Docker, Image, Start, command

FUNCTION = Path(__file__).with_name("function") / "app.py"
HELLO = standin.ROOT / "examples" / "hello"
EMULATOR_PLACE = "/usr/local/bin/aws-lambda-rie"
OTHER_ARCH = "arm64"
BASE = "PYLAMBDA_TEST_BASE"
# What only a base in Amazon's shape can show has a target of its own.
collect_ignore = [] if os.environ.get(BASE) == amazon_shaped.NAME else ["test_amazon_shaped.py"]
ENGINE = pytest.StashKey[Docker]()
ABOUT_FILES = {"test_boto3", "test_contents", "test_labels", "test_size"}


class Subject(NamedTuple):
    """An image to test and what to build it on: a base by its name, or a stand-in that has to be made first."""

    version: str
    variant: str
    base: str | standin.StandIn
    arch: str = this_machine()

    def __str__(self) -> str:
        return f"{self.version}{facts.suffix(self.variant)}-on-{self.base}"


def subjects() -> list[Subject]:
    """The images of this run, on this machine's architecture."""
    matrix = facts.load()
    if name := os.environ.get(BASE):
        if name == amazon_shaped.NAME:
            return [Subject(amazon_shaped.VERSION, row.name, amazon_shaped.tag()) for row in matrix.variants]
        variant = os.environ.get("PYLAMBDA_TEST_VARIANT") or facts.UNNAMED
        return [Subject(os.environ.get("PYLAMBDA_TEST_VERSION") or matrix.default, variant, name)]
    found = standin.known()
    subjects = [Subject(base.version, facts.UNNAMED, base) for base in found]
    one = next((base for base in found if base.version == matrix.default), found[0])
    for row in matrix.variants:
        if row.name != facts.UNNAMED:
            base = one._replace(tools=facts.WITH_TOOLS in matrix.ancestry(row.name))
            subjects.append(Subject(one.version, row.name, base))
    return subjects


def foreign_subject() -> Subject:
    """One image of the other architecture, for the few tests that run in an emulated processor."""
    base = next(base for base in standin.known() if base.prefix is None and base.suite == standin.SUITE_FOR_PREFIXES)
    return Subject(base.version, facts.UNNAMED, base._replace(arch=OTHER_ARCH), OTHER_ARCH)


def native_subject_like(foreign: Subject) -> Subject:
    """The same image for this machine."""
    assert isinstance(foreign.base, standin.StandIn)
    return foreign._replace(base=foreign.base._replace(arch=this_machine()), arch=this_machine())


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "variant(name): holds for images of this variant and of all that extend it")
    config.addinivalue_line("markers", "only(name): holds for images of this variant alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "image" not in metafunc.fixturenames:
        return
    # The closest mark counts, and that is the last one here.
    marks = {mark.name: mark.args[0] for mark in reversed(list(metafunc.definition.iter_markers())) if mark.args}
    matrix = facts.load()
    chosen = [
        subject
        for subject in subjects()
        if marks.get("only", subject.variant) == subject.variant
        and marks.get("variant", subject.variant) in matrix.ancestry(subject.variant)
        and (subject.variant != facts.WITH_BOTO3 or metafunc.module.__name__.rpartition(".")[2] in ABOUT_FILES)
    ]
    metafunc.parametrize("image", chosen, ids=str, indirect=True, scope="session")


@pytest.fixture(scope="session")
def docker(request: pytest.FixtureRequest) -> Docker:
    return request.config.stash.setdefault(ENGINE, Docker())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Clean up here, not in the fixture: there it is on the clock of whichever test happens to come last."""
    if ENGINE in session.config.stash:
        session.config.stash[ENGINE].remove_containers()
        session.config.stash[ENGINE].remove_images()


class Workshop:
    """Builds each subject once a run."""

    def __init__(self, docker: Docker) -> None:
        self._docker = docker
        self._images: dict[Subject, Image] = {}

    def image(self, subject: Subject) -> Image:
        """The image, built by the target that users build it with."""
        if subject not in self._images:
            tag = self._docker.own_tag(f"{subject.version}-{subject.variant}-{subject.arch}")
            image = Image(tag, subject.version, self.base_of(subject), subject.variant, subject.arch)
            make_image(image, self._docker)
            self._images[subject] = image
        return self._images[subject]

    def sibling(self, image: Image, variant: str) -> Image:
        """Another variant of the same Python."""
        for subject in subjects():
            if (subject.version, subject.variant) == (image.version, variant):
                return self.image(subject)
        return self.image(Subject(image.version, variant, image.base))

    def base_of(self, subject: Subject) -> str:
        if isinstance(subject.base, str):
            return subject.base
        try:
            # All of this run at once: the first call may have to make root file systems, which then goes side by side.
            wanted = [found.base for found in [*subjects(), subject] if isinstance(found.base, standin.StandIn)]
            return standin.make(wanted)[subject.base]
        except standin.StandInError as error:
            pytest.skip(f"no base to build on: {error}")


@pytest.fixture(scope="session")
def workshop(docker: Docker) -> Workshop:
    return Workshop(docker)


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest, workshop: Workshop) -> Image:
    return workshop.image(request.param)


def download(folder: Path, requirement: str, *options: str) -> Path:
    """Wheels for a build that has no network: those of these tests have none."""
    if not folder.is_dir():
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:")
        command(*pip, *options, f"--dest={folder}", requirement)
    return folder


@pytest.fixture(scope="session")
def wheels_of_example(image: Image) -> Path:
    """What examples/two-stage asks for, compiled for the image's Python."""
    requirement = (standin.ROOT / "examples/two-stage/requirements.txt").read_text().strip()
    (wheel,) = [arch.wheel for arch in facts.load().archs if arch.name == image.arch]
    folder = standin.ROOT / ".cache" / "test-wheels" / f"{requirement}-{image.version}-{wheel}"
    return download(folder, requirement, f"--platform={wheel}", f"--python-version={image.version}")


@pytest.fixture(scope="session")
def users_image(docker: Docker, image: Image) -> str:
    """The example's FROM, COPY, CMD around a function that tells more."""
    return docker.build(f"user-{image.version}-{image.variant}", example_dockerfile(image), {"app.py": FUNCTION})


@pytest.fixture(scope="session")
def inside(docker: Docker, image: Image) -> Container:
    """A container of the bare image in which nothing runs: for questions that `docker exec` answers quickly."""
    return docker.start(image.tag, "-c", "exec sleep 3600", options=("--entrypoint", "/bin/sh"))


@pytest.fixture
def start(docker: Docker, image: Image) -> Iterator[Start]:
    """`docker run -d`; what has no emulator gets one mounted, as its users do."""
    subject = image

    def start(image: str, *arguments: str, options: tuple[str, ...] = ()) -> Container:
        mount = () if subject.has_emulator else emulator_mount(subject.arch)
        return docker.start(image, *arguments, options=(*mount, *options))

    before = docker.containers()
    yield start
    docker.remove_containers(before)


def emulator_mount(arch: str) -> tuple[str, str]:
    """The option that the slim variant's own message names."""
    return "--volume", f"{standin.emulator(arch)}:{EMULATOR_PLACE}:ro"


def example_dockerfile(image: Image) -> str:
    """What the README shows, on the image under test."""
    return re.sub(r"^FROM .*", f"FROM {image.tag}", (HELLO / "Dockerfile").read_text())


def make_image(image: Image, docker: Docker) -> None:
    """`make image` as a user types it. Raises DockerError."""
    words = (f"VERSION={image.version}", f"VARIANT={image.variant}", f"ARCH={image.arch}")
    docker.builds("make", "-C", str(standin.ROOT), "image", *words, f"BASE={image.base}", f"IMAGE={image.tag}")
