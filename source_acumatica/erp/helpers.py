"""Runs requests in the background, as many at a time as there are sessions."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Helpers:
    """Threads that send requests in the background: one for each session, and a few that wait for their turn."""

    def __init__(self, sessions: int) -> None:
        # Enough for each stream that is read: a thread that waits for a seat must not keep another from using its own.
        self._threads = ThreadPoolExecutor(4 * sessions + 4, thread_name_prefix="helper")
        self.sessions, self._busy = sessions, 0
        self._lock = threading.Lock()

    def submit(self, task: Callable[[], Result]) -> Future[Result]:
        """Start a request; after ``close`` it is cancelled at once."""
        try:
            future = self._threads.submit(task)
        except RuntimeError:
            future = Future()
            future.cancel()
            return future
        self._count(1)
        future.add_done_callback(lambda _future: self._count(-1))
        return future

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results of ``work``, a request for each item, in the items' order; parallel while sessions are idle."""
        underway: deque[Future[Result]] = deque()
        for item in items:
            while underway and not self.is_idle:
                yield underway.popleft().result()
            underway.append(self.submit(partial(work, item)))
        while underway:
            yield underway.popleft().result()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count the calling thread, which sends a request itself meanwhile."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    @property
    def is_idle(self) -> bool:
        """Whether a session has nothing to do."""
        return self._busy < self.sessions

    def lack_seats(self) -> None:
        """Note that the licence has fewer seats than expected: no session counts as idle any more."""
        self.sessions = 0

    def close(self) -> None:
        """Cancel the requests that have not begun, and do not wait for the others."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _count(self, more: int) -> None:
        with self._lock:
            self._busy += more
