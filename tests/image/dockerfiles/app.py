"""What each Dockerfile here is built around: it tells whether what was installed is there."""

import importlib
import shutil
import subprocess
from typing import Any


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Import what the event names, and run the command that the package has brought, if it is on PATH."""
    found = [importlib.import_module(name).__name__ for name in event["imports"]]
    program = shutil.which("greet")
    said = subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip() if program else None
    return {"found": found, "command": said}
