"""Tests of what a check says of entities that may not be read; its requests are held by checks of the simulator."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.check import Refused
from source_acumatica.erp.errors import Action, Problem, RequestFailed

DENIED = RequestFailed(Problem(Action.STOP, FailureType.config_error, "no rights"))


def refused(count, typical=(), asked=()):
    found = Refused(count, {*typical}, {*asked})
    for name in asked:
        found.note(name, DENIED)
    return found


@pytest.mark.parametrize(
    ("count", "typical", "asked"), [(9, ["Customer"], ["Customer", "Vendor"]), (2, [], ["Own", "Other"])]
)
def test_a_user_who_may_read_nothing_typical_fails_the_check(count, typical, asked):
    with pytest.raises(AirbyteTracedException) as caught:
        refused(count, typical, asked).judge("A", is_open=False)
    assert caught.value.failure_type is FailureType.config_error
    assert caught.value.message.startswith(f"Tenant 'A': signing in works, but none of {', '.join(asked)}")
    assert caught.value.message.endswith("The last refusal: no rights")


@pytest.mark.parametrize(
    ("found", "is_open", "end"),
    [
        (refused(9, ["Customer"], ["Customer"]), True, "What OData has can be read."),
        (refused(9, ["Customer", "Vendor"], ["Vendor"]), False, "What else there is was not tried."),
    ],
)
def test_where_something_else_may_be_read_it_is_a_warning(found, is_open, end, caplog):
    found.judge("A", is_open=is_open)
    assert caplog.messages[0].endswith(end)


def test_many_names_are_counted(caplog):
    refused(9, [], ["A", "B", "C", "D", "E", "F", "G"]).judge("A", is_open=True)
    assert "none of A, B, C, D, E and 2 more (of 9 in all) may be read" in caplog.text
