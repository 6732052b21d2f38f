"""Starts the official client from a folder of its own: an image of ours has none of it beside its packages.

python official.py FOLDER
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(sys.argv.pop(1))
    runpy.run_path(str(Path(__file__).parents[1] / "parity" / "official" / "start.py"), run_name="__main__")
