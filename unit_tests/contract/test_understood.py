"""Tests that an answer which names nothing of what was asked for is not taken for one with empty fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.contract.dialect import DIALECTS, CustomBy
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.understood import NO_CUSTOM, NO_FIELDS, refuse_lost_fields, refuse_misunderstood
from source_acumatica.erp.errors import RequestFailed

from .orders import table

CUSTOM = {"Document": {"UsrA": {"type": "CustomStringField"}}}
ORDER = {"id": "1", "OrderNbr": {}, "custom": CUSTOM}
LINES = {"id": "1", "OrderNbr": {"value": "1"}, "Details": [{"id": "2", "Qty": {}, "custom": CUSTOM}]}
PLAN = Plan(custom=("Document.UsrA", "Document.UsrB"))
OF_LINES = Plan(custom=("Details/Document.UsrA",))


def problem(name, plan, rows, contract="5"):
    try:
        refuse_misunderstood(replace(table(name), contract=contract), plan, "X", rows)
    except RequestFailed as error:
        return error.problem
    return None


@pytest.mark.parametrize(
    ("name", "plan", "rows", "expected"),
    [
        ("Order", PLAN, [ORDER], None),
        ("Order", PLAN, [], None),
        ("Order", PLAN, [{**ORDER, "custom": {}}, ORDER], None),
        ("Order", PLAN, [{**ORDER, "custom": {}}], NO_CUSTOM),
        ("Order", PLAN, [{**ORDER, "custom": None}], NO_CUSTOM),
        ("Order", PLAN, [{**ORDER, "custom": {"Document": {"UsrC": {}}}}], NO_CUSTOM),
        ("Order", Plan(), [{**ORDER, "custom": {}}], None),
        ("Order", replace(PLAN, trusts_custom=True), [{**ORDER, "custom": {}}], None),
        ("Order", PLAN, [{"id": "1", "custom": CUSTOM}], NO_FIELDS),
        ("Order__Details", OF_LINES, [LINES], None),
        ("Order__Details", OF_LINES, [{**LINES, "Details": []}], None),
        ("Order__Details", OF_LINES, [{**LINES, "Details": [{"Qty": {}, "custom": {}}]}], NO_CUSTOM),
        ("Order__Details", OF_LINES, [{**LINES, "Details": [{"id": "2", "custom": CUSTOM}]}], NO_FIELDS),
    ],
)
def test_rows_show_whether_a_request_was_understood(name, plan, rows, expected):
    assert problem(name, plan, rows) == expected


def test_rows_without_custom_fields_are_believed_once_others_have_shown_some():
    here = replace(table(), contract="5")
    refuse_misunderstood(here, PLAN, "X", [{**ORDER, "custom": {}}], has_shown_custom=True)


def test_requests_for_custom_fields_alone_need_not_name_others():
    apart = replace(PLAN, dialect=replace(DIALECTS["5"], custom_by=CustomBy.NAMES))
    assert problem("Order", apart, [{"id": "1", "custom": CUSTOM}]) is None


@pytest.mark.parametrize(
    ("plain", "is_lost"),
    [
        ([{"OrderType": {}, "OrderNbr": {}, "Total": {"value": 1}}], True),
        ([{"OrderType": {}, "OrderNbr": {}}], False),
        ([], False),
    ],
)
def test_fields_that_come_without_custom_fields_only_are_lost(plain, is_lost):
    here, rows = replace(table(), contract="5"), [{"OrderType": {}, "OrderNbr": {}, "custom": CUSTOM}]
    try:
        refuse_lost_fields(here, PLAN, "X", rows, lambda: plain)
    except RequestFailed as error:
        assert is_lost
        assert error.problem == NO_FIELDS
    else:
        assert not is_lost


def test_nothing_is_compared_where_every_field_has_come():
    here = replace(table(), contract="5")
    whole = [{name: {} for name in here.shape.fields}]
    refuse_lost_fields(here, PLAN, "X", whole, lambda: pytest.fail("not needed"))
    refuse_lost_fields(table(), PLAN, "X", [{"OrderNbr": {}}], lambda: pytest.fail("not needed"))


def test_where_the_dialect_is_known_an_answer_is_believed():
    assert problem("Order", PLAN, [{"id": "1", "custom": {}}], contract="4") is None
