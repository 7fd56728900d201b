"""Tests that the user is told of entities that look like inquiry forms, and of values that do not fit one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract.form_hints import parameter_errors, warn_of_forms
from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.tables import Method, Table
from source_acumatica.reading.fields import FieldKind, Shape
from unit_tests.contract.orders import NOTED, UNKEYED, table
from unit_tests.contract.rest_client import RestClient
from unit_tests.erp.test_answers import OPTIMIZATION, answer, failure
from unit_tests.odata.entity_set import settings

MEMO = table("Memo", UNKEYED, Known())
BLANK = {"id": "1", "rowNumber": 1, "Subject": {}, "Details": [], "Body": {"value": ""}}


def hints(response, tables=(MEMO,), **more):
    client = RestClient(lambda *_: response)
    warn_of_forms(client, "A", tables, **more)
    return client


@pytest.mark.parametrize("response", [answer(200, [BLANK]), failure(OPTIMIZATION)], ids=["blank", "cannot be listed"])
def test_an_entity_that_looks_like_a_form_is_named_and_is_not_written_to(response, caplog):
    client = hints(response)
    assert "Tenant 'A', Memo: it looks like an inquiry form" in caplog.text
    assert "name Memo in inquiry_forms" in caplog.text
    ((path, options, request),) = client.requests
    assert (path, options) == ("/entity/Default/24.200.001/Memo", {"$top": "2"})
    assert request == {"is_hint": True}, "a GET"


@pytest.mark.parametrize(
    "response",
    [
        answer(200, []),
        answer(204, b""),
        answer(200, [{**BLANK, "Subject": {"value": "x"}}]),
        answer(200, [BLANK, BLANK]),
        answer(403, {"message": "no rights"}),
        answer(200, b"<html>", "text/html"),
    ],
    ids=["no rows", "no content", "a value", "two rows", "no rights", "web page"],
)
def test_other_answers_are_no_hint_and_no_error(response, caplog):
    assert len(hints(response).requests) == 1
    assert caplog.text == ""


def test_only_entities_that_nothing_identifies_are_looked_at():
    of_a_form = replace(MEMO, method=Method.INQUIRY)
    known = [table(), table("Order__Details"), table("Note", NOTED, Known()), replace(MEMO, is_single=True), of_a_form]
    assert hints(answer(200, [BLANK]), known).requests == []
    assert hints(answer(200, [BLANK]), [MEMO], may_ask=lambda: False).requests == []


# ------------------------------------------------------------------------------------------------------- parameters

SHAPE = Shape({"Period": FieldKind.STRING, "Year": FieldKind.INTEGER}, {}, {"Results": Shape({"A": FieldKind.STRING})})
FORM = Table("Default", "1", "Summary", Method.INQUIRY, SHAPE, (), None, path=("Results",), line_keys=((),))
OLDER = replace(FORM, shape=replace(SHAPE, fields={"Period": FieldKind.STRING}))


def errors(own, *, inquiries=(), **values):
    given = [{"inquiry": "Summary", "name": name, "value": value} for name, value in values.items()]
    tables = {tenant: {one.name: one} for tenant, one in own.items()}
    return parameter_errors(tables, settings(tenants=[*own], inquiry_parameters=given), inquiries)


def test_values_that_fit_are_no_error():
    assert errors({"A": FORM}, Period="012026", Year=2026) == []
    assert errors({"A": FORM}) == []


def test_values_that_fit_in_no_tenant_are_an_error_of_the_settings_once_by_the_first_tenant():
    (error,) = errors({"A": FORM, "B": FORM}, Month=1)
    assert error.failure_type is FailureType.config_error
    assert error.message.startswith("Tenant 'A': inquiry_parameters: Summary takes Period")


def test_values_that_fit_in_one_tenant_are_no_error_of_the_others():
    assert errors({"A": OLDER, "B": FORM}, Year=2026) == []
    assert len(errors({"A": OLDER, "B": OLDER}, Year=2026)) == 1


def test_values_for_a_name_that_an_inquiry_has_too_may_be_meant_for_that():
    assert errors({"A": FORM}, inquiries=["Summary"], Month=1) == []


def test_entities_that_are_no_forms_take_no_parameters():
    assert errors({"A": replace(FORM, method=Method.LIST)}, Month=1) == []
