"""Tests of what a stream is in a tenant that lacks it, or cannot say."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from airbyte_cdk.models import FailureType

from source_acumatica.contract.discovery import WHOLE, Endpoint, Site
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.odata.tables import ODataFeed
from source_acumatica.tenant_tables import placeholder, tenant_tables_of

from .test_configured import INQUIRY, ORDER

CLOSED = RequestFailed(Problem(Action.STOP, FailureType.config_error, "OData is closed"))


def site(**more):
    endpoint = Endpoint("Default", "24.200.001")
    return Site(
        ("Default",), (endpoint,), frozenset({"Default"}), [ORDER], {"A": {"SalesOrder": ORDER}, "B": {}}, **more
    )


def survey(**more):
    """What ``tenant_tables_of`` asks an ODataSurvey."""
    given = {"own": {"A": {"gi__Orders": INQUIRY}, "B": {}}, "failures": {}, **more}
    return SimpleNamespace(unnamed=lambda _name: None, does_without=lambda error: error is CLOSED, **given)


def tables_of(name="SalesOrder", tenants="AB", read_before="", were_open="", of=None, odata=None):
    return tenant_tables_of(name, [*tenants], of or site(), odata or survey(), {*read_before}, {*were_open})


@pytest.mark.parametrize(("name", "table"), [("SalesOrder", ORDER), ("gi__Orders", INQUIRY)])
def test_a_tenant_that_never_had_the_stream_is_left_out_and_named(name, table, caplog):
    caplog.set_level(logging.WARNING)
    assert tables_of(name) == {"A": table}
    assert caplog.messages == [f"Tenant 'B' does not have what {name} shows: it is not read there."]


@pytest.mark.parametrize("name", ["SalesOrder", "gi__Orders"])
def test_a_tenant_that_had_the_stream_fails(name):
    found = tables_of(name, read_before="B")
    assert f"Tenant 'B' had the stream {name}" in found["B"].message


def test_what_could_not_be_asked_is_unknown_and_not_absent():
    error = RequestFailed(Problem(Action.RETRY, FailureType.transient_error, "no network"))
    assert tables_of(of=site(failures={("B", WHOLE): error}))["B"] is error
    odata = survey(failures={("B", ODataFeed.INQUIRIES): error})
    assert tables_of("gi__Orders", odata=odata)["B"] is error


def test_a_closed_service_is_passed_over_unless_it_was_open_or_nothing_else_is_left():
    odata = survey(failures={("B", ODataFeed.INQUIRIES): CLOSED})
    assert tables_of("gi__Orders", odata=odata) == {"A": INQUIRY}
    assert tables_of("gi__Orders", odata=odata, were_open="B") == {"A": INQUIRY, "B": CLOSED}
    assert tables_of("gi__Orders", tenants="B", odata=odata) == {"B": CLOSED}


def test_a_stream_that_no_tenant_has_is_an_error_of_one():
    found = tables_of("Nothing")
    assert list(found) == ["A"]
    assert found["A"].message == "The instance has no stream Nothing any more: refresh the connection's schema."


@pytest.mark.parametrize("name", ["SalesOrder", "gi__Orders", "dac__SOOrder"])
def test_a_placeholder_has_the_streams_name(name):
    assert placeholder(name).name == name
