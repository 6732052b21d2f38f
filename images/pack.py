"""Put the laptop's side of the runtime into one zip; run by the Python of an image, while that image is built.

No function imports it, so it may be compressed: half the size with its byte code as without, and nothing is compiled
when a command starts. Most sources lie beside, so that tracebacks show their lines. The same bytes each time: sorted,
of one time, byte code that is never compared with its source, as everywhere in an image.

    pack.py /own/var/runtime /var/runtime       where the runtime lies now, and where it will
"""

import importlib.util
import marshal
import sys
import zipfile
from pathlib import Path, PurePath
from shutil import rmtree

LAPTOPS_SIDE = "pylambda/local"
# What it alone imports, and `requests` does not.
LIBRARY = "vendor/h11"
# Started by its path; and what finds the zip.
STAYS = {"emulator.py", "__init__.py"}
# The first time that a zip can name.
TIME = (1980, 1, 1, 0, 0, 0)
# Files that `pylambda new` copies: nobody imports them.
COPIED = "new/templates/"
# Nobody but who works on them reads these in a traceback: their byte code is enough, and the image has its budget.
WITHOUT_SOURCES = ("check/", "vendor/")
# Of a pyc: it is named by its source's hash, and never checked (PEP 552).
UNCHECKED = (0b01).to_bytes(4, "little")


def pack(runtime: Path, place: PurePath) -> None:
    """Move the laptop's side into its zip.

    Args:
        runtime: the folder that holds `pylambda` and `vendor`.
        place: what that folder will be called, for tracebacks.
    """
    side, library = runtime / LAPTOPS_SIDE, runtime / LIBRARY
    taken = {
        path.relative_to(side).as_posix(): path for path in files(side) if path.name not in STAYS or path.parent != side
    }
    taken |= {path.relative_to(runtime).as_posix(): path for path in files(library)}
    with zipfile.ZipFile(f"{side}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(taken.items()):
            content = path.read_bytes()
            if path.suffix == ".py" and not name.startswith(COPIED):
                add(archive, f"{name}c", byte_code(content, str(place / f"{LAPTOPS_SIDE}.zip" / name)))
            if path.suffix != ".py" or not name.startswith(WITHOUT_SOURCES):
                add(archive, name, content)
            path.unlink()
    for folder in (*side.iterdir(), library):
        if folder.is_dir():
            rmtree(folder)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def byte_code(source: bytes, name: str) -> bytes:
    """Return what `compileall -o 2 --invalidation-mode unchecked-hash` would write."""
    code = compile(source, name, "exec", dont_inherit=True, optimize=2)
    return importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source) + marshal.dumps(code)


def add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, TIME)
    member.external_attr = 0o644 << 16
    archive.writestr(member, content, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    pack(Path(sys.argv[1]), PurePath(sys.argv[2]))
