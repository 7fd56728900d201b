"""Tests of what is asked by PUT: a verb that writes, where it is sent to anything but an inquiry form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from source_acumatica.contract.forms import Forms
from source_acumatica.reading.fields import FieldKind, Shape

STRING = FieldKind.STRING
RESULTS = Shape({"Ledger": STRING}, {}, {"Results": Shape({"Account": STRING})})
SUMMARY = Shape(dict.fromkeys(("Branch", "Ledger", "Period", "Subaccount", "UsrOwn"), STRING), {}, RESULTS.collections)
RESULT = Shape({"Ledger": STRING}, {}, {"Result": Shape({"Account": STRING})})


def with_collections(shape, *names):
    return replace(shape, collections={name: Shape({"Account": STRING}) for name in names})


@pytest.mark.parametrize(
    ("endpoint", "entity", "shape", "is_form"),
    [
        ("Default", "AccountSummaryInquiry", RESULTS, True),
        ("GLConsolidation", "ConsolidationData", RESULT, True),
        ("MyExtension", "AccountSummaryInquiry", SUMMARY, True),
        ("Own", "AccountSummaryInquiry", RESULTS, False),
        ("Own", "AccountSummaryInquiry", with_collections(SUMMARY, "Results", "Taxes"), False),
        ("Own", "Budget", RESULTS, False),
        ("Own", "Budget", with_collections(RESULTS, "Details"), False),
        ("Own", "CompaniesStructure", with_collections(Shape({}), "Results"), False),
        ("Own", "WebInquiry", RESULTS, False),
        ("Own", "PriceInq", RESULT, False),
        ("Default", "SalesOrder", RESULTS, False),
        ("MANUFACTURING", "CostRoll", RESULTS, False),
    ],
)
def test_without_a_setting_only_known_forms_are_forms(endpoint, entity, shape, is_form):
    """An own endpoint's entity that has the name of a known form has to have its results and its parameters, too."""
    assert Forms().is_form(endpoint, entity, shape) is is_form


@pytest.mark.parametrize("named", ["RawData", "WMS/RawData", "WMS/*", "Raw*", "*"])
def test_the_settings_name_forms_of_own_endpoints(named):
    forms = Forms((named,))
    assert forms.is_form("WMS", "RawData", RESULT)
    assert forms.matched == {named}
    assert Forms((), {"WMS/RawData": ()}).is_form("WMS", "RawData", RESULT)


@pytest.mark.parametrize("field", ["NoteID", "LastModifiedDateTime"])
def test_what_only_a_glob_names_is_no_form_if_the_erp_keeps_it(field):
    kind = FieldKind.GUID if field == "NoteID" else FieldKind.DATE_TIME
    sheet = replace(RESULT, fields={**RESULT.fields, field: kind})
    assert not Forms(("*",)).is_form("Own", "WorkSheet", sheet)
    assert not Forms(("Own/*", "Work*")).is_form("Own", "WorkSheet", sheet)
    assert Forms(("Own/*", "WorkSheet")).is_form("Own", "WorkSheet", sheet)
    assert Forms(("*",), {"Own/WorkSheet": ()}).is_form("Own", "WorkSheet", sheet)


def test_values_under_a_bare_name_make_nothing_a_form():
    """A generic inquiry may be called like a document of an own endpoint, which would be written to."""
    forms = Forms((), {"Orders": ()})
    assert not forms.is_form("Own", "Orders", RESULTS)
    assert forms.matched == set()
    forms = Forms(("Own/*",), {"Orders": (), "AccountSummaryInquiry": ()})
    assert forms.is_form("Own", "Orders", RESULTS)
    assert forms.is_form("Default", "AccountSummaryInquiry", RESULTS)
    assert forms.matched == {"Own/*", "Orders", "AccountSummaryInquiry"}


def test_a_form_without_results_has_nothing_to_be_asked_for():
    forms = Forms(("RawData",))
    assert not forms.is_form("WMS", "RawData", Shape({"Ledger": STRING}))
    assert forms.matched == set()


@pytest.mark.parametrize("named", ["*", "SalesOrder", "Own/*"])
def test_nothing_that_is_known_to_be_a_document_is_written_to(named):
    forms = Forms((named,), {"SalesOrder": ()})
    assert not forms.is_form("Default", "SalesOrder", RESULTS)
    assert not forms.is_form("Own", "SalesOrder", RESULTS)
    assert not Forms(("Default/SalesOrder",)).is_form("Default", "SalesOrder", RESULTS)


def test_users_may_know_better_of_an_own_endpoint_if_they_name_it_in_full():
    assert Forms(("Own/Task",)).is_form("Own", "Task", RESULTS)
