"""Tests what a request names below the address of a service, and what cannot be named there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.resources import first_row, inquiry_resource, unaddressable
from unit_tests.odata.entity_set import INQUIRY, TABLE

ASKED = replace(INQUIRY, parameters={"Year": "Edm.Int32"}, function="I_WithParameters")


def test_values_for_parameters_stand_in_the_resource():
    resource, options = inquiry_resource("A", ASKED, {"Year": 2026}, 4)
    assert (resource, options) == ("I_WithParameters(Year=@p1)", {"@p1": "2026"})
    assert inquiry_resource("A", TABLE, {}, 4) == ("T", {})


@pytest.mark.parametrize("given", [{"Month": 1}, {"Year": "last"}], ids=str)
def test_wrong_values_are_an_error_of_the_settings_that_names_the_tenant(given):
    with pytest.raises(AirbyteTracedException, match="Tenant 'A': ") as raised:
        inquiry_resource("A", ASKED, given, 4)
    assert raised.value.failure_type is FailureType.config_error


def test_one_row_is_asked_for_without_an_order_or_a_condition():
    resource, options = first_row("A", TABLE, {}, 4)
    assert resource == "T"
    assert options["$top"] == "1"
    assert options.keys().isdisjoint({"$orderby", "$filter", "$skip"})


def failure(status):
    return RequestFailed(Problem(Action.STOP, FailureType.config_error, "no", status=status), "here")


@pytest.mark.parametrize(
    ("resource", "signs"),
    [("R%26D", "&"), ("50%25%20off?$top=1", "%"), ("A%2FB%3AC", ": and /"), ("Is it%3F(X=1)", "?")],
)
def test_a_title_with_a_sign_of_addresses_is_named_as_the_cause(resource, signs):
    error = unaddressable(failure(404), resource, "here")
    assert error is not None
    assert f"its title has {signs}" in error.message
    assert "SM208000" in error.message
    assert (error.failure_type, error.problem.status) == (FailureType.config_error, 404)


@pytest.mark.parametrize(("resource", "status"), [("R%26D", 500), ("R%26D", 401), ("Orders?$filter=a%20%26%20b", 404)])
def test_other_failures_and_other_titles_keep_their_own_sentence(resource, status):
    assert unaddressable(failure(status), resource, "here") is None
