"""A small ERP whose answers are rewritten before they reach the connector: for the tests of hostile servers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from source_acumatica.erp import client

from .harness import Destination, catalog_of
from .simulator import Simulator
from .simulator.web.answers import Answer
from .simulator.web.requests import Request
from .test_faults import SETTINGS

TENANT = "Company"


@pytest.fixture
def erp() -> Iterator[Simulator]:
    with Simulator(rows=8, tenants=(TENANT,), tracked=("SOOrder",)) as simulator:
        yield simulator
        assert simulator.sessions.open_count() == 0


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch, small_pages: None) -> None:
    monkeypatch.setattr(client.RetryPolicy, "of_a_read", lambda: client.RetryPolicy(retries=1, wait_seconds=0.05))


def only(path: str, change: Callable[[Answer], Answer]) -> Callable[[Request, Answer], Answer]:
    """A rewrite of the answers to one kind of request."""
    return lambda request, answer: change(answer) if re.search(path, request.target) else answer


def content(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    """A change of what an answer says in JSON."""
    return lambda answer: replace(
        answer, body=json.dumps(change(json.loads(answer.whole().body))).encode(), stream=None
    )


def read(sim: Simulator, stream: str, *rewrites: Callable[[Request, Answer], Answer], **more: Any) -> Destination:
    config = sim.config(**{**SETTINGS, **more})
    catalog = catalog_of(config, stream)
    for rewrite in rewrites:
        sim.rewrite(rewrite)
    sim.requests.clear()
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    return destination
