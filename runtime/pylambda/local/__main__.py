"""`pylambda`, the same as `python -m pylambda.local`: the commands.

Each has a module that adds its arguments and runs it. Where the command line names one, that alone is loaded.
"""

import argparse
import os
import sys
from contextlib import redirect_stdout, suppress
from importlib import import_module

from pylambda.local.commands import FAILED, complain

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
    top = parser(*named)
    arguments, unknown = top.parse_known_args()
    if unknown and not named:
        top.error(f"it takes no {unknown[0]!r} before the command")
    if unknown:
        return complain(f"{named[0]} takes no {unknown[0]!r}; {_meant(named[0], unknown[0])}")
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


def _meant(command: str, flag: str) -> str:
    """Return what was probably meant by an argument that a command does not take."""
    import re
    from difflib import get_close_matches
    from io import StringIO

    said = StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        parser(command).parse_args([command, "--help"])
    flags = re.findall(r"--[a-z-]+", said.getvalue()) if flag.startswith("-") else []
    near = get_close_matches(flag.partition("=")[0], flags, 1, 0.5)
    return f"did you mean {near[0]}?" if near else f"see pylambda {command} --help"


if __name__ == "__main__":
    sys.exit(main())
