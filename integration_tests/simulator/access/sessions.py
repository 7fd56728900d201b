"""The licence of sessions: how many may be open at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from threading import Lock, RLock

from integration_tests.simulator.access.identity import Grant
from integration_tests.simulator.store.clock import Clock
from integration_tests.simulator.web.answers import TEXT, Answer, RefusedError, error_page, failure


class SeatAnswer(Enum):
    """The four ways in which sites were seen to say that no seat is left."""

    API_LOGIN_LIMIT = "api_login_limit"
    PLAIN_429 = "plain_429"
    REDIRECT = "redirect"
    EMPTY_200 = "empty_200"

    def answer(self, base_path: str) -> Answer:
        match self:
            case SeatAnswer.API_LOGIN_LIMIT:
                return failure("API Login Limit", "PX.Data.PXException")
            case SeatAnswer.PLAIN_429:
                return Answer(429, b"The custom error module does not recognize this error.", TEXT)
            case SeatAnswer.REDIRECT:
                return error_page(base_path, "The number of concurrent API logins for this user has been reached.")
            case SeatAnswer.EMPTY_200:
                return Answer(200)


@dataclass(eq=False)
class Session:
    """Its requests are answered one after another, whoever sends them."""

    last_used: datetime
    turn: Lock = field(default_factory=Lock)
    busy: int = 0


class Sessions:
    def __init__(self, clock: Clock, seats: int, seat_answer: SeatAnswer, idle_seconds: float, base_path: str) -> None:
        self.seats, self.seat_answer, self.idle_seconds = seats, seat_answer, idle_seconds
        self.peak = 0
        self.opened_total = 0
        self._base_path = base_path
        self._clock = clock
        self._open: dict[Grant, Session] = {}
        self._taken = 0
        self._lock = RLock()

    def take(self, seats: int) -> None:
        """Other integrations of the site occupy seats; a negative number gives some back."""
        self._taken += seats

    def open_count(self, tenant: str | None = None) -> int:
        with self._lock:
            self._expire()
            return sum(tenant in (None, grant.tenant) for grant in self._open)

    def close(self, grant: Grant) -> None:
        with self._lock:
            self._open.pop(grant, None)

    @contextmanager
    def turn_of(self, grant: Grant) -> Iterator[None]:
        """The session of a sign-in, opened by its first call, for as long as one request is being answered."""
        session = self._enter(grant)
        try:
            with session.turn:
                yield
        finally:
            with self._lock:
                session.busy -= 1
                session.last_used = self._clock.now()

    def _enter(self, grant: Grant) -> Session:
        with self._lock:
            self._expire()
            session = self._open.get(grant) or self._opened(grant)
            session.busy += 1
            return session

    def _opened(self, grant: Grant) -> Session:
        if len(self._open) + self._taken >= self.seats:
            raise RefusedError(self.seat_answer.answer(self._base_path))
        session = self._open[grant] = Session(self._clock.now())
        self.opened_total += 1
        self.peak = max(self.peak, len(self._open))
        return session

    def _expire(self) -> None:
        now, idle = self._clock.now(), timedelta(seconds=self.idle_seconds)
        for grant, session in list(self._open.items()):
            with_token = grant.ends_at is not None and grant.ends_at <= now
            if with_token or (session.busy == 0 and session.last_used + idle <= now):
                del self._open[grant]
