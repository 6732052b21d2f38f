"""Slow things once a run: stand-in bases, an image for each Python on them, a user's image on each of those.

`make test-image BASE=... VERSION=...` puts another base, Amazon's own for one, in the place of the stand-ins.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.image import standin
from tests.image.cli import Docker, Image, Start, command

FUNCTION = Path(__file__).with_name("function") / "app.py"
HELLO = standin.ROOT / "examples" / "hello"


class Base(NamedTuple):
    """What to build on: a base by its name, or a stand-in that has to be made first."""

    version: str
    name: str | standin.StandIn


def bases() -> list[Base]:
    """The bases of this run."""
    if name := os.environ.get("PYLAMBDA_TEST_BASE"):
        return [Base(os.environ["PYLAMBDA_TEST_VERSION"], name)]
    return [Base(found.version, found) for found in standin.known()]


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    engine = Docker()
    yield engine
    engine.remove_containers()
    engine.remove_images()


@pytest.fixture(scope="session")
def standins() -> dict[standin.StandIn, str]:
    """All of them at once: the first call may have to make root file systems, which then goes side by side."""
    try:
        return standin.make([base.name for base in bases() if isinstance(base.name, standin.StandIn)])
    except standin.StandInError as error:
        pytest.skip(f"no base to build on: {error}")


@pytest.fixture(scope="session", params=bases(), ids=lambda base: f"{base.version}-on-{base.name}")
def image(request: pytest.FixtureRequest, docker: Docker, standins: dict[standin.StandIn, str]) -> Image:
    """The image, built by the target that users build it with."""
    base: Base = request.param
    name = standins[base.name] if isinstance(base.name, standin.StandIn) else base.name
    tag = docker.own_tag(base.version)
    make_image(base.version, name, tag)
    return Image(tag, base.version, name)


@pytest.fixture(scope="session")
def users_image(docker: Docker, image: Image) -> str:
    """The example's FROM, COPY, CMD around a function that tells more."""
    return docker.build(f"user-{image.version}", example_dockerfile(image), {"app.py": FUNCTION})


@pytest.fixture
def start(docker: Docker) -> Iterator[Start]:
    yield docker.start
    docker.remove_containers()


def example_dockerfile(image: Image) -> str:
    """What the README shows, on the image under test."""
    return re.sub(r"^FROM .*", f"FROM {image.tag}", (HELLO / "Dockerfile").read_text())


def make_image(version: str, base: str, tag: str) -> str:
    """`make image` as a user types it; returns what it said."""
    return command("make", "-C", str(standin.ROOT), "image", f"VERSION={version}", f"BASE={base}", f"IMAGE={tag}").out
