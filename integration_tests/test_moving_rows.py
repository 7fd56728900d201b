"""Rows that are inserted, removed and changed while a list is being read: none that stays is missed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_acumatica import paging

from .harness import FULL_REFRESH, INCREMENTAL, Destination, configured, differences, discover
from .simulator import Simulator
from .test_sync import catalog_of


@pytest.mark.parametrize("page_rows", [3, 4, 7])
@pytest.mark.parametrize("seed", range(6))
def test_no_row_that_was_there_throughout_a_full_refresh_is_missing(
    page_rows: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "FIRST_PAGE_ROWS", page_rows)
    luck = random.Random(seed)
    with Simulator(rows=40, tenants=("Company",)) as sim:
        company = sim.tenant("Company")
        throughout = set(company.keys("Customer"))

        def move(_request: Any) -> None:
            for _ in range(luck.randrange(3)):
                keys = company.keys("Customer")
                if luck.random() < 0.5:
                    company.insert(
                        "Customer", {"CustomerID": f"C{luck.randrange(60):06d}{luck.choice('XYZ')}{luck.random()}"}
                    )
                elif len(keys) > 20:
                    victim = luck.choice(keys)
                    company.delete("Customer", victim)
                    throughout.discard(victim)

        config = sim.config(max_page_size=page_rows, include_custom_fields=False)
        catalog = catalog_of(config, "Customer", mode=FULL_REFRESH)
        sim.before_request(move)
        destination = Destination()
        destination.sync(config, catalog)
        arrived = {(row["CustomerID"],) for row in destination.rows("Customer")}
        assert throughout - arrived == set()


def test_rows_that_leave_the_window_of_an_incremental_sync_do_not_hide_others(small_pages: None) -> None:
    """A row changed during the sync gets a stamp behind the window, so all rows after it shift forward."""
    with Simulator(rows=30, tenants=("Company",)) as sim:
        config = sim.config(max_page_size=3)
        catalog = catalog_of(config, "Customer")
        destination = Destination()
        destination.sync(config, catalog)
        company = sim.tenant("Company")
        sim.clock.advance(3600)
        for key in company.keys("Customer"):
            company.update("Customer", key, {"CustomerName": "changed"})
        sim.clock.advance(60)
        untouched = iter(company.keys("Customer"))
        sim.before_request(lambda _request: company.update("Customer", next(untouched), {"CustomerName": "again"}))
        destination.sync(config, catalog)
        changed_twice = {row["CustomerID"] for row in company.rows("Customer") if row["CustomerName"] == "again"}
        assert 3 < len(changed_twice) < 30
        names = {row["CustomerID"]: row["CustomerName"] for row in destination.rows("Customer")}
        assert all(names[row] == "changed" for row in names.keys() - changed_twice)


# ---------------------------------------------------------------------------------------------- change, sync, change, …

STREAMS = ("SalesOrder", "SalesOrder__Details", "SalesOrder__Shipments", "Customer", "Customer__Contacts", "Subaccount")
LINES = st.lists(st.fixed_dictionaries({"OrderQty": st.integers(1, 9)}), max_size=4)
CHANGES = st.one_of(
    st.tuples(st.just("insert order"), st.integers(0, 13), LINES),
    st.tuples(st.just("change lines"), st.integers(0, 13), LINES),
    st.tuples(st.just("change customer"), st.integers(0, 13), st.integers(0, 99)),
    st.tuples(st.just("insert customer"), st.integers(0, 13), st.integers(0, 99)),
    st.tuples(st.just("wait"), st.integers(1, 60), st.just(0)),
)


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(st.lists(CHANGES, max_size=8), min_size=2, max_size=4), page_rows=st.integers(2, 6))
def test_after_any_changes_and_syncs_the_destination_equals_the_erp(
    mode: str, rounds: list[list[tuple[str, int, Any]]], page_rows: int
) -> None:
    with Simulator(rows=6) as sim:
        config = sim.config(max_page_size=page_rows)
        found = discover(config)
        catalog = configured([found[name] for name in STREAMS], mode)
        destination = Destination()
        for changes in rounds:
            for number, change in enumerate(changes):
                _make(sim, ("Company", "Zweite Firma")[number % 2], *change)
            sim.clock.advance(1)
            destination.sync(config, catalog)
            assert differences(destination, sim, ("Company", "Zweite Firma")) == []
        assert sim.sessions.open_count() == 0


def _make(sim: Simulator, tenant: str, what: str, minutes: int, content: Any) -> None:
    """One change in the ERP; ``minutes`` is how much earlier than its commit a transaction set the stamp."""
    sim.clock.advance(1)
    data = sim.tenant(tenant)
    late = sim.clock.now().timestamp() - minutes * 60
    numbered = (
        [{"LineNbr": number, **line} for number, line in enumerate(content, 1)] if isinstance(content, list) else []
    )
    match what:
        case "insert order":
            number = f"{len(data.keys('SalesOrder')) * 7 % 100:06d}-{sim.clock.now().timestamp()}"
            data.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": number, "Details": numbered}, _instant(late))
        case "change lines":
            row = data.rows("SalesOrder")[minutes % len(data.rows("SalesOrder"))]
            stamp = max(late, row["LastModified"].timestamp() + 1)
            data.update("SalesOrder", (row["OrderType"], row["OrderNbr"]), {"Details": numbered}, _instant(stamp))
        case "change customer":
            row = data.rows("Customer")[content % len(data.rows("Customer"))]
            stamp = max(late, row["LastModifiedDateTime"].timestamp() + 1)
            values = {"CustomerName": f"Name {content}", "Contacts": [{"DisplayName": "x"}] * (content % 3)}
            data.update("Customer", (row["CustomerID"],), values, _instant(stamp))
        case "insert customer":
            data.insert("Customer", {"CustomerID": f"X{content}-{sim.clock.now().timestamp()}"}, _instant(late))
        case _:
            sim.clock.advance(minutes * 60)


def _instant(timestamp: float) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(timestamp, UTC)
