"""Settings that widen what is read, on a connection that runs: what they add arrives, and the log says why."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from .comparison import differences
from .harness import Destination, Key, Row, catalog_of
from .simulator import Fault, FaultKind, Lies, Simulator
from .simulator.odata.inquiries import INQUIRY_BY_TITLE, OPEN_ORDERS
from .simulator.web.answers import Answer, as_json, html
from .simulator.web.requests import Request

ONE = ("Company",)


def custom_of(rows: dict[Key, Row]) -> dict[Key, Any]:
    """By key; linked records have other ids in each answer."""
    return {key: row["custom"] for key, row in rows.items()}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"include_archived": True}, "archived records are included now"),
        ({"start_date": "2024-06-01T00:00:00Z"}, {"start_date": "2020-01-01T00:00:00Z"}, "start date is earlier"),
        ({"start_date": "2024-06-01T00:00:00Z"}, {}, "there is no start date any more"),
        ({"include_custom_fields": False}, {}, "custom fields are included now"),
        ({"row_filters": [{"stream": "SalesOrder*", "filter": "OrderType eq 'QT'"}]}, {}, "no row filter applies"),
    ],
    ids=["archived", "earlier", "no start", "custom", "filter"],
)
@pytest.mark.parametrize("stream", ["SalesOrder", "SalesOrder__Details"])
def test_what_is_asked_for_more_arrives(before: dict[str, Any], after: dict[str, Any], said: str, stream: str) -> None:
    with Simulator(rows=30, tenants=ONE) as sim:
        base = {"generic_inquiries": []}
        config = sim.config(**base, **before)
        destination = Destination()
        destination.sync(config, catalog_of(config, stream))
        config = sim.config(**base, **after)
        catalog = catalog_of(config, stream)
        sim.clock.advance(3600)
        destination.sync(config, catalog)
        assert [one for one in destination.warnings if said in one and "Tenant 'Company', stream" in one]
        fresh = Destination()
        fresh.sync(config, catalog)
        assert custom_of(destination.tables[stream]) == custom_of(fresh.tables[stream])
        sim.clock.advance(3600)
        destination.sync(config, catalog)
        assert not [one for one in destination.warnings if "read again in full" in one]
        assert destination.records < fresh.records / 2


def test_another_instance_under_the_same_tenant_name_fails_until_the_streams_are_cleared() -> None:
    """Rows of a sandbox would stay among those of production, and win where they were changed later."""
    streams = ("Customer", "dac__SOOrder", "gi__BI-Customers")
    destination = Destination()
    with Simulator(rows=12, tenants=ONE) as old, Simulator(rows=20, tenants=ONE, seed=7) as new:
        config = old.config(dac_tables=["SOOrder"])
        destination.sync(config, catalog_of(config, *streams))
        kept = copy.deepcopy(destination.states)
        other = new.config(dac_tables=["SOOrder"])
        catalog = catalog_of(other, *streams)
        destination.sync(other, catalog, fails=True)
        told = [one for one in destination.errors if "of another instance" in one["message"]]
        assert len(told) == len(streams)
        assert {one["failure_type"] for one in told} == {"config_error"}
        assert destination.records == 0
        assert destination.states == kept
        destination.sync(config, catalog)
        assert (destination.errors, destination.warnings) == ([], [])
        cleared = Destination()
        cleared.sync(other, catalog)
        assert differences(cleared, new, [*ONE]) == []


def test_an_upgrade_to_another_version_of_odata_asks_for_a_refresh_and_moves_no_state() -> None:
    """Times in the user's zone and times in UTC, in one table: what looks later wins, and may be the earlier one."""
    stream, is_old = "gi__BI-Customers", [True]
    with Simulator(rows=12, tenants=ONE, legacy_inquiries=3) as sim:

        def at_the_old_address_only(request: Request, answer: Answer) -> Answer:
            return html(404, "File not found") if is_old and "/api/odata/gi/" in request.path else answer

        sim.rewrite(at_the_old_address_only)
        config = sim.config(generic_inquiries=["BI-Customers"])
        destination = Destination()
        destination.sync(config, catalog_of(config, stream))
        kept = copy.deepcopy(destination.states)
        is_old.clear()
        sim.clock.advance(3600)
        destination.sync(config, catalog_of(config, stream), fails=True)
        (error,) = destination.errors
        assert "read through OData 3, and the instance answers in OData 4 now" in error["message"]
        assert error["failure_type"] == "config_error"
        assert destination.states == kept
        cleared = Destination()
        cleared.sync(config, catalog_of(config, stream))
        assert differences(cleared, sim, [*ONE]) == []


def test_what_another_user_may_see_arrives() -> None:
    streams = ("Customer", "dac__Customer", "gi__BI-Customers")
    with Simulator(rows=12, tenants=ONE) as sim:
        sim.lies = Lies(hidden=frozenset({"C000002", "C000005"}))
        config = sim.config(dac_tables=["Customer"])
        destination = Destination()
        destination.sync(config, catalog_of(config, *streams))
        sim.lies = ()
        sim.account("Company").username = "auditor"
        sim.clock.advance(3600)
        config = sim.config(dac_tables=["Customer"])
        destination.sync(config, catalog_of(config, *streams))
        told = [one for one in destination.warnings if "another user reads now" in one]
        assert len(told) == len(streams)
        assert differences(destination, sim, [*ONE]) == []


def test_an_inquiry_that_was_changed_in_the_erp_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With other conditions it shows rows of any age. What nobody can tell in between is no change."""
    stream, title = "gi__Open Orders 2.0", OPEN_ORDERS.title
    with Simulator(rows=30, tenants=ONE) as sim:
        changed_at = ["2026-01-01T00:00:00+01:00"]

        def with_designs(request: Request, answer: Answer) -> Answer:
            if not changed_at or "/dac/GIDesign" not in request.path:
                return answer
            return as_json({"value": [{"Name": title, "LastModifiedDateTime": changed_at[0]}, {"Name": None}]})

        sim.rewrite(with_designs)
        config = sim.config(generic_inquiries=["Open*"], endpoints=["Fabrikam"])
        catalog, destination = catalog_of(config, stream), Destination()
        destination.sync(config, catalog)
        begun = destination.records
        for told in (["2025-12-31T23:00:00Z"], [], ["2026-01-01T00:00:00+01:00"]):
            changed_at[:] = told
            sim.clock.advance(2 * 86_400)
            destination.sync(config, catalog)
            assert (destination.records, destination.warnings) == (0, [])
        changed = replace(OPEN_ORDERS, where=lambda _row: True)
        monkeypatch.setitem(INQUIRY_BY_TITLE, title, changed)  # type: ignore[misc]
        changed_at[:] = ["2026-02-01T00:00:00Z"]
        destination.sync(config, catalog)
        (warning,) = destination.warnings
        assert "the inquiry was changed in the ERP" in warning
        assert destination.records > begun
        assert differences(destination, sim, [*ONE]) == []
        sim.clock.advance(2 * 86_400)
        destination.sync(config, catalog)
        assert (destination.records, destination.warnings) == (0, [])


def test_an_instance_that_cannot_be_signed_in_to_leaves_the_state_as_it_is() -> None:
    destination = Destination()
    with Simulator(rows=12, tenants=ONE) as sim:
        config = sim.config()
        catalog = catalog_of(config, "Customer")
        destination.sync(config, catalog)
        kept = destination.states["Customer"]["stream"]
        with Simulator(rows=3, tenants=ONE) as other:
            wrong = other.config(password="nonsense")
            destination.sync(wrong, catalog, fails=True)
        assert destination.states["Customer"]["stream"] == kept
        sim.clock.advance(3600)
        destination.sync(config, catalog)
        assert destination.warnings == []
        assert destination.records < 12


def test_reading_again_is_gone_on_with_where_it_was_cut_off(small_pages: None) -> None:
    with Simulator(rows=40, tenants=ONE) as sim:
        config = sim.config(generic_inquiries=[], max_page_size=5, include_custom_fields=False)
        destination = Destination()
        destination.sync(config, catalog_of(config, "SalesOrder"))
        config = {**config, "include_archived": True}
        catalog = catalog_of(config, "SalesOrder")
        sim.clock.advance(3600)
        sim.faults.add(Fault(FaultKind.STATUS_503, path="/SalesOrder\\?", after=4, times=1000))
        destination.sync(config, catalog, fails=True)
        sim.faults.clear()
        begun = destination.records
        destination.sync(config, catalog)
        assert 0 < begun < 40
        assert destination.records < 40
        fresh = Destination()
        fresh.sync(config, catalog)
        assert destination.tables["SalesOrder"].keys() == fresh.tables["SalesOrder"].keys()
