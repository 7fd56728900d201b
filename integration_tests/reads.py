"""Reads of some tables into a destination that looks at what records say they lack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from .harness import INCREMENTAL, Destination, Message, catalog_of
from .simulator import Simulator
from .simulator.web.answers import Answer
from .simulator.web.requests import Request

COMPANY = ["Company"]
Rows = list[dict[str, Any]]


@pytest.fixture
def site() -> Iterator[Simulator]:
    """More orders than a page has samples."""
    with Simulator(rows=40, tenants=("Company",)) as running:
        yield running


class Metas(Destination):
    """Also remembers what the records say of themselves."""

    changes: list[Any]

    def begin(self, catalog: Any) -> None:
        self.changes = []
        super().begin(catalog)

    def take(self, message: Message) -> None:
        if message["type"] == "RECORD":
            changes = message["record"].get("meta", {}).get("changes", [])
            self.changes.append([change["field"] for change in changes])
            assert {(change["change"], change["reason"]) for change in changes} <= {
                ("NULLED", "SOURCE_RETRIEVAL_ERROR"),
                ("TRUNCATED", "SOURCE_FIELD_SIZE_LIMITATION"),
            }
        super().take(message)


def read(
    sim: Simulator, *streams: str, destination: Destination | None = None, mode: str = INCREMENTAL, **settings: Any
) -> Any:
    """A sync of these streams, which may fail."""
    config = sim.config("Company", **settings)
    destination = destination or Metas()
    destination.sync(config, catalog_of(config, *streams, mode=mode), fails=True)
    return destination


def lists(entity: str, change: Callable[[Rows], Rows]) -> Callable[[Request, Answer], Answer]:
    """What the ERP would list goes through ``change``; its records by themselves are as they are."""

    def rewrite(request: Request, answer: Answer) -> Answer:
        if not request.path.endswith(f"/{entity}") or answer.status != 200 or request.method != "GET":
            return answer
        rows = json.loads(answer.body, parse_float=str)
        return replace(answer, body=json.dumps(change(rows)).encode())

    return rewrite


def each(change: Callable[[dict[str, Any]], Any]) -> Callable[[Rows], Rows]:
    def changed(rows: Rows) -> Rows:
        for row in rows:
            change(row)
        return rows

    return changed


def cursor_in_state(destination: Destination, stream: str) -> Any:
    return [part["cursor"] for part in destination.states[stream]["stream"]["stream_state"].get("states", [])]
