"""Tests when a list counts as one that leaves parts of its records empty."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract.empty_parts import EmptyParts
from source_acumatica.contract.identity import identifier
from source_acumatica.contract.list_requests import ListRequests
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.single_records import SingleRecords
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.learnt import EMPTIES_PARTS, LISTS_ALL
from source_acumatica.reading.window import Window
from unit_tests.contract.orders import table

LINE = {"id": "2", "LineNbr": {"value": 1}, "Item": None}
PAGE = {"skip": 0, "top": 50, "plan": Plan()}
NAME = "Order__Details"


class Facts:
    """What was learnt within the last day."""

    def __init__(self, *names):
        self.names = {*names}

    def knows(self, name):
        return name in self.names

    def learn(self, name):
        self.names.add(name)

    def forget(self, name):
        self.names.discard(name)


def order(number, *lines):
    return {"id": "1", "OrderType": {"value": "SO"}, "OrderNbr": {"value": number}, "Details": [*lines]}


def parts(alone, facts, listed=()):
    """Of a list of order lines; ``alone`` gives the order that is read by itself, or the error."""
    orders = table(NAME)

    def fetch_object(path, _options):
        if isinstance(alone, RequestFailed):
            raise alone
        return order(path.rpartition("/")[2], *alone)

    def ask(_window, token):
        return [*listed][token["skip"] : token["skip"] + token["top"]], 100

    records = SingleRecords(orders, None, "X", fetch_object, lambda *_: list(listed), lambda: False)
    requests = ListRequests(orders, None, "X", identifier(orders), ask)
    return EmptyParts(orders, None, "X", facts, records, requests, tuple)


EMPTY = [order(f"A{number}") for number in range(30)]
REFUSED = RequestFailed(Problem(Action.STOP, FailureType.system_error, "no"), "X")


def test_a_list_that_shows_lines_is_believed_and_that_is_learnt():
    facts = Facts()
    rows = [order("A1", {**LINE, "Item": {"Code": {"value": "B"}}})]
    assert not parts([], facts).are_in(rows, Window(), PAGE)
    assert facts.names == {LISTS_ALL}


def test_a_list_without_lines_is_believed_if_its_records_have_none():
    facts = Facts()
    assert not parts([], facts, EMPTY).are_in(EMPTY, Window(), PAGE)
    assert facts.names == {LISTS_ALL}


def test_a_list_without_lines_is_not_believed_if_a_record_has_some():
    facts = Facts(LISTS_ALL)
    found = parts([LINE], facts, EMPTY)
    assert found.are_in(EMPTY, Window(), PAGE)
    assert "Details" in found.emptied
    assert not found.is_misread
    assert facts.names == set()


def test_rows_that_were_sent_before_that_is_noticed_fail_the_stream():
    found = parts([LINE], Facts(), EMPTY)
    found.evidence.believe([("Details",)])
    with pytest.raises(RequestFailed, match="the list comes without Details, which its records have, and records"):
        found.are_in(EMPTY, Window(), PAGE)
    assert found.is_misread


def test_what_was_learnt_costs_no_request():
    found = parts(REFUSED, Facts(EMPTIES_PARTS), EMPTY)
    assert found.are_in(EMPTY, Window(), PAGE)
    assert found.emptied == ()


def test_records_that_cannot_be_read_prove_nothing():
    facts = Facts()
    found = parts(REFUSED, facts, EMPTY)
    assert not found.are_in(EMPTY, Window(), PAGE)
    assert facts.names == set()
    assert found.unknown
    with pytest.raises(RequestFailed, match="whether its records have any is unknown"):
        found.refuse_unknown_lines()
