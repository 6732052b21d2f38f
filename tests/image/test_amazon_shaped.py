"""What only a base in Amazon's shape can show: packages of an RPM database, and pip's place below /usr/local."""

import json
import sys

import pytest

from tests.image.amazon_shaped import VERSION
from tests.image.cli import Container, Docker, Image, Start, command
from tests.image.wheels import with_wheels

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

MISSING = "find xargs tar gzip ps which perl python3 dpkg apt-get"
SHAPE = f"""
set -o | grep posix
locale -a
for name in {MISSING}; do command -v "$name"; done
rpm -q glibc bash
rpm -q python{VERSION} || :
"""
PLACES = "import json, site, sysconfig; print(json.dumps([sysconfig.get_path('stdlib'), *site.getsitepackages()]))"
BELOW_LOCAL = f"/usr/local/lib/python{VERSION}/site-packages"
FOLDERS = [
    f"/usr/local/lib64/python{VERSION}/site-packages",
    BELOW_LOCAL,
    f"/usr/lib64/python{VERSION}/site-packages",
    f"/usr/lib/python{VERSION}/site-packages",
]


@pytest.fixture(scope="session")
def with_pip(docker: Docker, image: Image, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image, with a pip that finds wheels without a network."""
    return with_wheels(docker, image, tmp_path_factory.mktemp("wheels"))


def installed(docker: Docker, base: str, users_image: str, install: str) -> str:
    """The tests' function on an image in which somebody has installed a package."""
    function = f"COPY --from={users_image} /var/task/ /var/task/\n"
    return docker.build("installed", f'FROM {base}\nRUN {install}\n{function}CMD ["app.module"]\n', {})


@pytest.mark.only("slim")
def test_the_base_has_the_shape_of_amazons(image: Image, docker: Docker) -> None:
    # Given the base alone
    said = docker.run(image.base, "-c", SHAPE, options=("--entrypoint", "/bin/sh")).out.splitlines()
    # Then its shell is bash in POSIX mode, its one locale C.UTF-8, and what Amazon's has not is not there
    shell, *locales, glibc, bash, python = said
    assert shell.split() == ["posix", "on"]
    assert locales == ["C", "C.utf8", "POSIX"]
    # And what is installed is in a database of RPMs
    assert glibc.startswith("glibc-2.")
    assert bash.startswith("bash-5.")
    assert python == f"package python{VERSION} is not installed"


def test_python_is_where_amazon_linux_has_it(image: Image, inside: Container) -> None:
    standard_library, *folders = json.loads(inside.says("python", "-c", PLACES))
    assert standard_library == f"/usr/lib64/python{image.version}"
    assert folders == FOLDERS


def test_a_start_finds_packages_without_looking_for_them(inside: Container, users_image: str, start: Start) -> None:
    # Given the record that the build made of this Python
    assert inside.says("cat", "/var/runtime/site-packages").splitlines() == ["/var/lang/bin/python3", *FOLDERS]
    # When a function starts, then what would look for packages has not run
    assert start(users_image, "app.loaded").invoke({"name": "site"}) is False


@pytest.mark.only("default")
def test_root_installs_below_usr_local(with_pip: str, users_image: str, docker: Docker, start: Start) -> None:
    # Given a package that was installed as people install it
    image = installed(docker, with_pip, users_image, "pip install pylambda-test-greeting")
    # When a function imports it
    container = start(image)
    # Then it is there, with its command, where Dockerfiles copy packages from, and where compiled ones go
    found = container.invoke({"name": "greeting"})["file"]
    assert container.says("readlink", "-f", found) == f"{BELOW_LOCAL}/greeting.py"
    assert container.says("greet") == "hello"
    for link in (f"/var/lang/lib/python{VERSION}/site-packages", FOLDERS[0]):
        assert container.says("readlink", "-f", link) == BELOW_LOCAL


@pytest.mark.only("default")
def test_a_user_installs_at_home(with_pip: str, users_image: str, docker: Docker, start: Start) -> None:
    image = installed(docker, with_pip, users_image, "pip install --user pylambda-test-greeting")
    found = start(image).invoke({"name": "greeting"})
    assert found["file"] == f"/root/.local/lib/python{VERSION}/site-packages/greeting.py"


@pytest.mark.only("default")
def test_a_virtual_environment_gets_its_pip(with_pip: str, users_image: str, docker: Docker, start: Start) -> None:
    # Given an environment that comes first, filled by its own pip
    install = "python -m venv /opt/venv && /opt/venv/bin/pip install pylambda-test-greeting"
    image = installed(docker, with_pip, users_image, install)
    # When a function imports from it
    found = start(image, options=("--env", "PATH=/opt/venv/bin:/var/lang/bin:/usr/local/bin:/usr/bin:/bin"))
    # Then
    assert found.invoke({"name": "greeting"})["file"].startswith("/opt/venv/lib")


def test_python_is_a_package_of_the_database(inside: Container) -> None:
    # Given what dnf was told: nothing that is only recommended, and no documentation
    python = f"python{VERSION}"
    listed = inside.says("rpm", "-qa", "--qf", "%{NAME}\n").splitlines()
    # Then the package is there with what it needs and with its licence
    assert {python, f"{python}-libs"} <= set(listed)
    assert inside.says("ls", f"/usr/share/licenses/{python}") == "copyright"
    # And nothing else
    assert "only-recommended" not in listed
    assert inside.exec("ls", f"/usr/share/doc/{python}", check=False).code != 0


@pytest.mark.only("default")
def test_no_file_of_pythons_packages_was_changed(inside: Container) -> None:
    python = f"python{VERSION}"
    assert inside.says("rpm", "--verify", python, f"{python}-libs", f"{python}-pip") == ""


@pytest.mark.only("slim")
def test_dnf_installs_more(image: Image, docker: Docker) -> None:
    # Given a Dockerfile that needs a program of the system
    more = docker.build("more", f"FROM {image.tag}\nRUN dnf install -y tar gzip && dnf clean all\n", {})
    # When it runs
    ended = docker.run(more, "-czf", "/tmp/runtime.tgz", "/var/runtime", options=("--entrypoint", "tar"))
    # Then
    assert ended.code == 0


def test_the_bill_of_materials_names_rpms_of_amazon_linux(image: Image) -> None:
    # When the image is asked as a release asks it
    said = command(sys.executable, "-m", "images.packages", "sbom", image.tag).out
    # Then each of its packages is an RPM, one of the wheels, or the runtime
    purls = [component["purl"] for component in json.loads(said)["components"]]
    assert {purl.partition("@")[0].rpartition("/")[0] for purl in purls} == {"pkg:rpm/amzn", "pkg:pypi", "pkg:generic"}
    assert f"pkg:rpm/amzn/python{VERSION}" in {purl.partition("@")[0] for purl in purls}
