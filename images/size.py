"""How large an image is, layer by layer: as it lies on a disk, as a registry stores it, and as Amazon measures.

`docker save` is read as it comes. A layer is the base's, Python's and its packages', or ours: what follows the last
layer that a package manager made is ours, in every variant, because images/Dockerfile copies it last. gzip is what
registries store and bill; xz is in what Amazon's own layers are published, so that column alone can be compared.
"""

import argparse
import gzip
import json
import lzma
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, NamedTuple

MEGABYTE = 1_000_000
BASE, PACKAGES, OURS = "base", "packages", "ours"
# What makes a layer of packages, and what a layer of ours is made by, in the words of the two builders.
PACKAGE_MANAGER = "dnf install"
# In MB, xz, x86_64: the layer files of https://github.com/aws/aws-lambda-base-images, October 2024.
PUBLISHED = {"provided:al2023": 26.3, "python:3.12": 117.3, "python:3.11": 138.1}


class SizeError(Exception):
    """Raised when an image cannot be measured."""


class Layer(NamedTuple):
    """One layer: whose it is, what made it, and its sizes in bytes; `xz` is 0 where it was not asked for."""

    owner: str
    made_by: str
    plain: int
    gzip: int
    xz: int = 0


def owners(steps: list[str], base_layers: int) -> list[str]:
    """Whose each layer is, given what made it and how many are the base's."""
    packages = [number for number, step in enumerate(steps) if PACKAGE_MANAGER in step]
    last = max(packages, default=base_layers - 1)
    return [
        BASE if number < base_layers else PACKAGES if number <= last else OURS for number, _step in enumerate(steps)
    ]


def base_layers(steps: list[str]) -> int:
    """How many layers are the base's: ours begin with the check that images/Dockerfile opens with."""
    for number, step in enumerate(steps):
        if "test -x /usr/local/bin/aws-lambda-rie" in step or PACKAGE_MANAGER in step:
            return number
    return len(steps)


def read(stream: IO[bytes], *, with_xz: bool) -> list[Layer]:
    """The layers of what `docker save` wrote. Raises SizeError."""
    with tarfile.open(fileobj=stream) as archive:
        manifest = _json(archive, "manifest.json")[0]
        history = _json(archive, manifest["Config"]).get("history", [])
        steps = [step.get("created_by", "") for step in history if not step.get("empty_layer")]
        if len(steps) != len(manifest["Layers"]):
            raise SizeError(f"{len(manifest['Layers'])} layers and a history of {len(steps)}: whose is whose?")
        with ThreadPoolExecutor() as pool:
            contents = [_content(archive, name) for name in manifest["Layers"]]
            sizes = pool.map(lambda content: _sizes(content, with_xz=with_xz), contents)
            found = zip(owners(steps, base_layers(steps)), steps, sizes, strict=True)
            return [Layer(owner, step, *size) for owner, step, size in found]


def report(image: str, layers: list[Layer]) -> str:
    """The layers as a table, their sums by owner, and Amazon's for comparison."""
    with_xz = any(layer.xz for layer in layers)
    lines = [f"{image}, in MB", _line("whose", "unpacked", "gzip", "xz" if with_xz else "", "made by")]
    for layer in layers:
        lines.append(_line(layer.owner, *_numbers([layer], with_xz=with_xz), _short(layer.made_by)))
    for owner in (BASE, PACKAGES, OURS):
        mine = [layer for layer in layers if layer.owner == owner]
        lines.append(_line(owner, *_numbers(mine, with_xz=with_xz), f"{len(mine)} layers"))
    lines.append(_line("all", *_numbers(layers, with_xz=with_xz), ""))
    for name, size in PUBLISHED.items():
        lines.append(_line("", "", "", f"{size:.1f}", f"Amazon's {name}, as published in October 2024"))
    return "\n".join(line.rstrip() for line in lines)


def saved(docker: str, image: str, *, with_xz: bool) -> list[Layer]:
    """The layers of an image in the engine. Raises SizeError."""
    with tempfile.TemporaryFile() as stream:
        done = subprocess.run([docker, "save", image], stdout=stream, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise SizeError(f"{docker} save {image} failed: {done.stderr.decode(errors='replace').strip()}")
        stream.seek(0)
        return read(stream, with_xz=with_xz)


def _json(archive: tarfile.TarFile, name: str) -> Any:
    return json.loads(_content(archive, name))


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise SizeError(f"{name} is not a file")
    return file.read()


def _sizes(content: bytes, *, with_xz: bool) -> tuple[int, int, int]:
    # Newer engines save layers as they came from the registry.
    plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    packed = len(gzip.compress(plain, compresslevel=6))
    return len(plain), packed, len(lzma.compress(plain)) if with_xz else 0


def _numbers(layers: list[Layer], *, with_xz: bool) -> tuple[str, str, str]:
    plain, packed, xz = (
        sum(sizes) / MEGABYTE
        for sizes in (
            [layer.plain for layer in layers],
            [layer.gzip for layer in layers],
            [layer.xz for layer in layers],
        )
    )
    return f"{plain:.1f}", f"{packed:.1f}", f"{xz:.1f}" if with_xz else ""


def _line(owner: str, plain: str, packed: str, xz: str, rest: str) -> str:
    return f"{owner:8}  {plain:>8}  {packed:>6}  {xz:>6}  {rest}"


def _short(step: str) -> str:
    words = " ".join(step.replace("/bin/sh -c", "").replace("#(nop)", "").split())
    return words if len(words) <= 70 else words[:67] + "..."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m images.size", description="Measure an image, layer by layer")
    parser.add_argument("--docker", default="docker")
    parser.add_argument("--xz", action="store_true", help="also as Amazon measures, which takes a minute")
    parser.add_argument("image")
    chosen = parser.parse_args()
    print(report(chosen.image, saved(chosen.docker, chosen.image, with_xz=chosen.xz)))


if __name__ == "__main__":
    try:
        main()
    except SizeError as error:
        sys.exit(f"images/size.py: {error}")
