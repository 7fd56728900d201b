"""A client of the simulator's OData services, and a site to try it on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, fromstring

import pytest
import requests

from integration_tests.simulator import Simulator
from integration_tests.simulator_client import Client

Json = dict[str, Any]
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
LATE = datetime(2025, 6, 1, 12, tzinfo=UTC)


class ODataClient:
    """The OData services of one tenant, with one sign-in."""

    def __init__(self, sim: Simulator, tenant: str = "Company") -> None:
        self.sim, self.tenant = sim, tenant
        self.http = Client(sim, tenant).sign_in().http
        self.http.headers["Accept"] = "application/json"

    def root(self, service: str) -> str:
        return f"/t/{quote(self.tenant)}/api/odata/{service}"

    def get(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> requests.Response:
        query = "&".join(f"${name}={quote(str(value))}" for name, value in options.items())
        url = self.sim.url + path + (("&" if "?" in path else "?") + query if query else "")
        return self.http.get(url, headers=headers, allow_redirects=False)

    def inquiry(self, name: str, **options: Any) -> list[Json]:
        return self.rows(self.get(f"{self.root('gi')}/{quote(name)}", **options))

    def table(self, name: str, headers: dict[str, str] | None = None, **options: Any) -> list[Json]:
        return self.rows(self.get(f"{self.root('dac')}/{name}", headers, **options))

    def deletions(self, table: str, **options: Any) -> list[Json]:
        return self.table(f"{table}/px.GetDeletedRecords()", **options)

    def description(self, service: str) -> Element:
        answer = self.get(f"{self.root(service)}/$metadata")
        assert answer.headers["Content-Type"].startswith("application/xml")
        return fromstring(answer.content)

    @staticmethod
    def rows(answer: requests.Response) -> list[Json]:
        assert answer.status_code == 200, answer.text
        rows: list[Json] = json.loads(answer.text, parse_float=Decimal)["value"]
        return rows


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["message"])


def sent(row: Json, instants: tuple[str, ...] = ()) -> Json:
    """A row of an answer with its instants as the truth has them."""
    return {name: _parsed(value) if value and name in instants else value for name, value in row.items()}


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def instants_of(rows: list[Json]) -> tuple[str, ...]:
    return tuple({name for row in rows for name, value in row.items() if isinstance(value, datetime)})


@pytest.fixture(name="sim")
def a_tracking_site() -> Iterator[Simulator]:
    with Simulator(rows=30, tracked=("SOOrder", "SOLine", "Customer")) as simulator:
        yield simulator


@pytest.fixture(name="odata")
def an_odata_client(sim: Simulator) -> ODataClient:
    return ODataClient(sim)
