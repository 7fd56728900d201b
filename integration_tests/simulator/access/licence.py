"""The licence of requests: a queue in front of the cores, slowed down above half of what a minute may have."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from itertools import count
from math import floor
from threading import Condition, Semaphore

from integration_tests.simulator.store.clock import Clock
from integration_tests.simulator.web.answers import RefusedError, message

MINUTE_SECONDS = 60.0
# The licence page of the vendor: a request is declined if more than 20 wait, or if it has waited for ten minutes.
LONGEST_QUEUE = 20
LONGEST_WAIT_SECONDS = 600.0


class Minute(Enum):
    """Which minute is meant: the guide speaks of the past 60 seconds, and of the time left in that minute."""

    PAST = "past"
    BY_THE_CLOCK = "by the clock"


class RequestMinute:
    """The requests that a minute has had, all times in seconds."""

    def __init__(self, most: int | None, minute: Minute = Minute.PAST, seconds: float = MINUTE_SECONDS) -> None:
        self.most, self._minute, self._seconds = most, minute, seconds
        self._times: deque[float] = deque()

    def delay(self, now: float) -> float:
        """Above half of the requests: the seconds left in the minute, spread over the requests left in it."""
        while self._times and self._ends_at(self._times[0]) <= now:
            self._times.popleft()
        used = len(self._times)
        if self.most is None or used * 2 < self.most:
            return 0.0
        return (self._ends_at(self._times[0]) - now) / max(self.most - used, 1)

    def count(self, now: float) -> None:
        self._times.append(now)

    def _ends_at(self, begin: float) -> float:
        if self._minute is Minute.PAST:
            return begin + self._seconds
        return (floor(begin / self._seconds) + 1) * self._seconds


class Throttle:
    """Requests wait one behind the other; the client gets no sign of it, but for the time that it takes."""

    def __init__(
        self, clock: Clock, minute: RequestMinute, sleep: Callable[[float], object], cores: int | None = None
    ) -> None:
        self.minute = minute
        self.waiting = self.most_waiting = self.declined = 0
        self.waited_seconds = 0.0  # by all together
        self._clock, self._sleep = clock, sleep
        self._cores = None if cores is None else Semaphore(cores)
        self._numbers, self._first = count(), 0
        self._changed = Condition()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """One request, from when it has left the queue until it has been worked on."""
        if self.minute.most is None and self._cores is None:
            yield
            return
        self._wait_in_line()
        try:
            yield
        finally:
            if self._cores:
                self._cores.release()

    def _wait_in_line(self) -> None:
        arrived = self._now()
        with self._changed:
            if self.waiting >= LONGEST_QUEUE:
                raise self._refusal()
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            number = next(self._numbers)
            self._changed.wait_for(lambda: self._first == number)
        try:
            self._sleep(self.minute.delay(self._now()))
            if self._now() - arrived > LONGEST_WAIT_SECONDS:
                raise self._refusal()
            if self._cores:
                self._cores.acquire()
            self.minute.count(self._now())
        finally:
            with self._changed:
                self.waited_seconds += self._now() - arrived
                self._first += 1
                self.waiting -= 1
                self._changed.notify_all()

    def _refusal(self) -> RefusedError:
        self.declined += 1
        return RefusedError(message(429, "The number of requests has exceeded the limit imposed by the license."))

    def _now(self) -> float:
        return self._clock.now().timestamp()
