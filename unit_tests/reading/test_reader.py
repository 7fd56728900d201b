"""Tests what the readers of all lists find out about filters and about rows without a stamp."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.learnt import FILTER_WORKS
from source_acumatica.reading.reader import hides_rows, refuse_stamped, shows_unstamped
from source_acumatica.reading.window import Window


class Facts:
    def __init__(self):
        self.known = {FILTER_WORKS: None}

    def learn(self, name):
        self.known[name] = True

    def forget(self, name):
        self.known[name] = False


def fails(action):
    def ask():
        raise RequestFailed(Problem(action, FailureType.transient_error, "refused"), "here")

    return ask


@pytest.mark.parametrize(
    ("has_filtered", "has_any", "hides", "works"),
    [
        (lambda: True, lambda: True, False, True),
        (lambda: False, lambda: True, True, False),
        (lambda: False, lambda: False, False, None),
        (fails(Action.STOP), lambda: True, True, False),
        (fails(Action.ASK_FOR_LESS), lambda: False, False, None),
    ],
)
def test_a_filter_that_brings_nothing_hides_rows_if_there_are_any(has_filtered, has_any, hides, works):
    facts = Facts()
    assert hides_rows(facts, has_filtered, has_any) is hides
    assert facts.known[FILTER_WORKS] is works


def test_a_failure_that_may_pass_says_nothing_about_a_filter():
    with pytest.raises(RequestFailed):
        hides_rows(Facts(), fails(Action.SKIP), lambda: True)


def is_stamped(row):
    return row["M"] is not None


def test_rows_with_a_stamp_show_that_the_filter_for_others_is_ignored():
    refuse_stamped("here", Window(), [{"M": "x"}], is_stamped)
    refuse_stamped("here", Window(is_unstamped=True), [{"M": None}], is_stamped)
    with pytest.raises(RequestFailed, match="ignores the filter for rows without a stamp"):
        refuse_stamped("here", Window(is_unstamped=True), [{"M": None}, {"M": "x"}], is_stamped)


@pytest.mark.parametrize(("rows", "shows"), [([{"M": None}], True), ([], False), ([{"M": None}, {"M": "x"}], None)])
def test_an_answer_with_stamped_rows_does_not_show_rows_without_a_stamp(rows, shows):
    assert shows_unstamped(rows, is_stamped) is shows
