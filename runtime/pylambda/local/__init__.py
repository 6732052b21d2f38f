"""The laptop side, which nothing in the runtime imports: the command, the emulator, the local service, events."""

# In an image most of it lies in a zip beside this folder, which images/pack.py makes: so its modules have no path of
# their own, and what is said here about places holds for all of them.

import os
import sys

# The package may have been found through a link.
FOLDER = os.path.dirname(os.path.realpath(__file__))
RUNTIME_DIR = os.path.dirname(os.path.dirname(FOLDER))
ARCHIVE = f"{FOLDER}.zip"
IN_IMAGE = FOLDER.startswith("/var/runtime/")
# Where `requests` and `h11` are in an image: a plain interpreter does not look there.
VENDOR = [f"{RUNTIME_DIR}/vendor", f"{ARCHIVE}/vendor"]


def file_beside(module: str, name: str) -> bytes:
    """Return what a file holds that lies beside a module of this package, or in a folder there.

    Raises:
        OSError: there is none.
    """
    from pkgutil import get_data

    return get_data(module, name) or b""


if os.path.isfile(ARCHIVE):
    __path__.append(ARCHIVE)
if IN_IMAGE:
    sys.dont_write_bytecode = True  # nothing is written outside /tmp there
