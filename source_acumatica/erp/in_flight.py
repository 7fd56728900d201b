"""Counts the requests that are in flight, and holds back those beyond the limit."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from source_acumatica.erp.concurrency import ConcurrencyLimit, Exchange

logger = logging.getLogger("airbyte")

# Nothing waits longer for those that are in flight, however long these take: one more goes then.
_LONGEST_HOLD_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 1.0


class InFlight:
    """The requests of all sessions together, since the licence counts the whole site."""

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._count, self._last_sent_at = 0, -math.inf
        self._is_open = self._has_told = False

    @contextmanager
    def one(self, while_waiting: Callable[[], AbstractContextManager[None]] = nullcontext) -> Iterator[int]:
        """Count a request that is sent meanwhile; how many are in flight with it. Waits until there is room."""
        with self._changed:
            if not self._has_room():
                self._wait(while_waiting)
            self._count += 1
            self._last_sent_at = time.monotonic()
            in_flight = self._count
        try:
            yield in_flight
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify()

    def learn(self, exchange: Exchange, *, is_declined: bool) -> None:
        """Take into account how long a request took, or that the ERP did not take it into its queue."""
        with self._changed:
            before = self._limit.most
            (self._limit.decline if is_declined else self._limit.learn)(exchange)
            if self._limit.most > before:
                self._changed.notify_all()
            if self._limit.has_helped and not self._has_told:
                self._has_told = True
                logger.info(
                    "Requests wait in the queue of the licence (License Monitoring Console, SM604000), so fewer are "
                    f"sent at the same time: {self._limit.most} at present."
                )

    def open(self) -> None:
        """Hold nothing back any more: the run is ending."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        is_overdue = time.monotonic() - self._last_sent_at >= _LONGEST_HOLD_SECONDS
        return self._is_open or self._count < self._limit.most or is_overdue

    def _wait(self, while_waiting: Callable[[], AbstractContextManager[None]]) -> None:
        with while_waiting():
            while not self._has_room():
                self._changed.wait(_LOOK_AGAIN_SECONDS)
