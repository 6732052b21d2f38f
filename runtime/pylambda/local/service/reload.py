"""Reload: when the code has changed, new workers start, requests wait for them, and the old ones end.

A worker that is in the middle of an invocation ends it first. Where the new code does not start, nobody restarts it:
the next request is told why, and the next save tries again.
"""

import asyncio
import time

from pylambda.local.service.changes import POLL_S, SETTLE_S, Tree
from pylambda.local.service.observer import Observer
from pylambda.local.service.pool import Pool

NAMED_FILES = 3


class Reloader:
    """Watches a tree.

    Args:
        tree: its files.
        pool: gets new workers.
        observer: is told.
        old_first: whether the old workers have to end before new ones can start.
    """

    def __init__(self, tree: Tree, pool: Pool, observer: Observer, *, old_first: bool = False) -> None:
        self._tree = tree
        self._pool = pool
        self._observer = observer
        self._old_first = old_first
        self.count = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            changed = self._tree.changed()
            if changed:
                await self._reload(await self._settled(changed))

    async def _settled(self, changed: list[str]) -> list[str]:
        paths = set(changed)
        while True:
            await asyncio.sleep(SETTLE_S)
            more = self._tree.changed()
            if not more:
                return sorted(paths)
            paths.update(more)

    async def _reload(self, changed: list[str]) -> None:
        self.count += 1
        began = time.monotonic()
        self._tree.forget_bytecode(changed)
        count = max(1, self._pool.serving)
        if self._old_first:
            self._pool.generation += 1
            await self._pool.end_old()
        self._pool.renew(count)
        what = ", ".join(changed[:NAMED_FILES])
        if len(changed) > NAMED_FILES:
            what += f" and {len(changed) - NAMED_FILES} more"
        started = await self._pool.has_started()
        self._pool.retire_old()
        if started:
            workers = f"{count} new worker{'s' if count > 1 else ''}"
            self._observer.note(f"{what} changed: {workers} in {(time.monotonic() - began) * 1000:.0f} ms")
        else:
            self._observer.note(f"{what} changed, and it does not start; save again when it is mended")
