"""Moves an image's Python and runtime to /opt, and writes that as a tar: run by the image's interpreter, inside it.

An interpreter finds its standard library by where it is itself, so in /opt/bin it takes the one in /opt/lib; Lambda's
LD_LIBRARY_PATH ends in /opt/lib, where the libraries go that Python is linked to and a bare base lacks. Those of the C
library stay out, as they fit their own loader alone.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

OPT = Path("/opt")
PROGRAM, LIBRARIES, RUNTIME = OPT / "bin/python3", OPT / "lib", OPT / "pylambda"
FROM_RUNTIME = Path("/var/runtime")
# No function imports these; packages of the image's own are none of the function's.
LEFT_OUT = (
    "__pycache__ test idlelib tkinter turtle.py turtledemo ensurepip config-* *.a "
    "site-packages dist-packages EXTERNALLY-MANAGED"
).split()
LAPTOPS_SIDE = ("local", "local.zip")
# Made anew for the new place.
OF_A_PLACE = ("bootstrap", "site-packages", "cold-path.*")
C_LIBRARY = re.compile(r"ld-linux|lib(c|m|dl|rt|util|pthread|resolv|anl|mvec|nsl|nss_\w+|thread_db|BrokenLocale)\.so")
LINKED_TO = re.compile(r"\t(\S+) => (\S+) \(0x")
NOT_FOUND = "=> not found"
# In `bootstrap`: what says where things are, and what says it here.
PLACES = (
    ("${PYLAMBDA_PYTHON:-/var/lang/bin/python3}", f"${{PYLAMBDA_PYTHON:-{PROGRAM}}}"),
    ("${LAMBDA_RUNTIME_DIR:-/var/runtime}", str(RUNTIME)),
)
FINISH = "from pylambda.start import cold_path, installed; installed.record({0!r}); cold_path.write({0!r})"


def relocate() -> None:
    """Fill /opt."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    place = OPT / stdlib.relative_to(sys.base_prefix)
    PROGRAM.parent.mkdir(parents=True)
    LIBRARIES.mkdir(parents=True, exist_ok=True)
    shutil.copy(os.path.realpath(sys.executable), PROGRAM)
    shutil.copytree(stdlib, place, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for module in sorted((place / "lib-dynload").glob("*.so")):
        needed = list(libraries(module))
        if not all(path for _name, path in needed):
            module.unlink()  # a module of the standard library that does not load in the image either
            continue
        copy(needed)
    copy(list(libraries(PROGRAM)))
    move_runtime()
    run("-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash", str(place))
    run("-c", f"import sys; sys.path.insert(0, {str(RUNTIME)!r}); {FINISH.format(str(RUNTIME))}")


def libraries(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each library that a file is linked to; without a path where there is none."""
    said = subprocess.run([loader(), "--list", file], capture_output=True, text=True, check=True).stdout
    if NOT_FOUND in said:
        yield NOT_FOUND, ""
    yield from (found for found in LINKED_TO.findall(said) if not C_LIBRARY.match(found[0]))


def loader() -> str:
    """Return the path of the program that loads this process's libraries."""
    return next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/ld-linux" in line)


def copy(needed: list[tuple[str, str]]) -> None:
    """Copy libraries under the names by which they are looked for."""
    for name, path in needed:
        if not (LIBRARIES / name).exists():
            shutil.copy(path, LIBRARIES / name)


def move_runtime() -> None:
    """Copy the runtime without the laptop's side, and its start script with the new places in it."""
    shutil.copytree(FROM_RUNTIME, RUNTIME, ignore=shutil.ignore_patterns(*OF_A_PLACE))
    for name in LAPTOPS_SIDE:
        path = RUNTIME / "pylambda" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    text = (FROM_RUNTIME / "bootstrap").read_text()
    for before, after in PLACES:
        if before not in text:
            sys.exit(f"{FROM_RUNTIME}/bootstrap has no {before}: the image is of another release than this command")
        text = text.replace(before, after)
    (OPT / "bootstrap").write_text(text)
    (OPT / "bootstrap").chmod(0o755)


def run(*arguments: str) -> None:
    """Run the interpreter in its new place, with the libraries that were copied."""
    environ = {"LD_LIBRARY_PATH": str(LIBRARIES), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    subprocess.run([PROGRAM, *arguments], env=environ, stdout=sys.stderr, check=True)


if __name__ == "__main__":
    relocate()
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
        tar.add(OPT, ".")
