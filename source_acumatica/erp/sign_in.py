"""Signs in to a tenant: exchanges its credentials for a session with a token."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from source_acumatica.config import Config
from source_acumatica.erp.answers import read_exception
from source_acumatica.erp.errors import Action, Problem, RequestFailed, broken_body
from source_acumatica.erp.http_session import CONNECT_TIMEOUT_SECONDS, SIGN_TIMEOUT_SECONDS, Bearer, http_session
from source_acumatica.erp.json_text import decode
from source_acumatica.erp.network import NetworkError
from source_acumatica.erp.response import bound
from source_acumatica.erp.retries import RetryPolicy, Trouble
from source_acumatica.erp.server_clock import ServerClocks
from source_acumatica.erp.sessions import Session
from source_acumatica.erp.token_answers import read_token_answer
from source_acumatica.erp.waits import Waits
from source_acumatica.masking import hide

# Documented life of a token, for answers that do not say it.
_TOKEN_LIFE_SECONDS = 3600
# A sign-in's answer is a token.
_LARGEST_TOKEN_BYTES = 1024**2
# What may follow "Bearer" in a header.
_TOKEN = re.compile(r"[!-~]+")


class _Token(msgspec.Struct):
    """The part of the token endpoint's answer that is used."""

    access_token: str
    expires_in: int = _TOKEN_LIFE_SECONDS


_TOKEN_ANSWER = msgspec.json.Decoder(_Token)


class SignIn:
    """Signs in to any tenant of one instance, and measures the server's clock on the way."""

    def __init__(self, config: Config, retry_policy: RetryPolicy, waits: Waits, clocks: ServerClocks) -> None:
        self._config, self._retry_policy, self._waits, self._clocks = config, retry_policy, waits, clocks

    def __call__(self, tenant: str) -> Session:
        """Get a token by the resource-owner password grant (BEHAVIOR.md, "Sign-in").

        Only the scope ``api`` is asked for: one server session per token, which ends with it.

        Raises:
            RequestFailed: the sign-in was refused, or failed too often.
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
            self._waits.keep_pace(f"{where}, signing in")
            with self._waits.waiting(f"{where}, signing in"):
                outcome = self._ask_for_token(tenant, form)
            if isinstance(outcome, Session):
                return outcome
            if outcome.action is Action.STOP:
                raise RequestFailed(outcome, where)
            if trouble.failures > self._retry_policy.retries:
                raise RequestFailed(replace(outcome, sentence=f"{outcome.sentence} ({trouble.summary})"), where)
            self._waits.pause_after(outcome, self._retry_policy.pause_seconds(trouble.failures), where)

    def _ask_for_token(self, tenant: str, form: Mapping[str, str]) -> Session | Problem:
        http, url = http_session(self._config.instance_url), f"{self._config.instance_url}/identity/connect/token"
        try:
            response = http.post(
                url,
                data=form,
                timeout=(CONNECT_TIMEOUT_SECONDS, SIGN_TIMEOUT_SECONDS),
                allow_redirects=False,
                stream=True,
            )
            bound(response, SIGN_TIMEOUT_SECONDS, _LARGEST_TOKEN_BYTES)
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
        http.auth = Bearer(token.access_token)
        self._clocks.measure(tenant, response.headers.get("Date"))
        return Session(tenant, http, ends_at=time.monotonic() + token.expires_in)


def _of_sign_in(problem: Problem) -> Problem:
    """The same problem; a time-out of the sign-in does not depend on ``read_timeout_seconds``, so it says otherwise."""
    if problem.action is not Action.FEWER_ROWS or problem.status:
        return problem
    sentence = f"the instance did not answer in time: the sign-in took longer than {SIGN_TIMEOUT_SECONDS} seconds"
    return replace(problem, action=Action.RETRY, sentence=sentence)
