"""Starts awslambdaric as Amazon's image does, from the facts of its start script: path, `.pth` files, handler.

The client is imported before the function's folder is on the path, so a function's `json.py` never takes over there.
The image's script lies in /var/runtime, beside the packages that it bundles; this one lies alone, so its folder adds
nothing to the path that a function could see.
"""

import json  # noqa: F401  what the image's script has loaded before a function's module can be found
import logging  # noqa: F401
import os
import site
import sys
import time  # noqa: F401
import traceback  # noqa: F401
import warnings  # noqa: F401

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# Set by the image's shell script. A case that has another shows the client in an image that is not Amazon's.
os.environ.setdefault("AWS_EXECUTION_ENV", f"AWS_Lambda_python{VERSION}")

# The name is the one under which Sentry and others look for it.
from awslambdaric import __main__ as awslambdaricmain  # noqa: E402


def main() -> None:
    """Set up the path and hand over to the client."""
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    layers = [f"/opt/python/lib/python{VERSION}/site-packages", "/opt/python"]
    with_layers = "PYTHONPATH" not in os.environ
    if with_layers:
        sys.path[:0] = [*layers, f"/var/lang/lib/python{VERSION}/site-packages"]
    sys.path.insert(0, task_root)
    for folder in [task_root, *layers] if with_layers else [task_root]:
        site.addsitedir(folder)
    os.environ.setdefault("PYTHONPATH", os.environ["LAMBDA_RUNTIME_DIR"])
    awslambdaricmain.main([task_root, os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
