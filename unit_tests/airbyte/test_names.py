"""Tests of the warning about names that many destinations treat as one."""

from __future__ import annotations

from source_acumatica.airbyte.names import look_alikes, warn_of_look_alikes
from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.reading.fields import FieldKind, Shape


def test_names_that_differ_by_case_accents_or_punctuation_look_alike():
    names = ["Sales Orders", "Sales-Orders", "OrderNbr", "Ordernbr", "Größe", "Grosse", "grösse", "ID", "Total"]
    assert look_alikes(names) == [
        ["Sales Orders", "Sales-Orders"],
        ["OrderNbr", "Ordernbr"],
        ["Größe", "Grosse", "grösse"],
    ]
    assert look_alikes(["SalesOrder__Details", "SalesOrderDetails", "A", "AB"]) == []


def test_streams_and_columns_that_look_alike_are_warned_of(caplog):
    string = FieldKind.STRING
    found = [
        *tables("Default", "1", "Order", Shape({"ID": string, "Note": string, "Total": string}), Known()),
        *tables("Default", "1", "ORDER", Shape({"Total": string}), Known()),
        *tables("Default", "1", "Other", Shape({"Total": string}), Known()),
    ]
    warn_of_look_alikes(found)
    assert [line.split(" have one name")[0] for line in caplog.messages] == [
        "The streams Order and ORDER",
        "Order: the columns id and ID",
        "Order: the columns Note and note",
    ]
