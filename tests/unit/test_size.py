"""Whose a layer is, and how it is measured, on what `docker save` writes."""

import gzip
import io
import json
import tarfile

import pytest

from images import size

BASE = "ADD file:1 in /"
CHECK = "/bin/sh -c test -x /usr/local/bin/aws-lambda-rie || exit 1"
PYTHON = "|1 PYTHON_VERSION=3.12 /bin/sh -c dnf install -y python3.12"
TOOLS = "/bin/sh -c dnf install -y gcc"
OURS = "COPY dir:1 in /"


def saved(layers: dict[str, bytes]) -> io.BytesIO:
    """What `docker save` writes of an image with these steps."""
    history = [{"created_by": step} for step in layers] + [{"created_by": "LABEL a=b", "empty_layer": True}]
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    files = {
        "manifest.json": json.dumps([{"Config": "config.json", "Layers": names}]).encode(),
        "config.json": json.dumps({"history": history}).encode(),
        **dict(zip(names, layers.values(), strict=True)),
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    stream.seek(0)
    return stream


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([BASE, CHECK, PYTHON, OURS], ["base", "packages", "packages", "ours"]),
        ([BASE, BASE, CHECK, PYTHON, TOOLS, OURS, OURS], ["base"] * 2 + ["packages"] * 3 + ["ours"] * 2),
        ([BASE], ["base"]),
    ],
)
def test_what_follows_the_last_package_is_ours(steps: list[str], expected: list[str]) -> None:
    assert size.owners(steps, size.base_layers(steps)) == expected


def test_layers_are_measured_as_unpacked_and_as_stored() -> None:
    layers = size.read(saved({BASE: b"x" * 100_000, PYTHON: gzip.compress(b"y" * 50_000)}), with_xz=True)
    assert [(layer.owner, layer.plain) for layer in layers] == [("base", 100_000), ("packages", 50_000)]
    assert all(0 < layer.xz < 1_000 and 0 < layer.gzip < 1_000 for layer in layers)


def test_the_report_sums_up_and_compares() -> None:
    layers = [size.Layer("base", BASE, 2_000_000, 1_000_000, 500_000), size.Layer("ours", OURS, 1_000_000, 400_000, 1)]
    lines = size.report("some:1", layers).splitlines()
    assert lines[0] == "some:1, in MB"
    assert [line.split()[:4] for line in lines if line.startswith("all")] == [["all", "3.0", "1.4", "0.5"]]
    assert "117.3  Amazon's python:3.12, as published in October 2024" in lines[-2]


def test_a_history_that_does_not_fit_is_told() -> None:
    broken = saved({BASE: b"x"}).getvalue().replace(b'"empty_layer": true', b'"empty_layer": null')
    with pytest.raises(size.SizeError, match="1 layers and a history of 2"):
        size.read(io.BytesIO(broken), with_xz=False)
