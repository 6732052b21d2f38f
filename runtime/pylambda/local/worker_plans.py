"""What each worker of a service is started with: it follows from the settings, and from what a file says by then."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pylambda.local import RUNTIME_DIR
from pylambda.local.options import OptionError
from pylambda.local.serve_settings import Settings
from pylambda.local.service import breakpoints, variables
from pylambda.local.service.launch import Plan

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory


class WorkerPlans:
    """Makes the plans of workers.

    Args:
        settings: of the service.
        bootstrap: starts a worker.
        python: the interpreter that it is told to take.
    """

    def __init__(self, settings: Settings, bootstrap: Path, python: str) -> None:
        self._settings = settings
        self._bootstrap = bootstrap
        self._python = python
        self._last_environ = dict(settings.environ)
        self._scratch: TemporaryDirectory[str] | None = None
        debugger = settings.debugger
        if debugger:
            import tempfile

            self._scratch = tempfile.TemporaryDirectory(prefix="pylambda-debug-")
            self._python = str(debugger.interpreter(python, Path(self._scratch.name)))

    def plan(self, note: Callable[[str], object] = lambda _text: None) -> Plan:
        """Return the next worker's.

        Args:
            note: told what cannot be read any more.
        """
        settings = self._settings
        environ = variables.worker_variables(
            self._function_environ(note),
            handler=settings.handler,
            name=settings.name or "function",
            memory_mb=settings.memory,
            task_root=settings.folder,
            runtime_dir=Path(RUNTIME_DIR),
            python=self._python,
        )
        if settings.terminal and breakpoints.HOOK not in environ:
            environ |= breakpoints.variables(settings.terminal)
        return Plan(
            self._bootstrap,
            settings.folder,
            environ,
            timeout_s=settings.timeout_s,
            memory_mb=settings.memory,
            freeze=settings.freeze,
            at_once=settings.at_once,
            extensions=self._extensions(),
        )

    def close(self) -> None:
        """Remove what was written for a debugger."""
        if self._scratch is not None:
            self._scratch.cleanup()

    def _extensions(self) -> tuple[Path, ...]:
        folder = self._settings.extensions_dir
        programs = sorted(folder.iterdir()) if self._settings.extensions and folder.is_dir() else []
        return tuple(path for path in programs if os.access(path, os.X_OK) and path.is_file())

    def _function_environ(self, note: Callable[[str], object]) -> dict[str, str]:
        try:
            self._last_environ = self._settings.function_environ()
        except OptionError as error:
            note(f"{error}; what it said before holds")
        return self._last_environ
