"""Tables with columns of linked ones: what a sync brings, and what the ERP has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .harness import INCREMENTAL, Destination, configured, discover
from .simulator import Simulator
from .simulator.odata.dacs import DAC_BY_NAME

A, B = "Company", "Zweite Firma"
SETTINGS: dict[str, Any] = {"generic_inquiries": [], "dac_tables": ["SOOrder", "SOLine"], "max_page_size": 5}
CUSTOMER, CODE = "CustomerByCustomerID", "SOOrder.CustomerByCustomerID.AcctCD"
DEEP = "SOLine.SOOrderByOrderNbr.CustomerByCustomerID.AddressByDefAddressID.City"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(rows=13, lines=2) as erp:
        yield erp


def synced(sim: Simulator, *entries: str, mode: str = INCREMENTAL, **more: Any) -> Destination:
    """A first sync of the table that the first entry names, or of the one that ``stream`` says."""
    destination = Destination()
    destination.sync(*arranged(sim, *entries, mode=mode, **more))
    return destination


def arranged(sim: Simulator, *entries: str, mode: str = INCREMENTAL, **more: Any) -> tuple[Any, Any]:
    table = next(part for part in entries[0].split(".") if part in DAC_BY_NAME)
    config = sim.config(**{**SETTINGS, "dac_linked_columns": [*entries], **more})
    return config, configured([discover(config)[f"dac__{table}"]], mode)


def truth(sim: Simulator, tenant: str, dac: str, link: str, column: str) -> dict[str, Any]:
    """By NoteID: the column of the row that the link leads to; None without one. Text without its padding."""
    data = sim.tenant(tenant)
    navigation = DAC_BY_NAME[dac].navigation_by_name[link]
    others = {tuple(row[name] for name in navigation.on.values()): row for row in data.dac_rows(navigation.target)}
    found = {}
    for row in data.dac_rows(dac):
        other = others.get(tuple(row[name] for name in navigation.on))
        value = other and other[column]
        found[row["NoteID"]] = value.rstrip(" ") if isinstance(value, str) else value
    return found


def arrived(destination: Destination, stream: str, link: str, column: str, tenant: str = A) -> dict[str, Any]:
    rows = [row for row in destination.rows(stream) if row["_tenant"] == tenant]
    return {row["NoteID"]: (row.get(link) or {}).get(column) for row in rows}
