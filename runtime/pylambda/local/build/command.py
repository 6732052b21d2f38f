"""The command line of `pylambda build`, and what it says. What does the work is imported when it is asked for."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pylambda.local.commands import CANNOT, add_command, complain
from pylambda.local.options import OptionError, add_flags

if TYPE_CHECKING:
    from pylambda.local.build.settings import Settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    from pylambda.local.build.settings import OPTIONS

    parser = add_command(
        commands,
        "build",
        "make a zip or an image of a function, with what it needs, or a layer, for Lambda",
        epilog="What the function needs is taken from uv.lock, poetry.lock, requirements.txt or pyproject.toml, the"
        " first that is there. Settings are taken from flags, else from [tool.pylambda] in pyproject.toml or from"
        " pylambda.toml.",
    )
    parser.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="the project (default: here)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--zip", action="store_true", help="a zip for Amazon's managed Python; needs no container")
    what.add_argument("--image", action="store_true", help="an image, and the Dockerfile where the project has none")
    what.add_argument(
        "--layer", action="store_true", help="a layer of Python and the runtime, out of the image, for provided.al2023"
    )
    what.add_argument(
        "--wrapper", action="store_true", help="a layer of the runtime alone, to run in the place of Amazon's"
    )
    # What Dockerfiles say that this command wrote: for the machine that it runs on.
    what.add_argument("--packages", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    add_flags(parser, OPTIONS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build what is asked for, say how it goes on standard output; return the exit code."""
    from pylambda.local.build import settings as build_settings

    try:
        settings = build_settings.settings_of(arguments, os.environ)
        if arguments.zip:
            _zip(settings)
        elif arguments.image:
            _image(settings)
        elif arguments.layer:
            _layer(settings)
        elif arguments.wrapper:
            _wrapper(settings)
        else:
            _packages(settings, arguments.packages)
    except (OptionError, build_settings.BuildError) as error:
        complain(error)
        for line in getattr(error, "details", "").splitlines():
            print(f"  {line}", file=sys.stderr)
        return CANNOT
    return 0


def _zip(settings: "Settings") -> None:
    from pylambda.local.build import zips

    target = zips.build(settings, _say)
    _say_which(target)
    _say(
        f"Next: aws lambda update-function-code --function-name {settings.name} --architectures {settings.arch} "
        f"--zip-file fileb://{_from_here(target)}"
    )


def _layer(settings: "Settings") -> None:
    from pylambda.local.build import layer

    target = layer.build(settings, _say)
    _say_which(target)
    _say(
        "Next: aws lambda publish-layer-version --layer-name pylambda-layer --compatible-runtimes provided.al2023 "
        f"--compatible-architectures {settings.arch} --zip-file fileb://{_from_here(target)}"
    )
    _say(
        f"      and a function of pylambda build --zip --python {settings.python}, on provided.al2023, with that layer"
    )


def _wrapper(settings: "Settings") -> None:
    from pylambda.local.build import wrapper

    target = wrapper.build(settings, _say)
    _say_which(target)
    _say(
        f"Next: aws lambda publish-layer-version --layer-name pylambda-wrapper --compatible-runtimes "
        f"python{settings.python} --zip-file fileb://{_from_here(target)}"
    )
    _say(f"      and for the function that layer, and the variable {wrapper.VARIABLE}")


def _image(settings: "Settings") -> None:
    from pylambda.local.build import image

    for line in image.report(image.build(settings, _say), settings):
        _say(line)


def _packages(settings: "Settings", target: Path) -> None:
    import tempfile

    from pylambda.local.build import packages, requirements

    needed = requirements.requirements_of(settings.folder, settings.environ)
    with tempfile.TemporaryDirectory() as scratch:
        packages.install_here(settings, needed, target.absolute(), Path(scratch))


def _say_which(target: Path) -> None:
    import hashlib

    _say(f"{_from_here(target)}  sha256 {hashlib.sha256(target.read_bytes()).hexdigest()}")


def _say(line: str) -> None:
    print(line, flush=True)


def _from_here(path: Path) -> str:
    """Return a path as short as it can be."""
    here = Path.cwd()
    return os.fspath(path.relative_to(here) if path.is_relative_to(here) else path)
