"""Tests what streams the OData services have, and how their rows become records."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from source_acumatica.odata.metadata import EntitySet, Function, Metadata
from source_acumatica.odata.tables import (
    ODataFeed,
    ODataTable,
    dac_table,
    function_of,
    inquiry_table,
    meant,
    stream_names,
)
from source_acumatica.reading.fields import FieldKind
from source_acumatica.reading.table import DELETED_AT

STRING, DECIMAL, STAMP, GUID = FieldKind.STRING, FieldKind.DECIMAL, FieldKind.DATE_TIME, FieldKind.GUID
FIELDS = {"OrderType": STRING, "OrderNbr": STRING, "LastModifiedDateTime": STAMP, "NoteID": GUID}
FULL = "PX.Objects.SO.SOOrder"
ALIASES = ("PX_Objects_SO_SOOrder", "Sales_Order", "SOOrder")


def a_feed(fields=None, keys=("OrderType", "OrderNbr"), names=ALIASES, unique=True, restricted=(), type_name=FULL):
    return EntitySet(names, type_name, keys, FIELDS if fields is None else fields, {}, unique, frozenset(restricted))


def test_a_table_has_its_short_name_in_the_stream_and_in_addresses():
    table = dac_table(a_feed(), track_deletions=False)
    assert (table.name, table.title) == ("dac__SOOrder", "SOOrder")
    assert table.primary_key == ["_tenant", "OrderType", "OrderNbr"]
    assert table.cursor_field == "LastModifiedDateTime"


def test_where_the_short_name_is_not_its_own_it_has_the_full_one():
    table = dac_table(a_feed(unique=False), track_deletions=False)
    assert (table.name, table.title) == ("dac__PX_Objects_SO_SOOrder", "PX_Objects_SO_SOOrder")


def test_a_set_without_the_usual_names_is_asked_for_under_the_one_it_has():
    assert dac_table(a_feed(names=("Orders",)), track_deletions=False).title == "Orders"


def test_keys_that_are_no_columns_are_none():
    assert dac_table(a_feed(keys=("Hidden",)), track_deletions=False).primary_key == []
    assert inquiry_table(a_feed(keys=("OrderNbr", "Hidden")), "X", {}).primary_key == []


def test_with_tracking_rows_are_known_by_their_note_id_if_they_have_one():
    table = dac_table(a_feed(), track_deletions=True)
    assert table.primary_key == ["_tenant", "NoteID"]
    assert DELETED_AT in table.json_schema()["properties"]
    plain = dac_table(a_feed({"OrderType": STRING, "OrderNbr": STRING}), track_deletions=True)
    assert plain.primary_key == ["_tenant", "OrderType", "OrderNbr"]
    assert DELETED_AT not in plain.json_schema()["properties"]


def test_a_table_has_flags_even_where_they_may_not_be_asked_for():
    table = dac_table(a_feed(restricted=["DeletedDatabaseRecord"]), track_deletions=True)
    assert table.has_flags
    assert table.restricted == {"DeletedDatabaseRecord"}


def test_the_flag_of_deleted_rows_is_no_column():
    table = dac_table(a_feed({**FIELDS, "DeletedDatabaseRecord": FieldKind.BOOLEAN}), track_deletions=False)
    assert table.has_flags
    assert "DeletedDatabaseRecord" not in table.json_schema()["properties"]


def test_an_inquiry_has_its_title_with_spaces_and_dots():
    table = inquiry_table(a_feed(), "Open Orders 2.0", {"P": "Edm.String"})
    assert (table.name, table.title, table.parameters) == (
        "gi__Open Orders 2.0",
        "Open Orders 2.0",
        {"P": "Edm.String"},
    )


def test_an_inquiry_whose_keys_are_not_unique_has_no_primary_key():
    assert replace(inquiry_table(a_feed(), "X", {}), are_keys_unique=False).primary_key == []


def test_columns_that_are_deselected_are_not_asked_for_but_keys_and_cursor_always():
    fields = {**FIELDS, "Total": DECIMAL, "Note": STRING}
    table = dac_table(a_feed(fields), track_deletions=True)
    assert table.wanted(None) is None
    assert table.wanted(table.json_schema()["properties"]) is None
    assert table.wanted({"Total": {}}) == {"OrderType", "OrderNbr", "LastModifiedDateTime", "NoteID", "Total"}


def test_two_tenants_are_joined_and_what_they_type_differently_has_no_type():
    one = inquiry_table(a_feed({"A": STRING, "B": DECIMAL}, keys=("A",)), "X", {})
    other = inquiry_table(a_feed({"A": STRING, "B": STRING, "C": STAMP}, keys=("A",)), "X", {})
    joined = one.joined(other)
    assert joined.fields == {"A": STRING, "B": FieldKind.UNKNOWN, "C": STAMP}
    assert joined.are_keys_unique
    assert not one.joined(replace(other, keys=("C",))).are_keys_unique
    assert not one.joined(replace(other, are_keys_unique=False)).are_keys_unique


# -------------------------------------------------------------------------------------------------------------- rows


def written(kind, value, name="X"):
    """The JSON text of a value on its way out."""
    table = ODataTable(ODataFeed.TABLES, "T", "T", {name: kind})
    (record,) = table.rows("Company")({name: value})
    assert record["_tenant"] == "Company"
    return msgspec.json.encode(record[name]).decode()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (STRING, "AALEGO500     ", '"AALEGO500"'),
        (STRING, "  x ", '"  x"'),
        (STRING, None, "null"),
        (GUID, "6d4b", '"6d4b"'),
        (DECIMAL, "1999.000000", "1999.000000"),
        (DECIMAL, msgspec.Raw("1999.000000"), "1999.000000"),
        (DECIMAL, "-0.50", "-0.50"),
        (DECIMAL, 7, "7"),
        (DECIMAL, "NaN", "null"),
        (DECIMAL, "007", '"007"'),
        (DECIMAL, 10**30, "1" + "0" * 30),
        (FieldKind.LONG, "9007199254740993", "9007199254740993"),
        (FieldKind.INTEGER, 5, "5"),
        (FieldKind.BOOLEAN, False, "false"),
        (STAMP, "2025-10-14T06:13:09.57", '"2025-10-14T06:13:09.57Z"'),
        (STAMP, "2025-10-14T06:13:09.57Z", '"2025-10-14T06:13:09.57Z"'),
        (STAMP, "2025-10-14T06:13:09-05:00", '"2025-10-14T06:13:09-05:00"'),
        (FieldKind.UNKNOWN, {"a": 1}, '{"a":1}'),
    ],
)
def test_a_value_arrives_with_all_that_it_says(kind, value, text):
    assert written(kind, value) == text


@pytest.mark.parametrize("value", ["2026-02-11T00:00:00-05:00", "2026-02-11T00:00:00Z", "2026-02-11T00:00:00"])
def test_a_calendar_date_stays_the_same_day(value):
    assert json.loads(written(STAMP, value, name="ShipDate")) == "2026-02-11T00:00:00+00:00"
    assert json.loads(written(STAMP, value, name="ShipOn")).startswith(value)


def test_the_cursor_is_in_utc_with_a_fixed_width():
    assert (
        json.loads(written(STAMP, "2026-02-11T00:00:00-05:00", "LastModifiedDateTime")) == "2026-02-11T05:00:00.000000Z"
    )
    assert json.loads(written(STAMP, "2026-02-11T00:00:00.57", "LastModifiedOn")) == "2026-02-11T00:00:00.570000Z"


def test_only_the_wanted_columns_come():
    table = dac_table(a_feed(), track_deletions=False)
    (record,) = table.rows("A", frozenset({"OrderNbr"}))({"OrderNbr": "1", "OrderType": "SO"})
    assert record == {"_tenant": "A", "OrderNbr": "1"}


# ------------------------------------------------------------------------------------------------ names of all tenants


def described(*functions):
    return Metadata(4, (), {each.name: each for each in functions})


def a_function(name, entity_set="", type_name="GI.T"):
    return Function(name, {"P": "Edm.String"}, entity_set, type_name)


def test_the_function_of_an_inquiry_is_the_one_whose_import_names_its_set():
    right, other = (
        a_function("DBStorage_WithParameters", "DB-Storage"),
        a_function("DBSales_WithParameters", "DB-Sales"),
    )
    assert function_of(described(other, right), "DB-Storage", "GI.T") == right
    assert function_of(described(other), "DB-Storage", "GI.T") is None


def test_where_the_import_does_not_say_it_the_name_or_the_type_tells():
    by_name, by_type = a_function("Plain_WithParameters", "", "GI.X"), a_function("DBStorage_WithParameters")
    assert function_of(described(by_type, by_name), "Plain", "GI.T") == by_name
    assert function_of(described(by_type, by_name), "DB-Storage", "GI.T") == by_type
    assert function_of(described(by_type, a_function("Another")), "DB-Storage", "GI.T") is None, "two give such rows"


def a_dac(type_name, *, unique=True):
    return dac_table(a_feed(unique=unique, type_name=type_name), track_deletions=False)


def test_a_short_name_is_that_of_one_table_in_all_tenants():
    ours, theirs = "PX.Objects.SO.SOOrder", "Fabrikam.SOOrder"
    assert stream_names([a_dac(ours), a_dac(ours)]) == {ours: "SOOrder"}
    both = {ours: "PX_Objects_SO_SOOrder", theirs: "Fabrikam_SOOrder"}
    assert stream_names([a_dac(ours), a_dac(theirs)]) == both, "each tenant has one, but not the same"
    assert stream_names([a_dac(ours), a_dac(ours, unique=False)]) == {ours: both[ours]}


def test_a_stream_goes_on_with_the_table_that_it_was_offered_for():
    ours, theirs = "PX.Objects.SO.SOOrder", "Fabrikam.SOOrder"
    ambiguous = [a_dac(ours, unique=False), a_dac(theirs, unique=False)]
    assert meant("dac__SOOrder", [a_dac(ours)]) == ours
    assert meant("dac__SOOrder", [*ambiguous, a_dac(theirs)]) == theirs, "some tenant still has it under that name"
    assert meant("dac__SOOrder", ambiguous) == ours, "Acumatica's own"
    assert meant("dac__Fabrikam_SOOrder", ambiguous) == theirs
    assert meant("dac__Other", ambiguous) == ""


def test_a_column_that_is_named_like_that_of_a_parameter_is_left_out():
    entity_set = a_feed({"OrderNbr": STRING, "_PARAM_Region": STRING}, keys=("OrderNbr",))
    table = inquiry_table(entity_set, "X", {"Region": "Edm.String"}, "X_WithParameters", ("Region",))
    assert table.left_out == ("_PARAM_Region",)
    assert set(table.json_schema()["properties"]) == {"_tenant", "_param_Region", "OrderNbr"}
    assert inquiry_table(entity_set, "X", {}).left_out == ()


@pytest.mark.parametrize(
    ("chosen", "is_stamped"), [(None, True), ("LastModifiedDateTime", True), ("Expires", False), ("Gone", False)]
)
def test_only_a_column_that_is_called_as_stamps_are_tells_the_clock(chosen, is_stamped):
    """Any other date may lie in the future, whatever the clock says."""
    table = inquiry_table(a_feed({**FIELDS, "Expires": STAMP}), "X", {})
    assert replace(table, chosen=chosen).is_stamped_by_name is is_stamped
