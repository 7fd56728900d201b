"""Tests what is asked for after a refusal, where the dialect of the endpoint is documented in parts only."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract import fallback as module
from source_acumatica.contract.dialect import DIALECTS, CustomBy
from source_acumatica.contract.fallback import Fallback
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.understood import NO_CUSTOM, NO_FIELDS
from source_acumatica.erp.errors import Action, Problem, RequestFailed

from .orders import SOME, table

FIVE = DIALECTS["5"]
PLAN = Plan(custom=("Document.UsrA", "Document.UsrB"))
UNCLEAR = Problem(Action.STOP, FailureType.system_error, "a literal is wrong", status=500, is_unclear=True)
NOT_OPTIMIZABLE = Problem(Action.ASK_FOR_LESS, FailureType.config_error, "not in one query")


def simplified(problem, works, *, contract="5", plan=PLAN, fallback=None):
    """The plan after ``problem``, and the plans that were tried."""
    tried = []

    def tries(other):
        tried.append(other)
        return works(other)

    fallback = fallback or Fallback(replace(table(), contract=contract), None, "X", lambda: None)
    error = RequestFailed(problem, "X")
    return fallback.simpler(plan, SOME, error, tries, lambda: True), tried


@pytest.mark.parametrize(
    "spoken",
    [
        replace(FIVE, custom_by=CustomBy.OPTION),
        replace(FIVE, custom_by=CustomBy.NAMES),
        replace(FIVE, selects_expanded=False),
        replace(FIVE, has_typed_literals=True),
        replace(FIVE, custom_by=CustomBy.OPTION, selects_expanded=False, has_typed_literals=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("problem", [UNCLEAR, NO_CUSTOM, NO_FIELDS])
def test_a_request_that_is_not_understood_is_written_in_another_way(problem, spoken, caplog):
    caplog.set_level(logging.INFO)
    plan, tried = simplified(problem, lambda plan: plan.dialect == spoken)
    assert plan == replace(PLAN, dialect=spoken)
    assert len(tried) <= 13
    assert "contract version 5" in caplog.text


def test_a_failure_that_passes_changes_nothing():
    assert simplified(UNCLEAR, lambda _: True) == (PLAN, [PLAN])


@pytest.mark.parametrize(("problem", "contract"), [(UNCLEAR, "4"), (NOT_OPTIMIZABLE, "5")])
def test_a_refusal_that_is_not_about_the_dialect_is_not_met_with_another(problem, contract, monkeypatch):
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    _, tried = simplified(
        problem, lambda plan: len(plan.custom) < len(PLAN.custom) or plan.most_custom == 1, contract=contract
    )
    assert {plan.dialect for plan in tried} == {None}


def test_custom_fields_that_no_dialect_shows_are_not_proven_to_be_empty(caplog):
    fallback = Fallback(replace(table(), contract="5"), None, "X", lambda: None)
    plan, _ = simplified(NO_CUSTOM, lambda _: False, fallback=fallback)
    assert plan == replace(PLAN, trusts_custom=True)
    assert fallback.doubted == ("custom.Document.UsrA", "custom.Document.UsrB")
    assert fallback.left_out == []
    assert "records say so" in caplog.text


def test_each_dialect_is_tried_once_in_a_run():
    fallback = Fallback(replace(table(), contract="5"), None, "X", lambda: None)
    simplified(NO_CUSTOM, lambda _: False, fallback=fallback)
    plan, tried = simplified(UNCLEAR, lambda plan: plan == PLAN, fallback=fallback)
    assert plan == PLAN
    assert {one.dialect for one in tried} == {None}


@pytest.mark.parametrize("custom_by", CustomBy)
def test_a_custom_field_that_cannot_be_shown_does_not_hide_the_dialect_of_the_others(custom_by, monkeypatch):
    """Each dialect fails with it; in the one that is understood, the others come without it."""
    monkeypatch.setattr(module.time, "sleep", lambda _: None)

    def works(plan):
        is_spoken = plan.spoken(replace(table(), contract="5")).custom_by is custom_by
        return not plan.custom or (is_spoken and "Document.UsrB" not in plan.custom)

    plan, _ = simplified(UNCLEAR, works)
    assert plan.spoken(replace(table(), contract="5")).custom_by is custom_by
    assert plan.custom == ("Document.UsrA",)


def test_a_wrong_literal_is_found_out_though_no_record_shows_custom_fields():
    def works(plan):
        return bool(plan.dialect and plan.dialect.has_typed_literals) and (plan.trusts_custom or not plan.custom)

    plan, _ = simplified(UNCLEAR, works)
    assert plan == replace(PLAN, dialect=replace(FIVE, has_typed_literals=True))
