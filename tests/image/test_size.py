"""How large an image is, and that what is ours of it stays small."""

import pytest

from images import packages, size
from tests.image.cli import Image, command
from tests.image.standin import ROOT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

BUDGET = 4_000_000


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
    assert 1_000_000 < sum(ours) < BUDGET


@pytest.mark.only("slim")
def test_the_report_says_whose_each_layer_is(image: Image) -> None:
    # When the image is measured, without the slow half
    layers = size.saved("docker", image.tag, with_xz=False)
    # Then the last layer is ours, Python's is before it, and the rest is the base's
    assert [layer.owner for layer in layers][-2:] == [size.PACKAGES, size.OURS]
    assert sum(layer.plain for layer in layers if layer.owner == size.OURS) < BUDGET
    assert all(layer.gzip <= layer.plain + 100 for layer in layers)


@pytest.mark.only("slim")
def test_make_size_compares_with_amazon(image: Image) -> None:
    said = command("make", "-C", str(ROOT), "size", f"IMAGE={image.tag}").out
    assert "Amazon's python:3.12, as published in October 2024" in said
    assert "\nours " in said


@pytest.mark.variant("slim")
def test_the_packages_of_an_image_are_listed(image: Image) -> None:
    found = packages.ask("docker", image.tag)
    assert {"requests", "tomli", "urllib3"} <= {package.name for package in found if package.kind == "pypi"}
    assert any(package.kind in {"rpm", "deb"} for package in found)
