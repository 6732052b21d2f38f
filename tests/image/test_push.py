"""Pushing to a real registry: each architecture a plain manifest, then the index, and never half of one."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from images import build, ecr, facts, matrix, push, registry
from images.registry import Client, PushError
from tests.documents import blocks
from tests.image.cli import Container, Docker, Ended, Image, command
from tests.image.conftest import HELLO, Workshop, example_dockerfile, foreign_subject, native_subject_like
from tests.image.registries import PASSWORD, Registry, serve
from tests.image.standin import ROOT

pytestmark = [pytest.mark.needs("engine", "registry", "arm64"), pytest.mark.timeout(600)]

INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DAY = datetime.date(2026, 11, 21)


@pytest.fixture(scope="session")
def arm64_image(workshop: Workshop) -> Image:
    return workshop.image(foreign_subject())


@pytest.fixture(scope="session")
def native_image(workshop: Workshop) -> Image:
    """The same image for this machine's architecture."""
    return workshop.image(native_subject_like(foreign_subject()))


@pytest.fixture(scope="module")
def pushed(hub: Registry, local: str, native_image: Image) -> Ended:
    """What `make push` said of the repository `pylambda`."""
    return make_push(f"{hub.address}/pylambda", local, native_image)


@pytest.fixture(autouse=True)
def _own_docker_config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logins and unfinished indexes are the client's: here they are this test's alone."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path_factory.mktemp("docker")))


@pytest.fixture(scope="module")
def hub(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serve(tmp_path_factory.mktemp("registry")) as running:
        docker.remember_registry(running.address)
        yield running


@pytest.fixture(scope="session")
def local(docker: Docker, arm64_image: Image, native_image: Image) -> str:
    """The name under which this engine has both, as `make images` names them."""
    name = f"pylambda-test-{docker.run_id}"
    for image in (arm64_image, native_image):
        # One at a time, because each stand-in has one architecture
        words = (f"IMAGES={image.version}", f"ARCH={image.arch}", f"BASE={image.base}", f"LOCAL={name}")
        docker.builds("make", "-C", str(ROOT), "images", *words)
    return name


def test_the_page_says_what_is_tested_here() -> None:
    (block,) = [block for block in blocks(ROOT / "docs" / "images.md") if "make push " in block.text]
    assert block.lines == [
        "make images IMAGES=3.12",
        "make push IMAGES=3.12 REPOSITORY=127.0.0.1:5000/pylambda",
        "skopeo inspect --raw --tls-verify=false docker://127.0.0.1:5000/pylambda:3.12",
    ]


def make_push(target: str, local: str, image: Image, *, check: bool = True) -> Ended:
    words = (f"REPOSITORY={target}", f"LOCAL={local}", f"IMAGES={image.version}")
    return command("make", "-C", str(ROOT), "push", *words, check=check)


def platforms(index: dict[str, list[dict[str, dict[str, str]]]]) -> dict[str, str]:
    return {member["platform"]["architecture"]: str(member["digest"]) for member in index["manifests"]}


def test_an_arm64_image_runs(arm64_image: Image, docker: Docker) -> None:
    # Given a user's function on it
    tag = docker.build("hello-arm64", example_dockerfile(arm64_image), {"app.py": HELLO / "app.py"})
    container: Container = docker.start(tag)
    # Then it is of the other architecture, from the first file to the last answer
    assert container.exec("python", "-c", "import platform; print(platform.machine())").out.strip() == "aarch64"
    assert container.invoke({"name": "arm"}) == {"message": "Hello, arm!"}
    assert container.stop() < 10


def test_the_variant_with_boto3_is_pushed(
    hub: Registry, workshop: Workshop, docker: Docker, native_image: Image
) -> None:
    # Given that variant, under the name that `make images` gives it
    image = workshop.sibling(native_image, "boto3")
    name, moving = f"pylambda-test-{docker.run_id}", f"{image.version}-boto3-{image.arch}"
    command("docker", "tag", image.tag, f"{name}:{moving}")
    # When its architecture is pushed
    words = (f"REPOSITORY={hub.address}/sdk", f"LOCAL={name}", f"IMAGES={image.version}-boto3", f"ARCH={image.arch}")
    command("make", "-C", str(ROOT), "push-arch", *words)
    # Then a plain manifest is there by its own tag and by the one that moves
    tags = hub.tags("sdk")
    assert moving in tags
    assert {hub.digest(f"sdk:{tag}") for tag in tags} == {hub.digest(f"sdk:{moving}")}
    assert hub.raw(f"sdk:{moving}")["mediaType"] in registry.SINGLE


def test_each_architecture_is_plain_and_the_index_has_both(hub: Registry, pushed: Ended, native_image: Image) -> None:
    # When the image was pushed as its user is told to
    # Then there is a plain manifest for each architecture, as this push and as the newest of its architecture, and an
    # index of those two under every other name
    version = native_image.version
    tags = hub.tags("pylambda")
    plain = {tag for tag in tags if tag.endswith(("-x86_64", "-arm64"))}
    moving = {arch: f"{version}-{arch}" for arch in ("x86_64", "arm64")}
    assert len(plain) == 4
    assert set(moving.values()) < plain
    for tag in plain:
        assert hub.raw(f"pylambda:{tag}")["mediaType"] in registry.SINGLE
        assert hub.digest(f"pylambda:{tag}") == hub.digest(f"pylambda:{moving[tag.rpartition('-')[2]]}")
    indexes = tags - plain
    assert version in indexes
    assert len(indexes) == 3
    for tag in indexes:
        index = hub.raw(f"pylambda:{tag}")
        assert index["mediaType"] == INDEX
        digests = {arch: hub.digest(f"pylambda:{tag}") for arch, tag in moving.items()}
        assert platforms(index) == {"amd64": digests["x86_64"], "arm64": digests["arm64"]}
    assert f"{version} -> x86_64, arm64" in pushed.out


def test_a_push_that_stops_half_way_leaves_what_was_there(
    hub: Registry, local: str, native_image: Image, docker: Docker
) -> None:
    # Given an index that is whole
    target, version = f"{hub.address}/interrupted", native_image.version
    make_push(target, local, native_image)
    before = hub.digest(f"interrupted:{version}")
    # When a push of other images ends after the first architecture
    other = f"{local}-half"
    changed = docker.build("changed", f"FROM {native_image.tag}\nENV CHANGED=1\n", {})
    docker.tag(changed, f"{other}:{version}-{native_image.arch}")
    ended = make_push(target, other, native_image, check=False)
    # Then it says what is missing, and FROM still gets the whole one
    assert ended.code != 0
    assert f"there is no {other}:{version}-arm64 to push: make image VERSION={version}" in ended.err
    assert hub.digest(f"interrupted:{version}") == before
    # And a first push that ends there leaves no name for FROM at all
    assert make_push(f"{hub.address}/first", other, native_image, check=False).code != 0
    assert {tag.rpartition("-")[2] for tag in hub.tags("first")} == {"x86_64"}


def test_a_releases_tag_is_pushed_once(hub: Registry, local: str, native_image: Image, docker: Docker) -> None:
    # Given a release
    repository = f"{hub.address}/release"
    client = Client("docker", repository)
    builds = facts.load().builds_of(native_image.version)
    edition = matrix.Edition(DAY, "9.9.9")

    def release(name: str) -> list[str]:
        notes = [push.push_arch(client, repository, row, edition, build.local_tags(row, name)[0]) for row in builds]
        return push.push_index(client, repository, builds, notes, edition)

    tags = release(local)
    digest = hub.digest(f"release:{tags[0]}")
    # When it is pushed again, because the first time stopped somewhere, it is the same
    assert release(local) == tags
    assert hub.digest(f"release:{tags[0]}") == digest
    # When something else is pushed under its name, it is refused
    other = f"{local}-other"
    for row in builds:
        source = f"{local}:{row.image}-{row.arch.name}"
        docker.tag(docker.build("other", f"FROM {source}\nENV OTHER=1\n", {}), f"{other}:{row.image}-{row.arch.name}")
    with pytest.raises(PushError, match="is another image: a release's tag is pushed once, ever"):
        release(other)
    assert hub.digest(f"release:{tags[0]}") == digest


@pytest.mark.usefixtures("pushed")
def test_from_gets_the_machines_architecture(hub: Registry, native_image: Image, docker: Docker) -> None:
    # When a function's image is built on the index
    name = f"{hub.address}/pylambda:{native_image.version}"
    tag = docker.build("on-index", f"FROM {name}\n", {})
    # Then it stands on the manifest of this machine
    (arch,) = [row for row in facts.load().archs if row.name == native_image.arch]
    said = command("docker", "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", tag).out.strip()
    assert said == arch.platform


def test_a_functions_image_goes_to_ecr_as_a_single_manifest(
    docker: Docker, native_image: Image, tmp_path: Path
) -> None:
    # Given a registry that lets in the user that ECR has, and the README's example
    example = docker.build("hello-ecr", example_dockerfile(native_image), {"app.py": HELLO / "app.py"})
    with serve(tmp_path, with_password=True) as private:
        docker.remember_registry(private.address)
        repository = f"{private.address}/hello"
        client = Client("docker", repository)
        with pytest.raises(PushError, match=r"no basic auth credentials|unauthorized"):
            ecr.push(client, example, repository, "latest")
        # When it is pushed after the login
        client.login(private.address, ecr.USER, PASSWORD)
        uri, arch = ecr.push(client, example, repository, "latest")
        # Then it is what Lambda takes, and what is printed is what the function needs
        found = client.single(uri, f"linux/{'amd64' if arch == 'x86_64' else arch}")
        assert arch == native_image.arch
        assert uri == f"{repository}@{found.digest}"


@pytest.mark.usefixtures("pushed")
def test_an_index_is_refused_as_a_functions_image(hub: Registry, native_image: Image) -> None:
    client = Client("docker", f"{hub.address}/pylambda")
    with pytest.raises(PushError, match=r"is an index \(of linux/amd64, linux/arm64\), and Lambda takes a single"):
        client.manifest(f"{hub.address}/pylambda:{native_image.version}")


def test_what_is_not_there_is_told(hub: Registry) -> None:
    client = Client("docker", f"{hub.address}/nothing")
    with pytest.raises(PushError, match="is not in the registry"):
        client.single(f"{hub.address}/nothing:1", "linux/amd64")
