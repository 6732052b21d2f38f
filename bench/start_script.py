"""Starts the official client as the start script of Amazon's Python image does, rather than with `python -m`.

Source of the steps: `/var/runtime/bootstrap.py` of that image.
"""

import os
import site
import sys

from awslambdaric import __main__ as client

TASK_ROOT = os.environ["LAMBDA_TASK_ROOT"]
LAYERS = [f"/opt/python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages", "/opt/python"]

sys.path[:0] = [TASK_ROOT, *LAYERS]
for folder in [TASK_ROOT, *LAYERS]:
    site.addsitedir(folder)
os.environ.setdefault("PYTHONPATH", os.environ["LAMBDA_RUNTIME_DIR"])
client.main([TASK_ROOT, os.environ["_HANDLER"]])
