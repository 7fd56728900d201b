"""The pool of licence seats: signs in, hands each session to one request at a time, and gives every seat back."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

logger = logging.getLogger("airbyte")

# While others wait, a tenant that still has work keeps a seat this long: each turn costs a sign-out and a sign-in.
TURN_SECONDS = 30.0
# A token is renewed this long before its end, so that it does not run out while a request is on its way.
RENEWAL_MARGIN_SECONDS = 60.0
# How often a waiting thread looks whether another tenant's turn is over.
_LOOK_AGAIN_SECONDS = 0.5
# At the end, requests on their way get this long: Docker kills 10 s after SIGTERM.
_LAST_ANSWERS_SECONDS = 3.0


@dataclass(eq=False)
class Session:
    """A signed-in session of one tenant: a token, which is a seat from its first call on.

    The server processes the calls of one session one after another (BEHAVIOR.md, "Sessions"), so a session is lent to
    one request at a time; to read faster takes more sessions.
    """

    tenant: str
    http: requests.Session
    ends_at: float
    """Monotonic time in seconds at which the token runs out."""
    turn_began_at: float = field(default_factory=time.monotonic)
    is_seated: bool = False
    """Whether a call was made, that is, whether the server may hold a seat for it."""
    holder: int = 0
    """The thread that uses it."""
    has_answered: bool = False
    """Whether the server has accepted it; a 401 after that means that it has ended, not that it is wrong."""
    is_leaving: bool = False
    """Whether a thread is signing out of it."""

    @property
    def is_stale(self) -> bool:
        """Whether the token runs out soon."""
        return time.monotonic() > self.ends_at - RENEWAL_MARGIN_SECONDS


class PoolClosed(AirbyteTracedException):
    """The run is ending: no more requests are sent."""


class SessionPool:
    """At most ``seats`` sessions at once over all tenants; the promise holds for every way a run can end.

    Where a session is (idle, lent, on its way out) says who may use it. Whether the server may hold a seat for it is
    kept apart from that, in one list: a session is in it from before its first call until its sign-out was answered,
    so ``close`` finds every seat there, whatever the other threads are doing.
    """

    def __init__(self, seats: int, sign_in: Callable[[str], Session], sign_out: Callable[[Session], bool]) -> None:
        """``sign_out`` says whether the seat was given back; one that was not is tried again at the end."""
        self._seats, self._sign_in, self._sign_out = seats, sign_in, sign_out
        self._changed = threading.Condition()
        self._seated: list[Session] = []
        self._idle: list[Session] = []
        self._lent: list[Session] = []
        self._in_transit = 0
        self._readers: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._rejected: dict[str, AirbyteTracedException] = {}
        self._sign_in_locks: dict[str, threading.Lock] = {}
        self._is_closed = False
        self._last_answers_until = 0.0

    @contextmanager
    def reading(self, tenant: str) -> Iterator[None]:
        """Say that more requests to ``tenant`` follow, so that its session is kept between them."""
        with self._changed:
            self._readers[tenant] += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers[tenant] -= 1
                self._changed.notify_all()

    @contextmanager
    def lease(
        self, tenant: str, while_waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Iterator[Session]:
        """A session of ``tenant`` for one request; waits for a seat, within ``while_waiting``.

        Raises:
            AirbyteTracedException: the sign-in was refused, now or at an earlier try of this run.
        """
        session = self._take(tenant, while_waiting)
        try:
            yield session
        finally:
            self._give_back(session)

    def seat(self, session: Session) -> None:
        """Note that a lent session is about to make a call, which takes a seat; after ``close`` none may."""
        with self._changed:
            self._refuse_if_closed()
            session.holder = threading.get_ident()
            if not session.is_seated:
                session.is_seated = True
                self._seated.append(session)

    def discard(self, session: Session) -> None:
        """End a lent session in the middle of its lease: the server does not accept it any more."""
        with self._changed:
            if session not in self._lent:
                return
            self._lent.remove(session)
            self._in_transit += 1
        self._end_counted([session])

    def free_idle_seats(self) -> None:
        """Sign out of idle sessions whose tenants are not being read: the licence has fewer seats than expected."""
        with self._changed:
            unused = [session for session in self._idle if not self._readers[session.tenant]]
            for session in unused:
                self._idle.remove(session)
            self._in_transit += len(unused)
        self._end_counted(unused)

    def close(self) -> None:
        """Sign out of every session, also of those in the middle of a request; from then on none is opened.

        All at once, since a run has to end quickly. It may be called twice, and by several threads: each call returns
        when nothing is left to be done.
        """
        with self._changed:
            self._is_closed = True
            self._last_answers_until = self._last_answers_until or time.monotonic() + _LAST_ANSWERS_SECONDS
            self._idle.clear()
            self._changed.notify_all()
            self._end_all(self._seated)
            # A request on its way may open a session after the sign-out: its lease signs out again.
            self._changed.wait_for(self._is_all_returned, max(self._last_answers_until - time.monotonic(), 0))
            # Requests that have not returned by now have at least reached the server.
            self._end_all([session for session in self._seated if not self._is_own(session)])
            # If a request returns only now, its lease signs out of the session once more.
            self._changed.wait_for(lambda: all(self._is_hanging(session) for session in self._seated))

    def _take(self, tenant: str, while_waiting: Callable[[], AbstractContextManager[None]] = nullcontext) -> Session:
        with while_waiting():
            usable, outgoing = self._wait_for_seat(tenant)
        if usable:
            return usable
        try:
            if outgoing:
                self._end(outgoing)
            return self._open(tenant)
        finally:
            with self._changed:
                self._in_transit -= 1
                self._changed.notify_all()

    def _wait_for_seat(self, tenant: str) -> tuple[Session | None, Session | None]:
        """A session to use at once; or None for a seat reserved in ``_in_transit``, and the session to end first."""
        with self._changed:
            self._waiting[tenant] += 1
            try:
                while True:
                    self._refuse_if_closed()
                    own = self._own_idle(tenant)
                    if own and not own.is_stale:
                        self._idle.remove(own)
                        self._lent.append(own)
                        return own, None
                    if own or self._is_full():
                        outgoing = own or self._dispensable(tenant)
                        if outgoing:
                            self._idle.remove(outgoing)
                            self._in_transit += 1
                            return None, outgoing
                    else:
                        self._in_transit += 1
                        return None, None
                    self._changed.wait(_LOOK_AGAIN_SECONDS)
            finally:
                self._waiting[tenant] -= 1

    def _own_idle(self, tenant: str) -> Session | None:
        """An idle session of ``tenant``, unless its turn is over and another tenant waits for a seat."""
        others_wait = self._is_full() and any(count for other, count in self._waiting.items() if other != tenant)
        for session in self._idle:
            if session.tenant == tenant and not (others_wait and self._turn_is_over(session)):
                return session
        return None

    def _dispensable(self, tenant: str) -> Session | None:
        """An idle session of another tenant that is not being read, or whose turn is over."""
        for session in self._idle:
            if session.tenant != tenant and (not self._readers[session.tenant] or self._turn_is_over(session)):
                return session
        return None

    def _is_full(self) -> bool:
        return len(self._idle) + len(self._lent) + self._in_transit >= self._seats

    def _is_all_returned(self) -> bool:
        """Whether every seat is given back, except one that this very thread is using."""
        return all(self._is_own(session) and not session.is_leaving for session in self._seated)

    def _is_own(self, session: Session) -> bool:
        return session in self._lent and session.holder == threading.get_ident()

    def _is_hanging(self, session: Session) -> bool:
        """Whether only its request is left to wait for."""
        return session in self._lent and not session.is_leaving

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise PoolClosed(message="The run was ended.", internal_message="The session pool is closed.")

    @staticmethod
    def _turn_is_over(session: Session) -> bool:
        return time.monotonic() - session.turn_began_at > TURN_SECONDS

    def _open(self, tenant: str) -> Session:
        """Sign in, one thread at a time per tenant: wrong credentials are tried once and not by each thread."""
        with self._changed:
            lock = self._sign_in_locks.setdefault(tenant, threading.Lock())
        with lock:
            if tenant in self._rejected:
                raise self._rejected[tenant]
            try:
                session = self._sign_in(tenant)
            except AirbyteTracedException as error:
                if error.failure_type.value == "config_error":
                    self._rejected[tenant] = error
                raise
        with self._changed:
            self._refuse_if_closed()
            self._lent.append(session)
        return session

    def _give_back(self, session: Session) -> None:
        with self._changed:
            if session in self._lent:
                self._lent.remove(session)
                if not self._is_closed:
                    self._idle.append(session)
            is_left_over = self._is_closed
            self._changed.notify_all()
        if is_left_over:
            self._end(session)

    def _end_counted(self, sessions: Sequence[Session]) -> None:
        """Sign out of sessions whose seats count as taken until that is done."""
        for session in sessions:
            try:
                self._end(session)
            finally:
                with self._changed:
                    self._in_transit -= 1
                    self._changed.notify_all()

    def _end(self, session: Session) -> None:
        """Sign out, unless another thread has just done so."""
        with self._changed:
            self._changed.wait_for(lambda: not session.is_leaving)
            if session not in self._seated:
                session.http.close()
                return
            session.is_leaving = True
        self._leave(session, is_in_use=False)

    def _end_all(self, sessions: Sequence[Session]) -> None:
        """Start signing out of each in a thread of its own, since a sign-out takes seconds."""
        for session in [one for one in sessions if not one.is_leaving]:
            session.is_leaving = True
            threading.Thread(target=self._leave, args=[session, session in self._lent], daemon=True).start()

    def _leave(self, session: Session, is_in_use: bool) -> None:
        """Sign out of a session marked as leaving, and forget it unless a request was using it (``is_in_use``).

        The server may process that request after the sign-out and still answer it first. So a request that is over
        when the sign-out is answered may have taken a seat again.
        """
        is_free = False
        try:
            is_free = self._sign_out(session)
        finally:
            with self._changed:
                session.is_leaving = False
                if (is_free or self._is_closed) and not is_in_use and session in self._seated:
                    self._seated.remove(session)
                    session.http.close()
                self._changed.notify_all()
