"""The settings of the command: flags beat variables, those beat the project's file, that beats defaults.

The file is `[tool.pylambda]` of `pyproject.toml`, or `pylambda.toml`. A key that is none is an error that names the
nearest, and a value is read the same way wherever it stands.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class OptionError(Exception):
    """Raised when a setting cannot be used; the message is one line."""


class Option(NamedTuple):
    """One setting.

    Attributes:
        name: as a flag, without its dashes.
        read: makes a value of text; raises ValueError with what it should have been.
        default: where nothing sets it.
        help: for people.
        metavar: what stands for the value in the help.
        variables: the variables that set it, the first one first.
        choices: all values that there are.
        alone: what the flag means without a value; None where it takes one.
        short: the flag in one letter; empty where there is none.
    """

    name: str
    read: Callable[[str], Any]
    default: Any
    help: str
    metavar: str = ""
    variables: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    alone: str | None = None
    short: str = ""

    @property
    def key(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")

    def value_of(self, text: str, where: str) -> Any:
        """Return the value that a text means.

        Raises:
            OptionError: it means none.
        """
        if self.choices and text not in self.choices:
            raise OptionError(f"{where} is {text!r}; it takes {', '.join(self.choices)}")
        try:
            return self.read(text)
        except ValueError as error:
            raise OptionError(f"{where} is {text!r}; it takes {error}") from None


def positive_seconds(text: str) -> float:
    """Read a time."""
    value = float(text) if _is_number(text) else 0.0
    if not 0 < value < float("inf"):
        raise ValueError("a number of seconds above 0, such as 3 or 0.5")
    return value


def seconds(text: str) -> float:
    """Read a time that may be none."""
    return 0.0 if _is_number(text) and float(text) == 0 else positive_seconds(text)


def count(text: str) -> int:
    """Read a number of things."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("a whole number")
    return int(text)


def port(text: str) -> int:
    """Read a port; 0 lets the kernel choose."""
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= value <= 65535:
        raise ValueError("a port from 0 to 65535")
    return value


def address(text: str) -> tuple[str, int]:
    """Read a host and a port."""
    host, _, digits = text.rpartition(":")
    if not host or not digits.isdigit() or not 0 < int(digits) <= 65535:
        raise ValueError("HOST:PORT, such as 127.0.0.1:5678")
    return host.strip("[]"), int(digits)


def yes_or_no(text: str) -> bool:
    """Read a switch."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError("1 or 0")
    return words[text.lower()]


def patterns(text: str) -> tuple[str, ...]:
    """Read patterns of names, with commas between."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def add_flags(parser: argparse.ArgumentParser, options: tuple[Option, ...]) -> None:
    """Give a command its flags. A default is not set here, so that it can be told from a flag."""
    for option in options:
        text = option.help.replace("%", "%%")
        if option.read is yes_or_no:
            flags = (f"--{option.name}", *filter(None, (option.short,)))
            parser.add_argument(*flags, action=argparse.BooleanOptionalAction, dest=option.key, default=None, help=text)
            continue
        metavar = option.metavar or option.name.upper()
        parser.add_argument(
            f"--{option.name}",
            dest=option.key,
            default=None,
            metavar="|".join(option.choices) if option.choices else metavar,
            nargs=None if option.alone is None else "?",
            const=option.alone,
            help=text,
        )


def resolve(
    options: tuple[Option, ...], flags: argparse.Namespace, environ: Mapping[str, str], folder: Path
) -> dict[str, Any]:
    """Return every setting's value by its Python name.

    Args:
        options: all that there are.
        flags: what the command line has.
        environ: the variables.
        folder: where the project's file is looked for.

    Raises:
        OptionError: a value cannot be used, or the file has a key that is none.
    """
    project = project_file(folder)
    check_keys(project.settings, project.name)
    values = {}
    for option in options:
        flag = getattr(flags, option.key)
        variable = next((name for name in option.variables if environ.get(name)), None)
        if isinstance(flag, bool):
            values[option.key] = flag
        elif flag is not None:
            values[option.key] = option.value_of(flag, f"--{option.name}")
        elif variable is not None:
            values[option.key] = option.value_of(environ[variable], variable)
        elif option.name in project.settings:
            text = as_text(project.settings[option.name])
            values[option.key] = option.value_of(text, f"{option.name} in {project.name}")
        else:
            values[option.key] = option.default
    return values


class ProjectFile(NamedTuple):
    """What a project's file says: `settings` by flag name, underscores as dashes."""

    name: str
    settings: Mapping[str, Any]


def project_file(folder: Path) -> ProjectFile:
    """Read `pylambda.toml`, else `[tool.pylambda]` of `pyproject.toml`, else nothing.

    Raises:
        OptionError: it is no TOML, or what should be a table is none.
    """
    for name, path in (("pylambda.toml", ()), ("pyproject.toml", ("tool", "pylambda"))):
        file = folder / name
        if not file.is_file():
            continue
        table: Any = read_toml(file)
        for part in path:
            table = table.get(part, {})
            if not isinstance(table, dict):
                raise OptionError(f"{name}: {part!r} is no table; write [{'.'.join(path)}] above the settings")
        return ProjectFile(name, {key.replace("_", "-"): value for key, value in table.items()})
    return ProjectFile("", {})


def read_toml(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except (OSError, ValueError) as error:
        raise OptionError(f"cannot read {file.name}: {error}") from error


def check_keys(settings: Mapping[str, Any], file: str) -> None:
    """Refuse a key that is no setting of any command."""
    if not settings:
        return  # what all commands know need not be loaded
    from pylambda.local import serve_options
    from pylambda.local.build import settings as build_settings

    known = [*(option.name for option in (*serve_options.OPTIONS, *build_settings.OPTIONS)), "handler", *OTHER_TABLES]
    for key in settings:
        if key not in known:
            import difflib

            near = difflib.get_close_matches(key, known, 3, 0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise OptionError(f"{file} has {key!r}, which is no setting{hint}")


# Tables of other commands, which read them themselves.
OTHER_TABLES = ("check", "new", "console")


def as_text(value: object) -> str:
    """Return a value of a file as a variable would have it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def environment_file(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines; blank lines and those that begin with # are left out, quotes around a value too.

    Raises:
        OptionError: it cannot be read, or a line is none of these.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise OptionError(f"cannot read {os.fspath(path)!r}: {reason}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise OptionError(f"{path.name}, line {number}: not NAME=value")
        value = value.strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        found[name.strip()] = value[1:-1] if quoted else value
    return found
