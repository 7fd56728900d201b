"""The simulator's customers through each of its APIs, by one signed-in client: for the tests of its lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from .simulator import Simulator

ROWS = 12
CONTRACT = "/entity/Default/24.200.001"
INQUIRY, TABLE = "/t/Company/api/odata/gi/BI-Customers", "/t/Company/api/odata/dac/Customer"
LINES = "/t/Company/api/odata/dac/SOLine"


@pytest.fixture
def erp() -> Iterator[Simulator]:
    with Simulator(rows=ROWS, tenants=("Company",)) as simulator:
        yield simulator


def token_form(sim: Simulator) -> dict[str, str]:
    settings = sim.config()
    form = {"grant_type": "password", "client_id": f"{settings['client_id']}@Company", "scope": "api"}
    return form | {name: settings[name] for name in ("client_secret", "username", "password")}


@pytest.fixture
def get(erp: Simulator) -> Callable[..., requests.Response]:
    token = requests.post(f"{erp.url}/identity/connect/token", token_form(erp)).json()["access_token"]
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        return lambda path, **query: session.get(erp.url + path, params=query)


Get = Callable[..., requests.Response]
