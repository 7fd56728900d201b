"""Talks to the instance: signs in, sends a request until it is answered or given up, and signs out."""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar, cast

import msgspec
import requests
from airbyte_cdk.sources.streams.http.tcp_keepalive import TcpKeepaliveHTTPAdapter
from requests.auth import AuthBase

from source_acumatica.config import Config, hide
from source_acumatica.erp.addresses import encode
from source_acumatica.erp.answers import read_answer, read_exception
from source_acumatica.erp.errors import Action, BrokenAnswerError, Problem, RequestFailed, broken_body
from source_acumatica.erp.helpers import Helpers
from source_acumatica.erp.json_text import decode
from source_acumatica.erp.limits import Pace
from source_acumatica.erp.network import NetworkError
from source_acumatica.erp.response import bound
from source_acumatica.erp.retries import Recovery, RetryPolicy, Trouble
from source_acumatica.erp.server_clock import server_now
from source_acumatica.erp.sessions import Session, SessionPool
from source_acumatica.erp.sign_in import read_token_answer

__all__ = ["Client", "RetryPolicy", "encode"]

logger = logging.getLogger("airbyte")
Answer = TypeVar("Answer")

_CONNECT_TIMEOUT_SECONDS = 10
# Tokens and sign-outs are answered at once or not at all (sign-out is not queued), unlike data.
_SIGN_TIMEOUT_SECONDS = 60
# A sign-out is refused while the minute's requests are used up, or the site restarts; at most so long in all.
_SIGN_OUT_TRIES = 6
_SIGN_OUT_SECONDS = 60.0
_SHORTEST_SIGN_OUT_SECONDS = 0.5
# Documented life of a token, for answers that do not say it.
_TOKEN_LIFE_SECONDS = 3600
# A page that is larger is asked for with fewer rows: as objects, its records take several times as much.
_LARGEST_PAGE_BYTES = 32 * 1024**2
# What cannot be asked for in parts: a page of the fewest rows, a form's results, a description.
_LARGEST_ANSWER_BYTES = 256 * 1024**2
# What a user would like to know, and reading does without.
_HINT_SECONDS = 10.0
# A sign-in's answer is a token.
_LARGEST_TOKEN_BYTES = 1024**2
_MINUTE = timedelta(minutes=1)


def _user_agent() -> str:
    """By this the ERP's administrator finds these requests in a log; the library's name is that of many programs."""
    try:
        return f"{_PACKAGE}/{version(_PACKAGE)}"
    except PackageNotFoundError:  # run from its folder, without having been installed
        return _PACKAGE


_PACKAGE = "airbyte-source-acumatica"
_USER_AGENT = _user_agent()


def own_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


class Client:
    """Requests to one instance, over a pool of sessions; safe to use from several threads.

    ``close`` has to be called: it gives the seats back.
    """

    def __init__(self, config: Config, retry_policy: RetryPolicy) -> None:
        self._config, self._retry_policy = config, retry_policy
        self._pace = Pace(config.requests_per_minute, _MINUTE)
        self._pool = SessionPool(config.max_sessions, self._sign_in, self._sign_out)
        self._server_times: dict[str, datetime] = {}
        self._troubles: dict[str, Trouble] = {}
        self._seatless_since: float | None = None
        self._waits: dict[int, str] = {}
        self._sign_out_until = math.inf
        self.helpers = Helpers(config.max_sessions)
        """They send requests whose answers are wanted soon."""

    @property
    def instance_url(self) -> str:
        """Where everything is asked, without a slash at its end."""
        return self._config.instance_url

    def reading(self, tenant: str) -> AbstractContextManager[None]:
        """Say that more requests to ``tenant`` follow."""
        return self._pool.reading(tenant)

    def close(self, seconds: float | None = None) -> None:
        """Sign out of everything; from any thread, and twice. ``seconds`` bounds the tries, also those under way."""
        if seconds is not None:
            self._sign_out_until = min(self._sign_out_until, time.monotonic() + seconds)
        self.helpers.close()
        self._pool.close()

    def server_time(self, tenant: str) -> datetime | None:
        """The web server's clock at the first sign-in to ``tenant``, from its ``Date`` header, in UTC.

        Where that is ahead of our own by more than the look-back, it is ours: see ``server_now``.
        """
        return self._server_times.get(tenant)

    def room(self) -> float:
        """How many requests may be sent at once now, by the rate that the user allows."""
        return self._pace.room()

    def sign_in(self, tenant: str) -> None:
        """Prove that ``tenant`` can be signed in to, and ask for nothing: no seat is taken.

        Raises:
            AirbyteTracedException: the sign-in was refused.
        """
        with self._waiting(f"Tenant '{tenant}'"), self._pool.lease(tenant):
            pass

    @property
    def waited_for(self) -> str:
        """What the threads wait for just now, as told to the user."""
        return "; ".join(sorted({*list(self._waits.values())}))

    @contextmanager
    def _waiting(self, what: str) -> Iterator[None]:
        """Note what this thread waits for meanwhile."""
        thread = threading.get_ident()
        before = self._waits.get(thread)
        self._waits[thread] = what
        try:
            yield
        finally:
            if before is None:
                del self._waits[thread]
            else:
                self._waits[thread] = before

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
        is_streamed: bool = False,
        is_hint: bool = False,
    ) -> Answer:
        """Send a request until it is answered, and return what ``read`` makes of the answer.

        ``path`` starts with a slash, below the instance; its parts are quoted already. ``judge`` tells answers that are
        no data. ``read`` may raise ``msgspec.DecodeError`` or ``BrokenAnswerError`` for a body that is not whole; with
        ``is_streamed`` it is called while the body is still arriving. Whoever asks for a page can ask for a smaller one
        after a time-out; other requests are repeated as they are. ``is_hint``: nothing hangs on the answer, so it is
        asked for once, with no pause, and not waited for for long.

        Raises:
            RequestFailed: given up; the problem tells what the caller can do.
            AirbyteTracedException: the tenant's sign-in was refused.
        """
        url = self._config.instance_url + path + (f"?{encode(params)}" if params else "")
        longest = self._config.read_timeout_seconds
        bounds = (
            min(longest, _HINT_SECONDS) if is_hint else longest,
            _LARGEST_PAGE_BYTES if is_page else _LARGEST_ANSWER_BYTES,
        )
        trouble = self._troubles.get(where) or Trouble()
        recovery = Recovery(self._retry_policy, trouble, is_page, self._config.read_timeout_seconds)
        sessions_ended = 0
        while True:
            with self._waiting(where), self._lease(tenant, where) as session:
                began = time.monotonic()
                outcome = self._try(session, method, url, headers, body, judge, bounds, is_streamed=is_streamed)
                if isinstance(outcome, requests.Response):
                    session.has_answered = True
                elif outcome.action is Action.SIGN_IN:
                    self._pool.discard(session)
                    # Each session may have ended since it worked. No more can have: then it is this request that is
                    # refused, and would cost every other stream its session.
                    if session.has_answered and sessions_ended < self._config.max_sessions:
                        sessions_ended += 1
                        recovery.forgive(Action.SIGN_IN)
                answer = _decoded(outcome, read) if is_streamed else None
            if not is_streamed:
                # The seat is free for the next request while this answer is decoded.
                answer = _decoded(outcome, read)
            if not isinstance(answer, Problem):
                self._troubles.pop(where, None)
                self._seatless_since = None
                return cast("Answer", answer)
            if is_hint and answer.action is not Action.SIGN_IN:
                raise RequestFailed(answer, where)
            self._recover(answer, recovery, time.monotonic() - began, where)

    @contextmanager
    def _lease(self, tenant: str, where: str) -> Iterator[Session]:
        """A session to send one request with, at a moment at which that is allowed."""
        self._keep_pace(where)
        with ExitStack() as held:
            with self._waiting(f"{where} (for a session)"):
                session = held.enter_context(self._pool.lease(tenant))
            yield session

    def _keep_pace(self, where: str) -> None:
        with self._waiting(f"{where} (for the minute to end: requests_per_minute)"):
            self._pace.wait()

    def _recover(self, problem: Problem, recovery: Recovery, took_seconds: float, where: str) -> None:
        """Do what lets the same request be sent again.

        Raises:
            RequestFailed: given up.
        """
        if problem.action in (Action.SEAT, Action.THROTTLED):
            self.helpers.lack_seats()
            self._pool.free_idle_seats()
        if problem.action is Action.SEAT:
            self._seatless_since = self._seatless_since or time.monotonic()
        pause, given_up = recovery.after(problem, took_seconds, self._seatless_since)
        # Of a list, the next size is asked for by a request of its own: the failures are counted together.
        self._troubles[where] = recovery.trouble
        if pause:
            self._pause(problem, pause, where)
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
        bounds: tuple[float, int],
        *,
        is_streamed: bool,
    ) -> requests.Response | Problem:
        """One request; a redirect is not followed, since it leads to a page and might lead off the instance."""
        self._pool.seat(session)
        try:
            response = session.http.request(
                method,
                url,
                headers=headers,
                data=body,
                timeout=(_CONNECT_TIMEOUT_SECONDS, bounds[0]),
                allow_redirects=False,
                stream=True,
            )
            bound(response, *bounds)
            if not is_streamed:
                _ = response.content
            problem = judge(response)
        except NetworkError as error:
            return read_exception(error, url)
        if problem:
            response.close()
        return problem or response

    def pause(self, tries: int) -> None:
        """Wait before a try with this number."""
        with self._waiting("a failure to pass"):
            time.sleep(self._retry_policy.pause_seconds(tries))

    def _pause(self, problem: Problem, seconds: float, where: str) -> None:
        longest = f" (for a seat a sync waits up to {self._retry_policy.wait_seconds / 60:.0f} min)"
        told = longest if problem.action is Action.SEAT and self._retry_policy.wait_seconds >= 60 else ""
        logger.warning(f"{where}: {problem.sentence}. Trying again in {seconds:.0f} s{told}.")
        with self._waiting(f"{where} ({problem.sentence})"):
            time.sleep(seconds)

    def _sign_in(self, tenant: str) -> Session:
        """Get a token by the resource-owner password grant (BEHAVIOR.md, "Sign-in").

        Only the scope ``api`` is asked for: one server session per token, which ends with it.
        """
        credentials = self._config.credentials(tenant)
        form = {
            "grant_type": "password",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "username": credentials.username,
            "password": credentials.password,
            "scope": "api",
        }
        where, trouble = f"Tenant '{tenant}'", Trouble()
        while True:
            trouble.count()
            self._keep_pace(f"{where}, signing in")
            with self._waiting(f"{where}, signing in"):
                outcome = self._ask_for_token(tenant, form)
            if isinstance(outcome, Session):
                return outcome
            if outcome.action is Action.STOP:
                raise RequestFailed(outcome, where)
            if trouble.failures > self._retry_policy.retries:
                raise RequestFailed(replace(outcome, sentence=f"{outcome.sentence} ({trouble.told})"), where)
            self._pause(outcome, self._retry_policy.pause_seconds(trouble.failures), where)

    def _ask_for_token(self, tenant: str, form: Mapping[str, str]) -> Session | Problem:
        http, url = _http(), f"{self._config.instance_url}/identity/connect/token"
        try:
            response = http.post(
                url,
                data=form,
                timeout=(_CONNECT_TIMEOUT_SECONDS, _SIGN_TIMEOUT_SECONDS),
                allow_redirects=False,
                stream=True,
            )
            bound(response, _SIGN_TIMEOUT_SECONDS, _LARGEST_TOKEN_BYTES)
            _ = response.content
        except NetworkError as error:
            return _of_sign_in(read_exception(error, url))
        if response.status_code != 200:
            return read_token_answer(response, tenant)
        try:
            token = decode(_TOKEN_ANSWER, response.content)
        except msgspec.DecodeError:
            return read_token_answer(response, tenant)
        if not _TOKEN.fullmatch(token.access_token):
            return broken_body("the answer to the sign-in holds no token that could be sent")
        hide(token.access_token)
        http.auth = _Bearer(token.access_token)
        self._measure_clock(tenant, response)
        return Session(tenant, http, ends_at=time.monotonic() + token.expires_in)

    def _measure_clock(self, tenant: str, response: requests.Response) -> None:
        if tenant in self._server_times:
            return
        look_back = timedelta(minutes=self._config.lookback_minutes)
        now, warning = server_now(response.headers.get("Date"), own_now(), look_back)
        self._server_times[tenant] = now
        if warning:
            logger.warning(f"Tenant '{tenant}': {warning}.")

    def _sign_out(self, session: Session) -> bool:
        """Whether the seat was given back; without a Content-Length the server answers 411 and keeps the session."""
        trouble = Trouble()
        while True:
            trouble.count()
            self._pace.count()
            left = self._seconds_for_sign_out(trouble)
            try:
                response = session.http.post(
                    f"{self._config.instance_url}/entity/auth/logout",
                    headers={"Content-Length": "0"},
                    timeout=(min(_CONNECT_TIMEOUT_SECONDS, left), min(_SIGN_TIMEOUT_SECONDS, left)),
                    allow_redirects=False,
                )
            except NetworkError:
                pass
            else:
                # 204 is the answer of a sign-out that was done; 401 says that the session had ended already.
                if response.status_code in (204, 401):
                    return True
            if trouble.failures >= _SIGN_OUT_TRIES or not self._pause_before_sign_out(trouble):
                break
        logger.warning(
            f"Tenant '{session.tenant}': signing out failed. The seat comes free by itself, after 10 minutes or up to "
            f"an hour ({trouble.told})."
        )
        return False

    def _seconds_for_sign_out(self, trouble: Trouble) -> float:
        until = min(trouble.began_at + _SIGN_OUT_SECONDS, self._sign_out_until)
        return max(until - time.monotonic(), _SHORTEST_SIGN_OUT_SECONDS)

    def _pause_before_sign_out(self, trouble: Trouble) -> bool:
        """Wait for a part of the time that is left; False where none is."""
        left = self._seconds_for_sign_out(trouble)
        if left <= _SHORTEST_SIGN_OUT_SECONDS:
            return False
        time.sleep(min(self._retry_policy.pause_seconds(trouble.failures), left / 2))
        return True


class _Bearer(AuthBase):
    """Signs requests; having one also keeps ``requests`` from sending what a .netrc file has for the host."""

    def __init__(self, token: str = "") -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _http() -> requests.Session:
    """A session of the HTTP library; answers may take minutes, and gateways forget connections that say nothing."""
    http = requests.Session()
    http.headers.update({"Accept": "application/json", "User-Agent": _USER_AGENT})
    http.auth = _Bearer()
    for scheme in ("https://", "http://"):
        http.mount(scheme, TcpKeepaliveHTTPAdapter())
    return http


# What may stand in a header behind "Bearer".
_TOKEN = re.compile(r"[!-~]+")


class _Token(msgspec.Struct):
    """What of the token endpoint's answer is used."""

    access_token: str
    expires_in: int = _TOKEN_LIFE_SECONDS


def _of_sign_in(problem: Problem) -> Problem:
    """The same, where ``read_timeout_seconds`` is of no use."""
    if problem.action is not Action.FEWER_ROWS or problem.status:
        return problem
    sentence = f"the instance did not answer in time: the sign-in took longer than {_SIGN_TIMEOUT_SECONDS} seconds"
    return replace(problem, action=Action.RETRY, sentence=sentence)


_TOKEN_ANSWER = msgspec.json.Decoder(_Token)


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
