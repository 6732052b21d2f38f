"""The arguments of `pylambda check`, apart from what it does with them: other commands do not load that."""

import argparse

from pylambda.local.commands import add_command
from pylambda.local.options import positive_seconds

ARCHS = ("x86_64", "arm64")
TIMEOUT_S = 30.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "check",
        "find what Lambda would refuse or trip over in an image, a zip or a folder",
        ". Each finding is explained in docs/check.md.",
        "Exits 0 when no error was found (warnings are none), 1 when one was, 2 when the command line makes no"
        " sense, 3 when the target cannot be read. Settings are taken from flags, else from [tool.pylambda.check] in"
        " pyproject.toml or from [check] in pylambda.toml.",
    )
    parser.add_argument(
        "target", metavar="TARGET", help="a folder, a zip, a `docker save` file, an OCI layout, or an image's name"
    )
    parser.add_argument(
        "--handler", default="", help="such as app.handler (default: the image's CMD, or the project's)"
    )
    parser.add_argument("--arch", choices=ARCHS, default="", help="the function's architecture (default: the image's)")
    parser.add_argument("--python", type=version, metavar="X.Y", help="the function's Python")
    parser.add_argument("--ignore", action="append", metavar="ID", help="leave a finding out; may be repeated")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--sarif", default="", metavar="FILE", help="write SARIF into a file, too")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--import", dest="do_import", action="store_true", help="start a folder's or a zip's function here"
    )
    how.add_argument("--no-import", action="store_true", help="do not start an image's function in a container")
    parser.add_argument(
        "--env", action="append", metavar="NAME=VALUE", help="a variable for that start; may be repeated"
    )
    parser.add_argument("--env-file", default="", metavar="FILE", help="NAME=value lines for it")
    parser.add_argument(
        "--timeout",
        type=positive_seconds,
        default=TIMEOUT_S,
        metavar="SECONDS",
        help="how long it may take (default: %(default)g)",
    )
    parser.add_argument("--docker", default="docker", help="the engine's command (default: docker)")
    parser.set_defaults(run=run)


def version(text: str) -> str:
    """Read a version: argparse turns the ValueError into its own message."""
    major, _, minor = text.partition(".")
    if major != "3" or not minor.isdigit():
        raise ValueError(text)
    return text


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from pylambda.local.check import command

    return command.run(arguments)
