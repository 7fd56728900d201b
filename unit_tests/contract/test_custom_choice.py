"""Tests which custom fields are chosen, and what records are said to lack of the others."""

from __future__ import annotations

import logging

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract.ad_hoc import AdHocSchemas
from source_acumatica.contract.custom_choice import choose_custom
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from unit_tests.contract.orders import table

FIELD = {"type": "CustomStringField"}
SCHEMA = {"custom": {"Document": {"UsrA": FIELD, "Own": FIELD, "UsrPassword": FIELD}}}


class Facts:
    """What earlier syncs have brought."""

    def __init__(self, left_out=None, custom=()):
        self.left_out, self.custom = left_out, custom

    def new_custom(self, names):
        return [name for name in names if name not in self.custom]

    def missed_custom(self, names):
        return [name for name in self.custom if name not in names]


def choose(schema=SCHEMA, facts=None):
    asked = []

    def fetch(path):
        asked.append(path)
        if isinstance(schema, RequestFailed):
            raise schema
        return schema

    choice = choose_custom("A", table(), None, "X", facts or Facts(), AdHocSchemas(), fetch)
    assert {*asked} == {"/entity/Default/24.200.001/Order/$adHocSchema"}
    return choice


def test_added_fields_come_first_and_credentials_never():
    choice = choose()
    assert choice.names == ("Document.UsrA", "Document.Own")
    assert choice.optional == ("Document.Own",)
    assert not choice.left_out
    assert not choice.is_cut


def test_a_field_that_does_not_fit_is_warned_of_and_not_a_new_one_comes_in_its_place(caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    many = {f"Field{number:03d}": FIELD for number in range(100)}
    choice = choose({"custom": {"Document": many}}, Facts(custom=["custom.Document.Field099"]))
    assert choice.is_cut
    assert choice.names[0] == "Document.Field099"
    assert "these are not read: Document.Field" in caplog.text


def test_a_field_that_is_not_named_any_more_is_left_out(caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    choice = choose(facts=Facts(custom=["custom.Document.UsrOld"]))
    assert choice.left_out == ("custom.Document.UsrOld",)
    assert "custom.Document.UsrOld have come before" in caplog.text


@pytest.mark.parametrize("before", [None, ["custom"]])
def test_names_that_are_refused_leave_the_custom_fields_out_if_they_have_never_come(before, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    refused = RequestFailed(Problem(Action.STOP, FailureType.config_error, "no"), "X")
    choice = choose(refused, Facts(before))
    assert choice.names == ()
    assert choice.left_out == ("custom",)


def test_names_that_are_refused_fail_the_stream_if_records_have_had_custom_fields(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    refused = RequestFailed(Problem(Action.STOP, FailureType.config_error, "no"), "X")
    with pytest.raises(RequestFailed, match="records are not to lose them"):
        choose(refused, Facts([]))
