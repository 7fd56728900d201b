"""Tests which fields records are said to lack: those that do not come, and those that hold no value."""

from __future__ import annotations

import logging

from source_acumatica.contract.field_check import FieldCheck
from unit_tests.contract.orders import table


def row(number, **values):
    return {"id": "1", "OrderType": {}, "OrderNbr": {"value": number}, "Total": {"value": 1}, **values}


STAMP = {"LastModified": {"value": "2026-01-01T00:00:00Z"}}
ERROR = {"error": "You may not see this."}


def look_at(check, rows, known=()):
    left_out = []
    check.look_at(rows, known, left_out.extend)
    return left_out


def test_a_field_that_comes_in_no_row_is_left_out_and_warned_of_once(caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    check = FieldCheck(table(), None, "X")
    assert look_at(check, [row("A1"), row("A2")]) == ["LastModified"]
    assert "does not send LastModified" in caplog.text
    caplog.clear()
    assert look_at(check, [row("A1"), row("A2")], ["LastModified"]) == []
    assert not caplog.text


def test_a_field_that_is_not_selected_is_not_missed():
    check = FieldCheck(table(), frozenset({"id", "OrderType", "OrderNbr"}), "X")
    assert look_at(check, [row("A1")]) == []


def test_records_that_hold_something_else_than_a_value_come_in_runs_of_their_own(caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    check = FieldCheck(table(), None, "X")
    rows = [row("A1", **STAMP), row("A2", **STAMP, Total=ERROR), row("A3", **STAMP, Total=ERROR), row("A4", **STAMP)]
    assert look_at(check, rows) == []
    assert check.broken == ("Total",)
    assert [(len(some), names) for some, names in check.runs(rows)] == [(1, ()), (2, ("Total",)), (1, ())]
    assert "something other than a value, such as an error, for Total" in caplog.text


def test_the_next_page_without_any_is_one_run_again():
    check = FieldCheck(table(), None, "X")
    look_at(check, [row("A1", **STAMP, Total=ERROR)])
    whole = [row("A2", **STAMP), row("A3", **STAMP)]
    look_at(check, whole)
    assert check.runs(whole) == [(whole, ())]
    assert check.broken == ("Total",)
