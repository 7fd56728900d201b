"""A client that asks a simulated site through the contract-based REST API, in whichever contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import requests

from .simulator import Simulator

Get = Callable[..., requests.Response]
Json = dict[str, Any]
FOUR, FIVE, EXTRACT = "/entity/Default/25.200.001", "/entity/Default/26.200.001", "/entity/Extract/1.0"


@contextmanager
def site(release: str = "26.200", rows: int = 30, **settings: Any) -> Iterator[tuple[Simulator, Get]]:
    """A site with one tenant, and a way to ask it; `options` are query options without their `$`."""
    with Simulator(("Company",), rows=rows, release=release, **settings) as erp, requests.Session() as session:
        config = erp.config()
        form = {"grant_type": "password", "client_id": f"{config['client_id']}@Company", "scope": "api"}
        form |= {name: config[name] for name in ("client_secret", "username", "password")}
        token = requests.post(f"{erp.url}/identity/connect/token", form).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"

        def send(path: str, method: str = "GET", body: object = None, **options: Any) -> requests.Response:
            headers = options.pop("headers", None)
            query = {f"${name}": str(value) for name, value in options.items()}
            return session.request(method, erp.url + path, params=query, json=body, headers=headers)

        yield erp, send


def rows_of(get: Get, entity: str, endpoint: str = FIVE, **options: Any) -> list[Json]:
    """The rows of a list, with all the digits of their numbers."""
    answer = get(f"{endpoint}/{entity}", **options)
    assert answer.status_code == 200, answer.text
    rows: list[Json] = json.loads(answer.text, parse_float=Decimal)
    return rows


def truth(sim: Simulator, entity: str) -> list[Json]:
    """What contract 5 has to show."""
    return sim.tenant("Company").rows(entity, contract=5)


def with_instants(value: Any) -> Any:
    """An answer with its times as numbers, which compare whatever their zones."""
    if isinstance(value, list):
        return [with_instants(each) for each in value]
    if isinstance(value, dict):
        return {name: with_instants(each) for name, each in value.items()}
    if isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T":
        return datetime.fromisoformat(value).timestamp()
    return value
