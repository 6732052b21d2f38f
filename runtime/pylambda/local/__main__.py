"""`pylambda`, the same as `python -m pylambda.local`: the commands.

Each has a module that adds its arguments and runs it. Where the command line names one, that alone is loaded.
"""

import argparse
import os
import sys
from importlib import import_module

from pylambda.local.commands import FAILED

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
# In the order of `pylambda --help`.
COMMANDS = {
    "serve": "serve",
    "invoke": "invoke_command",
    "event": "samples",
    "console": "console",
    "build": "build.command",
    "new": "new.command",
    "check": "check.parser",
    "emulator": "fetch",
}


def main() -> int:
    """Run the command that the arguments name and return the exit code."""
    named = [word for word in sys.argv[1:2] if word in COMMANDS]
    arguments = parser(*named).parse_args()
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough; the interpreter must not complain at exit about what it cannot flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def parser(*names: str) -> argparse.ArgumentParser:
    """Return the command line with these commands, with all where none is named."""
    top = argparse.ArgumentParser(prog="pylambda", description="Run Lambda functions on this machine.")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names or COMMANDS:
        import_module(f"pylambda.local.{COMMANDS[name]}").add_parser(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
