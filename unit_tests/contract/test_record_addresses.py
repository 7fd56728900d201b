"""Tests where a record is found by itself."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.record_addresses import can_address, record_filter, record_paths
from source_acumatica.reading.fields import Choice, FieldKind, Shape, Wrapper

from .orders import FACTS, INTEGER, NOTED, UNKEYED, table


def record_path(table, row):
    """The address that is tried first; None where the record cannot be asked for by itself."""
    return record_paths(table, row)[0] if can_address(table, row) else None


def row(order_type, number):
    return {"id": "6d4b1c", "OrderType": {"value": order_type}, "OrderNbr": {"value": number}}


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (row("SO", "000058"), "SO/000058"),
        (row("SO", 58), "SO/58"),
        (row("S O", "a b"), "S%20O/a%20b"),
        (row("SO", "Größe"), "SO/Gr%C3%B6%C3%9Fe"),
        (row("SO", "日本"), "SO/%E6%97%A5%E6%9C%AC"),
        (row("SO", "a'b"), "SO/a%27b"),
        (row("SO", 0), "SO/0"),
    ],
    ids=str,
)
def test_a_record_is_found_by_its_keys(raw, path):
    assert record_path(table(), raw) == f"/entity/Default/24.200.001/Order/{path}"


@pytest.mark.parametrize(
    "raw",
    [
        row("SO", "A/C"),
        row("S/O", "1"),
        row("SO", ""),
        row("SO", None),
        {"id": "6d4b1c", "OrderType": {"value": "SO"}, "OrderNbr": {}},
        {"id": "6d4b1c"},
    ],
    ids=str,
)
def test_where_its_keys_cannot_stand_in_a_path_a_record_is_found_by_an_id_that_is_its_own(raw):
    """Any other id may be made up for one answer, and would be the address of nothing."""
    assert record_path(table(facts=FACTS, shape=NOTED), raw) == "/entity/Default/24.200.001/Order/6d4b1c"
    assert record_path(table(), raw) is None


@pytest.mark.parametrize("key", ["a&b", "a*b", "a:b", "<a", "a>", "50%", "a\\b", "a?", "a|b"])
def test_a_key_that_the_web_server_refuses_in_a_path_is_not_put_into_one(key):
    assert record_path(table(), row("SO", key)) is None


@pytest.mark.parametrize("key", [".", "..", ". ", " "])
def test_a_key_that_a_path_would_swallow_is_not_put_into_one(key):
    assert record_path(table(), row("SO", key)) is None


@pytest.mark.parametrize(
    ("raw", "condition"),
    [
        (row("SO", "A/C"), "OrderType eq 'SO' and OrderNbr eq 'A/C'"),
        (row("SO", "O'Brien & Co"), "OrderType eq 'SO' and OrderNbr eq 'O''Brien & Co'"),
    ],
    ids=str,
)
def test_whether_a_record_is_still_listed_is_asked_by_all_its_keys(raw, condition):
    assert record_filter(table(), raw, Plan()) == {"$filter": condition, "$select": "OrderType,OrderNbr", "$top": "1"}
    assert record_filter(table(), raw, Plan(selects=False)) == {"$filter": condition, "$top": "1"}


@pytest.mark.parametrize(("value", "literal"), [(7, "7"), (True, "true"), ("7", "'7'")], ids=str)
def test_a_key_is_compared_as_what_it_is(value, literal):
    one = table("Memo", Shape({"Nbr": INTEGER}), Known(("Nbr",)))
    assert record_filter(one, {"Nbr": {"value": value}}, Plan())["$filter"] == f"Nbr eq {literal}"


def test_a_record_without_a_key_is_asked_for_by_its_note_id_or_not_at_all():
    note_id = "6d4b1c00-0000-0000-0000-000000000000"
    unkeyed = table("Memo", Shape({"NoteID": FieldKind.GUID}), Known())
    assert record_filter(unkeyed, {"id": note_id}, Plan())["$filter"] == f"NoteID eq guid'{note_id}'"
    assert record_filter(table("Memo", UNKEYED, Known()), {"id": note_id}, Plan()) is None
    assert record_filter(table(), row("SO", None), Plan()) is None


def picked(id_, label):
    return {"id": "6d4b1c", "OrderType": {"value": {"id": id_, "description": label}}, "OrderNbr": {"value": "1"}}


CHOSEN = replace(NOTED, fields={**NOTED.fields, "OrderType": FieldKind.CHOICE})
UNNOTED = replace(CHOSEN, fields={name: kind for name, kind in CHOSEN.fields.items() if name != "NoteID"})


@pytest.mark.parametrize(
    ("shape", "raw", "paths"),
    [
        (CHOSEN, picked("INV", "Invoice"), ["6d4b1c", "INV/1", "Invoice/1"]),
        (UNNOTED, picked("INV", "Invoice"), ["INV/1", "Invoice/1", "6d4b1c"]),
        (UNNOTED, picked("INV", None), ["INV/1", "6d4b1c"]),
        (UNNOTED, picked("I/N", "Invoice"), ["Invoice/1", "6d4b1c"]),
    ],
)
def test_a_record_whose_key_is_a_choice_is_looked_for_by_its_id_and_by_its_label(shape, raw, paths):
    typed = {**raw, "OrderType": Wrapper(Choice(**raw["OrderType"]["value"]))}
    for row_ in (raw, typed):
        found = record_paths(replace(table(shape=shape), contract="5"), row_)
        assert [path.removeprefix("/entity/Default/24.200.001/Order/") for path in found] == paths


def test_a_choice_in_a_key_is_compared_by_its_id():
    one = replace(table(shape=UNNOTED), contract="5")
    assert record_filter(one, picked("INV", "Invoice"), Plan())["$filter"] == "OrderType eq 'INV' and OrderNbr eq '1'"


def test_a_key_that_is_a_number_with_digits_stands_in_the_address():
    assert record_path(table(), row("SO", msgspec.Raw(b"1.50"))).endswith("/Order/SO/1.50")
