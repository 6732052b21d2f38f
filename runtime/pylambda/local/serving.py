"""The service: its parts put together, and ended in order.

One process is the platform: the API in front, the queue, the workers. SIGINT and SIGTERM end it, SIGHUP makes fresh
workers.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pylambda import names
from pylambda.local.fronts.shapes import SHAPES
from pylambda.local.screen import Screen
from pylambda.local.serve_options import PAGE
from pylambda.local.serve_settings import Settings
from pylambda.local.service import variables
from pylambda.local.service.background import Background
from pylambda.local.service.client_connection import ClientConnection
from pylambda.local.service.exchange import Exchange
from pylambda.local.service.http1 import Server
from pylambda.local.service.invoke_api import ANY_API_PATH, Identity, InvokeApi
from pylambda.local.service.launch import Launch, port_of
from pylambda.local.service.limits import SHUTDOWN_S
from pylambda.local.service.observer import Observer
from pylambda.local.service.pool import Pool
from pylambda.local.service.process import FIRST_PROCESS, reap_orphans
from pylambda.local.service.recorder import Recorder
from pylambda.local.service.runtime_connection import RuntimeConnection
from pylambda.local.service.worker import Worker
from pylambda.local.service.worker_api import WorkerApi
from pylambda.local.worker_plans import WorkerPlans

# What the first answer can do without is imported where it is first used: this is a start that somebody waits for.
if TYPE_CHECKING:
    from pylambda.local.fronts.front import Front
    from pylambda.local.service.page import Page
    from pylambda.local.service.reload import Reloader


class Display(Observer, Protocol):
    """An observer that also tells how it began."""

    def head(self, lines: list[str]) -> None: ...


class Service:
    """One function, served.

    Args:
        settings: how.
        plans: what workers are started with.
        sockets: where it listens.
        launch: the first worker, where it was started already.
        held: the signals that have come meanwhile.
    """

    def __init__(
        self,
        settings: Settings,
        plans: WorkerPlans,
        sockets: list[socket.socket],
        launch: Launch | None,
        held: Sequence[int],
    ) -> None:
        self._settings = settings
        self._environ = settings.function_environ()
        self._plans = plans
        self._sockets = sockets
        self._port = port_of(sockets)
        self._launch = launch
        self._held = held
        self._screen = screen(settings)
        self._observer = Recorder(self._screen)
        self._page: Page | None = None
        self._front: Front | None = None
        self._reloader: Reloader | None = None
        self._count = 0
        self._end = asyncio.Event()
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

    async def run(self) -> int:
        """Serve until a signal; return the exit code."""
        server = Server(self._answer, self._report_bug, lambda server: ClientConnection(server, self._api))
        await server.listen(self._sockets)
        self._screen.head(self._head())
        if self._settings.workers:
            self._pool.grow()
        self._take_signals()
        reload = asyncio.create_task(self._reload()) if self._settings.reloads else None
        await self._end.wait()
        if reload is not None:
            reload.cancel()
        dropped = self._background.drop()
        if dropped:
            self._screen.note(f"{len(dropped)} events dropped: {', '.join(dropped)}")
        await self._pool.stop(SHUTDOWN_S)
        server.close()
        return 0

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        actions = {signal.SIGINT: self._end.set, signal.SIGTERM: self._end.set, signal.SIGHUP: self._renew}
        for number, action in actions.items():
            loop.add_signal_handler(number, action)
        for held in self._held:
            actions[signal.Signals(held)]()
        if os.getpid() == FIRST_PROCESS:
            loop.add_signal_handler(signal.SIGCHLD, reap_orphans)
            reap_orphans()

    async def _reload(self) -> None:
        from pylambda.local.service.changes import Tree
        from pylambda.local.service.reload import Reloader

        settings = self._settings
        tree = Tree(settings.folder, settings.reload_include, settings.reload_exclude)
        # Two workers cannot meet one debugger.
        self._reloader = Reloader(tree, self._pool, self._observer, old_first=settings.debugger is not None)
        await self._reloader.run()

    async def _answer(self, exchange: Exchange) -> None:
        path, query = path_and_query(exchange.target)
        if self._settings.ui and (path == PAGE or path.startswith(f"{PAGE}/")):
            await self._shown_page().answer(exchange, path)
        elif ANY_API_PATH.match(path):
            await self._api.answer(exchange, path, query)
        else:
            await self._http_front().answer(exchange, path, query)

    def _shown_page(self) -> "Page":
        if self._page is None:
            from pylambda.local.service.page import Page

            self._page = Page(self._state)
        return self._page

    def _http_front(self) -> "Front":
        if self._front is None:
            from pylambda.local.fronts.front import Front, FrontSettings

            settings = self._settings
            how = FrontSettings(
                settings.http, settings.name or "function", self._environ, settings.cors, settings.front_timeout
            )
            self._front = Front(how, self._pool, self._observer, self._port)
        return self._front

    def _make_worker(self, pool: Pool) -> Worker:
        self._count += 1
        launch, self._launch = self._launch, None
        plan = launch.plan if launch else self._plans.plan(self._screen.note)
        worker = Worker(plan, pool, self._count, self._observer, launch)
        api = WorkerApi(worker)
        worker.server = Server(api.answer, self._report_bug, lambda server: RuntimeConnection(server, api, worker))
        return worker

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
        return Identity(settings.name, self._environ, description)

    def _state(self) -> dict[str, Any]:
        from pylambda.local import samples

        settings = self._settings
        return {
            "handler": settings.handler,
            "name": settings.name or "function",
            "python": python_version(),
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

    def _head(self) -> list[str]:
        settings = self._settings
        host = settings.host if ":" not in settings.host else f"[{settings.host}]"
        url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self._port}"
        name = settings.name or "function"
        many = f"{settings.workers} worker{'s' if settings.workers != 1 else ''}"
        return [
            f"pylambda {names.VERSION} · {settings.handler} · Python {python_version()} · {many}"
            + (" · reload on" if settings.reloads else ""),
            f"  http    {url}/  as {SHAPES[settings.http].title}",
            *([f"  page    {url}{PAGE}/"] if settings.ui else []),
            f"  lambda  export AWS_ENDPOINT_URL_LAMBDA={url}",
            *(["  debug   breakpoint() stops here, on this terminal"] if settings.terminal else ()),
            *(settings.debugger.hints(settings.folder) if settings.debugger else ()),
            f"  try     curl -d '{{}}' {url}/2015-03-31/functions/{name}/invocations",
        ]


def path_and_query(target: str) -> tuple[str, str]:
    """Return what a request asks for; a proxy's client names the host before it (RFC 9112, 3.2.2)."""
    if not target.startswith("/"):
        from urllib.parse import urlsplit

        parts = urlsplit(target)
        return parts.path, parts.query
    path, _, query = target.partition("?")
    return path, query


def screen(settings: Settings) -> Display:
    """Return what shows a person, or a program, what happens."""
    if settings.log_format != "json":
        return Screen(root=None if settings.verbose else settings.folder)
    from pylambda.local.json_screen import JsonScreen

    return JsonScreen(memory_mb=settings.memory or variables.DEFAULT_MEMORY_MB)


def python_version() -> str:
    """Return this interpreter's, with the words of a release that is not one yet."""
    return sys.version.split()[0]
