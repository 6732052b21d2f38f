"""How a debugger gets into a worker: an interpreter that starts `debugged.py`, and what an editor has to be told.

`bootstrap` runs whatever PYLAMBDA_PYTHON names. While somebody debugs, that is a script of two lines: so the start
stays the real one, a wrapper of the function included.
"""

from pathlib import Path
from typing import NamedTuple

from pylambda.local import file_beside

LISTEN, CONNECT = "listen", "connect"


class Debugger(NamedTuple):
    """Where a worker meets its debugger.

    Attributes:
        way: `listen`: the worker waits for an editor; `connect`: the editor waits for the worker.
        host: an address.
        port: a port.
    """

    way: str
    host: str
    port: int

    def interpreter(self, python: str, folder: Path) -> Path:
        """Write the interpreter that attaches, and return it.

        Args:
            python: the real one.
            folder: where to write it, and what it starts.
        """
        import shlex

        script = folder / "python-with-debugger"
        start = folder / "debugged.py"
        start.write_bytes(file_beside(__name__, start.name))
        words = [python, "-u", str(start), self.way, self.host, str(self.port)]
        script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        script.chmod(0o755)
        return script

    def hints(self, root: Path) -> list[str]:
        """Return what a person does next.

        Args:
            root: the function's folder, as the worker sees it; breakpoints are grey where an editor has another one.
        """
        import json

        place: dict[str, object] = {"host": "127.0.0.1" if self.host == "0.0.0.0" else self.host, "port": self.port}
        ways: dict[str, dict[str, object]] = {LISTEN: {"connect": place}, CONNECT: {"listen": place, "restart": True}}
        configuration = {
            "name": "pylambda",
            "type": "debugpy",
            "request": "attach",
            **ways[self.way],
            "justMyCode": False,
            "pathMappings": [{"localRoot": "${workspaceFolder}", "remoteRoot": str(root)}],
        }
        return [
            f"  debug   .vscode/launch.json: {json.dumps(configuration)}",
            "          one worker, no time limit; a client that waits for 60 s calls again: set its read_timeout and"
            " max_attempts=1",
        ]
