"""Whose `requests` is imported: the image's own is there for everyone, and loses against every other."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.image.cli import Docker, Image, Start
from tests.image.conftest import download
from tests.image.standin import ROOT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

VENDOR = "/var/runtime/vendor/"
# A pure wheel, older than what images/requirements.lock will ever name again.
PIN = "requests==2.31.0"
INSTALL = "pip install --no-cache-dir --no-index --no-deps --find-links /wheels"


class Found(NamedTuple):
    version: str | None
    file: str


@pytest.fixture(scope="session")
def wheels() -> Path:
    """The user's pin, fetched before the build: no image build of these tests has a network."""
    return download(ROOT / ".cache" / "test-wheels" / PIN, PIN)


def imported(start: Start, image: str, name: str) -> Found:
    """What a function of the image gets for `import NAME`."""
    found = start(image, "app.module").invoke({"name": name})
    return Found(found["version"], found["file"])


@pytest.mark.parametrize("name", ["requests", "tomli"])
def test_what_the_image_brings_can_be_imported(name: str, users_image: str, start: Start) -> None:
    assert imported(start, users_image, name).file.startswith(VENDOR)


def test_the_package_of_snapstarts_hooks_can_be_imported_as_in_amazons_image(users_image: str, start: Start) -> None:
    assert imported(start, users_image, "snapshot_restore_py").file == "/var/runtime/snapshot_restore_py.py"


@pytest.mark.variant("default")
def test_a_users_pin_beside_wins(users_image: str, docker: Docker, wheels: Path, start: Start) -> None:
    # Given a user who installs where pip installs
    dockerfile = f"FROM {users_image}\nCOPY wheels /wheels\nRUN {INSTALL} {PIN}\n"
    image = docker.build("beside", dockerfile, {"wheels": wheels})
    # When the function imports it
    found = imported(start, image, "requests")
    # Then it is the user's, over what it needs from the image
    assert found.version == "2.31.0"
    assert not found.file.startswith(VENDOR)
    assert imported(start, image, "urllib3").file.startswith(VENDOR)


@pytest.mark.variant("default")
def test_a_users_pin_in_the_functions_folder_wins(users_image: str, docker: Docker, wheels: Path, start: Start) -> None:
    # Given a user who installs beside the handler, as for a zip
    dockerfile = f"FROM {users_image}\nCOPY wheels /wheels\nRUN {INSTALL} --target /var/task {PIN}\n"
    image = docker.build("above", dockerfile, {"wheels": wheels})
    # When the function imports it
    found = imported(start, image, "requests")
    # Then
    assert found == Found("2.31.0", "/var/task/requests/__init__.py")


@pytest.mark.variant("default")
def test_pip_does_not_see_what_the_image_brings(users_image: str, docker: Docker) -> None:
    # Else `pip install requests` would say "already satisfied", and another version would first uninstall ours.
    ended = docker.run(users_image, "list", options=("--entrypoint", "pip"))
    assert ended.code == 0
    assert "requests" not in ended.out


def test_layers_can_be_imported(
    image: Image, users_image: str, docker: Docker, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Given the two places where a layer's folder ends up
    layer = tmp_path_factory.mktemp("layer")
    places = {"first": "/opt/python", "second": f"/opt/python/lib/python{image.version}/site-packages"}
    for name in places:
        (layer / f"{name}.py").write_text("")
    copies = "".join(f"COPY layer/{name}.py {place}/\n" for name, place in places.items())
    child = docker.build("layers", f"FROM {users_image}\n{copies}", {"layer": layer})
    # When the function imports from both
    container = start(child, "app.module")
    files = [container.invoke({"name": name})["file"] for name in places]
    # Then
    assert files == [f"{place}/{name}.py" for name, place in places.items()]
