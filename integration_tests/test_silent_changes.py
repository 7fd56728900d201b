"""Changes of lines and addresses that leave the record's own stamp as it is: with linked changes on, they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_acumatica.reading import page_size

from .comparison import differences
from .conftest import EXAMPLES, messages_to_be_killed_after
from .harness import Destination, catalog_of
from .simulator import Fault, FaultKind, Lies, Simulator

TENANT = "Company"
STREAMS = ("SalesOrder", "SalesOrder__Details", "Customer", "Customer__Contacts")
SETTINGS: dict[str, Any] = {"generic_inquiries": [], "track_linked_changes": True, "max_page_size": 3}
HOUR_SECONDS = 3600


@pytest.fixture
def erp() -> Iterator[Simulator]:
    with Simulator(rows=8, tenants=(TENANT,)) as sim:
        yield sim
        assert sim.sessions.open_count() == 0


def changed_silently(erp: Simulator, place: int, content: int) -> None:
    """A line's quantity, or an order's address; the order's stamp stays."""
    company = erp.tenant(TENANT)
    orders = company.rows("SalesOrder")
    row = orders[place % len(orders)]
    key = row["OrderType"], row["OrderNbr"]
    if content % 2 or not row["Details"]:
        company.update_silently("SalesOrder", key, {"BillToAddress": {"City": f"City {content}"}})
        return
    lines = [{"LineNbr": each["LineNbr"]} for each in row["Details"]]
    lines[0]["OrderQty"] = content
    company.update_silently("SalesOrder", key, {"Details": lines})


def test_silent_changes_of_lines_and_addresses_come_with_the_next_sync(erp: Simulator) -> None:
    config = erp.config(**SETTINGS)
    catalog, destination = catalog_of(config, *STREAMS), Destination()
    destination.sync(config, catalog)
    erp.clock.advance(2 * HOUR_SECONDS)
    changed_silently(erp, 2, 4)
    changed_silently(erp, 4, 5)
    erp.clock.advance(HOUR_SECONDS)
    without = Destination(tables={name: dict(rows) for name, rows in destination.tables.items()})
    without.states = dict(destination.states)
    without.sync(config | {"track_linked_changes": False}, catalog)
    assert differences(without, erp, [TENANT]) != []
    destination.sync(config, catalog)
    assert differences(destination, erp, [TENANT]) == []
    assert destination.records < 20
    erp.clock.advance(48 * HOUR_SECONDS)
    destination.sync(config, catalog)
    erp.clock.advance(HOUR_SECONDS)
    destination.sync(config, catalog)
    assert destination.records == 0, "what has come does not come again, though no row was changed since"


def test_where_odata_is_closed_there_is_one_warning_and_nothing_else_changes(erp: Simulator) -> None:
    config = erp.config(**SETTINGS)
    catalog, destination = catalog_of(config, *STREAMS), Destination()
    erp.lies = (Lies(only="/dac/", forbidden=True),)
    destination.sync(config, catalog)
    erp.clock.advance(HOUR_SECONDS)
    erp.tenant(TENANT).update("Customer", erp.tenant(TENANT).keys("Customer")[1], {"CustomerName": "Changed"})
    erp.clock.advance(60)
    destination.sync(config, catalog)
    assert differences(destination, erp, [TENANT]) == []
    assert len([warning for warning in destination.warnings if "lines, addresses" in warning]) == 2, (
        "one for each table"
    )


@pytest.mark.parametrize("contract", ["Default", "Default/26.200.001"])
@pytest.mark.parametrize(
    "wanted",
    [
        {"row_filters": [{"stream": "SalesOrder", "filter": "OrderType eq 'SO'"}]},
        {"start_date": "2025-06-01T00:00:00Z"},
    ],
    ids=["row_filters", "start_date"],
)
def test_records_that_are_not_wanted_do_not_come_for_what_is_linked_to_them(
    wanted: dict[str, Any], contract: str
) -> None:
    with Simulator(rows=20, release="26.200", tenants=(TENANT,)) as erp:
        config = erp.config(**SETTINGS, **wanted, endpoints=[contract], compare_keys_hours=0)
        catalog, destination, company = catalog_of(config, "SalesOrder"), Destination(), erp.tenant(TENANT)
        destination.sync(config, catalog)
        before = {row["OrderNbr"] for row in destination.rows("SalesOrder")}
        assert 0 < len(before) < len(company.keys("SalesOrder"))
        erp.clock.advance(48 * HOUR_SECONDS)
        for key in company.keys("SalesOrder"):
            company.update_silently("SalesOrder", key, {"BillToAddress": {"City": "Bern"}})
        erp.clock.advance(HOUR_SECONDS)
        destination.sync(config, catalog)
        assert {row["OrderNbr"] for row in destination.rows("SalesOrder")} == before
        assert {row["BillToAddress"]["City"] for row in destination.rows("SalesOrder")} == {"Bern"}


def test_a_question_that_is_not_answered_costs_no_changed_row_and_is_asked_again(erp: Simulator) -> None:
    config = erp.config(**SETTINGS)
    catalog, destination, company = catalog_of(config, *STREAMS), Destination(), erp.tenant(TENANT)
    destination.sync(config, catalog)
    erp.clock.advance(2 * HOUR_SECONDS)
    changed_silently(erp, 2, 4)
    changed_silently(erp, 4, 5)
    company.update("Customer", company.keys("Customer")[1], {"CustomerName": "Changed"})
    erp.faults.add(Fault(FaultKind.STATUS_504, path=r"/dac/PX_Objects_\w+\?", times=10**6))
    for _ in range(3):
        erp.clock.advance(24 * HOUR_SECONDS)
        company.update("SalesOrder", company.keys("SalesOrder")[0], {"Description": "changed"})
        destination.sync(config, catalog)
        assert len([each for each in destination.warnings if "switch track_linked_changes off" in each]) == len(STREAMS)
    assert {row["CustomerName"] for row in destination.rows("Customer")} >= {"Changed"}
    erp.faults.clear()
    erp.clock.advance(HOUR_SECONDS)
    destination.sync(config, catalog)
    assert differences(destination, erp, [TENANT]) == []


@pytest.mark.timeout(1800)
def test_killed_after_each_message_silent_changes_are_not_lost(small_pages: None) -> None:
    with Simulator(rows=5, lines=2, tenants=(TENANT,)) as erp:
        config = erp.config(**SETTINGS)
        catalog, first = catalog_of(config, *STREAMS), Destination()
        first.sync(config, catalog)
        erp.clock.advance(2 * HOUR_SECONDS)
        for place in range(4):
            changed_silently(erp, place, place + 2)
        erp.clock.advance(HOUR_SECONDS)
        for stop_after in messages_to_be_killed_after():
            destination = Destination(tables={name: dict(rows) for name, rows in first.tables.items()})
            destination.states = dict(first.states)
            ended = destination.sync(config, catalog, stop_after=stop_after) < stop_after
            destination.sync(config, catalog)
            assert differences(destination, erp, [TENANT]) == [], f"killed after message {stop_after}"
            if ended:
                break
        assert erp.sessions.open_count() == 0


CHANGES = st.tuples(st.integers(0, 9), st.integers(0, 9))


@pytest.mark.timeout(3600)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rounds=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3), st.none() | st.integers(1, 40)
        ),
        min_size=1,
        max_size=3,
    ),
    contract=st.sampled_from(["Default", "Default/26.200.001"]),
)
def test_after_each_whole_sync_silent_changes_have_come(
    rounds: list[tuple[list[tuple[int, int]], int | None]], contract: str
) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        Simulator(rows=6, tenants=(TENANT,), release="26.200") as erp,
    ):
        patch.setattr(page_size, "FIRST_PAGE_ROWS", 3)
        config = erp.config(**SETTINGS, endpoints=[contract])
        catalog, destination = catalog_of(config, *STREAMS), Destination()
        destination.sync(config, catalog)
        for changes, crash in rounds:
            erp.clock.advance(2 * HOUR_SECONDS)
            for place, content in changes:
                changed_silently(erp, place, content)
            erp.clock.advance(60)
            destination.sync(config, catalog, crash, fails=crash is not None)
            if crash is None:
                assert differences(destination, erp, [TENANT]) == []
        destination.sync(config, catalog)
        assert differences(destination, erp, [TENANT]) == []
