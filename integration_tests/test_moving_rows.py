"""Rows that are inserted, removed and changed while a list is being read: none that stays is missed."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_acumatica.reading import page_size

from .comparison import differences
from .conftest import EXAMPLES, IS_SOAK
from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of, configured, discover
from .simulator import Simulator
from .simulator.web.requests import Request

# The same customers, as each API shows them, and the column with the number of each.
CUSTOMERS = {"Customer": "CustomerID", "gi__BI-Customers": "CustomerID", "dac__Customer": "AcctCD"}
CUSTOMERS_ALONE: dict[str, Any] = {
    "include_custom_fields": False,
    "dac_tables": ["Customer"],
    "generic_inquiries": ["BI-Customers"],
}


@pytest.mark.parametrize("stream", CUSTOMERS)
@pytest.mark.parametrize("openapi", [True, False], ids=["new", "old"])
@pytest.mark.parametrize("page_rows", [3, 7])
@pytest.mark.parametrize("sessions", [1, 4])
@pytest.mark.parametrize("seed", range(3 if IS_SOAK else 1))
def test_no_row_that_was_there_throughout_a_full_refresh_is_missing(
    page_rows: int, seed: int, sessions: int, openapi: bool, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_size, "FIRST_PAGE_ROWS", page_rows)
    luck = random.Random(seed)
    with Simulator(rows=40, tenants=("Company",), openapi=openapi) as sim:
        company = sim.tenant("Company")
        throughout = set(company.keys("Customer"))

        def move(_request: Any) -> None:
            for _ in range(luck.randrange(3)):
                keys = company.keys("Customer")
                if luck.random() < 0.5:
                    company.insert("Customer", {"CustomerID": f"C{luck.randrange(60):06d}{luck.randrange(999)}"})
                elif luck.random() < 0.3:
                    company.update("Customer", luck.choice(keys), {"CustomerName": str(luck.random())})
                elif len(keys) > 20:
                    victim = luck.choice(keys)
                    company.delete("Customer", victim)
                    throughout.discard(victim)

        config = sim.config(max_page_size=page_rows, max_sessions=sessions, **CUSTOMERS_ALONE)
        catalog = _catalog_of_customers(openapi, stream)
        sim.before_request(move)
        destination = Destination()
        destination.sync(config, catalog)
        arrived = {(row[CUSTOMERS[stream]],) for row in destination.rows(stream)}
        assert throughout - arrived == set()


@cache
def _catalog_of_customers(openapi: bool, stream: str) -> dict[str, Any]:
    with Simulator(rows=40, tenants=("Company",), openapi=openapi) as sim:
        return catalog_of(sim.config(**CUSTOMERS_ALONE), stream, mode=FULL_REFRESH)


@pytest.mark.parametrize("stream", CUSTOMERS)
def test_rows_that_leave_the_window_of_an_incremental_sync_do_not_hide_others(stream: str, small_pages: None) -> None:
    """A row changed during the sync gets a stamp behind the window, so all rows after it shift forward."""
    with Simulator(rows=90, tenants=("Company",)) as sim:
        config = sim.config(max_page_size=5, dac_tables=["Customer"], generic_inquiries=["BI-Customers"])
        catalog = catalog_of(config, stream)
        destination = Destination()
        destination.sync(config, catalog)
        company = sim.tenant("Company")
        sim.clock.advance(3600)
        for key in company.keys("Customer"):
            company.update("Customer", key, {"CustomerName": "changed"})
        sim.clock.advance(60)
        untouched = iter(company.keys("Customer"))

        def change(request: Request) -> None:
            # Before pages, and not before the questions whether the inquiry groups, which are more.
            if " eq 'C" not in request.query.get("$filter", ""):
                company.update("Customer", next(untouched), {"CustomerName": "again"})

        sim.before_request(change)
        destination.sync(config, catalog)
        changed_twice = {row["CustomerID"] for row in company.rows("Customer") if row["CustomerName"] == "again"}
        assert 3 < len(changed_twice) < 90
        name = "AcctName" if stream == "dac__Customer" else "CustomerName"
        names = {row[CUSTOMERS[stream]]: row[name] for row in destination.rows(stream)}
        assert all(names[row] == "changed" for row in names.keys() - changed_twice)


# ---------------------------------------------------------------------------------------------- change, sync, change, …

TENANTS = ("Company", "Zweite Firma")
# What is deleted in the tests below; customers are only flagged as deleted, and need not be tracked.
TRACKED = ("SOOrder", "SOLine")
CONTRACT = ("SalesOrder", "SalesOrder__Details", "Customer", "Customer__Contacts", "Subaccount")
TABLES = ("dac__SOOrder", "dac__SOLine", "dac__Customer", "dac__Sub")
# An inquiry does not tell what has left it, so only one whose rows stay can be read by what has changed.
LASTING_INQUIRY = "gi__GL-Transactions"
INQUIRIES = ("gi__BI-Customers", "gi__Open Orders 2.0", "gi__Customers by Class")
TRACKING = {
    "track_deletions": True,
    "dac_tables": ["SO*", "Customer", "Sub"],
    "generic_inquiries": ["GL-Transactions", "BI-*", "Open Orders 2.0", "Customers by Class"],
}
Change = tuple[str, int, Any]
LINES = st.lists(st.fixed_dictionaries({"OrderQty": st.integers(1, 9)}), max_size=4)
MINUTES, NUMBERS = st.integers(0, 13), st.integers(0, 99)
CHANGES = st.one_of(
    st.tuples(st.just("insert order"), MINUTES, LINES),
    st.tuples(st.just("change lines"), MINUTES, LINES),
    st.tuples(st.just("delete order"), MINUTES, NUMBERS),
    st.tuples(st.just("replace order"), MINUTES, LINES),
    st.tuples(st.just("change customer"), MINUTES, NUMBERS),
    st.tuples(st.just("insert customer"), MINUTES, NUMBERS),
    st.tuples(st.just("delete customer"), MINUTES, NUMBERS),
    st.tuples(st.just("change batch"), MINUTES, NUMBERS),
    st.tuples(st.just("wait"), st.integers(1, 60), st.just(0)),
)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("openapi", [True, False], ids=["new", "old"])
@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rounds=st.lists(st.tuples(st.lists(CHANGES, max_size=8), st.integers(0, 150), CHANGES), min_size=1, max_size=3),
    page_rows=st.integers(2, 6),
)
def test_after_any_changes_and_syncs_the_destination_equals_the_erp(
    openapi: bool, mode: str, rounds: list[tuple[list[Change], int, Change]], page_rows: int
) -> None:
    """Changes happen between the syncs, and one of each round while the sync is under way."""
    with _simulator(openapi) as sim:
        config = sim.config(max_page_size=page_rows, **TRACKING)
        catalog = _catalog(openapi, mode)
        destination, meanwhile = Destination(), Meanwhile(sim)
        for changes, requests, change_in_the_middle in rounds:
            for number, change in enumerate(changes):
                make_change(sim, TENANTS[number % 2], *change)
            sim.clock.advance(1)
            meanwhile.expect(requests, change_in_the_middle)
            destination.sync(config, catalog)
            meanwhile.expect(0, None)
        # Nothing happens during the last one.
        sim.clock.advance(1)
        destination.sync(config, catalog)
        assert differences(destination, sim, TENANTS) == []
        assert sim.sessions.open_count() == 0


def _simulator(openapi: bool) -> Simulator:
    return Simulator(rows=6, openapi=openapi, tracked=TRACKED)


@cache
def _catalog(openapi: bool, mode: str) -> dict[str, Any]:
    """Found once, in an ERP like all those of the test before anything is changed in them."""
    with _simulator(openapi) as sim:
        found = discover(sim.config(**TRACKING))
    catalog = configured([found[name] for name in (*CONTRACT, *TABLES, LASTING_INQUIRY)], mode)
    catalog["streams"] += configured([found[name] for name in INQUIRIES], FULL_REFRESH)["streams"]
    return catalog


class Meanwhile:
    """Makes a change when so many requests of a sync have come."""

    def __init__(self, sim: Simulator) -> None:
        self._sim, self._requests = sim, 0
        self._change: Change | None = None
        sim.before_request(self._count)

    def expect(self, requests: int, change: Change | None) -> None:
        self._requests, self._change = requests, change

    def _count(self, _request: Any) -> None:
        self._requests -= 1
        if self._requests == 0 and self._change:
            make_change(self._sim, TENANTS[0], *self._change)


def make_change(sim: Simulator, tenant: str, what: str, minutes: int, content: Any) -> None:
    """One change in the ERP; ``minutes`` is how much earlier than its commit a transaction set the stamp."""
    sim.clock.advance(1)
    data = sim.tenant(tenant)
    late = sim.clock.now().timestamp() - minutes * 60
    lines = [{"LineNbr": number, **line} for number, line in enumerate(content, 1)] if isinstance(content, list) else []
    orders, customers = data.rows("SalesOrder"), data.rows("Customer")
    match what:
        case "insert order":
            number = f"{len(orders) * 7 % 100:06d}-{sim.clock.now().timestamp()}"
            data.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": number, "Details": lines}, _instant(late))
        case "change lines" if orders:
            row = orders[minutes % len(orders)]
            stamp = max(late, row["LastModified"].timestamp() + 1)
            data.update("SalesOrder", _order_key(row), {"Details": lines}, _instant(stamp))
        case "delete order" if orders:
            row = orders[content % len(orders)]
            data.delete("SalesOrder", _order_key(row), stamp=_instant(max(late, row["LastModified"].timestamp() + 1)))
        case "replace order" if orders:
            row = orders[minutes % len(orders)]
            sim.clock.advance(3)
            stamp = max(late, row["LastModified"].timestamp() + 1)
            data.update("SalesOrder", _order_key(row), {"Details": lines}, _instant(stamp))
            data.delete("SalesOrder", _order_key(row), stamp=_instant(stamp + 1))
            again = {"OrderType": row["OrderType"], "OrderNbr": row["OrderNbr"], "Details": lines[1:]}
            data.insert("SalesOrder", again, _instant(stamp + 2))
        case "change customer" if customers:
            row = customers[content % len(customers)]
            stamp = max(late, row["LastModifiedDateTime"].timestamp() + 1)
            values = {"CustomerName": f"Name {content}", "Contacts": [{"DisplayName": "x"}] * (content % 3)}
            data.update("Customer", (row["CustomerID"],), values, _instant(stamp))
        case "insert customer":
            data.insert("Customer", {"CustomerID": f"X{content}-{sim.clock.now().timestamp()}"}, _instant(late))
        case "delete customer" if customers:
            data.delete("Customer", (customers[content % len(customers)]["CustomerID"],), stamp=_instant(late))
        case "change batch":
            # One that has no stamp is changed by itself.
            batches = [each for each in data.rows("JournalTransaction") if each["LastModifiedDateTime"]]
            row = batches[content % len(batches)]
            stamp = max(late, row["LastModifiedDateTime"].timestamp() + 1)
            key = (row["Module"], row["BatchNbr"])
            data.update("JournalTransaction", key, {"PostPeriod": f"{content:06d}"}, _instant(stamp))
        case _:
            sim.clock.advance(minutes * 60)


def _order_key(row: dict[str, Any]) -> tuple[str, str]:
    return row["OrderType"], row["OrderNbr"]


def _instant(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
