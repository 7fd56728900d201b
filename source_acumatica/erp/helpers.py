"""Runs requests in the background, as many at a time as there are sessions.

What comes before it is needed lies there as it came: as objects, the rows of a page take three times as much memory.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Demand:
    """Whether the answer to a request that was sent in advance is needed."""

    def __init__(self, when_known: Callable[[Demand], None] = lambda _demand: None) -> None:
        """``when_known`` is called once that is known, and may be called again."""
        self._is_known, self._is_needed, self._tell = threading.Event(), False, when_known

    def confirm(self) -> None:
        """It is needed now."""
        self._is_needed = True
        self.withdraw()

    def withdraw(self) -> None:
        """It will never be, unless that was said before."""
        self._is_known.set()
        self._tell(self)

    def wait(self) -> None:
        """Wait until one of both is said.

        Raises:
            CancelledError: it is not needed.
        """
        self._is_known.wait()
        if not self._is_needed:
            raise CancelledError


class _Own(threading.local):
    """What belongs to a thread."""

    demand: Demand | None = None
    waited_seconds = 0.0


_own = _Own()


def clock() -> float:
    """Seconds, without those for which this thread has waited until its answer was needed."""
    return time.monotonic() - _own.waited_seconds


class Helpers:
    """Threads that send requests in the background: one for each session, and a few that wait for their turn."""

    def __init__(self, sessions: int) -> None:
        # Enough for each stream that is read: a thread that waits for a seat must not keep another from using its own.
        self._threads = ThreadPoolExecutor(4 * sessions + 4, thread_name_prefix="helper")
        self._sessions, self._busy, self._lacks_until = sessions, 0, -math.inf
        self._lock = threading.Lock()
        self._in_advance: set[Demand] = set()
        """Of requests of which it is not known yet whether they are needed."""
        self.lists = 0
        """How many lists are being read."""
        self._is_closed = False

    def advance(self, task: Callable[[], Result]) -> tuple[Future[Result], Demand] | None:
        """Start a request before its answer is needed; None where as many are in advance as there are sessions.

        All lists together: what has come lies in memory. None after ``close``, too.
        """
        demand = Demand(self._forget)
        with self._lock:
            if self._is_closed or len(self._in_advance) >= max(self._sessions, 1):
                return None
            self._in_advance.add(demand)

        def run() -> Result:
            _own.demand = demand
            try:
                return task()
            finally:
                _own.demand = None

        return self.submit(run), demand

    def _forget(self, demand: Demand) -> None:
        with self._lock:
            self._in_advance.discard(demand)

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

    def beside(self, task: Callable[[], Result]) -> Callable[[], Result]:
        """Start a request that is hardly ever in vain, if there are several sessions; the function returns its result.

        It may be called from a thread of these, too: what no thread has begun by then is done by the caller.
        """
        if self.sessions <= 1:
            return task
        future = self.submit(task)

        def result() -> Result:
            return task() if future.cancel() else future.result()

        return result

    def until_needed(self) -> None:
        """Wait until what this thread has got is needed; meanwhile it does not count as busy.

        Each that waits keeps a thread, and whoever needs it may need another thread first: there are more threads than
        requests in advance.

        Raises:
            CancelledError: it is not needed.
        """
        if _own.demand is None:
            return
        began = time.monotonic()
        self._count(-1)
        try:
            _own.demand.wait()
        finally:
            self._count(1)
            _own.waited_seconds += time.monotonic() - began

    @contextmanager
    def needed_at_once(self) -> Iterator[None]:
        """What this thread asks for meanwhile is needed, though the answer that it is part of may not be.

        So it is while the thread has a lock: another one that waits for it may be the one whose answer comes first.
        """
        demand, _own.demand = _own.demand, None
        try:
            yield
        finally:
            _own.demand = demand

    @contextmanager
    def one_list(self) -> Iterator[None]:
        """Count a list that is read meanwhile."""
        with self._lock:
            self.lists += 1
        try:
            yield
        finally:
            with self._lock:
                self.lists -= 1

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results of ``work``, a request for each item, in the items' order; parallel while sessions are idle."""
        underway: deque[tuple[Item, Future[Result]]] = deque()

        def first() -> Result:
            item, future = underway.popleft()
            try:
                return future.result()
            except CancelledError:
                # The run is ending: the request itself says so.
                return work(item)

        for item in items:
            while underway and not self.is_idle:
                yield first()
            underway.append((item, self.submit(partial(work, item))))
        while underway:
            yield first()

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

    @property
    def sessions(self) -> int:
        """How many there are; none while the licence has fewer seats than expected."""
        return 0 if time.monotonic() < self._lacks_until else self._sessions

    def lack_seats(self, seconds: float) -> None:
        """Note that the licence gives less than expected: for so long, no session counts as idle."""
        self._lacks_until = max(self._lacks_until, time.monotonic() + seconds)

    def close(self) -> None:
        """Cancel the requests that have not begun or are not needed yet, and do not wait for the others."""
        with self._lock:
            self._is_closed, in_advance = True, [*self._in_advance]
        for demand in in_advance:
            demand.withdraw()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _count(self, more: int) -> None:
        with self._lock:
            self._busy += more
