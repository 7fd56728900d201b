"""Tests the streams of an entity: names, keys, cursors, columns, and the rows of a record."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.reading.fields import FieldKind, Shape
from unit_tests.contract.order_streams import GUID, INQUIRY, INTEGER, OPERATIONS, ORDER_KNOWN, STAMP, STRING, streams


def columns(table):
    return list(table.json_schema()["properties"])


def test_an_address_is_quoted():
    assert streams(endpoint="My Endpoint")["My Endpoint__Order"].url_path == "/entity/My%20Endpoint/24.200.001/Order"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Order", ["_tenant", "OrderType", "OrderNbr"]),
        ("Order__Details", ["_tenant", "_parent_OrderType", "_parent_OrderNbr", "LineNbr"]),
        ("Order__Operations", ["_tenant", "_parent_OrderType", "_parent_OrderNbr", "OperationNbr"]),
        (
            "Order__Operations__Material",
            [
                "_tenant",
                "_parent_OrderType",
                "_parent_OrderNbr",
                "_Operations_line",
                "_Operations_OperationNbr",
                "_line",
            ],
        ),
        ("Order__Totals__Taxes", ["_tenant", "_parent_OrderType", "_parent_OrderNbr", "_line"]),
    ],
)
def test_the_tenant_comes_first_in_every_key(name, key):
    assert streams()[name].primary_key == key


@pytest.mark.parametrize("facts", [ORDER_KNOWN, Known(("OrderNbr",)), Known(line_keys={"Details": ("LineNbr",)})])
def test_every_column_of_a_key_is_in_the_schema_and_in_the_record(facts):
    for table in streams(facts=facts).values():
        (row, *_) = table.rows("A")(RAW)
        assert set(table.primary_key) <= set(columns(table))
        assert set(table.primary_key) <= row.keys()
        assert all(row[name] is not None for name in table.primary_key)


def test_a_record_without_known_keys_is_known_by_its_note_id():
    with_note = Shape({"NoteID": GUID, "Subject": STRING}, {}, {"Details": Shape({"A": STRING})})
    found = streams(with_note, Known(), "Memo")
    assert found["Memo"].primary_key == ["_tenant", "id"]
    assert found["Memo__Details"].primary_key == ["_tenant", "_parent_id", "_line"]


def test_known_keys_outweigh_the_note_id():
    shape = Shape({"NoteID": GUID, "Code": STRING})
    assert streams(shape, Known(("Code",)), "Memo")["Memo"].primary_key == ["_tenant", "Code"]


@pytest.mark.parametrize("fields", [{"Subject": STRING}, {"NoteID": STRING}])
def test_a_record_without_known_keys_and_without_note_id_has_no_key(fields):
    shape = Shape(fields, {}, {"Details": Shape({"A": STRING})})
    assert [table.primary_key for table in streams(shape, Known(), "Memo").values()] == [[], []]


def test_a_detail_is_incremental_by_its_parents_stamp():
    assert {name: table.cursor_field for name, table in streams().items()} == {
        "Order": "LastModified",
        "Order__Details": "_parent_modified",
        "Order__Operations": "_parent_modified",
        "Order__Operations__Material": "_parent_modified",
        "Order__Totals__Taxes": "_parent_modified",
    }


def test_a_table_without_a_stamp_has_no_cursor():
    found = streams(Shape({"A": STRING}, {}, {"Details": Shape({"LastModified": STAMP})}), Known(), "X")
    assert [table.cursor_field for table in found.values()] == [None, None]
    assert "_parent_modified" not in columns(found["X__Details"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Order", "_tenant id OrderType OrderNbr Total LastModified Contact Totals note custom"),
        (
            "Order__Details",
            "_tenant _parent_id _parent_OrderType _parent_OrderNbr _parent_modified _line _line_count "
            "id LineNbr Qty note custom",
        ),
        (
            "Order__Operations__Material",
            "_tenant _parent_id _parent_OrderType _parent_OrderNbr _parent_modified "
            "_Operations_line _Operations_OperationNbr _line _line_count id LineNbr InventoryID note custom",
        ),
        (
            "Order__Totals__Taxes",
            "_tenant _parent_id _parent_OrderType _parent_OrderNbr _parent_modified _line _line_count "
            "id TaxID Rate note custom",
        ),
    ],
)
def test_the_columns_of_a_stream_are_the_added_ones_and_its_own(name, expected):
    assert columns(streams()[name]) == expected.split()


def test_an_added_column_has_the_type_of_what_it_repeats():
    shape = Shape({"Year": INTEGER}, {}, {"Details": OPERATIONS})
    found = streams(shape, Known(("Year",), line_keys={"Details": ("OperationNbr",)}), "X")
    properties = found["X__Details__Material"].json_schema()["properties"]
    assert properties["_parent_Year"]["type"] == ["null", "integer"]
    assert properties["_Details_OperationNbr"]["type"] == ["null", "string"]
    assert properties["_Details_line"] == properties["_line"] == properties["_line_count"] == {"type": "integer"}
    assert properties["_tenant"] == {"type": "string"}


def test_no_schema_has_a_reference_or_forbids_columns():
    for table in streams().values():
        assert "$ref" not in json.dumps(table.json_schema())
        assert table.json_schema()["additionalProperties"] is True


RAW = {
    "id": "o1",
    "rowNumber": 1,
    "OrderType": {"value": "SO"},
    "OrderNbr": {"value": "000123"},
    "Total": {"value": 5},
    "LastModified": {"value": "2026-02-11T14:15:14.04-05:00"},
    "Contact": {"id": "c1", "Email": {}},
    "Totals": {
        "id": "t1",
        "Sum": {"value": 9},
        "Taxes": [{"id": "x1", "TaxID": {"value": "VAT"}, "Rate": {"value": 7}}],
    },
    "Details": [
        {"id": "d1", "LineNbr": {"value": 10}, "Qty": {"value": 1}},
        {"id": "d2", "LineNbr": {"value": 20}, "Qty": {}},
    ],
    "Operations": [
        {"OperationNbr": {"value": "0010"}, "Material": [{"LineNbr": {"value": 1}}, {"LineNbr": {"value": 2}}]},
        {"OperationNbr": {"value": "0020"}, "Material": []},
        {"OperationNbr": {"value": "0030"}, "Material": [{"LineNbr": {"value": 1}}]},
    ],
    "note": {"value": ""},
    "custom": {},
}


def rows(name, raw=RAW, columns=None, **how):
    return list(streams(**how)[name].rows("North America", columns)(raw))


def test_a_record_is_one_row_with_its_tenant_and_its_stamp_in_utc():
    (row,) = rows("Order")
    assert row == {
        "_tenant": "North America",
        "id": "o1",
        "OrderType": "SO",
        "OrderNbr": "000123",
        "Total": 5,
        "LastModified": "2026-02-11T19:15:14.040000Z",
        "Contact": {"id": "c1", "Email": None, "note": None, "custom": {}},
        "Totals": {"id": "t1", "Sum": 9, "note": None, "custom": {}},
        "note": "",
        "custom": {},
    }


def test_a_line_carries_its_parent_its_place_and_how_many_there_are():
    first, second = rows("Order__Details")
    assert first == {
        "_tenant": "North America",
        "_parent_id": "o1",
        "_parent_OrderType": "SO",
        "_parent_OrderNbr": "000123",
        "_parent_modified": "2026-02-11T19:15:14.040000Z",
        "_line": 1,
        "_line_count": 2,
        "id": "d1",
        "LineNbr": 10,
        "Qty": 1,
        "note": None,
        "custom": {},
    }
    assert (second["_line"], second["_line_count"], second["LineNbr"], second["Qty"]) == (2, 2, 20, None)


def test_a_line_of_a_line_names_the_row_between():
    found = rows("Order__Operations__Material")
    places = [
        (row["_Operations_line"], row["_Operations_OperationNbr"], row["_line"], row["_line_count"], row["LineNbr"])
        for row in found
    ]
    assert places == [(1, "0010", 1, 2, 1), (1, "0010", 2, 2, 2), (3, "0030", 1, 1, 1)]
    assert {row["_parent_OrderNbr"] for row in found} == {"000123"}


def test_a_line_in_a_linked_object_needs_no_row_between():
    (row,) = rows("Order__Totals__Taxes")
    assert row["TaxID"] == "VAT"
    assert list(row)[:7] == columns(streams()["Order__Totals__Taxes"])[:7]


@pytest.mark.parametrize("empty", [None, [], {}], ids=str)
@pytest.mark.parametrize("name", ["Order__Details", "Order__Operations__Material", "Order__Totals__Taxes"])
def test_no_lines_are_no_rows(name, empty):
    top = name.split("__")[1]
    assert rows(name, {**RAW, top: empty}) == []
    assert rows(name, {key: value for key, value in RAW.items() if key != top}) == []


def test_a_record_without_a_stamp_comes_with_null():
    (row,) = rows("Order", {**RAW, "LastModified": {}})
    assert row["LastModified"] is None
    assert rows("Order__Details", {**RAW, "LastModified": {}})[0]["_parent_modified"] is None


def test_columns_and_rows_agree_for_every_stream():
    for name, table in streams().items():
        for row in rows(name):
            assert list(row) == columns(table), name


def test_the_stamp_of_a_record_and_of_its_lines_is_the_same_instant():
    shape = Shape({"Code": STRING, "LastModifiedDate": STAMP}, {}, {"Details": Shape({"A": STRING})})
    raw = {"LastModifiedDate": {"value": "2024-05-01T00:00:00+03:00"}, "Details": [{}]}
    found = streams(shape, Known(("Code",)), "X")
    (row,), (line,) = (list(found[name].rows("A")(raw)) for name in ("X", "X__Details"))
    assert row["LastModifiedDate"] == line["_parent_modified"] == "2024-04-30T21:00:00.000000Z"


def test_rows_of_one_record_do_not_share_values():
    first, second = rows("Order__Details")
    first["_line"] = 99
    assert second["_line"] == 2


def test_results_have_neither_key_nor_cursor_nor_parent():
    found = streams(INQUIRY, Known(("Period",), is_inquiry=True), "AccountSummaryInquiry")
    assert list(found) == ["AccountSummaryInquiry__Results", "AccountSummaryInquiry__Other"]
    table = found["AccountSummaryInquiry__Results"]
    assert (table.primary_key, table.cursor_field) == ([], None)
    assert columns(table) == ["_tenant", "_line", "_line_count", "id", "Account", "note", "custom"]
    raw = {"Period": {"value": "012026"}, "Results": [{"Account": {"value": "10100"}}]}
    (row,) = table.rows("A")(raw)
    assert list(row) == columns(table)
    assert row["Account"] == "10100"


def test_a_form_with_one_record_in_each_tenant_is_known_by_the_tenant():
    year = Shape({"FirstYear": STRING}, {}, {"Details": Shape({"PeriodNbr": STRING}), "Notes": Shape({"A": STRING})})
    found = streams(year, Known(is_single=True, line_keys={"Details": ("PeriodNbr",)}), "FinancialYear")
    assert {name: table.primary_key for name, table in found.items()} == {
        "FinancialYear": ["_tenant"],
        "FinancialYear__Details": ["_tenant", "PeriodNbr"],
        "FinancialYear__Notes": [],
    }


def selected(*names):
    return {name: {"type": "string"} for name in names}


@pytest.mark.parametrize("configured", [None, {}])
def test_no_selection_means_all_columns(configured):
    assert all(table.wanted(configured) is None for table in streams().values())


def test_a_selection_of_all_columns_means_all():
    for table in streams().values():
        assert table.wanted(table.json_schema()["properties"]) is None


def test_a_selection_keeps_keys_cursor_and_id():
    found = streams()
    assert found["Order"].wanted(selected("Total")) == {"id", "OrderType", "OrderNbr", "LastModified", "Total"}
    assert found["Order__Details"].wanted(selected("Qty", "_parent_id")) == {"id", "LineNbr", "Qty"}
    assert found["Order__Operations__Material"].wanted(selected("_line")) == {"id"}


def test_a_selection_of_what_does_not_exist_is_no_column():
    assert streams()["Order"].wanted(selected("Gone")) == {"id", "OrderType", "OrderNbr", "LastModified"}


def test_a_selected_row_has_its_selected_columns_only():
    table = streams()["Order"]
    (row,) = table.rows("A", table.wanted(selected("Total")))(RAW)
    assert list(row) == ["_tenant", "id", "OrderType", "OrderNbr", "Total", "LastModified"]
    detail = streams()["Order__Details"]
    row, _ = detail.rows("A", detail.wanted(selected("Qty")))(RAW)
    assert list(row)[-3:] == ["id", "LineNbr", "Qty"]
    assert set(detail.primary_key) <= row.keys()


@pytest.mark.parametrize(
    ("below", "codes"),
    [({"value": [{"Code": {"value": "a"}}, {"Code": {"value": "b"}}]}, ["a", "b"]), ({"Code": {"value": "a"}}, ["a"])],
)
def test_lines_may_come_in_an_object_and_a_line_by_itself(below, codes):
    shape = Shape({"Key": FieldKind.STRING}, {}, {"Lines": Shape({"Code": FieldKind.STRING})})
    _, lines = tables("Default", "1", "Thing", shape, Known(("Key",)))
    rows = [*lines.rows("Company")({"id": "1", "Lines": below})]
    assert [(row["Code"], row["_line"], row["_line_count"]) for row in rows] == [
        (code, number, len(codes)) for number, code in enumerate(codes, start=1)
    ]


PICKED = Shape(
    {"Type": FieldKind.CHOICE, "Nbr": STRING},
    {},
    {"Details": Shape({"Kind": FieldKind.CHOICE, "No": STRING}, {}, {"Splits": Shape({"Lot": STRING})})},
)


@pytest.mark.parametrize(
    ("name", "columns", "has_choice"),
    [
        ("Bill", ["_tenant", "Type", "Nbr"], True),
        ("Bill", ["_tenant", "id"], False),
        ("Bill__Details", ["_tenant", "_parent_Type", "_line"], True),
        ("Bill__Details", ["_tenant", "_parent_Nbr", "Kind"], True),
        ("Bill__Details", ["_tenant", "_parent_Nbr", "No"], False),
        ("Bill__Details__Splits", ["_tenant", "_parent_Nbr", "_Details_Kind", "Lot"], True),
        ("Bill__Details__Splits", ["_tenant", "_parent_Nbr", "_Details_No", "Lot"], False),
    ],
)
def test_a_key_has_ids_in_it_where_one_of_its_columns_is_a_choice(name, columns, has_choice):
    found = {one.name: one for one in tables("Default", "1", "Bill", PICKED, Known(("Type", "Nbr")))}
    assert found[name].has_choice_in(columns) is has_choice


def test_the_choices_that_a_row_filter_names_are_known():
    (bill, *_) = tables("Default", "1", "Bill", PICKED, Known(("Type", "Nbr")))
    assert replace(bill, condition="(Type eq 'INV' or Nbr eq 'Typewriter')").choices_in_condition == ["Type"]
    assert replace(bill, condition="(Typewriter eq 'x')").choices_in_condition == []


def test_about_how_many_values_come_with_a_row_is_known_before_the_first_page():
    """Of a document with lines of usual number; records without a key stay dicts, which weigh more."""
    contact = Shape({"Name": STRING, "Email": STRING}, {"Address": Shape({"City": STRING})})
    lines = Shape({"LineNbr": INTEGER, "Qty": STRING}, {}, {"Lots": Shape({"LotNbr": STRING})})
    shape = Shape({"Nbr": STRING, "Date": STAMP}, {"Contact": contact}, {"Details": lines})
    found = {table.name: table for table in tables("Default", "1", "Order", shape, Known(("Nbr",)))}
    counts = {name: table.values_in_row(None) for name, table in found.items()}
    assert counts == {"Order": 5, "Order__Details": 2 * 15, "Order__Details__Lots": 30}
    assert found["Order"].values_in_row({"id", "Nbr", "Contact"}) == 4
    assert next(table.values_in_row(None) for table in tables("Default", "1", "Order", shape, Known())) == 15
