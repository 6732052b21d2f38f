"""What a service is made of: the settings of `pylambda serve`, and what follows from them."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pylambda import names
from pylambda.local import IN_IMAGE
from pylambda.local import options as option_table
from pylambda.local.options import OptionError
from pylambda.local.serve_options import OPTIONS
from pylambda.local.service import breakpoints
from pylambda.local.service.debugging import CONNECT, LISTEN, Debugger

STDIN = 0


class Settings(NamedTuple):
    """All that a service is made of: `values` as `serve_options` has them."""

    handler: str
    values: Mapping[str, Any]
    environ: Mapping[str, str]
    folder: Path

    def __getattr__(self, name: str) -> Any:
        return self.values[name]

    def function_environ(self) -> dict[str, str]:
        """Return the variables that workers start with; the file is read anew, as it may have changed.

        Raises:
            OptionError: it cannot be read.
        """
        file = self.values["env_file"]
        return {**self.environ, **(option_table.environment_file(file) if file else {})}

    @property
    def at_once(self) -> int:
        """How many invocations one worker is given at a time."""
        text = self.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "")
        return int(text) if text.isdigit() and int(text) > 0 else 1

    @property
    def debugger(self) -> Debugger | None:
        """Where a worker meets its debugger; None where nobody debugs."""
        if self.values["debug_connect"] is not None:
            return Debugger(CONNECT, *self.values["debug_connect"])
        if self.values["debug"] is not None:
            # Loopback of a container cannot be reached from outside of it.
            return Debugger(LISTEN, "0.0.0.0" if IN_IMAGE else "127.0.0.1", self.values["debug"])
        return None

    @property
    def terminal(self) -> str:
        """Where `breakpoint()` may stop: the terminal's name where there is one, for one worker; else empty."""
        if self.debugger or self.workers != 1 or breakpoints.HOOK in self.environ or not os.isatty(STDIN):
            return ""
        try:
            return os.ttyname(STDIN)
        except OSError:  # it has no name in this container
            return ""

    @property
    def timeout_s(self) -> float | None:
        """The limit of an invocation; None while somebody debugs."""
        return None if self.debugger else self.values["timeout"]

    @property
    def reloads(self) -> bool:
        """Whether changes are looked for: on a checkout, where nobody said otherwise."""
        wanted = self.values["reload"]
        return not IN_IMAGE if wanted is None else bool(wanted)

    @property
    def workers(self) -> int:
        """The most workers."""
        if self.at_once > 1 or self.debugger:
            return 1
        limit = self.values["concurrency"] or os.cpu_count() or 1
        reserved = self.values["reserved"]
        return limit if reserved is None else min(limit, int(reserved))


def settings_of(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Return what the command line, the variables and the project's file say together.

    Raises:
        OptionError: something of it cannot be used.
    """
    here = Path.cwd()
    values = option_table.resolve(OPTIONS, arguments, environ, here)
    folder = (values["root"] or here).resolve()
    handler = arguments.handler or environ.get(names.HANDLER) or option_table.project_file(here).settings.get("handler")
    if not handler:
        raise OptionError("no handler is named: pylambda serve app.handler")
    if not folder.is_dir():
        raise OptionError(f"{str(folder)!r} is not a folder")
    settings = Settings(handler, values, environ, folder)
    settings.function_environ()  # now, while a person looks for what is wrong with it
    return settings
