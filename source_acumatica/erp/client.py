"""Sends each request to the instance until it is answered or given up."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, cast

import msgspec
import requests

from source_acumatica.config import Config
from source_acumatica.erp.addresses import encode
from source_acumatica.erp.answers import read_answer, read_exception
from source_acumatica.erp.concurrency import ConcurrencyLimit
from source_acumatica.erp.errors import Action, BrokenAnswerError, Problem, RequestFailed, broken_body
from source_acumatica.erp.helpers import Helpers
from source_acumatica.erp.http_session import CONNECT_TIMEOUT_SECONDS
from source_acumatica.erp.in_flight import InFlight
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.network import NetworkError
from source_acumatica.erp.request_stat import exchange_of
from source_acumatica.erp.response import bound, read_whole
from source_acumatica.erp.retries import Recovery, RetryPolicy, Trouble
from source_acumatica.erp.server_clock import ServerClocks
from source_acumatica.erp.sessions import Session, SessionPool
from source_acumatica.erp.sign_in import SignIn
from source_acumatica.erp.sign_out import SignOut
from source_acumatica.erp.tallies import Tallies, Tally
from source_acumatica.erp.waits import HoldUp, Waits

__all__ = ["Client", "RetryPolicy", "encode"]

logger = logging.getLogger("airbyte")
Answer = TypeVar("Answer")

# A larger page is asked for again with fewer rows: as objects, its records take several times as much memory. Where
# several lists are read, each may have one.
_LARGEST_PAGE_BYTES = 32 * 1024**2
_LARGEST_PAGE_BYTES_OF_SEVERAL = 16 * 1024**2
# What cannot be asked for in parts: a page of the fewest rows, a form's results, a description.
_LARGEST_ANSWER_BYTES = 256 * 1024**2
# A connection of two megabits; a file of many megabytes may take longer than the read time-out.
_SLOWEST_BYTES_PER_SECOND = 256 * 1024
# A hint helps the user, but reading does not depend on it.
_HINT_SECONDS = 10.0
_MINUTE = timedelta(minutes=1)
# After a refusal for want of a seat, so long no more are asked for than are needed: others may give some back.
_SEATLESS_SECONDS = 300.0
_QUEUE = "for other requests: some wait in the queue of the licence"


class Client:
    """Requests to one instance, over a pool of sessions; safe to use from several threads.

    ``close`` has to be called: it gives the seats back.
    """

    def __init__(self, config: Config, retry_policy: RetryPolicy) -> None:
        self._config, self._retry_policy = config, retry_policy
        self._pace = Pace(config.requests_per_minute, _MINUTE)
        self._waits = Waits(self._pace, retry_policy)
        self._clocks = ServerClocks(config.lookback)
        self._sign_out = SignOut(config.instance_url, retry_policy, self._pace)
        sign_in = SignIn(config, retry_policy, self._waits, self._clocks)
        self._pool = SessionPool(config.max_sessions, sign_in, self._sign_out)
        self._in_flight = InFlight(ConcurrencyLimit(config.max_sessions))
        self._troubles: dict[str, Trouble] = {}
        self._seatless_since: float | None = None
        self.helpers = Helpers(config.max_sessions)
        """Threads for requests whose answers are needed soon."""

    @property
    def instance_url(self) -> str:
        """The address of the instance, without a slash at its end."""
        return self._config.instance_url

    @property
    def _largest_page_bytes(self) -> int:
        return _LARGEST_PAGE_BYTES if self.helpers.lists <= 1 else _LARGEST_PAGE_BYTES_OF_SEVERAL

    @contextmanager
    def reading(self, tenant: str) -> Iterator[None]:
        """Say that a list of ``tenant`` is read meanwhile, so that more requests follow."""
        with self._pool.reading(tenant), self.helpers.one_list():
            yield

    def close(self, seconds: float | None = None) -> None:
        """Sign out of every session; any thread may call it, also twice. ``seconds`` bounds all tries."""
        if seconds is not None:
            self._sign_out.end_in(seconds)
        self.helpers.close()
        self._in_flight.open()
        self._pool.close()

    def server_time(self, tenant: str) -> datetime | None:
        """The web server's clock at the first sign-in to ``tenant``, from its ``Date`` header, in UTC.

        If it is later than this machine's by more than the look-back, this machine's counts: see ``server_now``.
        """
        return self._clocks.of(tenant)

    def room(self) -> float:
        """How many requests the allowed rate leaves for this moment."""
        return self._pace.room()

    def sign_in(self, tenant: str) -> None:
        """Prove that signing in to ``tenant`` works; nothing is requested, so no seat is taken.

        Raises:
            AirbyteTracedException: the sign-in was refused.
        """
        with self._waits.waiting(f"Tenant '{tenant}'"), self._pool.lease(tenant):
            pass

    @property
    def waited_for(self) -> str:
        """What the threads are waiting for at this moment, in words for the user."""
        return self._waits.described

    def hold_up(self, where: str, others: Sequence[str] = ()) -> HoldUp | None:
        """What holds up the list that log lines call ``where``, beside ``others``: seats, or the limit of requests."""
        return self._waits.hold_up(where, others)

    @property
    def tallies(self) -> Tallies:
        """What all requests have cost so far."""
        return self._waits.tallies

    def fetch(
        self,
        tenant: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        read: Callable[[requests.Response], Answer],
        where: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        judge: Callable[[requests.Response], Problem | None] = read_answer,
        is_page: bool = False,
        is_kept: bool = False,
        is_streamed: bool = False,
        is_hint: bool = False,
        most_bytes: int | None = None,
    ) -> Answer:
        """Send a request until it is answered, and return what ``read`` makes of the answer.

        ``path`` is relative to the instance, starts with a slash and is quoted already. ``judge`` recognizes answers
        that are not data. ``read`` may raise ``msgspec.DecodeError`` or ``BrokenAnswerError`` for an incomplete body;
        with ``is_streamed`` it is called while the body is still arriving. After a time-out, the caller can ask for a
        smaller page if this is one (``is_page``); other requests are repeated as they are. ``is_kept``: an answer that
        came in advance is kept as it is until it is needed. ``is_hint``: nothing depends on the answer, so the request
        is sent once, with a short time-out. ``most_bytes``: the answer may have so many, and takes as long as it does
        as long as its bytes keep coming at the slowest speed of a network.

        Raises:
            RequestFailed: given up; its problem says what the caller can do.
            AirbyteTracedException: the tenant's sign-in was refused.
        """
        url = self._config.instance_url + path + (f"?{encode(params)}" if params else "")
        longest = self._config.read_timeout_seconds
        bounds = (
            min(longest, _HINT_SECONDS) if is_hint else longest,
            most_bytes or (self._largest_page_bytes if is_page else _LARGEST_ANSWER_BYTES),
            _SLOWEST_BYTES_PER_SECOND if most_bytes else math.inf,
        )
        trouble = self._troubles.get(where) or Trouble()
        recovery = Recovery(self._retry_policy, trouble, is_page, self._config.read_timeout_seconds)
        sessions_ended = 0
        # All tries are one wait: between two of them, a limit still holds it up.
        with self._waits.waiting(where, is_held_up=lambda: recovery.is_held_up):
            while True:
                with self._lease(tenant, where) as session:
                    with self._place(where) as in_flight:
                        began = time.monotonic()
                        self._waits.tallies.add(where, Tally(requests=1))
                        outcome = self._try(
                            session, method, url, headers, body, judge, bounds, in_flight, is_streamed=is_streamed
                        )
                    if isinstance(outcome, requests.Response):
                        session.has_answered = True
                    elif outcome.action is Action.SIGN_IN:
                        self._pool.discard(session)
                        # Each session may have ended since its last answer, but no more than there are: after that it
                        # is this request that is refused, and going on would cost every other stream its session.
                        if session.has_answered and sessions_ended < self._config.max_sessions:
                            sessions_ended += 1
                            recovery.forgive(Action.SIGN_IN)
                    elif outcome.action is Action.BUSY and recovery.needs_another_session:
                        self._pool.discard(session)
                    answer = _decoded(outcome, read) if is_streamed else None
                took = time.monotonic() - began
                if not is_streamed:
                    # The seat is free for the next request while this answer is decoded.
                    if is_kept and not isinstance(outcome, Problem):
                        with self._waits.nothing():
                            self.helpers.until_needed()
                    answer = _decoded(outcome, read)
                if not isinstance(answer, Problem):
                    self._troubles.pop(where, None)
                    self._seatless_since = None
                    return cast("Answer", answer)
                if is_hint and answer.action is not Action.SIGN_IN:
                    raise RequestFailed(answer, where)
                self._recover(answer, recovery, took, where)

    @contextmanager
    def _lease(self, tenant: str, where: str) -> Iterator[Session]:
        """A session for one request, once the allowed rate has room for it."""
        self._waits.keep_pace(where)
        with ExitStack() as held:
            described = f"{where} (for a session)"
            with self._waits.waiting(described, where):
                for_a_seat = partial(self._waits.held_up, described, where)
                session = held.enter_context(self._pool.lease(tenant, for_a_seat))
            yield session

    def _place(self, where: str) -> AbstractContextManager[int]:
        """Room for one request among those in flight."""
        return self._in_flight.one(partial(self._waits.held_up, f"{where} ({_QUEUE})", where))

    def _recover(self, problem: Problem, recovery: Recovery, took_seconds: float, where: str) -> None:
        """Prepare for sending the same request again.

        Raises:
            RequestFailed: given up.
        """
        if problem.action in (Action.SEAT, Action.THROTTLED):
            self.helpers.lack_seats(_SEATLESS_SECONDS if problem.action is Action.SEAT else _MINUTE.total_seconds())
            self._pool.free_idle_seats()
        if problem.action is Action.SEAT:
            self._seatless_since = self._seatless_since or time.monotonic()
        pause, given_up = recovery.after(problem, took_seconds, self._seatless_since)
        # A list asks for its next page size by another call; failures are counted over all of them.
        self._troubles[where] = recovery.trouble
        if pause:
            self._waits.pause_after(problem, pause, where)
        if given_up is None and problem.action is Action.SIGN_IN:
            logger.info(f"{where}: the session has ended; signing in again.")
        if given_up:
            if given_up.action is not Action.FEWER_ROWS:
                self._troubles.pop(where, None)
            raise RequestFailed(given_up, where)

    def _try(
        self,
        session: Session,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        judge: Callable[[requests.Response], Problem | None],
        bounds: tuple[float, int, float],
        in_flight: int,
        *,
        is_streamed: bool,
    ) -> requests.Response | Problem:
        """Send it once; redirects are not followed, since they lead to a web page, possibly of another host."""
        self._pool.seat(session)
        sent_at = time.monotonic()
        try:
            response = session.http.request(
                method,
                url,
                headers=headers,
                data=body,
                timeout=(CONNECT_TIMEOUT_SECONDS, bounds[0]),
                allow_redirects=False,
                stream=True,
            )
            bound(response, *bounds)
            if not is_streamed:
                read_whole(response)
            problem = judge(response)
        except NetworkError as error:
            return read_exception(error, url)
        self._in_flight.learn(
            exchange_of(response, sent_at, in_flight), is_declined=bool(problem and problem.action is Action.THROTTLED)
        )
        if problem:
            response.close()
        return problem or response

    def pause(self, tries: int) -> None:
        """Wait before the try with this number."""
        self._waits.pause(tries)


def _decoded(outcome: requests.Response | Problem, read: Callable[[requests.Response], Answer]) -> Answer | Problem:
    if isinstance(outcome, Problem):
        return outcome
    try:
        with outcome:
            return read(outcome)
    except BrokenAnswerError as error:
        return error.problem
    except msgspec.ValidationError as error:
        return broken_body(f"the answer is JSON of another form than it should have ({error})")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return broken_body()
    except RecursionError:
        return broken_body("the answer is nested too deeply to be data")
    except NetworkError as error:
        return read_exception(error, outcome.url)
