"""What the runtime has besides this package: its start script, and the modules that stand for the official client's."""

import os
import sys
from pathlib import Path

from pylambda.local import RUNTIME_DIR
from pylambda.local.options import OptionError

BOOTSTRAP = "bootstrap"


def find(name: str) -> Path:
    """Return a file or folder: beside the package in the image, above it on a checkout, in share/ where pip put it.

    Raises:
        OptionError: it is nowhere.
    """
    runtime_dir = Path(RUNTIME_DIR)
    places = (runtime_dir, runtime_dir.parent, Path(sys.prefix, "share", "pylambda"))
    for place in places:
        if (place / name).exists():
            return place / name
    raise OptionError(f"there is no `{name}` in {', '.join(map(os.fspath, places))}: install pylambda again")
