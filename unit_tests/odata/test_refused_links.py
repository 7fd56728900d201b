"""Tests which links are found to be those that the ERP refuses to follow."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.refused_links import may_be_for_links, refused_links

LINKS = ("A", "B", "C", "D", "E")


def failure(action=Action.ASK_FOR_LESS):
    return RequestFailed(Problem(action, FailureType.config_error, "refused"))


def an_erp(refuses, action=Action.ASK_FOR_LESS):
    def ask(names):
        if refuses({*names}):
            raise failure(action)

    return ask


@pytest.mark.parametrize("bad", [(), ("A",), ("E",), ("B", "D"), LINKS])
@pytest.mark.parametrize("action", [Action.ASK_FOR_LESS, Action.STOP])
def test_exactly_the_refused_ones_are_found(bad, action):
    assert {*refused_links(LINKS, an_erp(lambda names: names & {*bad}, action))} == {*bad}


def test_where_it_fails_without_any_they_are_not_the_cause():
    assert refused_links(LINKS, an_erp(lambda _names: True)) == ()
    assert refused_links((), an_erp(lambda _names: False)) == ()


def test_where_only_many_together_are_too_much_half_of_them_are_left():
    assert refused_links(LINKS, an_erp(lambda names: len(names) > 3)) == ("C", "D", "E")


def test_a_failure_that_passes_is_raised():
    with pytest.raises(RequestFailed):
        refused_links(LINKS, an_erp(lambda _names: True, Action.RETRY))
    assert not may_be_for_links(failure(Action.RETRY))
    assert may_be_for_links(failure(Action.STOP))
