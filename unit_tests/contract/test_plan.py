"""Tests which simpler way to ask follows after each, and that none of them loses a wanted field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.contract.dialect import DIALECTS
from source_acumatica.contract.plan import Plan
from unit_tests.contract.orders import table

ALL = Plan(custom=("Document.UsrA",))
OPEN = replace(ALL, selects=False)


@pytest.mark.parametrize(
    ("plan", "named", "wanted", "simpler"),
    [
        (ALL, (), (), OPEN),
        (ALL, ("Total",), (), OPEN),
        (OPEN, ("Total",), ("OrderNbr",), replace(ALL, without=frozenset({"Total"}))),
        (OPEN, ("MainContact/Email",), ("OrderNbr",), replace(ALL, without=frozenset({"MainContact"}))),
        (OPEN, ("Total",), ("Total",), replace(ALL, is_by_record=True)),
        (OPEN, (), (), replace(ALL, is_by_record=True)),
    ],
    ids=["first", "named", "without it", "without its part", "wanted", "nothing named"],
)
def test_each_refusal_leads_to_the_next_simpler_plan(plan, named, wanted, simpler):
    assert plan.simpler(named, wanted) == simpler


def test_what_was_left_out_stays_so_and_naming_it_again_leads_to_single_records():
    plan = replace(ALL, without=frozenset({"Total"}))
    assert plan.simpler(["Tax"], []).without == {"Total", "Tax"}
    assert plan.simpler(["Total"], []).is_by_record


def test_a_list_of_keys_gives_up_what_is_beside_them_then_its_selection_and_then_ends():
    keys = Plan(is_by_record=True, beside=("CreatedDateTime",))
    alone = keys.simpler([], [])
    assert (alone.beside, alone.selects) == ((), True)
    unselected = alone.simpler([], [])
    assert not unselected.selects
    assert unselected.simpler([], []) is None


@pytest.mark.parametrize("plan", [ALL, OPEN, replace(ALL, without=frozenset({"Total"}))])
def test_there_is_an_end_below_each_plan(plan):
    plans = 0
    while plan := plan.simpler(["A", f"B{plans}"], ["A"]):
        plans += 1
        assert plans < 6


def test_requests_become_shorter_until_their_length_cannot_be_the_cause():
    lengths = []
    plan = ALL
    while plan := plan.shorter():
        lengths.append(plan.longest)
    assert lengths == sorted(lengths, reverse=True)
    assert min(lengths) >= 200
    assert len(lengths) > 2


def test_a_plan_of_keys_keeps_the_window_and_the_dialect_and_nothing_else():
    plan = Plan(filters=False, dialect=DIALECTS["5"], custom=("Document.UsrA",), without=frozenset({"A"}), longest=300)
    assert plan.of_keys == Plan(is_by_record=True, filters=False, dialect=DIALECTS["5"])


def test_requests_are_written_as_the_endpoints_contract_says_unless_the_plan_knows_better():
    assert Plan().spoken(replace(table(), contract="5")) is DIALECTS["5"]
    known = replace(DIALECTS["5"], selects_expanded=False)
    assert Plan(dialect=known).spoken(table()) is known
