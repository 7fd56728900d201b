"""Tests what of the parts of records that were asked for counts as missing, and what as empty."""

from __future__ import annotations

import msgspec
import pytest

from source_acumatica.contract.codec import list_codec
from source_acumatica.contract.part_evidence import PartEvidence
from source_acumatica.contract.parts import held, missing
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import asked_parts, expanded
from unit_tests.contract.orders import table

CONTACT = {"id": "1", "Email": {"value": "a@b"}, "Address": {"id": "2", "City": {"value": "Bern"}}}
WHOLE = {"id": "0", "OrderType": {"value": "SO"}, "OrderNbr": {"value": "1"}, "Contact": CONTACT, "Totals": None}
LINE = {"id": "3", "LineNbr": {"value": 1}, "Item": {"Code": {"value": "A"}}}


def rows_of(name, rows, *, is_typed):
    """As they are decoded: of a type made for the table, or as dicts."""
    codec = list_codec(table(name), None)
    body = msgspec.json.encode(rows)
    decoded = codec.decode(body) if is_typed else codec.decode_dicts(body)
    assert isinstance(decoded[0], dict) != is_typed
    return decoded


def without(row, name):
    return {each: value for each, value in row.items() if each != name}


@pytest.mark.parametrize("is_typed", [True, False], ids=["typed", "dicts"])
@pytest.mark.parametrize(
    ("name", "rows", "lacking"),
    [
        ("Order", [WHOLE], None),
        ("Order", [WHOLE, without(WHOLE, "Contact")], "Contact"),
        ("Order", [WHOLE, without(WHOLE, "Totals")], "Totals"),
        ("Order", [{**WHOLE, "Contact": without(CONTACT, "Address")}, WHOLE], "Contact/Address"),
        # No object, in the ways that the ERP says so.
        ("Order", [{**WHOLE, "Contact": None}], None),
        ("Order", [{**WHOLE, "Contact": {}}], None),
        ("Order", [{**WHOLE, "Contact": {"id": "1"}}], None),
        ("Order__Details", [{**WHOLE, "Details": [LINE]}], None),
        ("Order__Details", [{**WHOLE, "Details": []}], None),
        ("Order__Details", [{**WHOLE, "Details": None}], None),
        ("Order__Details", [WHOLE], "Details"),
        ("Order__Details", [{**WHOLE, "Details": [LINE]}, WHOLE], "Details"),
        ("Order__Details", [WHOLE, {**WHOLE, "Details": [LINE] * 5}], "Details"),
        ("Order__Details", [{**WHOLE, "Details": [LINE, without(LINE, "Item")]}], "Details/Item"),
        ("Order__Operations__Material", [{**WHOLE, "Operations": []}], None),
        ("Order__Operations__Material", [{**WHOLE, "Operations": [{"Material": []}]}], None),
        (
            "Order__Operations__Material",
            [{**WHOLE, "Operations": [{"OperationNbr": {"value": "1"}}]}],
            "Operations/Material",
        ),
    ],
)
def test_a_part_whose_name_does_not_come_is_missing_at_every_depth(name, rows, lacking, is_typed):
    asked = expanded(table(name), Plan(), None)
    assert missing(rows_of(name, rows, is_typed=is_typed), asked) == lacking


def test_no_rows_lack_nothing():
    assert missing([], ["Details", "Details/Item"]) is None


@pytest.mark.parametrize("is_typed", [True, False], ids=["typed", "dicts"])
@pytest.mark.parametrize(
    ("name", "rows", "empty"),
    [
        ("Order", [{**WHOLE, "custom": {"V": {"UsrA": {"type": "CustomStringField", "value": "x"}}}}], ["Totals"]),
        ("Order", [{**WHOLE, "custom": {"V": {"UsrA": {"type": "CustomStringField"}}}}], ["Totals", "custom"]),
        ("Order", [{**WHOLE, "custom": {}}, {**WHOLE, "Totals": {"id": "1", "Sum": {"value": "3"}}}], ["custom"]),
        ("Order", [{**WHOLE, "Contact": {"id": "1", "Email": {}}}], ["Contact", "Totals", "custom"]),
        ("Order__Details", [{**WHOLE, "Details": []}], ["Details", "Details/Item", "Details/custom"]),
        ("Order__Details", [{**WHOLE, "Details": [LINE]}, {**WHOLE, "Details": []}], ["Details/custom"]),
    ],
)
def test_a_part_is_empty_if_it_holds_nothing_in_any_row(name, rows, empty, is_typed):
    asked = [(part,) for part in asked_parts(table(name), Plan(custom=("V.UsrA",)), None)]
    assert PartEvidence(1).unproven(rows_of(name, rows, is_typed=is_typed), asked) == [(part,) for part in empty]


def test_a_part_of_one_row_is_enough():
    assert held([{"Details": []}, {"Details": [LINE]}], ["Details", "Totals"]) == {"Details"}
    assert not held([{"Details": []}, {}], ["Details"])
