"""`pylambda build --image` and `--docker` in a real engine: what is built answers as Lambda runs it."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.build import wheels
from tests.build.conftest import LOCKS, content, write_project
from tests.image import buildkit
from tests.image.buildkit import Engine
from tests.image.cli import Docker, Image, Start, command
from tests.image.conftest import Workshop
from tests.image.standin import ROOT
from tests.image.test_run import AS_LAMBDA_RUNS_IT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600), pytest.mark.only("build")]

PYLAMBDA = Path(sys.executable).with_name("pylambda")
WITH_WHEELS = "FROM {image}\nCOPY wheels /wheels\nCOPY uv.toml /etc/uv/uv.toml\n"
# Without an environment of its own for each source: the stand-in's Python was moved here, and makes none that start.
UV = 'no-build-isolation = true\nno-index = true\nfind-links = ["/wheels"]\n'
APP = """
import os, greeting, speed

def handler(event, context):
    byte_code = [os.path.exists(module) for module in (greeting.__cached__, __cached__)]
    return {"greeting": greeting.VERSION, "speed": speed.BUILT, "byte code": byte_code}
"""
OWN_DOCKERFILE = """\
FROM {base}-build
COPY requirements.txt .
RUN uv pip install --target . -r requirements.txt
COPY app.py .
CMD ["app.handler"]
"""
PROJECTS = tomllib.loads((LOCKS / "projects.toml").read_text())


class Base(NamedTuple):
    """The build and the slim variant under one name, and the wheels that the first finds without network."""

    name: str
    wheels: Path

    def project(self, folder: Path, kind: str, **more: str) -> Path:
        """Write a project whose packages one tool has locked."""
        files = {name: wheels.with_digests(text, self.wheels) for name, text in PROJECTS[kind].items()}
        return write_project(folder, {"app.py": APP, **files, **more})


@pytest.fixture(scope="session")
def base(image: Image, workshop: Workshop, docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("base")
    (folder / "wheels").mkdir()
    wheels.write_all(folder / "wheels", (image.version,))
    (folder / "uv.toml").write_text(UV)
    parts = {name: folder / name for name in ("wheels", "uv.toml")}
    name = f"pylambda-test:built-{docker.run_id}"
    docker.tag(docker.build("built", WITH_WHEELS.format(image=image.tag), parts), f"{name}-build")
    docker.tag(workshop.sibling(image, "slim").tag, f"{name}-slim")
    return Base(name, folder / "wheels")


def build(docker: Docker, folder: Path, *arguments: str) -> str:
    """Type `pylambda build` and return what it says."""
    done = subprocess.run(
        (PYLAMBDA, "build", *arguments), cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    docker.remember_stages(done.stdout)
    return done.stdout


def layers(tag: str) -> list[str]:
    found: list[str] = json.loads(command("docker", "inspect", "--format", "{{json .RootFS.Layers}}", tag).out)
    return found


@pytest.mark.parametrize("kind", ["requirements", "poetry-1"])
def test_an_image_is_built_where_there_is_no_dockerfile(
    kind: str, base: Base, image: Image, docker: Docker, start: Start, tmp_path: Path
) -> None:
    # Given a project that nobody but its owner may read
    project = base.project(tmp_path / "hello", kind)
    (project / "app.py").chmod(0o600)
    # When its image is built
    tag = docker.own_tag(f"built-{kind}")
    said = build(docker, project, "--image", "--base", base.name, "--tag", tag)
    # Then it answers as Lambda runs it, with what was locked, and byte code for all
    answer = start(tag, options=AS_LAMBDA_RUNS_IT).invoke({})
    python = f"cp{image.version.replace('.', '')}"
    assert answer["greeting"] == "1.0"
    assert answer["speed"].startswith(f"{python}-{python}-manylinux")
    assert answer["byte code"] == [True, True]
    assert "wrote Dockerfile\nwrote .dockerignore\n" in said
    assert f"{tag} for {image.arch}, " in said


def test_what_has_no_wheel_is_compiled_in_the_image(base: Base, docker: Docker, start: Start, tmp_path: Path) -> None:
    app = "import source\n\ndef handler(event, context):\n    return source.__file__\n"
    project = write_project(tmp_path / "hello", {"app.py": app, "requirements.txt": "source==1.0\n"})
    # When it is built into a zip, and into an image from a Dockerfile of the project's own
    build(docker, project, "--zip", "--docker", "--base", base.name)
    (project / "Dockerfile").write_text(OWN_DOCKERFILE.format(base=base.name))
    tag = docker.own_tag("built-own")
    said = build(docker, project, "--image", "--tag", tag)
    # Then the module is in both
    found = content(project / "dist/hello.zip")
    (module,) = [name for name in found if name.endswith(".so")]
    assert [name for name in found if name.endswith(".pyc")]
    assert start(tag).invoke({}) == f"/var/task/{module}"
    # And the Dockerfile is still the project's
    assert (project / "Dockerfile").read_text() == OWN_DOCKERFILE.format(base=base.name)
    assert "wrote Dockerfile" not in said


def test_two_builds_of_the_same_files_make_the_same_layers(base: Base, docker: Docker, tmp_path: Path) -> None:
    # Given a checkout, and another one of another time and by another umask
    first, second = tmp_path / "hello", tmp_path / "elsewhere"
    base.project(first, "requirements", **{"shop/__init__.py": "", "shop/prices.py": "RATES = {'a', 'b', 'c'}\n"})
    tags = [docker.own_tag(f"same-{number}") for number in (1, 2)]
    build(docker, first, "--image", "--base", base.name, "--tag", tags[0])
    shutil.copytree(first, second)
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() else 0o600)
    # When the second one is built without the builder's cache
    plain = ("docker", "build", "--no-cache", "--build-arg", f"BASE={base.name}", "--tag", tags[1], str(second))
    docker.remember_stages(command(*plain).out)
    # Then no layer is another one
    assert layers(tags[0]) == layers(tags[1])


def test_packages_are_installed_again_where_what_names_them_has_changed_and_not_before(
    base: Base, docker: Docker, tmp_path: Path
) -> None:
    # Given a project whose image was built
    project = base.project(tmp_path / "hello", "requirements")
    words = ("--image", "--base", base.name, "--tag", docker.own_tag("cached"))
    build(docker, project, *words)
    # When its function changes, and then what it asks for
    (project / "app.py").write_text(f"{APP}\n# Changed.\n")
    function_changed = build(docker, project, *words)
    with (project / "requirements.txt").open("a") as requirements:
        requirements.write("# Changed.\n")
    requirements_changed = build(docker, project, *words)
    # Then the first has the packages that are there
    install = ": RUN uv pip install"
    steps = [said.partition(install)[2].partition("\nStep ")[0] for said in (function_changed, requirements_changed)]
    assert ["Using cache" in step for step in steps] == [True, False]


@pytest.fixture(scope="module")
def today(base: Base, image: Image, workshop: Workshop, docker: Docker) -> Iterator[Engine]:
    """An engine with BuildKit that has the same base, built there from the same Dockerfile."""
    with buildkit.running(docker) as engine:
        for variant in (image, workshop.sibling(image, "slim")):
            engine.take(variant.base)
            words = (f"VERSION={image.version}", f"VARIANT={variant.variant}", f"BASE={variant.base}")
            engine.says("make", "-C", ROOT, "image", *words, f"IMAGE={base.name}-{variant.variant}")
        (base.wheels.parent / "Dockerfile").write_text(WITH_WHEELS.format(image=f"{base.name}-build"))
        engine.says("docker", "build", f"--tag={base.name}-build", base.wheels.parent)
        yield engine


@pytest.mark.slow
@pytest.mark.needs("buildkit")
def test_two_builds_of_the_same_files_have_one_digest(
    today: Engine, base: Base, docker: Docker, start: Start, tmp_path: Path
) -> None:
    # Given two checkouts, and a builder that has forgotten the first when it builds the second
    ids = []
    for number in (1, 2):
        project = base.project(tmp_path / f"{number}" / "hello", "requirements")
        tag = docker.own_tag(f"digest-{number}")
        today.says(PYLAMBDA, "build", "--image", "--base", base.name, "--tag", tag, folder=project)
        ids.append(today.says("docker", "inspect", "--format", "{{.Id}}", tag))
        today.says("docker", "builder", "prune", "--all", "--force")
    # Then they are one image
    assert ids[0] == ids[1]
    # And it answers as Lambda runs it
    today.give(tag)
    assert start(tag, options=AS_LAMBDA_RUNS_IT).invoke({})["greeting"] == "1.0"


@pytest.mark.slow
@pytest.mark.needs("buildkit")
def test_lambda_takes_what_is_built_and_not_what_docker_build_makes(today: Engine, base: Base, tmp_path: Path) -> None:
    # Given a project that is built by the command, and once more by hand
    project = base.project(tmp_path / "hello", "requirements")
    today.says(PYLAMBDA, "build", "--image", "--base", base.name, "--tag", "by:command", folder=project)
    today.says("docker", "build", f"--build-arg=BASE={base.name}", "--tag", "by:hand", project)
    # Then only the second one is an index with attestations, and the check says so
    assert "nothing found" in today.says(PYLAMBDA, "check", "by:command")
    checked = today.run(PYLAMBDA, "check", "by:hand", "--json")
    assert checked.returncode == 1
    assert {finding["id"] for finding in json.loads(checked.stdout)["findings"]} == {"PL-INDEX", "PL-ATTEST"}
