"""How large an image is, and that what is ours of it stays small."""

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from images import facts, packages, sbom, size
from pylambda.names import VERSION
from tests.image.cli import Image, command
from tests.image.standin import ROOT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

BUDGET = 4_000_000
# With the models of every service of AWS.
BUDGET_WITH_BOTO3 = 45_000_000


@pytest.mark.variant("slim")
def test_our_layers_fit_their_budget(image: Image) -> None:
    steps = [
        line.split("\t")
        for line in command(
            "docker", "history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", image.tag
        ).out.splitlines()
    ]
    steps.reverse()
    owners = size.owners([step for _size, step in steps], size.base_layers([step for _size, step in steps]))
    ours = [int(bytes) for (bytes, _step), owner in zip(steps, owners, strict=True) if owner == size.OURS]
    budget = BUDGET_WITH_BOTO3 if image.variant == facts.WITH_BOTO3 else BUDGET
    assert 1_000_000 < sum(ours) < budget


@pytest.mark.only("slim")
def test_make_size_says_whose_each_layer_is_and_compares(image: Image) -> None:
    # When the image is measured, without the column that takes a minute
    said = command("make", "-C", str(ROOT), "--silent", "size", f"IMAGE={image.tag}", "XZ=").out
    # Then the last layer is ours, Python's is before it, and Amazon's images are beside
    rows = [line.split() for line in said.splitlines()]
    layers = [row[0] for row in rows if row[0] in {size.BASE, size.PACKAGES, size.OURS} and row[-1] != "layers"]
    assert layers[-2:] == [size.PACKAGES, size.OURS]
    (sum_of_ours,) = [float(row[1]) for row in rows if row[0] == size.OURS and row[-1] == "layers"]
    # As it is printed: rounded.
    assert sum_of_ours <= BUDGET / size.MEGABYTE
    assert "117.3  Amazon's python:3.12, as published in October 2024" in said


@pytest.mark.variant("slim")
def test_the_packages_of_an_image_are_listed(image: Image) -> None:
    found = packages.ask("docker", image.tag)
    assert {"requests", "tomli", "urllib3"} <= {package.name for package in found if package.kind == "pypi"}
    assert any(package.kind in {"rpm", "deb"} for package in found)
    names = {package.name for package in found if package.kind == "pypi"}
    assert ("boto3" in names) == (image.variant == facts.WITH_BOTO3)
    assert ("uv" in names) == (image.variant == facts.WITH_TOOLS)
    assert packages.Package("generic", "pylambda", VERSION, "-") in found
    # And the bill that is made of them is what its schema asks for
    bill = sbom.write(image.tag, packages.created("docker", image.tag), found)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
