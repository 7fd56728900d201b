"""Plays the sessions of a connector in front of a licence, in time that passes by computing."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from integration_tests.simulator.access.licence import LONGEST_QUEUE, Minute, RequestMinute
from source_acumatica.erp.concurrency import ConcurrencyLimit, Exchange
from source_acumatica.erp.retries import RetryPolicy

MINUTE_SECONDS = 60.0
_LATENCY_SECONDS = 0.05
_OTHERS_WORK_SECONDS = 0.5
# Work of one kind differs by this much.
_LEAST_WORK, _MOST_WORK = 0.8, 1.3
Says = Callable[[float, float], float | None]
"""What the cookie says, from the seconds of work and those in the queue."""


@dataclass(frozen=True)
class Case:
    """A licence, and who uses it."""

    sessions: int
    per_minute: int | None
    cores: int | None
    work_seconds: tuple[float, ...] = (0.1, 0.3, 0.9, 2.0, 4.0)
    """Of each kind of request."""
    minute: Minute = Minute.PAST
    others_per_minute: int = 0
    """What other integrations send."""
    latency: Callable[[float], float] = lambda _now: _LATENCY_SECONDS
    """The seconds of a request on its way and back, at a time."""
    slower: Callable[[float], float] = lambda _now: 1.0
    """How many times as long everything takes, at a time."""
    jitter_seconds: float = 0.0
    """What each way takes longer on average, by chance; sometimes several times as much."""


@dataclass
class Outcome:
    """What came of it."""

    answered: int = 0
    declined: int = 0
    """Of all integrations together."""
    waited_seconds: float = 0.0
    """In the licence's queue."""
    most_waiting: int = 0


class Sender(Protocol):
    """Decides when the next request is sent."""

    def pause(self, now: float, in_flight: int) -> float:
        """The seconds until one may be sent; infinite where an answer has to come first."""

    def learn(self, exchange: Exchange, *, is_declined: bool) -> None:
        """Take an answer into account."""


class FixedRate:
    """Sends so many requests in each minute at most, as ``requests_per_minute`` does."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._sent: deque[float] = deque()

    def pause(self, now: float, in_flight: int) -> float:
        """The seconds until one more may be sent; one that may be sent now counts as sent."""
        while self._sent and self._sent[0] <= now - MINUTE_SECONDS:
            self._sent.popleft()
        if self._most is not None and len(self._sent) >= self._most:
            return self._sent[0] + MINUTE_SECONDS - now
        self._sent.append(now)
        return 0.0

    def learn(self, exchange: Exchange, *, is_declined: bool) -> None:
        """Nothing."""


class Adaptive:
    """Sends as the connector does by itself."""

    def __init__(self, sessions: int) -> None:
        self.limit = ConcurrencyLimit(sessions)

    def pause(self, now: float, in_flight: int) -> float:
        """Nothing, or until an answer comes."""
        return 0.0 if in_flight < self.limit.most else math.inf

    def learn(self, exchange: Exchange, *, is_declined: bool) -> None:
        """As the connector does it."""
        (self.limit.decline if is_declined else self.limit.learn)(exchange)


@dataclass(eq=False)
class _Request:
    work_seconds: float
    kind: str = ""
    """Empty for those of others."""
    sent_at: float = 0.0
    in_flight: int = 0
    tries: int = 1
    arrived_at: float = 0.0
    goes_at: float | None = None
    """When it may leave the queue, once it is the first."""


@dataclass
class Play:
    """Each session sends its next request as soon as the last one is answered."""

    case: Case
    sender: Sender
    says: Says
    seed: int = 1
    """What happens by chance is the same where this is."""
    outcome: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._retry_policy = RetryPolicy.of_a_read()
        self._retry_policy.draw = self._random.uniform
        self._minute = RequestMinute(self.case.per_minute, self.case.minute)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = count()
        self._queue: deque[_Request] = deque()
        self._at_work = self._in_flight = 0
        self._idle = self.case.sessions

    def run(self, minutes: float) -> Outcome:
        """What came of so many minutes."""
        self._at(0.0, self._send)
        if self.case.others_per_minute:
            self._at(0.0, self._send_of_others)
        while self._events[0][0] < minutes * MINUTE_SECONDS:
            now, _, happens, arguments = heapq.heappop(self._events)
            happens(now, *arguments)
        return self.outcome

    def _at(self, when: float, happens: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), happens, arguments))

    def _send(self, now: float) -> None:
        while self._idle:
            pause = self.sender.pause(now, self._in_flight)
            if pause:
                if pause < math.inf:
                    self._at(now + pause, self._send)
                return
            self._idle -= 1
            kind = self._random.randrange(len(self.case.work_seconds))
            work = self.case.work_seconds[kind] * self._random.uniform(_LEAST_WORK, _MOST_WORK)
            self._go(now, _Request(work * self.case.slower(now), str(kind)))

    def _go(self, now: float, request: _Request) -> None:
        self._in_flight += 1
        request.sent_at, request.in_flight = now, self._in_flight
        self._at(now + self._on_the_way(now), self._arrive, request)

    def _send_of_others(self, now: float) -> None:
        self._arrive(now, _Request(_OTHERS_WORK_SECONDS))
        self._at(now + self._random.expovariate(self.case.others_per_minute / MINUTE_SECONDS), self._send_of_others)

    def _on_the_way(self, now: float) -> float:
        jitter = self._random.expovariate(1 / self.case.jitter_seconds) if self.case.jitter_seconds else 0.0
        return self.case.latency(now) * self._random.uniform(0.4, 0.6) + jitter

    def _arrive(self, now: float, request: _Request) -> None:
        request.arrived_at = now
        if len(self._queue) >= LONGEST_QUEUE:
            self.outcome.declined += 1
            if request.kind:
                self._at(now + self._on_the_way(now), self._decline, request)
            return
        self._queue.append(request)
        self.outcome.most_waiting = max(self.outcome.most_waiting, len(self._queue))
        self._serve(now)

    def _decline(self, now: float, request: _Request) -> None:
        self._in_flight -= 1
        self.sender.learn(_exchange(request, now, 0.001), is_declined=True)
        request.tries += 1
        self._at(now + self._retry_policy.pause_seconds(request.tries - 1), self._go, request)
        self._send(now)

    def _serve(self, now: float) -> None:
        while self._queue and (self.case.cores is None or self._at_work < self.case.cores):
            first = self._queue[0]
            if first.goes_at is None:
                first.goes_at = now + self._minute.delay(now)
                if first.goes_at > now:
                    self._at(first.goes_at, self._serve)
            if first.goes_at > now:
                return
            self._queue.popleft()
            self._minute.count(now)
            self._at_work += 1
            self._at(now + first.work_seconds, self._end, first)

    def _end(self, now: float, request: _Request) -> None:
        self._at_work -= 1
        if request.kind:
            self._at(now + self._on_the_way(now), self._answer, request, now)
        self._serve(now)

    def _answer(self, now: float, request: _Request, ended_at: float) -> None:
        waited = ended_at - request.work_seconds - request.arrived_at
        self.outcome.answered += 1
        self.outcome.waited_seconds += waited
        self._in_flight -= 1
        self._idle += 1
        self.sender.learn(_exchange(request, now, self.says(request.work_seconds, waited)), is_declined=False)
        self._send(now)


def _exchange(request: _Request, now: float, at_work: float | None) -> Exchange:
    seconds = now - request.sent_at
    return Exchange(request.kind, request.sent_at, request.in_flight, seconds, seconds, at_work)
