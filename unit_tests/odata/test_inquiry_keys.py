"""Tests what is made of the keys of inquiries where their rows contradict them, fail, or do not come."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata import inquiry_keys
from source_acumatica.odata.inquiry_keys import InquiryKeys
from unit_tests.odata.entity_set import INQUIRY, settings
from unit_tests.odata.table_service import CLOSED, PASSING, TableService

UNIQUE, REPEATED = [{"Class": "A"}, {"Class": "B"}], [{"Class": "A"}, {"Class": "A"}]
PASSING_500 = replace(PASSING, status=500)


class Failing(TableService):
    """Its rows fail so many times, and its description as the service does."""

    def __init__(self, rows, *problems, describes=True):
        self.problems = [*problems]
        super().__init__({"I": rows}, self._refuse, descriptions=() if describes else PASSING)

    def _refuse(self, _resource, _params):
        return self.problems.pop(0) if self.problems else None


def keys_of(service, **more):
    return InquiryKeys(service, settings(**more))


def are_unique(service, keys=None, **how):
    return (keys or keys_of(service)).may_be_unique("A", INQUIRY, can_be_asked=True, **how)


def test_the_rows_decide_and_the_log_says_which_keys_they_contradict(caplog):
    caplog.set_level(logging.INFO, "airbyte")
    assert are_unique(TableService({"I": UNIQUE}))
    assert not are_unique(TableService({"I": REPEATED}))
    assert "Tenant 'A', stream gi__I: Class do not identify its rows (several have the same)" in caplog.text


def test_an_inquiry_that_cannot_be_asked_keeps_its_keys_and_is_known_to_be_untried():
    keys = keys_of(service := TableService({"I": REPEATED}))
    assert keys.may_be_unique("A", INQUIRY, can_be_asked=False)
    assert service.requests == []
    assert {*keys.untried} == {"gi__I"}
    assert not keys.may_be_unique("B", INQUIRY, can_be_asked=True)
    assert {*keys.untried} == set(), "another tenant has shown it"


def test_a_failure_that_may_pass_is_asked_once_more_when_the_service_has_answered():
    service = Failing(REPEATED, PASSING_500)
    assert not are_unique(service)
    assert ("$metadata", {}) in service.requests


def test_an_inquiry_that_fails_twice_while_its_service_answers_keeps_its_keys(caplog):
    keys = keys_of(service := Failing(UNIQUE, PASSING_500, PASSING_500))
    assert are_unique(service, keys)
    assert {*keys.untried} == {"gi__I"}
    assert "no answer, and the service answers other requests meanwhile" in caplog.text


def test_where_the_service_does_not_answer_either_nothing_is_concluded():
    with pytest.raises(RequestFailed):
        are_unique(Failing(REPEATED, PASSING_500, describes=False))


@pytest.mark.parametrize("before", [(), (PASSING_500,)], ids=["at once", "the second time"])
def test_a_limit_of_requests_says_nothing_of_the_keys(before):
    throttled = replace(PASSING, action=Action.THROTTLED)
    with pytest.raises(RequestFailed) as raised:
        are_unique(Failing(UNIQUE, *before, throttled))
    assert raised.value.problem is throttled


def test_what_only_the_user_can_mend_is_told_and_not_asked_again(caplog):
    service = Failing(REPEATED, CLOSED)
    assert are_unique(service)
    assert len(service.requests) == 1
    assert "the service is closed. As long as this is so, reading it fails" in caplog.text


def test_a_time_out_is_not_waited_for_a_second_time():
    slow = replace(PASSING, action=Action.FEWER_ROWS)
    service = Failing(UNIQUE, *[slow] * 9)
    assert are_unique(service)
    asked = [resource for resource, _ in service.requests]
    assert asked[-1] == "$metadata"


def test_the_rows_of_each_combination_of_values_are_looked_at_up_to_some(monkeypatch):
    monkeypatch.setattr(inquiry_keys, "_MOST_PROBED_SETS", 2)
    asked = replace(INQUIRY, parameters={"Year": "Edm.Int32"}, function="F")
    values = [{"inquiry": "I", "name": "Year", "value": value} for value in (2024, 2025, 2026)]
    service = TableService({"F(Year=@p1)": UNIQUE})
    assert keys_of(service, inquiry_parameters=values).may_be_unique("A", asked, can_be_asked=True)
    assert {params["@p1"] for _, params in service.requests} == {"2024", "2025"}


def test_keys_that_no_row_has_confirmed_stay_and_are_told_at_the_end(caplog):
    keys = keys_of(TableService({"I": []}))
    assert are_unique(None, keys)
    keys.warn_of_unseen({"gi__I": INQUIRY})
    assert "gi__I: it shows no rows today" in caplog.text
    caplog.clear()
    shown = keys_of(TableService({"I": UNIQUE}))
    are_unique(None, shown)
    shown.warn_of_unseen({"gi__I": INQUIRY})
    keys.warn_of_unseen({"gi__I": replace(INQUIRY, keys=())})
    assert caplog.text == ""
