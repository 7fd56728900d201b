"""A site with two tenants that does not always do what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .comparison import differences
from .harness import Destination, configured, discover
from .simulator import Simulator

COMPANY = ["Company"]
CUSTOMERS = ("Customer", "gi__BI-Customers", "dac__Customer")
SETTINGS: dict[str, Any] = {
    "generic_inquiries": ["BI-Customers", "GL-Transactions"],
    "dac_tables": ["Customer", "SOLine", "Vendor", "GLTran"],
}


@pytest.fixture(name="erp")
def a_site() -> Iterator[Simulator]:
    with Simulator(rows=12, tenants=("Company",)) as simulator:
        yield simulator
        assert simulator.sessions.open_count() == 0


def catalog(sim: Simulator, *names: str, mode: str, **settings: Any) -> dict[str, Any]:
    found = discover(sim.config(**SETTINGS | settings))
    return configured([found[name] for name in names], mode)


def expect_right_or_failed(sim: Simulator, destination: Destination) -> None:
    """Whatever has come whole has come right, each row once."""
    right = {name for name, status in destination.statuses.items() if status == "COMPLETE"}
    wrong = [each for each in differences(destination, sim, COMPANY) if each.split(": ")[0].split(", ")[1] in right]
    assert wrong == []
    assert not any(destination.exact_repeats[name] for name in right)
