"""Talks to the instance: signs in, sends a request until it is answered or given up, and signs out."""

from __future__ import annotations

import logging
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec
import requests
from airbyte_cdk.sources.streams.call_rate import APIBudget, MovingWindowCallRatePolicy, Rate
from airbyte_cdk.sources.streams.http.tcp_keepalive import TcpKeepaliveHTTPAdapter
from requests.auth import AuthBase

from source_acumatica.ahead import Helpers
from source_acumatica.bodies import bound
from source_acumatica.config import Config, hide
from source_acumatica.errors import (
    BrokenAnswerError,
    Next,
    Problem,
    RequestFailed,
    broken_body,
    read_answer,
    read_exception,
    read_token_answer,
)
from source_acumatica.json_text import decode
from source_acumatica.sessions import Session, SessionPool

logger = logging.getLogger("airbyte")
Answer = TypeVar("Answer")

_CONNECT_TIMEOUT_SECONDS = 10
# Tokens and sign-outs are answered at once or not at all (sign-out is not queued), unlike data.
_SIGN_TIMEOUT_SECONDS = 60
_SIGN_OUT_TRIES = 3
# Each takes as long as the read time-out.
_TRIES_AFTER_TIME_OUT = 2
# Most failures of the ERP itself come again, but not all.
_FAILURE = 500
_TRIES_AFTER_FAILURE = 1
# Documented life of a token, for answers that do not say it.
_TOKEN_LIFE_SECONDS = 3600
_LONGEST_PAUSE_SECONDS = 60.0
# A page that is larger is asked for with fewer rows: as objects, its records take several times as much.
_LARGEST_PAGE_BYTES = 32 * 1024**2
# What cannot be asked for in parts: a page of the fewest rows, a form's results, a description.
_LARGEST_ANSWER_BYTES = 256 * 1024**2
# A sign-in's answer is a token.
_LARGEST_TOKEN_BYTES = 1024**2
_MINUTE = timedelta(minutes=1)


class Patience:
    """How often and how long each kind of failure is waited out.

    Seats of crashed sessions come free after 10 minutes by the documentation, so a read waits 15; a check shows the
    user the sentence instead.
    """

    def __init__(self, retries: int, wait_seconds: float, first_pause_seconds: float = 1.0) -> None:
        self.retries = retries
        self.wait_seconds = wait_seconds
        self.first_pause_seconds = first_pause_seconds

    @classmethod
    def of_a_read(cls) -> Patience:
        """Outlasts a restart of the site (three minutes) and crashed sessions (ten)."""
        return cls(retries=8, wait_seconds=15 * 60)

    @classmethod
    def of_a_check(cls) -> Patience:
        """Short: somebody sits in front of it."""
        return cls(retries=2, wait_seconds=20)

    def pause_seconds(self, tries: int) -> float:
        """Doubling, with jitter, so that several workers do not come back at the same moment."""
        pause: float = min(self.first_pause_seconds * 2 ** (tries - 1), _LONGEST_PAUSE_SECONDS)
        return pause * random.uniform(0.75, 1.25)


class Client:
    """Requests to one instance, over a pool of sessions; safe to use from several threads.

    ``close`` has to be called: it gives the seats back.
    """

    def __init__(self, config: Config, patience: Patience) -> None:
        self._config, self._patience = config, patience
        self._budget = _budget(config.requests_per_minute)
        self._pool = SessionPool(config.max_sessions, self._sign_in, self._sign_out)
        self._server_times: dict[str, datetime] = {}
        self.helpers = Helpers(config.max_sessions)
        """They send requests whose answers are wanted soon."""

    @property
    def instance_url(self) -> str:
        """Where everything is asked, without a slash at its end."""
        return self._config.instance_url

    def reading(self, tenant: str) -> AbstractContextManager[None]:
        """Say that more requests to ``tenant`` follow."""
        return self._pool.reading(tenant)

    def close(self) -> None:
        """Sign out of everything; may be called from a signal handler's unwinding, and twice."""
        self.helpers.close()
        self._pool.close()

    def server_time(self, tenant: str) -> datetime | None:
        """The web server's clock at the first sign-in to ``tenant``, from its ``Date`` header, in UTC."""
        return self._server_times.get(tenant)

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
    ) -> Answer:
        """Send a request until it is answered, and return what ``read`` makes of the answer.

        ``path`` starts with a slash, below the instance; its parts are quoted already. ``judge`` tells answers that are
        no data. ``read`` may raise ``msgspec.DecodeError`` or ``BrokenAnswerError`` for a body that is not whole; with
        ``is_streamed`` it is called while the body is still arriving. Whoever asks for a page can ask for a smaller one
        after a time-out; other requests are repeated as they are.

        Raises:
            RequestFailed: given up; the problem tells what the caller can do.
            AirbyteTracedException: the tenant's sign-in was refused.
        """
        url = self._config.instance_url + path + (f"?{encode(params)}" if params else "")
        bounds = (self._config.read_timeout_seconds, _LARGEST_PAGE_BYTES if is_page else _LARGEST_ANSWER_BYTES)
        tries: Counter[Next] = Counter()
        sessions_ended = 0
        waiting_since: float | None = None
        while True:
            self._budget.acquire_call(url)
            with self._pool.lease(tenant) as session:
                outcome = self._try(session, method, url, headers, body, judge, bounds, is_streamed=is_streamed)
                if isinstance(outcome, requests.Response):
                    session.has_answered = True
                elif outcome.next is Next.SIGN_IN:
                    self._pool.discard(session)
                    # Each session may have ended since it worked. No more can have: then it is this request that is
                    # refused, and would cost every other stream its session.
                    if session.has_answered and sessions_ended < self._config.max_sessions:
                        sessions_ended += 1
                        tries[Next.SIGN_IN] -= 1
                answer = _decoded(outcome, read) if is_streamed else None
            if not is_streamed:
                # The seat is free for the next request while this answer is decoded.
                answer = _decoded(outcome, read)
            if not isinstance(answer, Problem):
                return cast("Answer", answer)
            problem = answer
            tries[problem.next] += 1
            match problem.next:
                case Next.RETRY if tries[Next.RETRY] <= self._patience.retries:
                    self._pause(problem, tries.total(), where)
                case Next.FEWER_ROWS if (
                    not is_page and not problem.status and tries[problem.next] <= _TRIES_AFTER_TIME_OUT
                ):
                    self._pause(problem, tries.total(), where)
                case Next.STOP if problem.status == _FAILURE and tries[Next.STOP] <= _TRIES_AFTER_FAILURE:
                    self._pause(problem, tries.total(), where)
                case Next.SIGN_IN if tries[Next.SIGN_IN] <= 1:
                    logger.info(f"{where}: the session has ended; signing in again.")
                case Next.SEAT | Next.THROTTLED:
                    self.helpers.lack_seats()
                    self._pool.free_idle_seats()
                    waiting_since = waiting_since or time.monotonic()
                    if time.monotonic() - waiting_since > self._patience.wait_seconds:
                        raise RequestFailed(problem, where)
                    self._pause(problem, tries.total(), where)
                case _:
                    raise RequestFailed(problem, where)

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
                timeout=(_CONNECT_TIMEOUT_SECONDS, self._config.read_timeout_seconds),
                allow_redirects=False,
                stream=True,
            )
            bound(response, *bounds)
            if not is_streamed:
                _ = response.content
            problem = judge(response)
        except requests.RequestException as error:
            return read_exception(error)
        if problem:
            response.close()
        return problem or response

    def _pause(self, problem: Problem, tries: int, where: str) -> None:
        seconds = self._patience.pause_seconds(tries)
        logger.warning(f"{where}: {problem.sentence}. Trying again in {seconds:.0f} s.")
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
        tries = 0
        while True:
            tries += 1
            outcome = self._ask_for_token(tenant, form)
            if isinstance(outcome, Session):
                return outcome
            problem, where = outcome, f"Tenant '{tenant}'"
            if problem.next is Next.STOP or tries > self._patience.retries:
                raise RequestFailed(problem, where)
            self._pause(problem, tries, where)

    def _ask_for_token(self, tenant: str, form: Mapping[str, str]) -> Session | Problem:
        http = _http()
        try:
            response = http.post(
                f"{self._config.instance_url}/identity/connect/token",
                data=form,
                timeout=(_CONNECT_TIMEOUT_SECONDS, _SIGN_TIMEOUT_SECONDS),
                allow_redirects=False,
                stream=True,
            )
            bound(response, _SIGN_TIMEOUT_SECONDS, _LARGEST_TOKEN_BYTES)
            _ = response.content
        except requests.RequestException as error:
            return read_exception(error)
        if response.status_code != 200:
            return read_token_answer(response, tenant)
        try:
            token = decode(_TOKEN_ANSWER, response.content)
        except msgspec.DecodeError:
            return broken_body()
        if not _TOKEN.fullmatch(token.access_token):
            return broken_body("the answer to the sign-in holds no token that could be sent")
        hide(token.access_token)
        http.auth = _Bearer(token.access_token)
        self._server_times.setdefault(tenant, _date_of(response))
        return Session(tenant, http, ends_at=time.monotonic() + token.expires_in)

    def _sign_out(self, session: Session) -> None:
        """Give the seat back; without a Content-Length the server answers 411 and keeps the session."""
        for _ in range(_SIGN_OUT_TRIES):
            try:
                response = session.http.post(
                    f"{self._config.instance_url}/entity/auth/logout",
                    headers={"Content-Length": "0"},
                    timeout=(_CONNECT_TIMEOUT_SECONDS, _SIGN_TIMEOUT_SECONDS),
                    allow_redirects=False,
                )
            except requests.RequestException:
                continue
            # 204 is the answer of a sign-out that was done; 401 says that the session had ended already.
            if response.status_code in (204, 401):
                return
        logger.warning(
            f"Tenant '{session.tenant}': signing out failed. The seat comes free by itself after about 10 minutes."
        )


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
    http.headers["Accept"] = "application/json"
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


_TOKEN_ANSWER = msgspec.json.Decoder(_Token)


def _decoded(outcome: requests.Response | Problem, read: Callable[[requests.Response], Answer]) -> Answer | Problem:
    if isinstance(outcome, Problem):
        return outcome
    try:
        with outcome:
            return read(outcome)
    except BrokenAnswerError as error:
        return error.problem
    except (msgspec.DecodeError, UnicodeDecodeError):
        return broken_body()
    except RecursionError:
        return broken_body("the answer is nested too deeply to be data")
    except requests.RequestException as error:
        return read_exception(error)


def _budget(requests_per_minute: int | None) -> APIBudget:
    """Stay under the rate; one budget for all sessions, since the licence counts the whole site."""
    if requests_per_minute is None:
        return APIBudget(policies=[])
    rate = Rate(requests_per_minute, _MINUTE)
    return APIBudget(policies=[MovingWindowCallRatePolicy(rates=[rate], matchers=[])])


def _date_of(response: requests.Response) -> datetime:
    """The server's clock; a proxy that strips the header leaves only ours, which the look-back has to cover."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC).replace(microsecond=0)


def encode(params: Mapping[str, str]) -> str:
    """A query string with ``$`` as it is and everything else quoted, above all ``+`` and ``:`` in date-times."""
    return urlencode(params, quote_via=quote, safe="$,/'()*@")
