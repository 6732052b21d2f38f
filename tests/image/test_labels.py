"""What an image says of itself, and what comes with it: labels, licences, certificates, locale, packages."""

import json
import re

import pytest

from images import facts, vendor
from pylambda.names import VERSION
from tests.image.cli import Container, Image, command
from tests.image.standin import ROOT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

SNAPSTART = "com.amazonaws.lambda.feature.snapstart"
LIST_PACKAGES = (
    "import importlib.metadata, json; paths = ['/var/runtime/vendor', '/var/runtime/aws-sdk']; "
    "print(json.dumps(sorted(d.name.lower() for d in importlib.metadata.distributions(path=paths))))"
)


def locked(image: Image) -> dict[str, str]:
    """What of other projects an image has, by its name, with its version."""
    more = vendor.BOTO3_LOCK.read_text() if image.variant == facts.WITH_BOTO3 else ""
    return vendor.versions(vendor.LOCK.read_text() + more)


@pytest.fixture(scope="session")
def labels(image: Image) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        command("docker", "inspect", "--format", "{{json .Config.Labels}}", image.tag).out
    )
    return found


def test_the_labels_say_what_it_is_made_from(labels: dict[str, str], image: Image) -> None:
    revision = command("git", "-C", str(ROOT), "rev-parse", "HEAD").out.strip()
    of_image = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert of_image["revision"] == revision
    assert of_image["source"] == facts.load().source
    assert of_image["version"] == VERSION
    assert of_image["base.name"] == image.base.partition("@")[0]
    assert of_image["title"] == f"pylambda {image.version}{facts.suffix(image.variant)}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", of_image["created"])


def test_no_label_speaks_for_snapstart(labels: dict[str, str]) -> None:
    # docs/images.md: the label says that the runtime needs no part in a snapshot, and every child would inherit it
    assert SNAPSTART not in labels


def test_the_label_names_the_licences_of_the_notice(labels: dict[str, str], inside: Container) -> None:
    notice = inside.says("cat", "/var/runtime/licenses/NOTICE")
    named = set(re.findall(r"^    ([A-Z][\w.-]+)[:,]", notice, flags=re.MULTILINE))
    assert labels["org.opencontainers.image.licenses"] == " AND ".join(sorted(named))


def test_every_licence_that_the_notice_points_at_is_there(inside: Container, image: Image) -> None:
    notice = inside.says("cat", "/var/runtime/licenses/NOTICE")
    for name, version in locked(image).items():
        assert f"{name} {version}\n" in notice
    named = {path.rstrip(".") for path in re.findall(r"/(?:usr|var)/\S+", notice)}
    of_base = {"/usr/share/licenses/", "/usr/share/doc/"}
    programs = {"/usr/local/bin/aws-lambda-rie", "/usr/local/bin/uv"}
    of_uv = set() if image.variant == facts.WITH_TOOLS else {"/usr/share/licenses/uv/"}
    expected = named - of_base - programs - of_uv
    for path in expected:
        assert inside.says("ls", path), path


def test_what_we_ship_is_seen_as_packages(image: Image, inside: Container) -> None:
    # Scanners read the same metadata
    found = json.loads(inside.says("python", "-c", LIST_PACKAGES))
    assert found == sorted(locked(image))


def test_the_package_database_of_the_base_is_whole(image: Image, inside: Container) -> None:
    databases = (
        "cat /var/lib/dpkg/status /var/lib/rpm/rpmdb.sqlite /usr/lib/sysimage/rpm/rpmdb.sqlite 2>/dev/null | cksum"
    )
    base = command("docker", "run", "--rm", "--entrypoint", "sh", image.base, "-c", databases).out.strip()
    ours = inside.says("sh", "-c", databases)
    # The stand-in's dnf installs nothing that a database would know; Amazon's adds Python to it.
    assert ours.split()[1] != "0"
    assert int(ours.split()[1]) >= int(base.split()[1])


def test_text_is_utf_8(inside: Container) -> None:
    code = "import sys, locale; print(sys.stdout.encoding, sys.getfilesystemencoding(), locale.getencoding(), 'Zoë')"
    assert inside.says("python", "-c", code).lower() == "utf-8 utf-8 utf-8 zoë"


def test_the_clock_is_utc(inside: Container) -> None:
    assert inside.says("python", "-c", "import time; print(time.strftime('%z'))") == "+0000"


def test_certificates_are_there(inside: Container) -> None:
    code = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    assert int(inside.says("python", "-c", code)) > 50
