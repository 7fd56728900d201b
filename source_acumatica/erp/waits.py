"""Waits before a request is sent, and knows what each thread is waiting for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from source_acumatica.erp.errors import Action, Problem
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.retries import RetryPolicy
from source_acumatica.erp.tallies import Tallies, Tally, belongs

logger = logging.getLogger("airbyte")

LIMITS = frozenset({Action.SEAT, Action.THROTTLED})
"""The failures that only say that a limit is reached: of the licence's seats, or of its requests."""


@dataclass(frozen=True)
class Wait:
    """What a thread waits for."""

    described: str
    """In words for the user."""
    what: str
    """What its request is for."""
    is_held_up: Callable[[], bool]
    """Whether by a limit, and not by the ERP's answer."""
    ends_at: float | None = None
    """When that ends, in seconds since 1970, where it is known."""


@dataclass(frozen=True)
class HoldUp:
    """All requests for a list are held up by a limit."""

    ends_at: float | None
    """The first moment at which one may go on, in seconds since 1970, where that is known."""


def _by_nothing() -> bool:
    return False


class Waits:
    """The waiting of all threads of one client."""

    def __init__(self, pace: Pace, retry_policy: RetryPolicy) -> None:
        self._pace, self._retry_policy = pace, retry_policy
        self._by_thread: dict[int, Wait] = {}
        self.tallies = Tallies()
        """What has been waited, and how many requests were sent."""

    @property
    def described(self) -> str:
        """What the threads are waiting for at this moment, in words for the user."""
        return "; ".join(sorted({wait.described for wait in list(self._by_thread.values())}))

    def hold_up(self, where: str, others: Sequence[str] = ()) -> HoldUp | None:
        """What holds up the list that log lines call ``where``; None where a request is under way, or there is none.

        ``others`` are lists that are read, too.
        """
        waits = [wait for wait in list(self._by_thread.values()) if belongs(wait.what, where, others)]
        if not waits or not all(wait.is_held_up() for wait in waits):
            return None
        return HoldUp(min((wait.ends_at for wait in waits if wait.ends_at), default=None))

    @contextmanager
    def waiting(
        self,
        described: str,
        what: str = "",
        *,
        is_held_up: Callable[[], bool] = _by_nothing,
        seconds: float | None = None,
    ) -> Iterator[None]:
        """Note what this thread waits for meanwhile; for so many ``seconds``, where that is known.

        Signing in for a request is a part of that request.
        """
        thread = threading.get_ident()
        before = self._by_thread.get(thread)
        ends_at = None if seconds is None else time.time() + seconds
        self._by_thread[thread] = Wait(described, before.what if before else what or described, is_held_up, ends_at)
        try:
            yield
        finally:
            if before is None:
                del self._by_thread[thread]
            else:
                self._by_thread[thread] = before

    @contextmanager
    def nothing(self) -> Iterator[None]:
        """Note that this thread waits for nothing of the ERP's meanwhile."""
        before = self._by_thread.pop(threading.get_ident(), None)
        try:
            yield
        finally:
            if before:
                self._by_thread[threading.get_ident()] = before

    @contextmanager
    def held_up(self, described: str, what: str, seconds: float | None = None) -> Iterator[None]:
        """Note that a limit holds up this thread meanwhile, and for how long it did."""
        began = time.monotonic()
        with self.waiting(described, what, is_held_up=lambda: True, seconds=seconds):
            whole = self._by_thread[threading.get_ident()].what
            try:
                yield
            finally:
                self.tallies.add(whole, Tally(waited_seconds=time.monotonic() - began))

    def keep_pace(self, where: str) -> None:
        """Wait until the allowed rate leaves room for another request."""
        while seconds := self._pace.take():
            with self.held_up(f"{where} (for the minute to end: requests_per_minute)", where, seconds):
                time.sleep(seconds)

    def pause(self, tries: int) -> None:
        """Wait before the try with this number."""
        with self.waiting("a failure to pass"):
            time.sleep(self._retry_policy.pause_seconds(tries))

    def pause_after(self, problem: Problem, seconds: float, where: str) -> None:
        """Log the problem and wait before the request is sent again."""
        longest = f" (for a seat a sync waits up to {self._retry_policy.wait_seconds / 60:.0f} min)"
        limit = longest if problem.action is Action.SEAT and self._retry_policy.wait_seconds >= 60 else ""
        logger.warning(f"{where}: {problem.sentence}. Trying again in {seconds:.0f} s{limit}.")
        described = f"{where} ({problem.sentence})"
        if problem.action in LIMITS:
            with self.held_up(described, where, seconds):
                time.sleep(seconds)
            return
        with self.waiting(described, where):
            time.sleep(seconds)
        self.tallies.add(where, Tally(waited_seconds=seconds))
