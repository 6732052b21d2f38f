"""`pylambda serve`: puts the parts of the service together, and ends them in order.

One process is the platform: the API in front, the queue, the workers. SIGINT and SIGTERM end it, SIGHUP makes fresh
workers. Inside Lambda it does not start, whatever variable leaks there.
"""

import argparse
import asyncio
import os
import platform
import signal
import sys
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pylambda import names
from pylambda.local import RUNTIME_DIR, samples
from pylambda.local.commands import complain
from pylambda.local.fronts.front import Front, FrontSettings
from pylambda.local.fronts.requests import SHAPES
from pylambda.local.options import OptionError
from pylambda.local.screen import JsonScreen, Screen
from pylambda.local.serve_settings import Settings, settings_of
from pylambda.local.service import breakpoints, variables
from pylambda.local.service.background import Background
from pylambda.local.service.changes import Tree
from pylambda.local.service.debugging import scratch
from pylambda.local.service.exchange import Exchange
from pylambda.local.service.http1 import Server
from pylambda.local.service.invoke_api import ANY_API_PATH, Identity, InvokeApi
from pylambda.local.service.limits import SHUTDOWN_S
from pylambda.local.service.observer import Observer
from pylambda.local.service.page import PREFIX, Page
from pylambda.local.service.pool import Pool
from pylambda.local.service.process import FIRST_PROCESS, reap_orphans
from pylambda.local.service.recorder import Recorder
from pylambda.local.service.reload import Reloader
from pylambda.local.service.runtime_connection import RuntimeConnection
from pylambda.local.service.worker import Plan, Worker
from pylambda.local.service.worker_api import WorkerApi

BOOTSTRAP = "bootstrap"


class Display(Observer, Protocol):
    """An observer that also tells how it began."""

    def head(self, lines: list[str]) -> None: ...


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it; return the exit code."""
    try:
        if os.environ.get(names.RUNTIME_API):
            raise OptionError(f"{names.RUNTIME_API} is set: this is Lambda, or a worker; nothing local starts here")
        settings = settings_of(arguments, os.environ)
        bootstrap = find_bootstrap()
        return asyncio.run(Service(settings, bootstrap).run())
    except OptionError as error:
        return complain(error)


def find_bootstrap() -> Path:
    """Return the script that starts the runtime: beside the package in the image, above it on a checkout.

    Raises:
        OptionError: it is nowhere.
    """
    runtime_dir = Path(RUNTIME_DIR)
    places = (runtime_dir, runtime_dir.parent, Path(sys.prefix) / "share" / "pylambda")
    for place in places:
        if (place / BOOTSTRAP).is_file():
            return place / BOOTSTRAP
    raise OptionError(f"there is no `{BOOTSTRAP}` in {', '.join(map(str, places))}: install pylambda again")


class Service:
    """One function, served.

    Args:
        settings: how.
        bootstrap: starts a worker.

    Raises:
        OptionError: it cannot listen where it should.
    """

    def __init__(self, settings: Settings, bootstrap: Path) -> None:
        self._settings = settings
        self._bootstrap = bootstrap
        self._screen: Display = (
            JsonScreen(memory_mb=settings.memory or variables.DEFAULT_MEMORY_MB)
            if settings.log_format == "json"
            else Screen(root=None if settings.verbose else settings.folder)
        )
        self._python = settings.environ.get("PYLAMBDA_PYTHON") or sys.executable
        self._scratch = None
        if settings.debugger:
            self._scratch = scratch()
            self._python = str(settings.debugger.interpreter(self._python, Path(self._scratch.name)))
        self._observer = Recorder(self._screen)
        self._page = Page(self._state) if settings.ui else None
        self._reloader: Reloader | None = None
        self._count = 0
        self._last_environ = dict(settings.environ)
        self._end = asyncio.Event()

    async def run(self) -> int:
        """Serve until a signal; return the exit code."""
        settings = self._settings
        self._pool = Pool(self._make_worker, limit=settings.workers, longest_queue=settings.queue)
        self._background = Background(
            self._pool,
            retries=settings.event_retries,
            delay_s=settings.event_retry_delay,
            longest_queue=settings.queue,
            destination=settings.destination,
            note=self._screen.note,
        )
        self._api = InvokeApi(self._identity(), self._pool, self._background, self._observer, cors=settings.cors)
        front = FrontSettings(
            settings.http, settings.name or "function", settings.environ, settings.cors, settings.front_timeout
        )
        self._front = Front(front, self._pool, self._observer)
        server = Server(self._answer, self._report_bug)
        try:
            port = await server.listen(settings.host, settings.port)
        except OSError as error:
            raise OptionError(
                f"cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}; set --port"
            ) from error
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end.set)
        loop.add_signal_handler(signal.SIGHUP, self._renew)
        if os.getpid() == FIRST_PROCESS:
            loop.add_signal_handler(signal.SIGCHLD, reap_orphans)
        self._front.port = port
        self._screen.head(self._head(port))
        if settings.workers:
            self._pool.grow()
        reload = asyncio.create_task(self._reload()) if settings.reloads else None
        await self._end.wait()
        if reload is not None:
            reload.cancel()
        dropped = self._background.drop()
        if dropped:
            self._screen.note(f"{len(dropped)} events dropped: {', '.join(dropped)}")
        await self._pool.stop(SHUTDOWN_S)
        server.close()
        if self._scratch is not None:
            self._scratch.cleanup()
        return 0

    async def _reload(self) -> None:
        settings = self._settings
        tree = Tree(settings.folder, settings.reload_include, settings.reload_exclude)
        # Two workers cannot meet one debugger.
        self._reloader = Reloader(tree, self._pool, self._observer, old_first=settings.debugger is not None)
        await self._reloader.run()

    async def _answer(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.target)
        if self._page is not None and (parts.path == PREFIX or parts.path.startswith(f"{PREFIX}/")):
            await self._page.answer(exchange, parts.path)
            return
        if ANY_API_PATH.match(parts.path):
            await self._api.answer(exchange, parts.path, parts.query)
        else:
            await self._front.answer(exchange, parts.path, parts.query)

    def _make_worker(self, pool: Pool) -> Worker:
        self._count += 1
        worker = Worker(self._plan(), pool, self._count, self._observer)
        api = WorkerApi(worker)
        worker.server = Server(api.answer, self._report_bug, lambda server: RuntimeConnection(server, api, worker))
        return worker

    def _plan(self) -> Plan:
        settings = self._settings
        environ = variables.worker_variables(
            self._function_environ(),
            handler=settings.handler,
            name=settings.name or "function",
            memory_mb=settings.memory,
            task_root=settings.folder,
            runtime_dir=Path(RUNTIME_DIR),
            python=self._python,
        )
        if settings.terminal and breakpoints.HOOK not in environ:
            environ |= breakpoints.variables(settings.terminal)
        folder = settings.extensions_dir
        programs = sorted(folder.iterdir()) if settings.extensions and folder.is_dir() else []
        return Plan(
            self._bootstrap,
            settings.folder,
            environ,
            timeout_s=settings.timeout_s,
            memory_mb=settings.memory,
            freeze=settings.freeze,
            at_once=settings.at_once,
            extensions=tuple(path for path in programs if os.access(path, os.X_OK) and path.is_file()),
        )

    def _function_environ(self) -> dict[str, str]:
        try:
            self._last_environ = self._settings.function_environ()
        except OptionError as error:
            self._screen.note(f"{error}; what it said before holds")
        return self._last_environ

    def _identity(self) -> Identity:
        settings = self._settings
        description = {
            "Runtime": "provided.al2023",
            "Handler": settings.handler,
            "Timeout": int(-(-settings.timeout // 1)),
            "MemorySize": settings.memory or variables.DEFAULT_MEMORY_MB,
            "Version": "$LATEST",
            "PackageType": "Zip",
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }
        return Identity(settings.name, settings.environ, description)

    def _state(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "handler": settings.handler,
            "name": settings.name or "function",
            "python": platform.python_version(),
            "front": SHAPES[settings.http].title,
            "workers": [worker.describe() for worker in self._pool.workers],
            "limit": settings.workers,
            "waiting": self._pool.waiting,
            "reloads": self._reloader.count if self._reloader else 0,
            "counts": self._observer.counts,
            "start_error": self._observer.start_error,
            "background": list(self._background.recent),
            "shapes": samples.SHAPES,
        }

    def _renew(self) -> None:
        self._screen.note("SIGHUP: fresh workers")
        self._pool.renew(1)
        self._pool.retire_old()

    def _report_bug(self, error: Exception) -> None:
        import traceback

        self._screen.note("a bug of pylambda serve: " + "".join(traceback.format_exception(error)).rstrip())

    def _head(self, port: int) -> list[str]:
        settings = self._settings
        host = settings.host if ":" not in settings.host else f"[{settings.host}]"
        url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
        name = settings.name or "function"
        many = f"{settings.workers} worker{'s' if settings.workers != 1 else ''}"
        return [
            f"pylambda {names.VERSION} · {settings.handler} · Python {platform.python_version()} · {many}"
            + (" · reload on" if settings.reloads else ""),
            f"  http    {url}/  as {SHAPES[settings.http].title}",
            *([f"  page    {url}{PREFIX}/"] if settings.ui else []),
            f"  lambda  export AWS_ENDPOINT_URL_LAMBDA={url}",
            *(["  debug   breakpoint() stops here, on this terminal"] if settings.terminal else ()),
            *(settings.debugger.hints(settings.folder) if settings.debugger else ()),
            f"  try     curl -d '{{}}' {url}/2015-03-31/functions/{name}/invocations",
        ]
