"""Waits before a request is sent, and knows what each thread is waiting for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from source_acumatica.erp.errors import Action, Problem
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.retries import RetryPolicy

logger = logging.getLogger("airbyte")


class Waits:
    """The waiting of all threads of one client."""

    def __init__(self, pace: Pace, retry_policy: RetryPolicy) -> None:
        self._pace, self._retry_policy = pace, retry_policy
        self._by_thread: dict[int, str] = {}

    @property
    def described(self) -> str:
        """What the threads are waiting for at this moment, in words for the user."""
        return "; ".join(sorted({*list(self._by_thread.values())}))

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Note what this thread waits for meanwhile."""
        thread = threading.get_ident()
        before = self._by_thread.get(thread)
        self._by_thread[thread] = what
        try:
            yield
        finally:
            if before is None:
                del self._by_thread[thread]
            else:
                self._by_thread[thread] = before

    def keep_pace(self, where: str) -> None:
        """Wait until the allowed rate leaves room for another request."""
        with self.waiting(f"{where} (for the minute to end: requests_per_minute)"):
            self._pace.wait()

    def pause(self, tries: int) -> None:
        """Wait before the try with this number."""
        with self.waiting("a failure to pass"):
            time.sleep(self._retry_policy.pause_seconds(tries))

    def pause_after(self, problem: Problem, seconds: float, where: str) -> None:
        """Log the problem and wait before the request is sent again."""
        longest = f" (for a seat a sync waits up to {self._retry_policy.wait_seconds / 60:.0f} min)"
        limit = longest if problem.action is Action.SEAT and self._retry_policy.wait_seconds >= 60 else ""
        logger.warning(f"{where}: {problem.sentence}. Trying again in {seconds:.0f} s{limit}.")
        with self.waiting(f"{where} ({problem.sentence})"):
            time.sleep(seconds)
