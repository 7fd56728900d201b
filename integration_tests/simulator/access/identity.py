"""The sign-in service: who may have a token for which tenant, and which tokens are still good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe
from threading import RLock

from integration_tests.simulator.store.clock import Clock
from integration_tests.simulator.web.answers import Answer, as_json

SCOPES = frozenset({"api", "offline_access"})


@dataclass
class Account:
    """The connected application and the user of one tenant; in copied tenants all but the tenant may be the same."""

    tenant: str
    client_id: str
    client_secret: str
    username: str
    password: str
    bad_passwords: int = 0
    roles: set[str] = field(default_factory=lambda: {"OData4 User"})  # the tables are open to this one


@dataclass(eq=False)
class Grant:
    """What one sign-in gave. A server session belongs to it, so renewing the token keeps the session."""

    account: Account
    scope: str
    ends_at: datetime | None = None  # without `offline_access` the session ends with the token

    @property
    def tenant(self) -> str:
        return self.account.tenant


class _DeniedError(Exception):
    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.content = {"error": error} | ({"error_description": description} if description else {})


class Identity:
    def __init__(self, accounts: list[Account], clock: Clock, token_life_seconds: float) -> None:
        self.lock_after = 5
        self.token_life_seconds = token_life_seconds
        self.sign_ins: Counter[str] = Counter()
        self._accounts = {account.tenant: account for account in accounts}
        self.clock = clock
        self._tokens: dict[str, tuple[Grant, datetime]] = {}
        self._refreshes: dict[str, Grant] = {}
        self._lock = RLock()

    def token(self, form: Mapping[str, str]) -> Answer:
        with self._lock:
            self.sign_ins[tenant_of(form)] += 1
            try:
                return as_json(self._issue(self._granted(form)))
            except _DeniedError as denied:
                return as_json(denied.content, 400)

    def revoke(self, form: Mapping[str, str]) -> Answer:
        """The token dies, the session it opened does not: its seat stays taken until it expires."""
        with self._lock:
            self._tokens.pop(form.get("token", ""), None)
            self._refreshes.pop(form.get("token", ""), None)
        return Answer(200)

    def grant_of(self, token: str) -> Grant | None:
        grant, expires_at = self._tokens.get(token, (None, None))
        return grant if expires_at is not None and self.clock.now() < expires_at else None

    def drop(self, grant: Grant) -> None:
        """End every access token of a sign-in before its time."""
        with self._lock:
            self._tokens = {token: held for token, held in self._tokens.items() if held[0] is not grant}

    def unlock(self, tenant: str) -> None:
        self._accounts[tenant].bad_passwords = 0

    def _granted(self, form: Mapping[str, str]) -> Grant:
        account = self._client(form)
        match form.get("grant_type"):
            case "password":
                return self._by_password(account, form)
            case "refresh_token":
                return self._by_refresh(account, form.get("refresh_token", ""))
            case "client_credentials":
                raise _DeniedError("unauthorized_client")
        raise _DeniedError("unsupported_grant_type")

    def _client(self, form: Mapping[str, str]) -> Account:
        """The words behind the `@` choose the tenant, letter by letter."""
        account = self._accounts.get(tenant_of(form))
        client_id = form.get("client_id", "").partition("@")[0]
        if account is None or (client_id, form.get("client_secret")) != (account.client_id, account.client_secret):
            raise _DeniedError("invalid_client")
        return account

    def _by_password(self, account: Account, form: Mapping[str, str]) -> Grant:
        scope = form.get("scope", "").split()
        if "api" not in scope or not SCOPES.issuperset(scope):
            raise _DeniedError("invalid_scope")
        known = form.get("username") == account.username
        right = known and form.get("password") == account.password
        if account.bad_passwords >= self.lock_after or not right:
            account.bad_passwords += known
            raise _DeniedError("invalid_grant", "invalid_username_or_password")
        account.bad_passwords = 0
        return Grant(account, " ".join(scope))

    def _by_refresh(self, account: Account, token: str) -> Grant:
        """Each refresh token works once; the next one comes with the answer."""
        grant = self._refreshes.get(token)
        if grant is None or grant.account is not account:
            raise _DeniedError("invalid_grant")
        del self._refreshes[token]
        return grant

    def _issue(self, grant: Grant) -> dict[str, object]:
        token, expires_at = token_urlsafe(32), self.clock.now() + timedelta(seconds=self.token_life_seconds)
        self._tokens[token] = (grant, expires_at)
        content: dict[str, object] = {
            "access_token": token,
            "expires_in": int(self.token_life_seconds),
            "token_type": "Bearer",
            "scope": grant.scope,
        }
        if "offline_access" not in grant.scope:
            grant.ends_at = expires_at
            return content
        refresh = token_urlsafe(32)
        self._refreshes[refresh] = grant
        return content | {"refresh_token": refresh}


def tenant_of(form: Mapping[str, str]) -> str:
    return form.get("client_id", "").partition("@")[2]
