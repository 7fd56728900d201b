"""The OData doors: inquiries and tables of all tenants, in both generations, through the connector's commands."""

from __future__ import annotations

from typing import Any

import pytest

from .harness import FULL_REFRESH, INCREMENTAL, Destination, configured, differences, discover
from .simulator import Simulator
from .test_sync import TENANTS

GENERATIONS = [pytest.param(True, id="new"), pytest.param(False, id="old")]
OPEN = {"generic_inquiries": ["*"], "dac_tables": ["*"], "endpoints": []}


def feeds_of(config: dict[str, Any], mode: str = INCREMENTAL) -> dict[str, Any]:
    """A catalog of all that can be read through OData."""
    unreadable = {"gi__PR-Salaries", "gi__Orders by Customer", "dac__Users"}
    found = discover(config)
    names = [name for name in found if name.startswith(("gi__", "dac__")) and name not in unreadable]
    assert len(names) > 15
    return configured([found[name] for name in names], mode)


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("openapi", GENERATIONS)
def test_every_inquiry_and_table_equals_the_erp(openapi: bool, mode: str, small_pages: None) -> None:
    with Simulator(rows=12, openapi=openapi) as sim:
        config = sim.config(**OPEN, max_page_size=5)
        catalog = feeds_of(config, mode)
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, TENANTS) == []
        assert set(destination.statuses.values()) == {"COMPLETE"}
