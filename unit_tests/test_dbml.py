"""Tests of the text that tools draw as a diagram."""

from __future__ import annotations

from pydbml import PyDBML

from source_acumatica.dbml import diagram
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.fields import FieldKind
from source_acumatica.reading.join import Join

FIELDS = {
    "Order Nbr": FieldKind.STRING,
    "LastModifiedDateTime": FieldKind.DATE_TIME,
    "Total": FieldKind.DECIMAL,
    "Custom": FieldKind.UNKNOWN,
}
ORDERS = ODataTable(ODataFeed.TABLES, "Orders", "Open Orders 2.0", FIELDS, ("Order Nbr",))
LINES = ODataTable(ODataFeed.TABLES, "Lines", "Lines", {"Nbr": FieldKind.LONG})
TABLES = {table.name: table for table in (ORDERS, LINES)}
JOIN = Join("dac__Lines", ("Nbr",), "dac__Open Orders 2.0", ("Order Nbr",), "known key")


def test_a_parser_of_dbml_finds_the_tables_with_their_columns_and_keys():
    found = PyDBML(diagram("Streams", TABLES, [], []))
    assert [table.name for table in found.tables] == ["dac__Lines", "dac__Open Orders 2.0"]
    orders = found.tables[1]
    assert [(column.name, str(column.type)) for column in orders.columns] == [
        ("_tenant", "text"),
        ("Order Nbr", "text"),
        ("LastModifiedDateTime", "timestamp"),
        ("Total", "numeric"),
        ("Custom", "json"),
    ]
    (key,) = orders.indexes
    assert key.pk
    assert [column.name for column in key.subjects] == ["_tenant", "Order Nbr"]
    assert not found.tables[0].indexes


def test_a_join_goes_by_the_tenant_too_and_stands_there_once():
    other = Join(*JOIN.place, "lines and their record")
    text = diagram("Streams", TABLES, [JOIN, other], [])
    (reference,) = PyDBML(text).refs
    assert (reference.type, [column.name for column in reference.col1]) == (">", ["_tenant", "Nbr"])
    assert [column.name for column in reference.col2] == ["_tenant", "Order Nbr"]
    assert "// known key\nRef" in text


def test_notes_are_comments_at_the_end():
    assert diagram("Streams", {}, [], ["not drawn"]) == "// Streams\n\n// not drawn\n"
