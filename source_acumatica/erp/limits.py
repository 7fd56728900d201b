"""Keeps the rate of requests below what the user allows."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from datetime import timedelta


class Pace:
    """Allows ``most`` requests in any ``span``, over all sessions together, since the licence counts the whole site."""

    def __init__(self, most: int | None, span: timedelta) -> None:
        self._most, self._seconds = most, span.total_seconds()
        self._sent: deque[float] = deque()
        self._lock = threading.Lock()

    def count(self) -> None:
        """Count a request that is sent without waiting; later ones wait longer instead."""
        with self._lock:
            self._sent.append(time.monotonic())

    def room(self) -> float:
        """How many requests may be sent at once now."""
        if self._most is None:
            return math.inf
        with self._lock:
            self._forget_old()
            return max(self._most - len(self._sent), 0)

    def take(self) -> float:
        """0 if a request may be sent now, which counts it; otherwise the seconds to wait before asking again."""
        if self._most is None:
            return 0.0
        with self._lock:
            now = self._forget_old()
            if len(self._sent) < self._most:
                self._sent.append(now)
                return 0.0
            return max(self._sent[-self._most] + self._seconds - now, 0.001)

    def _forget_old(self) -> float:
        """Forget requests that are older than the span; returns the current time."""
        now = time.monotonic()
        while self._sent and self._sent[0] <= now - self._seconds:
            self._sent.popleft()
        return now
