"""Tests that attached files are one more collection of a record and of its lines, with columns of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.contract.attachments import FILE_COLUMNS, FILES, with_files
from source_acumatica.contract.codec import list_codec
from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import list_options
from source_acumatica.reading.fields import FieldKind, Shape
from source_acumatica.reading.window import Window

LINE = Shape({"LineNbr": FieldKind.INTEGER}, collections={"Allocations": Shape({"Qty": FieldKind.DECIMAL})})
ORDER = Shape(
    {"OrderNbr": FieldKind.STRING, "LastModified": FieldKind.DATE_TIME},
    {"Totals": Shape({"Total": FieldKind.DECIMAL})},
    {"Details": LINE},
)
KNOWN = Known(keys=("OrderNbr",), line_keys={"Details": ("LineNbr",)})
FILE = {
    "id": "6d4b",
    "filename": "Sales Orders (000001)\\scan.pdf",
    "href": "/inst/entity/Default/24.200.001/files/6d4b",
    "comment": "signed",
}
ANSWER = {
    "id": "n1",
    "OrderNbr": {"value": "000001"},
    "LastModified": {"value": "2026-02-11T14:15:14.04-05:00"},
    FILES: [FILE, {"id": "77", "filename": "b.txt", "href": "x"}],
}


def found(shape=ORDER):
    return {table.name: table for table in tables("Default", "24.200.001", "Order", with_files(shape), KNOWN)}


def test_a_record_and_each_line_right_below_it_may_have_files():
    assert [name for name in found() if name.endswith("files")] == ["Order__Details__files", "Order__files"]


def test_the_other_streams_stay_as_they_are():
    plain = {table.name: table for table in tables("Default", "24.200.001", "Order", ORDER, KNOWN)}
    assert {name: found()[name].json_schema() for name in plain} == {n: t.json_schema() for n, t in plain.items()}
    assert {name: found()[name].primary_key for name in plain} == {n: t.primary_key for n, t in plain.items()}


def test_a_line_with_a_field_of_that_name_keeps_it():
    line = Shape({"files": FieldKind.STRING})
    assert "Order__Details__files" not in found(Shape(ORDER.fields, collections={"Details": line}))


def test_the_columns_are_those_of_the_contract_and_no_others():
    files, of_lines = found()["Order__files"], found()["Order__Details__files"]
    own = {"_tenant", "_parent_id", "_parent_OrderNbr", "_parent_modified", *FILE_COLUMNS}
    assert {*files.json_schema()["properties"]} == own
    assert files.primary_key == ["_tenant", "_parent_OrderNbr", "id"]
    assert files.cursor_field == "_parent_modified"
    assert {*of_lines.json_schema()["properties"]} == {*own, "_Details_line", "_Details_LineNbr"}
    assert of_lines.primary_key == ["_tenant", "_parent_OrderNbr", "_Details_line", "_Details_LineNbr", "id"]


@pytest.mark.parametrize("columns", [None, frozenset({"id", "filename"})])
def test_a_row_says_what_the_erp_says_of_a_file(columns):
    first, second = found()["Order__files"].rows("A", columns)(ANSWER)
    head = {
        "_tenant": "A",
        "_parent_id": "n1",
        "_parent_OrderNbr": "000001",
        "_parent_modified": "2026-02-11T19:15:14.040000Z",
    }
    assert first == {**head, **{name: FILE[name] for name in FILE if columns is None or name in columns}}
    # Before 2024 R2, a file has no comment.
    assert second.get("comment") is None


def test_a_file_of_a_line_says_which_line_has_it():
    raw = {**ANSWER, "Details": [{"LineNbr": {"value": 3}, FILES: []}, {"LineNbr": {"value": 7}, FILES: [FILE]}]}
    (row,) = found()["Order__Details__files"].rows("A")(raw)
    assert (row["_Details_line"], row["_Details_LineNbr"], row["id"]) == (2, 7, "6d4b")


@pytest.mark.parametrize("lacking", [{}, {FILES: None}, {FILES: []}])
def test_a_record_without_files_has_no_rows(lacking):
    raw = {name: value for name, value in ANSWER.items() if name != FILES} | lacking
    assert list(found()["Order__files"].rows("A")(raw)) == []


def test_they_are_asked_for_with_the_keys_and_nothing_else():
    """As documented for each contract version, whether or not all columns are selected."""
    for columns in (None, frozenset({"id", "filename"})):
        options = list_options(found()["Order__files"], Plan(), columns, Window())
        assert options == {"$expand": "files", "$select": "OrderNbr,LastModified,files"}
        options = list_options(found()["Order__Details__files"], Plan(), columns, Window())
        assert options["$expand"] == "Details,Details/files"
        assert options["$select"] == "OrderNbr,LastModified,Details/LineNbr,Details/files"


def test_contract_5_asks_in_parentheses():
    table = replace(found()["Order__Details__files"], contract="5")
    options = list_options(table, Plan(), None, Window())
    assert options["$expand"] == "Details($select=LineNbr,files;$expand=files)"
    files = replace(found()["Order__files"], contract="5")
    assert list_options(files, Plan(), None, Window())["$select"] == "OrderNbr,LastModified,files"


def test_the_name_comes_even_if_it_is_deselected_since_the_file_is_staged_under_it():
    table = found()["Order__files"]
    assert {"id", "filename"} <= (table.wanted({"comment": {}}) or set())
    assert table.wanted(table.json_schema()["properties"]) is None


def test_pages_of_files_are_decoded_without_types():
    """Their values have no wrappers."""
    codec = list_codec(found()["Order__files"], None)
    assert codec.make_records is None


def test_files_lie_at_an_address_of_their_endpoint():
    assert found()["Order__files"].files_path == "/entity/Default/24.200.001/files"
