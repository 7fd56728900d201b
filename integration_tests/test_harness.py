"""Tests the harness: a destination kinder than a real one, or a lax comparison, would hide the bugs of others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from .comparison import differences, expected_rows
from .harness import APPEND, APPEND_DEDUP, DELETED_AT, FULL_REFRESH, INCREMENTAL, Destination, Row, configured
from .simulator import Simulator

MONDAY, TUESDAY, WEDNESDAY = (f"2026-06-{day:02}T12:00:00.000000Z" for day in (1, 2, 3))


def stream(name: str, *keys: str, cursor: str = "", columns: Iterable[str] = ()) -> dict[str, Any]:
    """As discovery tells it, as far as a destination looks at it."""
    return {
        "name": name,
        "supported_sync_modes": [FULL_REFRESH, INCREMENTAL] if cursor else [FULL_REFRESH],
        "source_defined_primary_key": [[key] for key in keys],
        "default_cursor_field": [cursor] if cursor else [],
        "json_schema": {"properties": {name: {} for name in columns}},
    }


ORDER = stream("SalesOrder", "_tenant", "id", cursor="LastModified")
DETAILS = stream("SalesOrder__Details", "_tenant", "_parent_OrderNbr", "LineNbr", cursor="_parent_modified")
CURRENCY = stream("Currency", "_tenant", "CurrencyID")
RESULTS = stream("gi__Totals__by Class")


def begun(*streams: dict[str, Any], mode: str = INCREMENTAL) -> Destination:
    """A destination that deduplicates, in the middle of a sync."""
    destination = Destination()
    destination.begin(configured(streams, mode, APPEND_DEDUP))
    return destination


def complete(destination: Destination, name: str, status: str = "COMPLETE") -> None:
    """A sync ends in which the stream has that status."""
    trace = {"type": "STREAM_STATUS", "stream_status": {"stream_descriptor": {"name": name}, "status": status}}
    destination.take({"type": "TRACE", "trace": trace})
    destination.end()


def send(destination: Destination, name: str, *rows: Row) -> None:
    for row in rows:
        destination.take({"type": "RECORD", "record": {"stream": name, "data": {"_tenant": "A", **row}}})


def order(modified: str | None, text: str = "", *, id: str = "o1", **more: Any) -> Row:
    return {"id": id, "LastModified": modified, "Description": text, DELETED_AT: None, **more}


def tombstone(modified: str | None, id: str = "o1") -> Row:
    return {"id": id, "LastModified": modified, DELETED_AT: modified or MONDAY}


def line(parent: str, modified: str | None, number: int = 1) -> Row:
    return {"_parent_id": parent, "_parent_OrderNbr": parent, "_parent_modified": modified, "LineNbr": number}


def texts(destination: Destination) -> list[str]:
    return [row["Description"] for row in destination.rows("SalesOrder")]


# ------------------------------------------------------------------------------------------------------- which row wins


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (MONDAY, TUESDAY, "second"),
        (TUESDAY, MONDAY, "first"),
        (MONDAY, MONDAY, "second"),
        (None, MONDAY, "second"),
        (MONDAY, None, "first"),
        (None, None, "second"),
    ],
)
def test_the_row_with_the_greater_cursor_wins_and_of_equal_ones_the_last(
    first: str | None, second: str | None, kept: str
) -> None:
    destination = begun(ORDER)
    send(destination, "SalesOrder", order(first, "first"), order(second, "second"))
    assert texts(destination) == [kept]
    assert destination.records == 2


def test_an_older_row_of_a_later_sync_loses_too() -> None:
    destination = begun(ORDER)
    send(destination, "SalesOrder", order(TUESDAY, "newer"))
    destination.end()
    destination.begin(configured([ORDER]))
    send(destination, "SalesOrder", order(MONDAY, "older"))
    assert texts(destination) == ["newer"]


def test_a_cursor_that_the_user_has_chosen_goes_before_the_streams_own() -> None:
    catalog = configured([ORDER])
    catalog["streams"][0]["cursor_field"] = ["Date"]
    destination = Destination()
    destination.begin(catalog)
    send(destination, "SalesOrder", order(MONDAY, "first", Date="2"), order(TUESDAY, "second", Date="1"))
    assert texts(destination) == ["first"]


def test_without_a_cursor_the_last_row_wins() -> None:
    destination = begun(CURRENCY)
    send(destination, "Currency", {"CurrencyID": "EUR", "Name": "b"}, {"CurrencyID": "EUR", "Name": "a"})
    assert [row["Name"] for row in destination.rows("Currency")] == ["a"]


def test_without_a_key_all_rows_stay() -> None:
    destination = begun(RESULTS)
    send(destination, "gi__Totals__by Class", {"Total": 1}, {"Total": 1})
    assert len(destination.rows("gi__Totals__by Class")) == 2


def test_rows_of_different_tenants_are_different_rows() -> None:
    destination = begun(ORDER)
    send(destination, "SalesOrder", order(MONDAY, "A"), order(MONDAY, "B", _tenant="B"))
    assert texts(destination) == ["A", "B"]


@pytest.mark.parametrize(
    ("status", "kept"), [("COMPLETE", ["new"]), ("INCOMPLETE", ["old"]), ("RUNNING", ["old"])], ids=str
)
def test_a_table_that_is_overwritten_stays_as_it_was_until_its_stream_is_complete(status: str, kept: list[str]) -> None:
    destination, catalog = Destination(), configured([ORDER], FULL_REFRESH)
    destination.begin(catalog)
    send(destination, "SalesOrder", order(MONDAY, "old"))
    complete(destination, "SalesOrder")
    destination.begin(catalog)
    assert destination.statuses == {}
    send(destination, "SalesOrder", order(MONDAY, "new"))
    assert texts(destination) == ["old"]
    complete(destination, "SalesOrder", status)
    assert texts(destination) == kept
    assert destination.statuses == {"SalesOrder": status}


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
def test_where_nobody_deduplicates_each_record_is_a_row(mode: str) -> None:
    destination = Destination()
    destination.begin(configured([ORDER], mode, APPEND))
    send(destination, "SalesOrder", order(MONDAY, "one"), order(MONDAY, "one"), order(None, "two", id=None))  # type: ignore[arg-type]
    send(destination, "SalesOrder", tombstone(TUESDAY))
    destination.end()
    assert len(destination.rows("SalesOrder")) == 4, "a tombstone too is a row there"
    destination.begin(configured([ORDER], mode, APPEND))
    send(destination, "SalesOrder", order(MONDAY, "one"))
    assert len(destination.rows("SalesOrder")) == 5


def test_the_default_overwrites_what_is_read_in_full_and_deduplicates_what_is_read_by_its_changes() -> None:
    modes = [each["destination_sync_mode"] for each in configured([ORDER, CURRENCY])["streams"]]
    assert modes == ["append_dedup", "overwrite"]
    assert configured([ORDER], FULL_REFRESH)["streams"][0]["destination_sync_mode"] == "overwrite"
    assert configured([CURRENCY], FULL_REFRESH, APPEND)["streams"][0]["destination_sync_mode"] == "append"


def test_repeats_are_counted_exact_ones_apart_from_those_of_a_key() -> None:
    destination = begun(ORDER, RESULTS)
    send(destination, "SalesOrder", order(MONDAY, "one"), order(MONDAY, "one"), order(TUESDAY, "two"))
    send(destination, "SalesOrder", order(MONDAY, "one"), order(MONDAY, "one", id="o2"))
    send(destination, "gi__Totals__by Class", {"Total": 1}, {"Total": 1})
    assert destination.exact_repeats == {"SalesOrder": 2}
    assert destination.key_repeats == {"SalesOrder": 1}
    destination.begin(configured([ORDER]))
    send(destination, "SalesOrder", order(MONDAY, "one"))
    assert not destination.exact_repeats.total()


def test_a_null_in_a_key_is_seen() -> None:
    with pytest.raises(AssertionError, match="null in its key"):
        send(begun(ORDER), "SalesOrder", order(MONDAY, id=None))  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------------------- tombstones


@pytest.mark.parametrize(
    ("stamp", "left"),
    [(WEDNESDAY, []), (TUESDAY, []), (MONDAY, ["row"]), (None, ["row"])],
    ids=["newer", "equal", "older", "null"],
)
def test_a_tombstone_that_is_not_older_than_the_row_removes_it(stamp: str | None, left: list[str]) -> None:
    destination = begun(ORDER)
    send(destination, "SalesOrder", order(TUESDAY, "row"), tombstone(stamp))
    assert texts(destination) == left
    destination.end()
    assert texts(destination) == left


@pytest.mark.parametrize(("stamp", "left"), [(MONDAY, []), (TUESDAY, ["row"]), (WEDNESDAY, ["row"])])
def test_a_row_after_its_tombstone_is_there_if_it_is_not_older(stamp: str, left: list[str]) -> None:
    destination = begun(ORDER)
    send(destination, "SalesOrder", tombstone(TUESDAY), order(stamp, "row"))
    assert texts(destination) == left


def test_a_tombstone_is_forgotten_at_the_end_of_a_sync_and_not_before() -> None:
    destination = begun(ORDER)
    send(destination, "SalesOrder", order(MONDAY, "row"), tombstone(TUESDAY), order(MONDAY, "row"))
    assert texts(destination) == []
    destination.end()
    assert destination.tables["SalesOrder"] == {}
    destination.begin(configured([ORDER]))
    send(destination, "SalesOrder", order(MONDAY, "read again"))
    assert texts(destination) == ["read again"]


def test_a_sync_ends_by_forgetting_also_where_it_is_cut_off_or_fails(sim: Simulator) -> None:
    config, catalog = sim.config("Company", dac_tables=[], generic_inquiries=[]), configured([ORDER])
    for settings, stop_after in (({}, 1), ({"password": "wrong"}, None)):
        destination = begun(ORDER)
        send(destination, "SalesOrder", tombstone(TUESDAY))
        destination.sync({**config, **settings}, catalog, stop_after, fails=True)
        assert destination.tables["SalesOrder"] == {}


def test_a_tombstone_of_a_row_that_never_was_there_removes_nothing_else() -> None:
    destination = begun(ORDER)
    send(destination, "SalesOrder", order(MONDAY, "one"), order(MONDAY, "two", id="o2"), tombstone(TUESDAY, "o3"))
    assert texts(destination) == ["one", "two"]


def test_a_tombstone_in_a_stream_without_a_key_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="has no key"):
        send(begun(RESULTS), "gi__Totals__by Class", {"Total": None, DELETED_AT: MONDAY})


# ---------------------------------------------------------------------------------------------------------------- lines


def test_lines_older_than_their_record_are_gone() -> None:
    destination = begun(ORDER, DETAILS)
    send(destination, "SalesOrder__Details", line("o1", MONDAY, 1), line("o1", MONDAY, 2), line("o1", TUESDAY, 1))
    send(destination, "SalesOrder", order(TUESDAY))
    assert [row["LineNbr"] for row in destination.rows("SalesOrder__Details")] == [1]


def test_lines_without_a_stamp_stay_as_long_as_their_record_has_none() -> None:
    destination = begun(ORDER, DETAILS)
    send(destination, "SalesOrder__Details", line("o1", None), line("o2", TUESDAY))
    send(destination, "SalesOrder", order(None), order(TUESDAY, id="o2"))
    assert len(destination.rows("SalesOrder__Details")) == 2
    send(destination, "SalesOrder", order(MONDAY))
    assert [row["_parent_id"] for row in destination.rows("SalesOrder__Details")] == ["o2"]


def test_lines_of_records_that_have_no_stamp_at_all_are_read_again_each_time_and_stay() -> None:
    rates = stream("Currency__Rates", "_tenant", "_parent_CurrencyID", "_line")
    destination = begun(CURRENCY, rates)
    send(destination, "Currency", {"CurrencyID": "EUR"})
    send(destination, "Currency__Rates", *({"_parent_CurrencyID": code, "_line": 1} for code in ("EUR", "USD")))
    assert len(destination.rows("Currency__Rates")) == 2


def test_lines_of_a_record_that_is_gone_are_gone_during_a_sync_and_after_it() -> None:
    destination = begun(ORDER, DETAILS)
    send(destination, "SalesOrder", order(MONDAY), order(MONDAY, id="o2"), tombstone(TUESDAY))
    send(destination, "SalesOrder__Details", line("o1", MONDAY), line("o1", WEDNESDAY, 2), line("o2", MONDAY))
    for _ in range(2):
        assert [row["_parent_id"] for row in destination.rows("SalesOrder__Details")] == ["o2"]
        destination.end()


def test_lines_of_another_tenants_record_of_the_same_name_are_not_kept_by_it() -> None:
    destination = begun(ORDER, DETAILS)
    send(destination, "SalesOrder", order(MONDAY, _tenant="B"))
    send(destination, "SalesOrder__Details", line("o1", MONDAY))
    assert destination.rows("SalesOrder__Details") == []


def test_lines_belong_to_their_record_by_its_key_whatever_that_is() -> None:
    by_number = stream("SalesOrder", "_tenant", "OrderNbr", cursor="LastModified")
    destination = begun(by_number, DETAILS)
    send(destination, "SalesOrder", order(MONDAY, id="another", OrderNbr="o1"))
    send(destination, "SalesOrder__Details", line("o1", MONDAY), line("another", MONDAY))
    assert [row["_parent_OrderNbr"] for row in destination.rows("SalesOrder__Details")] == ["o1"]


def test_without_the_stream_of_the_records_all_lines_are_told() -> None:
    below = stream("SalesOrder__Details__Allocations", "_tenant", "_line", cursor="_parent_modified")
    destination = begun(DETAILS, below)
    send(destination, "SalesOrder__Details", line("o1", MONDAY))
    send(destination, "SalesOrder__Details__Allocations", {**line("o9", MONDAY), "_line": 1})
    assert len(destination.rows("SalesOrder__Details")) == 1
    assert len(destination.rows("SalesOrder__Details__Allocations")) == 1


@pytest.mark.parametrize("prefix", ["", "MANUFACTURING__"])
def test_lines_of_lines_belong_to_the_record_at_the_top(prefix: str) -> None:
    top = stream(f"{prefix}BOM", "_tenant", "id", cursor="LastModified")
    middle, below = (
        stream(f"{prefix}BOM__{way}", "_tenant", "_parent_id", "LineNbr", cursor="_parent_modified")
        for way in ("Operations", "Operations__Material")
    )
    destination = begun(middle, below, top)
    send(destination, f"{prefix}BOM", order(TUESDAY), order(MONDAY, id="o2"))
    send(destination, middle["name"], {**line("o1", TUESDAY), "id": "m1"})
    send(destination, below["name"], line("o1", MONDAY), line("o2", MONDAY), line("o3", MONDAY))
    assert [row["_parent_id"] for row in destination.rows(below["name"])] == ["o2"]


@pytest.mark.parametrize("service", ["gi", "dac"])
def test_what_comes_through_odata_has_no_lines_whatever_its_name(service: str) -> None:
    outer = stream(f"{service}__Orders", "_tenant", "id", cursor="LastModified")
    inner = stream(f"{service}__Orders__Old", "_tenant", "id", cursor="LastModified")
    destination = begun(outer, inner)
    send(destination, inner["name"], order(MONDAY, _parent_modified=MONDAY, _parent_id="nobody"))
    assert len(destination.rows(inner["name"])) == 1


@pytest.mark.parametrize(
    ("name", "key"),
    [("SalesOrder", "id"), ("dac__SOOrder", "NoteID"), ("gi__BI-Customers", "CustomerID"), ("gi__GL-Transactions", "")],
)
def test_what_arrives_is_compared_by_any_key_or_by_none(sim: Simulator, name: str, key: str) -> None:
    """Also where the key is not among the columns that the user has chosen."""
    keys = ["_tenant", key] if key else []
    destination = begun(stream(name, *keys, columns={"_tenant", "Status", "Account"}))
    rows = list(expected_rows(sim, name, "Company", {"_tenant", "Status", "Account", *keys}))
    send(destination, name, *reversed(rows))
    assert differences(destination, sim, ["Company"]) == []
    assert len(differences(destination, sim, ["Company", "Zweite Firma"])) == len(
        list(expected_rows(sim, name, "Zweite Firma", ()))
    )
    lost = destination.tables[name].popitem()[1]
    assert len(differences(destination, sim, ["Company"])) == 1
    send(destination, name, {**lost, "Status": "other", "Account": "other"})
    assert len(differences(destination, sim, ["Company"])) == (1 if key else 2)
