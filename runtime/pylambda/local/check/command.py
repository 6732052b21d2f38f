"""`pylambda check`: its arguments, what it checks, and its exit codes.

0: nothing found that is an error. 1: an error was found. 2: the command line, or the project's file, makes no sense.
3: the target cannot be read.
"""

import argparse
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pylambda.local.check import folder, image, report, trial
from pylambda.local.check.files import Target, Unreadable
from pylambda.local.check.findings import Finding, Rule
from pylambda.local.check.rules import RULES
from pylambda.local.check.subject import Subject
from pylambda.local.color import painter
from pylambda.local.commands import complain
from pylambda.local.options import OptionError, environment_file, project_file

FINE, BAD, UNREADABLE = 0, 1, 3
TABLE = "check"
KEYS = {"ignore", "arch", "python", "handler"}


def run(arguments: argparse.Namespace) -> int:
    """Check a target as the command line says, print what was found, and return the exit code."""
    try:
        settings = _settings(arguments)
        environ = _environ(arguments)
    except OptionError as error:
        return complain(error)
    try:
        target = open_target(arguments.target, arguments.docker, settings["arch"])
    except Unreadable as error:
        complain(error)
        return UNREADABLE
    with closing(target):
        try:
            subject = Subject(target, settings["handler"], settings["arch"], settings["python"])
            if subject.handler and not arguments.no_import:
                subject.outcome = _trial(subject, arguments, environ)
            findings = found_in(subject, settings["ignore"])
        except (Unreadable, OSError) as error:
            complain(f"cannot read {arguments.target!r}: {error}")
            return UNREADABLE
        try:
            _write_sarif(subject, findings, arguments.sarif)
        except OSError as error:
            return complain(f"cannot write {arguments.sarif!r}: {error.strerror}")
        _print(subject, findings, as_json=arguments.json)
    return BAD if report.is_bad(findings) else FINE


def found_in(subject: Subject, ignored: Sequence[str] = (), rules: Sequence[Rule] = RULES) -> list[Finding]:
    """Return what the rules find, the worst first."""
    found = [Finding(rule, place) for rule in rules if rule.id not in ignored for place in rule.look(subject)]
    return report.ordered(found, rules)


def open_target(name: str, docker: str, arch: str) -> Target:
    """Return what a name on the command line means: a folder, a file, or else an image.

    Raises:
        Unreadable: nothing of that name can be read.
    """
    path = Path(name)
    if path.is_dir():
        is_layout = (path / "oci-layout").exists() and (path / "index.json").exists()
        return image.open_layout(path, arch) if is_layout else folder.open_folder(path)
    if path.is_file():
        return folder.open_zip(path) if zipfile.is_zipfile(path) else image.open_archive(path, arch)
    return image.open_image(name, docker, arch)


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what is wanted: flags beat the project's file."""
    path = Path(arguments.target)
    project = project_file(path if path.is_dir() else Path())
    table = project.settings.get(TABLE, {})
    if not isinstance(table, dict) or (strange := set(table) - KEYS):
        what = ", ".join(sorted(strange)) if isinstance(table, dict) else table
        raise OptionError(f"{project.name}: [{TABLE}] has {what}; it takes {', '.join(sorted(KEYS))}")
    of_project = "" if _is_image(arguments.target) else project.settings.get("handler", "")
    ignored = [*table.get("ignore", []), *(arguments.ignore or [])]
    known = {rule.id for rule in RULES}
    for rule_id in ignored:
        if rule_id not in known:
            raise OptionError(f"there is no finding {rule_id!r} to ignore; there are {', '.join(sorted(known))}")
    return {
        "handler": arguments.handler or table.get("handler", of_project),
        "arch": arguments.arch or table.get("arch", ""),
        "python": arguments.python or str(table.get("python", "")),
        "ignore": ignored,
    }


def _is_image(name: str) -> bool:
    """Whether a target names a handler itself."""
    path = Path(name)
    return not path.is_dir() and not (path.is_file() and zipfile.is_zipfile(path))


def _environ(arguments: argparse.Namespace) -> dict[str, str]:
    given = environment_file(Path(arguments.env_file)) if arguments.env_file else {}
    for word in arguments.env or []:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise OptionError(f"--env is {word!r}; it takes NAME=VALUE")
        given[name] = value
    return given


def _trial(subject: Subject, arguments: argparse.Namespace, environ: dict[str, str]) -> Any:
    """Start the function: an image of an engine's in a container, the rest only where that is asked for."""
    if subject.target.image is not None:
        return (
            trial.in_image(subject, arguments.docker, environ, arguments.timeout) if subject.target.image.name else None
        )
    if not arguments.do_import:
        return None
    if subject.target.kind == "folder":
        return trial.here(Path(arguments.target).resolve(), subject.handler, environ, arguments.timeout)
    with tempfile.TemporaryDirectory(prefix="pylambda-check-") as unpacked:
        trial.unzipped(Path(arguments.target), Path(unpacked))
        return trial.here(Path(unpacked), subject.handler, environ, arguments.timeout)


def _write_sarif(subject: Subject, findings: list[Finding], file: str) -> None:
    if file:
        Path(file).write_text(report.as_sarif(subject, findings, RULES) + "\n")


def _print(subject: Subject, findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        print(report.as_json(subject, findings))
        return
    for line in report.text(subject, findings, painter(sys.stdout, os.environ)):
        print(line)
