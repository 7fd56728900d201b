"""An ERP of either generation that tracks the deletions of its orders and their lines: for the tests of deletions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .comparison import differences
from .harness import TENANTS, Destination, catalog_of
from .simulator import Simulator

STREAMS = ("SalesOrder", "SalesOrder__Details", "Customer", "dac__SOOrder", "dac__SOLine", "dac__Customer")
SETTINGS: dict[str, Any] = {
    "dac_tables": ["SOOrder", "SOLine", "Customer", "Sub"],
    "generic_inquiries": [],
    "track_deletions": True,
}


@pytest.fixture(params=[True, False], ids=["new", "old"])
def erp(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """An ERP of either generation in which the deletions of orders and their lines are tracked."""
    with Simulator(rows=8, openapi=request.param, tracked=("SOOrder", "SOLine")) as simulator:
        yield simulator
        assert simulator.sessions.open_count() == 0


@pytest.fixture
def synced(erp: Simulator) -> tuple[Simulator, dict[str, Any], dict[str, Any], Destination]:
    """The same after a first sync, an hour later."""
    config = erp.config(**SETTINGS)
    catalog = catalog_of(config, *STREAMS)
    destination = Destination()
    destination.sync(config, catalog)
    erp.clock.advance(3600)
    return erp, config, catalog, destination


def resynced(synced: tuple[Simulator, dict[str, Any], dict[str, Any], Destination]) -> list[str]:
    erp, config, catalog, destination = synced
    erp.clock.advance(60)
    destination.sync(config, catalog)
    return differences(destination, erp, TENANTS)
