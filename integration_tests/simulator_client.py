"""A client of the simulator's contract-based REST API, and sites to try it on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import requests

from integration_tests.simulator import Simulator

Json = dict[str, Any]
DEFAULT = "Default/24.200.001"
MANUFACTURING = "MANUFACTURING/24.200.001"


class Client:
    """One sign-in of one tenant; calls it makes share one server session."""

    def __init__(self, sim: Simulator, tenant: str = "Company", scope: str = "api offline_access") -> None:
        self.sim, self.tenant, self.scope = sim, tenant, scope
        self.http = requests.Session()
        self.refresh_token = ""

    def token(self, **changes: str) -> requests.Response:
        account = self.sim.account(self.tenant)
        form = {
            "grant_type": "password",
            "client_id": f"{account.client_id}@{self.tenant}",
            "client_secret": account.client_secret,
            "username": account.username,
            "password": account.password,
            "scope": self.scope,
        }
        return self.http.post(f"{self.sim.url}/identity/connect/token", data=form | changes)

    def sign_in(self, **changes: str) -> Client:
        content = self.token(**changes).json()
        self.refresh_token = content.get("refresh_token", "")
        self.http.headers["Authorization"] = f"Bearer {content['access_token']}"
        return self

    def get(self, path: str = "", headers: dict[str, str] | None = None, **options: Any) -> requests.Response:
        query = {f"${name}": str(value) for name, value in options.items()}
        url = f"{self.sim.url}/entity" + (f"/{path}" if path else "")
        return self.http.get(url, params=query, headers=headers, allow_redirects=False)

    def rows(self, entity: str, endpoint: str = DEFAULT, **options: Any) -> list[Json]:
        answer = self.get(f"{endpoint}/{entity}", **options)
        assert answer.status_code == 200, answer.text
        rows: list[Json] = json.loads(answer.text, parse_float=Decimal)
        return rows

    def error(self, entity: str, endpoint: str = DEFAULT, **options: Any) -> str:
        answer = self.get(f"{endpoint}/{entity}", **options)
        assert answer.status_code == 500, answer.text
        return str(answer.json()["exceptionMessage"])

    def put(self, entity: str, body: object, expand: str = "Results") -> requests.Response:
        return self.http.put(f"{self.sim.url}/entity/{DEFAULT}/{entity}", json=body, params={"$expand": expand})

    def sign_out(self) -> int:
        return self.http.post(f"{self.sim.url}/entity/auth/logout").status_code


@pytest.fixture(name="shared", scope="module")
def a_shared_client() -> Iterator[Client]:
    """For tests that only read."""
    with Simulator() as sim:
        yield Client(sim).sign_in()


@pytest.fixture(name="sim")
def a_site() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(name="client")
def a_client(sim: Simulator) -> Client:
    return Client(sim).sign_in()


def values(rows: list[Json], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name].get("value") for name in names) for row in rows]


def unwrapped(value: Any) -> Any:
    """The truth as the API shows it, without wrappers and what only the API adds."""
    if isinstance(value, list):
        return [unwrapped(each) for each in value]
    if not isinstance(value, dict):
        return value
    if not value.keys() - {"value", "type"}:
        return value.get("value")
    dropped = ("rowNumber", "note", "_links", "id", "custom")
    return {name: unwrapped(each) for name, each in value.items() if name not in dropped}


def comparable(value: Any) -> Any:
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items() if name not in ("id", "custom")}
    return value.timestamp() if isinstance(value, datetime) else value
