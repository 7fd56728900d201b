"""Tests that a record read by itself is the one that was asked for, and what counts as removed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract.plan import Plan
from source_acumatica.contract.single_records import SingleRecords
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from unit_tests.contract.orders import table


def single_orders(answer):
    return SingleRecords(
        table(),
        frozenset({"OrderType", "OrderNbr"}),
        "Tenant 'A', stream X",
        lambda _path, _options: answer,
        lambda *_: [order("A1")],
        lambda: False,
    )


def order(number):
    return {"id": "1", "OrderType": {"value": "SO"}, "OrderNbr": {"value": number}}


def test_a_record_that_only_its_id_leads_to_is_not_taken_for_removed():
    """Keys may be shown otherwise than they are compared: then neither the address nor the list finds them."""
    found = {"id": "1", "OrderType": {"value": "SO"}, "OrderNbr": {"value": "A1"}}
    gone = RequestFailed(Problem(Action.GONE, FailureType.transient_error, "no entity", status=500), "X")

    def by_id(path, _options):
        if path.endswith("/1"):
            return found
        raise gone

    records = replace(single_orders(found), fetch_object=by_id, fetch_rows=lambda *_: [])
    assert records.read(found, Plan()) == found


def test_another_record_at_the_address_of_one_is_not_sent_in_its_place():
    assert single_orders(order("a1 ")).read(order("A1"), Plan()) == order("a1 ")
    with pytest.raises(RequestFailed, match=r"record 'SO', 'A1': the ERP does not find it at its address"):
        single_orders(order("A2")).read(order("A1"), Plan())
