"""The settings of `pylambda build`, each once, and what they mean: a Python, an architecture, a C library."""

import argparse
import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pylambda.local import options as option_table
from pylambda.local.fetch import MACHINES as ARCHS
from pylambda.local.options import Option, OptionError, patterns, yes_or_no

# Held to images/matrix.toml by a test: what is installed has no checkout beside it.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
DEFAULT_PYTHON = "3.12"
REPOSITORY = "ghcr.io/OWNER/pylambda"
# Lambda's name of an architecture, and those of Docker and of wheels.
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# Amazon Linux 2023 has version 2.34 of the C library. Amazon's managed Python 3.11 is the last one that stands on
# Amazon Linux 2, whose 2.26 takes what was built for 2.17, the nearest that uv knows.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
MANYLINUX, OLDER_MANYLINUX = "manylinux_2_34", "manylinux2014"
ON_AMAZON_LINUX_2 = ("3.11",)
DEFAULT_OUTDIR = "dist"

OPTIONS = (
    Option("outdir", Path, Path(DEFAULT_OUTDIR), "folder for what is made (default: dist)", "DIR"),
    Option("root", Path, None, "the folder whose files the function is made of (default: the project's)", "DIR"),
    Option("exclude", patterns, (), "more files to leave out, as in *.csv,notebooks", "PATTERNS"),
    Option("python", str, "", "the function's Python (default: .python-version, else 3.12)", "", (), PYTHONS),
    Option("arch", str, "", "the function's architecture (default: this machine's)", "", (), tuple(PLATFORMS)),
    Option("docker", yes_or_no, False, "install what the function needs inside the build image: compilers are there"),
    Option("base", str, "", "the image to build on, without its variant, as in pylambda:3.12", "NAME:TAG"),
    Option("handler", str, "", "what the image starts, such as app.handler", "HANDLER"),
    Option("tag", str, "", "what the image is called (default: the project's name)", "NAME"),
)
# Tells people how a build goes, a line at a time.
Say = Callable[[str], None]


class BuildError(Exception):
    """Raised when there is nothing to build, or nothing to build it with; the message is one line.

    Args:
        message: the line.
        details: what another program said about it, for people.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


@dataclass(frozen=True)
class Settings:
    """All that a build is made of: `values` as `OPTIONS` has them.

    Attributes:
        folder: the project's, with its pyproject.toml or requirements.txt.
        environ: this process's variables.
    """

    folder: Path
    values: Mapping[str, Any]
    environ: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        return self.values[name]

    @property
    def outdir(self) -> Path:
        """Where what is made goes; a flag's folder is seen from here, a file's from the project."""
        return Path(self.folder, self.values["outdir"]).resolve()

    @property
    def root(self) -> Path:
        """The folder whose files the function is made of."""
        return Path(self.folder, self.values["root"] or ".").resolve()

    @property
    def python(self) -> str:
        """The function's Python, as in 3.12."""
        return str(self.values["python"] or _python_of(self.folder / ".python-version") or DEFAULT_PYTHON)

    @property
    def arch(self) -> str:
        """The function's architecture, by Lambda's name."""
        machine = platform.machine().lower()
        here = ARCHS.get(machine, machine)
        return str(self.values["arch"] or (here if here in PLATFORMS else "x86_64"))

    @property
    def manylinux(self) -> str:
        """The platform of wheels that Lambda's file system can load, by uv's name."""
        version = OLDER_MANYLINUX if self.python in ON_AMAZON_LINUX_2 else MANYLINUX
        return f"{MACHINES[self.arch]}-{version}"

    @property
    def base(self) -> str:
        """The image to build on, without the variant at its end."""
        return str(self.values["base"] or f"{REPOSITORY}:{self.python}")

    @property
    def target(self) -> str:
        """The target, for people."""
        return f"Python {self.python} on {self.arch}"

    @property
    def name(self) -> str:
        """The project's name: that of pyproject.toml, else the folder's."""
        name = str(pyproject(self.folder).get("project", {}).get("name") or self.folder.name)
        return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "function"


def settings_of(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Return what the command line and the project's file say together.

    Raises:
        OptionError: something of it cannot be used.
    """
    folder = Path(arguments.folder).resolve()
    if not folder.is_dir():
        raise OptionError(f"{os.fspath(arguments.folder)!r} is not a folder")
    values = option_table.resolve(OPTIONS, arguments, environ, folder)
    for flag in ("outdir", "root"):
        if getattr(arguments, flag) is not None:
            values[flag] = Path(getattr(arguments, flag)).absolute()
    settings = Settings(folder, values, environ)
    if not settings.root.is_dir():
        raise OptionError(f"root: {os.fspath(settings.root)!r} is not a folder")
    return settings


def pyproject(folder: Path) -> dict[str, Any]:
    """Return what a project's pyproject.toml says; nothing where there is none.

    Raises:
        OptionError: it is no TOML.
    """
    file = folder / "pyproject.toml"
    return option_table.read_toml(file) if file.is_file() else {}


def _python_of(file: Path) -> str:
    """Return what a .python-version says, which may be more exact than what can be chosen in Lambda.

    Raises:
        OptionError: Lambda has none of that version.
    """
    if not file.is_file():
        return ""
    text = file.read_text().strip()
    version = ".".join(text.split(".")[:2])
    if version not in PYTHONS:
        raise OptionError(f".python-version says {text!r}; --python takes {', '.join(PYTHONS)}")
    return version
