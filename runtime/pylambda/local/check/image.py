"""An image as a target: a `docker save` file, an OCI layout as a folder or a tar, or a name that an engine knows.

An index, and statements about an image, are noted and looked through: the command goes on with the image itself.

Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import contextlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pylambda.local.check import layers
from pylambda.local.check.files import ImageFacts, Target, Unreadable

INDEXES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
# What BuildKit writes on a manifest that is a statement about another one.
STATEMENT = "vnd.docker.reference.type"
# A JSON document of an image is a few kilobytes; what is larger is not read.
MOST_JSON = 16_000_000


class Parts(NamedTuple):
    """The files that an image lies in, a folder's or a tar's."""

    name: str
    open: Callable[[str], BinaryIO]
    close: Callable[[], None]


class Described(NamedTuple):
    """An image's documents, and where its layers are."""

    facts: ImageFacts
    layers: list[str]


def open_archive(path: Path, arch: str | None) -> Target:
    """Return a `docker save` file, or an OCI layout in a tar, as a target.

    Args:
        path: the file.
        arch: which one of several images.

    Raises:
        Unreadable: it is neither, or cannot be read.
    """
    try:
        return _target(os.fspath(path), path.open("rb"), arch)
    except OSError as error:
        raise Unreadable(f"cannot read {os.fspath(path)!r}: {error.strerror}") from error


def open_layout(path: Path, arch: str | None) -> Target:
    """Return an OCI layout in a folder as a target. Raises Unreadable."""
    return _read(Parts(os.fspath(path), lambda name: (path / name).open("rb"), lambda: None), arch)


def open_image(name: str, docker: str, arch: str | None) -> Target:
    """Return an image that an engine has as a target.

    Args:
        name: the image's.
        docker: the engine's command.
        arch: which one of several images.

    Raises:
        Unreadable: no engine answers, or it has no such image.
    """
    if shutil.which(docker) is None:
        raise Unreadable(
            f"{name!r} is no file and no folder, and there is no {docker!r} to ask for an image of that name"
        )
    if _refusal(docker, "image", "inspect", name):
        why = _refusal(docker, "version")
        engine = f"no engine answers to ask for such an image: {why}" if why else "the engine has no such image"
        raise Unreadable(f"{name!r} is no file and no folder, and {engine}")
    saved = tempfile.TemporaryFile(prefix="pylambda-check-")  # noqa: SIM115  # closed with the target
    done = subprocess.run((docker, "save", name), stdout=saved, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        saved.close()
        raise Unreadable(f"`{docker} save {name}` failed: {done.stderr.decode(errors='replace').strip()}")
    saved.seek(0)
    target = _target(name, saved, arch)
    if target.image is not None:
        target.image.name = name
    return target


def _refusal(*words: str) -> str:
    """Return the last line with which a command failed, empty where it did not."""
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    return (done.stderr.strip().splitlines() or ["it failed without a word"])[-1] if done.returncode else ""


def _target(name: str, stream: BinaryIO, arch: str | None) -> Target:
    try:
        archive = tarfile.open(fileobj=stream, mode="r:*")  # noqa: SIM115  # closed with the target
        members = {os.path.normpath(member.name): member for member in archive}
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        stream.close()
        raise Unreadable(f"{name!r} is no zip, and no tar that can be read: {first_line(error)}") from error

    def open_member(part: str) -> BinaryIO:
        member = members.get(os.path.normpath(part))
        opened = archive.extractfile(member) if member else None
        if opened is None:
            raise FileNotFoundError(2, "it is not there", part)
        return opened  # type: ignore[return-value]  # io.BufferedReader is one

    def close() -> None:
        archive.close()
        stream.close()

    return _read(Parts(name, open_member, close), arch)


def first_line(error: Exception) -> str:
    """Return what went wrong, without how else it was tried."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _read(parts: Parts, arch: str | None) -> Target:
    held = contextlib.ExitStack()
    held.callback(parts.close)
    try:
        described = _described(parts, arch)
        streams = [layers.unpacked(held.enter_context(parts.open(name)), held) for name in described.layers]
        tree, hidden = layers.laid_over(streams)
    except Unreadable:
        held.close()
        raise
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, EOFError, zlib.error) as error:
        held.close()
        why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        raise Unreadable(f"{parts.name!r} is no image that `docker save` or an OCI layout holds: {why}") from error
    return Target(parts.name, "image", tree, hidden, described.facts, held.close)


def _json(parts: Parts, name: str) -> Any:
    with parts.open(name) as stream:
        return json.loads(stream.read(MOST_JSON))


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _described(parts: Parts, arch: str | None) -> Described:
    """Read an OCI layout where there is one: it knows media types, and `docker save` of today writes both."""
    try:
        index = _json(parts, "index.json")
    except (FileNotFoundError, NotADirectoryError):
        return _described_by_docker(parts)
    facts = ImageFacts({})
    entry = _chosen(parts, index["manifests"], facts, arch)
    manifest = _json(parts, _blob(entry["digest"]))
    facts.media_types["manifest"] = manifest.get("mediaType") or entry.get("mediaType", "")
    facts.media_types["config"] = manifest["config"]["mediaType"]
    for number, layer in enumerate(manifest["layers"]):
        facts.media_types[f"layer {number}"] = layer["mediaType"]
    facts.config = _json(parts, _blob(manifest["config"]["digest"]))
    return Described(facts, [_blob(layer["digest"]) for layer in manifest["layers"]])


def _chosen(parts: Parts, entries: list[dict[str, Any]], facts: ImageFacts, arch: str | None) -> dict[str, Any]:
    """Return the manifest to look at, and note what stands beside it and above it."""
    images = []
    for entry in entries:
        if entry.get("mediaType") in INDEXES:
            inner = _json(parts, _blob(entry["digest"]))["manifests"]
            facts.platforms += [_platform(each) for each in inner if not _is_statement(each)]
            return _chosen(parts, inner, facts, arch)
        if _is_statement(entry):
            facts.attestations += 1
        else:
            images.append(entry)
    if not images:
        raise ValueError("it lists no image")
    if len(images) > 1 and not facts.platforms:
        facts.platforms = [_platform(entry) for entry in images]
    wanted = {"x86_64": "amd64"}.get(arch or "", arch)
    return next((entry for entry in images if entry.get("platform", {}).get("architecture") == wanted), images[0])


def _is_statement(entry: dict[str, Any]) -> bool:
    return STATEMENT in (entry.get("annotations") or {})


def _platform(entry: dict[str, Any]) -> str:
    platform = entry.get("platform") or {}
    return f"{platform.get('os', '?')}/{platform.get('architecture', '?')}"


def _described_by_docker(parts: Parts) -> Described:
    manifests = _json(parts, "manifest.json")
    if len(manifests) != 1:
        raise Unreadable(f"{parts.name!r} holds {len(manifests)} images: save one of them")
    return Described(ImageFacts(_json(parts, manifests[0]["Config"])), manifests[0]["Layers"])
