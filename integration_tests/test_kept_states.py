"""Tests that the state stays where it was as long as something could not be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from .comparison import differences
from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of, configured, discover
from .lying_site import COMPANY, CUSTOMERS, SETTINGS, catalog, expect_right_or_failed
from .lying_site import a_site as a_site
from .simulator import ErrorPlace, Lies, Simulator
from .simulator.odata.edm import Access
from .simulator.odata.inquiries import INQUIRY_BY_TITLE, OPEN_ORDERS
from .simulator.web.answers import message


@pytest.mark.parametrize(
    "lies",
    [
        Lies(only="Customer", forbidden=True),
        Lies(only=r"Customer[?].*skip=[1-9]", not_set_up=True),
        Lies(only="Customer", poison=frozenset({"C000003"})),
        Lies(only="Customer", error=ErrorPlace.AMONG),
        Lies(only="Customer", missing=frozenset({"MainContact"}), is_missing_alone=True),
    ],
    ids=["rights taken away", "not set up in mid-list", "poison", "error among the rows", "part missing"],
)
def test_what_could_not_be_read_comes_when_it_can_be(lies: Lies, erp: Simulator, small_pages: None) -> None:
    config, chosen = erp.config(max_page_size=3, generic_inquiries=[]), catalog(erp, "Customer", mode=INCREMENTAL)
    destination, company = Destination(), erp.tenant("Company")
    destination.sync(config, chosen)
    erp.clock.advance(86_400)
    for key in company.keys("Customer"):
        company.update("Customer", key, {"CustomerName": "changed"})
    erp.clock.advance(3600)
    erp.lies = lies
    destination.sync(config, chosen, fails=True)
    expect_right_or_failed(erp, destination)
    erp.lies = ()
    erp.clock.advance(86_400)
    destination.sync(config, chosen)
    assert differences(destination, erp, COMPANY) == []


@pytest.mark.parametrize("stream", ["Customer", "dac__Customer", "gi__BI-Customers"])
def test_where_stamps_have_gone_back_the_user_is_told_to_refresh(
    stream: str, erp: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows that are as they were before are older than those that a destination has, and would lose against them.

    Of an inquiry that is no warning, since the latest row may as well not fulfil its conditions any more.
    """
    caplog.set_level("INFO")
    company, destination = erp.tenant("Company"), Destination()
    chosen = catalog(erp, stream, mode=INCREMENTAL)
    destination.sync(erp.config(**SETTINGS), chosen)
    snapshot = company.snapshot()
    erp.clock.advance(86_400)
    company.update("Customer", company.keys("Customer")[0], {"CustomerName": "to be undone"})
    erp.clock.advance(60)
    destination.sync(erp.config(**SETTINGS), chosen)
    destination.sync(erp.config(**SETTINGS), chosen)
    assert not [each for each in destination.warnings if "snapshot" in each]
    company.restore(snapshot)
    erp.clock.advance(90_000)
    destination.sync(erp.config(**SETTINGS), chosen)
    told = [each for each in caplog.records if "snapshot" in each.getMessage() and stream in each.getMessage()]
    assert [each.levelname for each in told] == ["INFO" if stream.startswith("gi") else "WARNING"]
    caplog.clear()
    destination.sync(erp.config(**SETTINGS), chosen)
    assert "snapshot" not in caplog.text


@pytest.mark.parametrize("stream", ["gi__Open Orders 2.0", "SalesOrder", "dac__SOOrder"])
def test_a_row_that_leaves_a_condition_is_nothing_to_warn_of(
    stream: str, erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of an inquiry, which shows its keys, or a row filter: the latest order is completed."""
    columns = tuple(replace(column, access=Access.FREE) for column in OPEN_ORDERS.type.columns)
    shown = replace(OPEN_ORDERS, type=replace(OPEN_ORDERS.type, columns=columns))
    monkeypatch.setitem(INQUIRY_BY_TITLE, OPEN_ORDERS.title, shown)
    filters = {"SalesOrder": "Status eq 'Open'", "dac__SOOrder": "Status eq 'N'"}
    config = erp.config(
        generic_inquiries=["Open*"],
        dac_tables=["SOOrder"],
        row_filters=[{"stream": name, "filter": text} for name, text in filters.items()],
    )
    chosen = configured([discover(config)[stream]], INCREMENTAL)
    company, destination = erp.tenant("Company"), Destination()
    *others, order = company.keys("SalesOrder")
    for key in (order, *others[:3]):
        company.update("SalesOrder", key, {"Status": "Open"})
        erp.clock.advance(60)
        destination.sync(config, chosen)
        assert destination.records >= 1
        assert destination.warnings == []
        erp.clock.advance(3600)
        company.update("SalesOrder", key, {"Status": "Completed"})
        erp.clock.advance(60)
        destination.sync(config, chosen)
        assert (destination.records, destination.warnings) == (0, [])
        erp.clock.advance(3600)


def test_an_inquiry_that_compares_times_otherwise_than_it_shows_them_is_told(erp: Simulator) -> None:
    """The row that came last is there, and its filter does not find it by the time that it shows."""
    company, destination = erp.tenant("Company"), Destination()
    chosen = catalog(erp, "gi__BI-Customers", mode=INCREMENTAL)
    erp.lies = Lies(only="/gi/", compared_later=-timedelta(hours=5))
    warnings: list[str] = []
    for number, key in enumerate(company.keys("Customer")[:4]):
        company.update("Customer", key, {"CustomerName": f"changed {number}"})
        erp.clock.advance(60)
        destination.sync(erp.config(**SETTINGS), chosen)
        warnings += destination.warnings
        erp.clock.advance(3600)
    destination.sync(erp.config(**SETTINGS), chosen)
    assert [each for each in warnings if "compares times otherwise" in each]
    assert differences(destination, erp, COMPANY) == []


def test_what_changes_after_a_snapshot_was_restored_arrives(small_pages: None) -> None:
    """The rows that came before and are gone again, nobody can tell; but from then on nothing is missed."""
    with Simulator(rows=6, tenants=("Company",), tracked=("SOOrder",)) as sim:
        config = sim.config(max_page_size=3, track_deletions=True, dac_tables=["SOOrder"], generic_inquiries=[])
        found = discover(config)
        chosen = configured([found[name] for name in ("SalesOrder", "dac__SOOrder", "Customer")])
        destination, company = Destination(), sim.tenant("Company")
        snapshot = company.snapshot()
        sim.clock.advance(86_400)
        company.insert("Customer", {"CustomerID": "LOST"})
        destination.sync(config, chosen)
        assert differences(destination, sim, COMPANY) == []
        company.restore(snapshot)
        sim.clock.advance(60)
        for key in company.keys("Customer"):
            company.update("Customer", key, {"CustomerName": "after"})
        company.delete("SalesOrder", company.keys("SalesOrder")[0])
        sim.clock.advance(86_400)
        destination.sync(config, chosen)
        assert [
            each for each in differences(destination, sim, COMPANY) if "does not exist in the ERP" not in each
        ] == []
        assert not [each for each in differences(destination, sim, COMPANY) if "Order" in each]


@pytest.mark.parametrize(
    "base", ["http://inner:8080", "https://inner", "http://127.0.0.1:1", "http://inner/Prod", "http://inner/"]
)
def test_links_that_name_another_place_are_followed_on_this_one(base: str) -> None:
    with Simulator(rows=12, tenants=("Company",), odata_page_rows=5) as sim:
        chosen = catalog(sim, *CUSTOMERS[1:], mode=FULL_REFRESH)
        sim.lies = Lies(next_links=base)
        destination = Destination()
        destination.sync(sim.config(**SETTINGS), chosen)
        assert differences(destination, sim, COMPANY) == []


@pytest.mark.parametrize("status", [400, 422, 500, 501])
def test_an_erp_that_cannot_compare_with_nothing_is_no_reason_to_fail(status: int) -> None:
    """It is not known how each release says so; rows that have a stamp come all the same."""
    with Simulator(rows=5, tenants=("Company",)) as sim:
        config = sim.config(generic_inquiries=[])
        catalog = catalog_of(config, "Customer")
        sim.rewrite(
            lambda request, answer: message(status, "no") if "eq null" in request.query.get("$filter", "") else answer
        )
        destination, company = Destination(), sim.tenant("Company")
        for _ in range(2):
            destination.sync(config, catalog)
            assert differences(destination, sim, ["Company"]) == []
            sim.clock.advance(90_000)
            company.update("Customer", company.keys("Customer")[1], {"CustomerName": "changed"})
            sim.clock.advance(3600)


@pytest.mark.parametrize("stream", ["Customer", "dac__Customer"])
def test_a_database_that_cannot_be_reached_for_a_while_is_waited_for(stream: str) -> None:
    text = "A network-related or instance-specific error occurred while establishing a connection to SQL Server."
    with Simulator(rows=5, tenants=("Company",)) as sim:
        config = sim.config(generic_inquiries=[], dac_tables=["Customer"])
        catalog, left = catalog_of(config, stream), iter(range(6))
        sim.rewrite(
            lambda request, answer: message(500, text) if "Customer" in request.path and next(left, None) else answer
        )
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []


def test_no_stream_promises_to_resume_a_full_refresh() -> None:
    with Simulator(rows=3, tenants=("Company",)) as sim:
        assert not [name for name, stream in discover(sim.config()).items() if stream.get("is_resumable")]
