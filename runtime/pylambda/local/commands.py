"""What all commands have alike: how one comes onto the command line, and how it says that it cannot go on."""

import argparse
import sys

FAILED = 1
# The exit code where a command line, or what it leads to, makes no sense.
CANNOT = 2
# Nobody answered.
NOBODY_THERE = 3


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    about: str,
    more: str = ".",
    epilog: str | None = None,
) -> argparse.ArgumentParser:
    """Add a command and return its parser.

    Args:
        commands: all of them.
        name: what people type.
        about: what it does, for the list of commands; its description begins so.
        more: how its description goes on.
        epilog: what stands below its arguments.
    """
    return commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}{more}", epilog=epilog)


def complain(why: object) -> int:
    """Say on standard error why a command cannot go on; return `CANNOT`."""
    print(f"pylambda: {why}", file=sys.stderr)
    return CANNOT
