"""Wheels made here, the same bytes every time, because locks name their digests. Builds of these tests have no network.

`greeting` is pure, has a command and needs `speed`, which is compiled: what it has tells for which machine. `here` is
compiled for one architecture alone, `source` is for none yet; `checker` is what only a developer needs.
"""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

# Compiles one line of C as a module is compiled, and makes a wheel of it by hand.
BACKEND = """
import subprocess, sysconfig, zipfile

def build_wheel(folder, settings=None, metadata=None):
    tag = sysconfig.get_config_var("EXT_SUFFIX")
    code = '''#include <Python.h>
static struct PyModuleDef source = {PyModuleDef_HEAD_INIT, "source"};
PyMODINIT_FUNC PyInit_source(void) { return PyModule_Create(&source); }'''
    open("source.c", "w").write(code)
    include = "-I" + sysconfig.get_path("include")
    subprocess.run(["gcc", "-shared", "-fPIC", include, "source.c", "-o", "source" + tag], check=True)
    name = "source-1.0-py3-none-any.whl"
    info = "source-1.0.dist-info/"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        wheel.write("source" + tag)
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: source\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "source" + tag + ",,\\n" + info + "RECORD,,\\n")
    return name
"""
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


def write(folder: Path, name: str, version: str, tag: str, files: dict[str, str], metadata: str = "") -> Path:
    """Write one wheel. Stored and not packed: how well zlib packs differs from machine to machine."""
    info = f"{name}-{version}.dist-info"
    everything = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if name == "greeting":
        everything[f"{info}/entry_points.txt"] = "[console_scripts]\ngreet = greeting:hello\n"
    record = "".join(f"{file},,\n" for file in [*everything, f"{info}/RECORD"])
    wheel = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for file, text in {**everything, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return wheel


def write_all(folder: Path, pythons: tuple[str, ...]) -> None:
    """Write all of them, compiled ones for each Python."""
    for version in ("1.0", "2.0"):
        hello = {"greeting.py": f"VERSION = {version!r}\n\n\ndef hello():\n    return 'hello'\n"}
        write(folder, "greeting", version, "py3-none-any", hello, "Requires-Dist: speed\n")
    write(folder, "checker", "1.0", "py3-none-any", {"checker.py": ""})
    for python in pythons:
        tag = f"cp{python.replace('.', '')}"
        for machine in MACHINES.values():
            # What Amazon Linux 2 can load, and what needs Amazon Linux 2023.
            for glibc in ("manylinux2014", "manylinux_2_34"):
                platform = f"{tag}-{tag}-{glibc}_{machine}"
                write(folder, "speed", "1.0", platform, {"speed/__init__.py": f"BUILT = {platform!r}\n"})
        write(folder, "here", "1.0", f"{tag}-{tag}-manylinux_2_34_x86_64", {"here.py": ""})
    write_source(folder)


def write_source(folder: Path) -> None:
    """Write a package that has to be compiled; what it is built with is in the package itself."""
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "PKG-INFO": "Metadata-Version: 2.1\nName: source\nVersion: 1.0\n",
        "backend.py": BACKEND,
    }
    with tarfile.open(folder / "source-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"source-1.0/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def with_digests(text: str, folder: Path) -> str:
    """Put the digests of wheels where a text names a package: as poetry.lock has them, or as options of pip."""
    for package in ("greeting", "speed", "checker"):
        digests = {}
        for wheel in sorted(folder.glob(f"{package}-1.0-*.whl")):
            digests[wheel.name] = f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
        rows = [f'{{file = "{name}", hash = "{digest}"}}' for name, digest in digests.items()]
        options = [f"--hash={digest}" for digest in digests.values()]
        text = text.replace(f"{{DIGESTS:{package}}}", ", ".join(rows))
        text = text.replace(f"{{HASHES:{package}}}", " ".join(options))
    return text
