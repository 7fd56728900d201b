"""Two tenants that differ, for the tests of what each is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from source_acumatica.erp import client

from .harness import Destination
from .simulator import Simulator

A, B = "Company", "Zweite Firma"
PLAIN = {"generic_inquiries": [], "include_custom_fields": False}


@pytest.fixture(name="erp")
def two_tenants(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setattr(client.RetryPolicy, "pause_seconds", lambda _self, _tries: 0.0)
    for name in ("of_a_check", "of_a_read"):
        monkeypatch.setattr(client.RetryPolicy, name, lambda: client.RetryPolicy(retries=1, wait_seconds=0.05))
    with Simulator(rows=8) as simulator:
        yield simulator


def tenants_of(destination: Destination, stream: str) -> Counter[str]:
    return Counter(row["_tenant"] for row in destination.rows(stream))


def part_of(destination: Destination, stream: str, tenant: str) -> Any:
    """A tenant's part of a stream's state."""
    parts = destination.states[stream]["stream"]["stream_state"]["states"]
    return next(part for part in parts if part["partition"]["tenant"] == tenant)
