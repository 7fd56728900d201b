"""Tests that changes are found by the right column, whatever it is called and however it shows its times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest

from .comparison import differences
from .harness import FULL_REFRESH, INCREMENTAL, Destination, catalog_of, discover
from .simulator import Simulator
from .simulator.odata.edm import Column, Edm
from .simulator.odata.inquiries import CUSTOMERS, INQUIRY_BY_TITLE, GenericInquiry
from .simulator.odata.rows import of
from .simulator.trouble.lies import Lies
from .simulator.web.answers import as_json, failure
from .stamped_inquiries import A
from .stamped_inquiries import an_erp as an_erp


def _moment(name: str, field: str = "LastModifiedDateTime") -> Column:
    return Column(name, Edm.DATE_TIME, of(field))


def _with_stamps(*columns: Column) -> GenericInquiry:
    plain = [each for each in CUSTOMERS.type.columns if each.type is not Edm.DATE_TIME]
    return replace(CUSTOMERS, type=replace(CUSTOMERS.type, columns=(*plain, *columns)))


def _choose(catalog: dict[str, Any], column: str) -> dict[str, Any]:
    catalog["streams"][0]["cursor_field"] = [column]
    return catalog


@pytest.mark.parametrize(
    ("names", "default"),
    [
        (["LastModifiedOn"], "LastModifiedOn"),
        (["LastModifiedOn", "CreatedOn"], "LastModifiedOn"),
        (["LastModifiedOn", "LastModifiedOn_2"], None),
        (["LastMoidified"], None),
    ],
)
def test_the_cursor_is_the_users_choice_unless_one_column_only_is_called_like_a_stamp(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch, names: Sequence[str], default: str | None
) -> None:
    monkeypatch.setitem(INQUIRY_BY_TITLE, "BI-Customers", _with_stamps(*map(_moment, names)))  # type: ignore[misc]
    stream = discover(erp.config(endpoints=["Fabrikam"]))["gi__BI-Customers"]
    assert stream["supported_sync_modes"] == [FULL_REFRESH, INCREMENTAL]
    assert stream["source_defined_cursor"] is False
    assert stream.get("default_cursor_field", []) == ([default] if default else [])
    table = discover(erp.config(endpoints=["Fabrikam"], dac_tables=["SOOrder"]))["dac__SOOrder"]
    assert table["source_defined_cursor"] is True


@pytest.mark.parametrize("chosen", ["LastModifiedOn_2", "LastMoidified"])
def test_the_chosen_column_is_what_changes_are_found_by(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    stamps = [_moment("LastModifiedOn", "CreatedDateTime"), _moment(chosen)]
    monkeypatch.setitem(INQUIRY_BY_TITLE, "BI-Customers", _with_stamps(*stamps))  # type: ignore[misc]
    config = erp.config(generic_inquiries=["BI-*"])
    catalog = _choose(catalog_of(config, "gi__BI-Customers"), chosen)
    destination = Destination()
    destination.sync(config, catalog)
    erp.clock.advance(86_400)
    company = erp.tenant(A)
    company.update("Customer", company.keys("Customer")[2], {"CustomerName": "changed"})
    erp.clock.advance(60)
    destination.sync(config, catalog)
    assert destination.records == 1
    assert "changed" in {row["CustomerName"] for row in destination.rows("gi__BI-Customers")}
    _choose(catalog, "LastModifiedOn")
    destination.sync(config, catalog)
    assert destination.records == 8, "what another column did not show is read again"
    assert any("it is read again in full" in warning for warning in destination.warnings)


@pytest.mark.parametrize(("chosen", "tells"), [("LastModifiedOn", True), ("PromisedOn", False)])
def test_only_what_is_called_a_stamp_tells_how_far_the_clocks_differ(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch, chosen: str, tells: bool
) -> None:
    stamps = [_moment("LastModifiedOn"), _moment("PromisedOn")]
    monkeypatch.setitem(INQUIRY_BY_TITLE, "BI-Customers", _with_stamps(*stamps))  # type: ignore[misc]
    config = erp.config(generic_inquiries=["BI-*"])
    destination = Destination()
    destination.sync(config, _choose(catalog_of(config, "gi__BI-Customers"), chosen))
    (part,) = destination.states["gi__BI-Customers"]["stream"]["stream_state"]["states"]
    assert ("lag_at" in part) is tells
    assert part["newest"]


@pytest.mark.parametrize("column", ["CustomerName", "Gone"])
def test_a_cursor_that_cannot_be_one_fails_the_stream_with_the_choice_there_is(erp: Simulator, column: str) -> None:
    config = erp.config(generic_inquiries=["BI-*"])
    destination = Destination()
    destination.sync(config, _choose(catalog_of(config, "gi__BI-Customers"), column), fails=True)
    (error,) = destination.errors
    assert f"gi__BI-Customers: {column} was chosen for the cursor" in error["message"]
    assert "Choose among CreatedOn, LastModifiedOn" in error["message"]


def test_rows_without_a_key_are_read_in_full_only(erp: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the look-back, the same rows come again in each sync, and nothing would tell that they are the same."""
    keyless = replace(CUSTOMERS, type=replace(CUSTOMERS.type, keys=()))
    monkeypatch.setitem(INQUIRY_BY_TITLE, "BI-Customers", keyless)  # type: ignore[misc]
    stream = discover(erp.config(endpoints=["Fabrikam"]))["gi__BI-Customers"]
    assert stream["supported_sync_modes"] == [FULL_REFRESH]


@pytest.mark.parametrize("is_new_build", [True, False], ids=["openapi", "swagger"])
@pytest.mark.parametrize("start_date", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_start_date_may_lie_at_the_beginning_of_time(is_new_build: bool, start_date: str) -> None:
    with Simulator(rows=8, tenants=(A,), openapi=is_new_build) as sim:
        config = sim.config(generic_inquiries=["BI-*"], dac_tables=["Customer"], start_date=start_date)
        streams = ("Customer", "gi__BI-Customers", "dac__Customer")
        for mode in (FULL_REFRESH, INCREMENTAL):
            destination = Destination()
            destination.sync(config, catalog_of(config, *streams, mode=mode))
            assert destination.records == len(streams) * 8


def test_a_stamp_at_the_beginning_of_time_in_a_state_is_gone_on_from(erp: Simulator) -> None:
    config = erp.config(generic_inquiries=["BI-*"])
    catalog, destination = catalog_of(config, "gi__BI-Customers"), Destination()
    destination.sync(config, catalog)
    (part,) = destination.states["gi__BI-Customers"]["stream"]["stream_state"]["states"]
    part["newest"] = "0001-01-01T00:00:00Z"
    erp.clock.advance(5 * 86_400)
    destination.sync(config, catalog)
    assert differences(destination, erp, [A]) == []


# ------------------------------------------------------------------------------------------------ keys of the rows


@pytest.mark.parametrize("fault", ["null", "twice"])
@pytest.mark.parametrize("place", [2, 1_400])
def test_a_key_is_none_where_a_part_is_empty_or_it_repeats_wherever_that_is(
    monkeypatch: pytest.MonkeyPatch, fault: str, place: int
) -> None:
    with Simulator(rows=1_500, tenants=(A,), lines=1) as sim:
        before, bad = sorted(key[0] for key in sim.tenant(A).keys("Customer"))[place - 1 : place + 1]
        wrong = None if fault == "null" else before
        read = of("CustomerID")
        key = Column("Key", Edm.STRING, lambda row: wrong if read(row) == bad else read(row))
        columns = (*CUSTOMERS.type.columns, key)
        monkeypatch.setitem(  # type: ignore[misc]
            INQUIRY_BY_TITLE,
            "BI-Customers",
            replace(CUSTOMERS, type=replace(CUSTOMERS.type, keys=("Key",), columns=columns)),
        )
        stream = discover(sim.config(endpoints=["Fabrikam"], generic_inquiries=["BI-*"]))["gi__BI-Customers"]
        assert "source_defined_primary_key" not in stream


# ------------------------------------------------------------------------------------------- what only looks complete


def test_inquiries_that_are_cut_or_stored_are_told_where_their_designs_can_be_read(
    erp: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    designs = [
        {"Name": "BI-Customers", "SelectTop": 100, "UseDataWarehouse": True},
        {"Name": "IN-StockItems", "SelectTop": 0, "UseDataWarehouse": False},
        {"Name": "Not exposed", "SelectTop": 1, "UseDataWarehouse": True},
    ]
    config = erp.config(endpoints=["Fabrikam"])
    discover(config)
    assert not [line for line in caplog.messages if "SM208000" in line]
    erp.rewrite(lambda request, answer: as_json({"value": designs}) if "/dac/GIDesign" in request.path else answer)
    for command in (
        lambda: discover(config),
        lambda: Destination().sync(config, catalog_of(config, "gi__BI-Customers")),
    ):
        caplog.clear()
        command()
        told = [line for line in caplog.messages if "SM208000" in line]
        assert ["gi__BI-Customers" in line for line in told][:2] == [True, True]
        assert "cut to 100 rows" in told[0]
        assert "as old as its last update" in told[1]


@pytest.mark.parametrize("hours", [-12, -5, 0, 10, 14])
def test_no_change_is_missed_whatever_zone_the_old_service_writes_its_times_in(
    hours: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Version 3 writes no zone, and may mean that of the user's profile: the simulator's clock is moved by it here."""
    shift = timedelta(hours=hours)
    with Simulator(rows=8, tenants=(A,), openapi=False) as sim:
        config = sim.config(generic_inquiries=["BI-*"])
        catalog = catalog_of(config, "gi__BI-Customers")
        destination = Destination()
        destination.sync(config, catalog)
        company = sim.tenant(A)
        for number in range(3):
            sim.clock.advance(86_400)
            key = company.keys("Customer")[number]
            company.update("Customer", key, {"CustomerName": f"changed {number}"}, stamp=sim.clock.now() + shift)
            sim.clock.advance(60)
            destination.sync(config, catalog)
            assert f"changed {number}" in {row["CustomerName"] for row in destination.rows("gi__BI-Customers")}
        assert any("in which zone its times are" in line for line in caplog.messages)


def _day_in(zone: tzinfo, *with_a_time: str) -> Any:
    """The date of a zone alone, as the instant at which it begins; of some customers also the time."""

    def shown(row: Any, stamp: Any) -> Any:
        if not stamp or row.record.value("CustomerID") in with_a_time:
            return stamp
        return stamp.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)

    return shown


@pytest.mark.parametrize("hours", [0.0, 9.5, 5.75, -3.5])
def test_no_change_is_missed_where_the_inquiry_shows_the_day_alone(erp: Simulator, hours: float) -> None:
    zone = timezone(timedelta(hours=hours))
    now = erp.clock.now().astimezone(zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    erp.clock.advance((timedelta(days=1, minutes=2) - (now - midnight)).total_seconds())
    erp.lies = Lies(shown={"BI-Customers.LastModifiedOn": _day_in(zone)})
    config = erp.config(A, generic_inquiries=["BI-Customers"])
    catalog = catalog_of(config, "gi__BI-Customers")
    destination, company = Destination(), erp.tenant(A)
    for key in company.keys("Customer"):
        company.update("Customer", key, {"CustomerName": f"changed at {erp.clock.now()}"})
        erp.clock.advance(60)
        destination.sync(config, catalog)
        assert differences(destination, erp, [A]) == []
        erp.clock.advance(3600)


def test_no_change_is_missed_where_some_rows_show_the_day_alone(erp: Simulator) -> None:
    """The latest stamp has a time, and says nothing of the others."""
    company, destination = erp.tenant(A), Destination()
    *others, timed = company.keys("Customer")
    erp.lies = Lies(shown={"BI-Customers.LastModifiedOn": _day_in(UTC, *timed)})
    config = erp.config(A, generic_inquiries=["BI-Customers"])
    catalog = catalog_of(config, "gi__BI-Customers")
    erp.clock.advance(5 * 86_400)
    for key in others:
        company.update("Customer", key, {"CustomerName": f"changed at {erp.clock.now()}"})
        company.update("Customer", timed, {})
        erp.clock.advance(60)
        destination.sync(config, catalog)
        assert differences(destination, erp, [A]) == []
        erp.clock.advance(3600)


@pytest.mark.parametrize("refused", ["1753-01-01", "1753-01-0"], ids=["a zone earlier", "all such questions"])
@pytest.mark.parametrize("stream", ["Customer", "dac__Customer"])
def test_a_question_that_the_database_cannot_compare_ends_no_stream(stream: str, refused: str) -> None:
    """A server may move an instant to another zone before it compares, and SQL Server has none before 1753."""
    overflow = "SqlDateTime overflow. Must be between 1/1/1753 12:00:00 AM and 12/31/9999 11:59:59 PM."
    with Simulator(rows=12, tenants=("Company",)) as sim:
        config = sim.config("Company", dac_tables=["Customer"], generic_inquiries=[])
        catalog, destination = catalog_of(config, stream), Destination()
        destination.sync(config, catalog)
        sim.rewrite(
            lambda request, answer: failure(overflow) if refused in request.query.get("$filter", "") else answer
        )
        sim.clock.advance(2 * 86_400)
        destination.sync(config, catalog)
        assert destination.statuses == {stream: "COMPLETE"}
        assert bool(destination.records) == (refused == "1753-01-0"), "unless it is known, all rows are read"
        assert differences(destination, sim, ["Company"]) == []


@pytest.mark.parametrize("stream", ["Vendor", "dac__Vendor"])
def test_no_change_is_missed_where_the_stamps_of_a_table_are_dates_alone(erp: Simulator, stream: str) -> None:
    """Those of a customization's own table may be."""
    company, destination = erp.tenant(A), Destination()

    def midnight() -> datetime:
        return erp.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)

    for key in company.keys("Vendor"):
        company.update("Vendor", key, {"VendorName": "old"}, stamp=midnight() - timedelta(days=3))
    config = erp.config(A, generic_inquiries=[], dac_tables=["Vendor"], include_custom_fields=False)
    catalog = catalog_of(config, stream)
    destination.sync(config, catalog)
    for hour in range(30):
        erp.clock.advance(1800)
        key = company.keys("Vendor")[hour % 8]
        company.update("Vendor", key, {"VendorName": f"changed in hour {hour}"}, stamp=midnight())
        erp.clock.advance(1800)
        destination.sync(config, catalog)
        assert f"changed in hour {hour}" in {
            row.get("VendorName") or row["AcctName"] for row in destination.rows(stream)
        }
