"""Makes targets for `pylambda check`: folders, zips and images, each sound but for what a test changes."""

import gzip
import hashlib
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HANDLER = b"def handler(event, context):\n    return event\n"
LIBC = b"\x7fELF...GNU C Library (GNU libc) stable release version 2.34.\n"
OCI = "application/vnd.oci.image"
MACHINES = {"x86_64": 62, "arm64": 183}


@dataclass(frozen=True)
class Entry:
    """A member of a layer that is no plain file of root's."""

    content: bytes = b""
    mode: int = 0o644
    link: str = ""
    owner: tuple[int, int] = (0, 0)
    folder: bool = False
    mtime_s: int = 315532800


Files = Mapping[str, "bytes | Entry"]
SYSTEM: dict[str, bytes | Entry] = {
    "bin": Entry(folder=True, mode=0o755),
    "bin/sh": Entry(b"\x7fELF", mode=0o755),
    "usr/bin/python3.12": Entry(b"\x7fELF", mode=0o755),
    "var/lang/bin/python3": Entry(link="/usr/bin/python3.12"),
    "lib64/libc.so.6": Entry(LIBC, mode=0o755),
    "entry_script.sh": Entry(b"#!/bin/sh\nexec true\n", mode=0o755),
}
TASK: dict[str, bytes | Entry] = {"var/task": Entry(folder=True, mode=0o755), "var/task/app.py": HANDLER}
RUN: dict[str, Any] = {
    "Entrypoint": ["/entry_script.sh"],
    "Cmd": ["app.handler"],
    "WorkingDir": "/var/task",
    "Env": ["PATH=/var/lang/bin:/usr/bin", "LAMBDA_TASK_ROOT=/var/task"],
}


@dataclass
class Image:
    """An image: a sound one, and what is different in it.

    Attributes:
        files: of the top layer, by path.
        run: settings of how it is started that replace the sound ones; None takes one away.
        env: more variables.
        more_layers: layers above.
        arch: by OCI's name.
        config: what else its configuration says.
        media_types: of its parts, in place of OCI's.
        beside: more entries of the index.
    """

    files: Files = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    env: Sequence[str] = ()
    more_layers: Sequence[Files] = ()
    arch: str = "amd64"
    config: Mapping[str, Any] = field(default_factory=dict)
    media_types: Mapping[str, str] = field(default_factory=dict)
    beside: Sequence[Mapping[str, Any]] = ()
    compress: bool = False

    def layers(self) -> list[bytes]:
        return [layer(SYSTEM), layer({**TASK, **self.files}), *map(layer, self.more_layers)]

    def document(self) -> dict[str, Any]:
        run = {**RUN, **self.run, "Env": [*RUN["Env"], *self.env]}
        run = {key: value for key, value in run.items() if value is not None}
        return {"architecture": self.arch, "os": "linux", "config": run, **self.config}

    def saved(self, file: Path) -> Path:
        """As `docker save` of an engine without OCI layouts writes it."""
        parts = {f"layer{number}/layer.tar": content for number, content in enumerate(self.layers())}
        manifest = [{"Config": "config.json", "RepoTags": ["made:latest"], "Layers": list(parts)}]
        parts |= {"config.json": as_json(self.document()), "manifest.json": as_json(manifest)}
        file.write_bytes(layer(parts))
        return file

    def layout(self, folder: Path) -> Path:
        """As an OCI layout in a folder."""
        for name, content in self.oci_parts().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def layout_tar(self, file: Path) -> Path:
        """As an OCI layout in a tar."""
        file.write_bytes(layer(self.oci_parts()))
        return file

    def oci_parts(self) -> dict[str, bytes]:
        blobs: dict[str, bytes] = {}

        def put(content: bytes, kind: str) -> dict[str, Any]:
            digest = hashlib.sha256(content).hexdigest()
            blobs[f"blobs/sha256/{digest}"] = content
            return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

        kinds = {
            "manifest": f"{OCI}.manifest.v1+json",
            "config": f"{OCI}.config.v1+json",
            "layer": f"{OCI}.layer.v1.tar" + ("+gzip" if self.compress else ""),
            **self.media_types,
        }
        packed = [gzip.compress(content) if self.compress else content for content in self.layers()]
        manifest = {
            "schemaVersion": 2,
            "mediaType": kinds["manifest"],
            "config": put(as_json(self.document()), kinds["config"]),
            "layers": [put(content, kinds["layer"]) for content in packed],
        }
        platform = {"platform": {"os": "linux", "architecture": self.arch}}
        listed = [{**put(as_json(manifest), kinds["manifest"]), **platform}, *self.beside]
        index = {"schemaVersion": 2, "manifests": listed}
        return {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": as_json(index), **blobs}


def as_json(document: object) -> bytes:
    return json.dumps(document).encode()


def layer(files: Files) -> bytes:
    """A tar of files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, given in files.items():
            entry = given if isinstance(given, Entry) else Entry(given)
            member = tarfile.TarInfo(path)
            member.mode, member.size, member.mtime = entry.mode, len(entry.content), entry.mtime_s
            member.uid, member.gid = entry.owner
            if entry.link:
                member.type, member.linkname = tarfile.SYMTYPE, entry.link
            elif entry.folder:
                member.type = tarfile.DIRTYPE
            archive.addfile(member, io.BytesIO(entry.content))
    return out.getvalue()


def folder(root: Path, files: Files) -> Path:
    """A folder with a sound handler, and these files."""
    for path, given in {"app.py": HANDLER, **files}.items():
        entry = given if isinstance(given, Entry) else Entry(given)
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.link:
            place.symlink_to(entry.link)
            continue
        if entry.folder:
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(entry.content)
        place.chmod(entry.mode)
    return root


def zipped(file: Path, files: Files) -> Path:
    """A zip of the same."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, given in {"app.py": HANDLER, **files}.items():
            entry = given if isinstance(given, Entry) else Entry(given)
            member = zipfile.ZipInfo(path)
            member.create_system, member.external_attr = 3, (0o100000 | entry.mode) << 16
            archive.writestr(member, entry.content, zipfile.ZIP_DEFLATED)
    return file


def library(machine: str = "x86_64", *, needed: str = "libc.so.6", glibc: str = "") -> bytes:
    """A shared library that holds its headers, what it needs, and the version of glibc that a symbol of it has."""
    names = b"\0" + needed.encode() + b"\0"
    version_at = len(names)
    names += f"GLIBC_{glibc}".encode() + b"\0" if glibc else b""
    headers = 64 + 2 * 56
    strings, versions = headers, headers + len(names)
    need = struct.pack("<HHIII", 1, 1, 1, 16, 0) + struct.pack("<IHHII", 0, 0, 2, version_at, 0) if glibc else b""
    entries = [(1, 1), (5, strings), (10, len(names))]
    entries += [(0x6FFFFFFE, versions), (0x6FFFFFFF, 1)] if glibc else []
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in [*entries, (0, 0)])
    dynamic_at = versions + len(need)
    total = dynamic_at + len(dynamic)
    head = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 3, MACHINES[machine], 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    head += struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, total, total, 4096)
    head += struct.pack("<IIQQQQQQ", 2, 6, dynamic_at, dynamic_at, dynamic_at, len(dynamic), len(dynamic), 8)
    return head + names + need + dynamic


def wheel(name: str, tag: str, *modules: str) -> dict[str, bytes]:
    """What installing a wheel writes beside its modules."""
    record = "".join(f"{path},,\n" for path in modules)
    return {
        f"{name}-1.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nTag: {tag}\n".encode(),
        f"{name}-1.0.dist-info/RECORD": record.encode(),
    }
