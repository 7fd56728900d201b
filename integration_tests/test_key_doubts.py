"""What is known of keys is doubted: rows may be hidden, lists may fail, and what the ERP says may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from source_acumatica.airbyte import key_comparison, known_keys

from .comparison import differences
from .conftest import IS_SOAK
from .simulator import Fault, FaultKind, Lies, Simulator
from .test_key_comparison import DAY_SECONDS, HOUR_SECONDS, SETTINGS, TENANT, Judge, catalog, judged, synced
from .test_tracking_gaps import PAUSE_SECONDS, RULES, TRACKED, delete_some
from .test_tracking_gaps import erp as erp


def sync_twice(erp: Simulator, destination: Judge) -> None:
    """A day apart: what the first sync is not sure of, the second one is."""
    for _ in range(2):
        synced(erp, destination)
        erp.clock.advance(DAY_SECONDS)


def hide(erp: Simulator, row: Mapping[str, Any]) -> None:
    erp.lies = (Lies(hidden=frozenset({str(row["OrderNbr"])})),)


@pytest.mark.parametrize("tracked", [(), TRACKED])
def test_a_row_that_is_hidden_while_a_gap_is_closed_comes_back(tracked: tuple[str, ...]) -> None:
    with Simulator(rows=12, tenants=(TENANT,), tracked=tracked, deletions=RULES) as erp:
        destination = judged(erp)
        synced(erp, destination)
        hide(erp, erp.tenant(TENANT).rows("SalesOrder")[3])
        erp.clock.advance(PAUSE_SECONDS)
        synced(erp, destination)
        erp.clock.advance(DAY_SECONDS)
        synced(erp, destination)
        erp.lies = ()
        for _ in range(2):
            erp.clock.advance(DAY_SECONDS)
            synced(erp, destination)
        assert differences(destination, erp, [TENANT]) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [(10, 30), (30, 10), (2, None), (None, 2)],
    ids=["kept longer from now on", "shorter", "unknown now", "unknown then"],
)
def test_a_gap_is_seen_whatever_the_erp_says_of_how_long_it_keeps_its_list(
    before: int | None, after: int | None
) -> None:
    kept = replace(RULES, retention_days=before or 10)
    with Simulator(rows=12, tenants=(TENANT,), tracked=TRACKED, deletions=kept) as erp:
        destination = judged(erp)
        synced(erp, destination)
        erp.clock.advance(HOUR_SECONDS)
        delete_some(erp)
        erp.clock.advance(PAUSE_SECONDS)
        erp.deletions = replace(RULES, retention_days=after)
        sync_twice(erp, destination)
        assert differences(destination, erp, [TENANT]) == []


@pytest.mark.parametrize("tracked", [(), TRACKED])
def test_what_was_sent_while_keys_were_not_compared_is_no_longer_believed(tracked: tuple[str, ...]) -> None:
    with Simulator(rows=12, tenants=(TENANT,), tracked=tracked, deletions=RULES) as erp:
        destination, company = judged(erp), erp.tenant(TENANT)
        synced(erp, destination)
        erp.clock.advance(HOUR_SECONDS)
        company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": "MEANWHILE"})
        synced(erp, destination, compare_keys_hours=0)
        erp.clock.advance(HOUR_SECONDS)
        synced(erp, destination)
        company.delete("SalesOrder", ("SO", "MEANWHILE"))
        erp.clock.advance(PAUSE_SECONDS)
        synced(erp, destination)
        assert differences(destination, erp, [TENANT]) == []


def test_what_is_sent_while_a_list_of_keys_fails_is_known(erp: Simulator) -> None:
    destination, company = judged(erp), erp.tenant(TENANT)
    for dac in TRACKED:
        company.untrack(dac)
    synced(erp, destination)
    erp.clock.advance(HOUR_SECONDS)
    company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": "MEANWHILE"})
    narrow = [{"stream": "SalesOrder", "filter": "OrderNbr gt '0'"}]
    erp.faults.add(Fault(FaultKind.STATUS_500, path=r"SalesOrder\?.*select=OrderType,OrderNbr&", times=10**6))
    synced(erp, destination, row_filters=narrow)
    erp.faults.clear()
    company.delete("SalesOrder", ("SO", "MEANWHILE"))
    for _ in range(2):
        erp.clock.advance(DAY_SECONDS)
        synced(erp, destination, row_filters=narrow)
    assert differences(destination, erp, [TENANT]) == []


def test_the_last_row_of_a_table_goes_that_was_empty_before(erp: Simulator) -> None:
    destination, company = judged(erp), erp.tenant(TENANT)
    for key in company.keys("SalesOrder"):
        company.delete("SalesOrder", key)
    synced(erp, destination)
    erp.clock.advance(HOUR_SECONDS)
    company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": "ONLY"})
    synced(erp, destination)
    company.delete("SalesOrder", ("SO", "ONLY"))
    erp.clock.advance(PAUSE_SECONDS)
    sync_twice(erp, destination)
    assert differences(destination, erp, [TENANT]) == []


@pytest.mark.parametrize("tracked", [(), TRACKED])
def test_a_row_goes_that_was_sent_by_a_run_that_died_before_its_state(tracked: tuple[str, ...]) -> None:
    for crash in range(4, 40, 3 if IS_SOAK else 7):
        with Simulator(rows=4, tenants=(TENANT,), tracked=tracked, deletions=RULES) as erp:
            destination, company = judged(erp), erp.tenant(TENANT)
            synced(erp, destination)
            erp.clock.advance(HOUR_SECONDS)
            company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": "SHORT"})
            destination.sync(erp.config(**SETTINGS), catalog(), crash, fails=True)
            company.delete("SalesOrder", ("SO", "SHORT"))
            erp.clock.advance(PAUSE_SECONDS)
            sync_twice(erp, destination)
            assert differences(destination, erp, [TENANT]) == [], crash


def test_a_deletion_in_a_gap_goes_however_many_rows_have_left_the_row_filter(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_comparison, "_MOST_ASKED", 3)
    opened = [{"stream": "SalesOrder", "filter": "Status eq 'Open'"}]
    destination, company = judged(erp), erp.tenant(TENANT)
    synced(erp, destination, row_filters=opened)
    erp.clock.advance(HOUR_SECONDS)
    keys = [("SO", f"NEW{number:04d}") for number in range(9)]
    for key in keys:
        company.insert("SalesOrder", {"OrderType": key[0], "OrderNbr": key[1], "Status": "Open"})
    synced(erp, destination, row_filters=opened)
    for key in keys:
        company.update("SalesOrder", key, {"Status": "Completed"})
    synced(erp, destination, row_filters=opened)
    company.delete("SalesOrder", keys[0])
    erp.clock.advance(PAUSE_SECONDS)
    for _ in range(6):
        synced(erp, destination, row_filters=opened)
        erp.clock.advance(DAY_SECONDS)
    assert "NEW0000" not in {row["OrderNbr"] for row in destination.rows("SalesOrder")}


@pytest.mark.parametrize(
    "change",
    [{"row_filters": [{"stream": "SalesOrder", "filter": "OrderNbr gt '0'"}]}, {}],
    ids=["other conditions", "much sent"],
)
def test_more_rows_come_into_view_than_are_kept_as_sent(
    change: dict[str, Any], erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_keys, "_MOST_SENT", 3)
    destination, company = judged(erp), erp.tenant(TENANT)
    for dac in TRACKED:
        company.untrack(dac)
    every_second = [str(row["OrderNbr"]) for row in company.rows("SalesOrder")][::2]
    erp.lies = (Lies(hidden=frozenset(every_second)),)
    synced(erp, destination)
    erp.lies = ()
    erp.clock.advance(HOUR_SECONDS)
    for key in company.keys("SalesOrder")[1::2][:5]:
        company.update("SalesOrder", key, {"Description": "changed"})
    for _ in range(3):
        synced(erp, destination, **change)
        erp.clock.advance(DAY_SECONDS)
    assert {str(row["OrderNbr"]) for row in destination.rows("SalesOrder")} >= set(every_second)
