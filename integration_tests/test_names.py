"""Tests that names in the settings and titles of inquiries lead to what they stand for, or to a sentence."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any, Literal

import pytest

from source_acumatica.erp import client

from .comparison import differences
from .harness import Destination, catalog_of, check
from .simulator import Simulator
from .simulator.catalog.endpoints import ENDPOINTS
from .simulator.odata.inquiries import INQUIRY_BY_TITLE
from .simulator.store.shapes import Endpoint
from .simulator.web.answers import HTML, Answer, html
from .tenants_apart import PLAIN, A
from .tenants_apart import two_tenants as two_tenants


@pytest.mark.parametrize("inquiry", ["Nothing", "InventorySummaryInquiry__Results", "inventorysummaryinquiry"])
def test_parameters_of_an_inquiry_that_nobody_has_are_refused(erp: Simulator, inquiry: str) -> None:
    status = check(erp.config(A, inquiry_parameters=[{"inquiry": inquiry, "name": "InventoryID", "value": "X"}]))
    assert status["status"] == "FAILED"
    assert f"inquiry_parameters: no tenant has an inquiry {inquiry}." in status["message"]


@pytest.mark.parametrize("named", ["SalesOrder", "Nothing", "Default/*Order"])
def test_inquiry_forms_that_nobody_has_are_refused(erp: Simulator, named: str) -> None:
    message = check(erp.config(A, inquiry_forms=[named]))["message"]
    assert f"inquiry_forms: no tenant has an inquiry form {named}." in message


def test_two_streams_of_one_name_are_refused(erp: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint named like an entity, with an entity named like that one's collection."""
    (fabrikam,) = (each for each in ENDPOINTS if each.name == "Fabrikam")
    contacts = replace(fabrikam.entities[1], name="Contacts")
    catalog = catalog_of(erp.config(A, **PLAIN), "Customer__Contacts", "Customer")
    monkeypatch.setitem(erp._site._endpoints, ("Customer", "1.0"), Endpoint("Customer", "1.0", (contacts,)))
    config = erp.config(A, endpoints=["Default", "Customer"], **PLAIN)
    sentence = "Two streams would be named Customer__Contacts: Customer/Contacts of Default and Contacts of Customer."
    assert sentence in check(config)["message"]
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {"Customer__Contacts": "INCOMPLETE", "Customer": "COMPLETE"}
    assert sentence in destination.errors[0]["message"]


SIGN_INS = {
    "redirect": Answer(302, headers={"Location": "/Frames/Login.aspx?ReturnUrl=/t/"}),
    "page": html(200, "Sign in"),
    "refusal": Answer(401, content_type=HTML),
}


@pytest.mark.parametrize("sign_in", SIGN_INS)
def test_an_old_build_that_shows_its_sign_in_at_the_newer_address_is_asked_at_the_older(
    sign_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.RetryPolicy, "pause_seconds", lambda _self, _tries: 0.0)
    with Simulator(rows=5, tenants=(A,), openapi=False) as sim:
        sim.rewrite(lambda request, answer: SIGN_INS[sign_in] if request.path.startswith("/t/") else answer)
        config = sim.config(generic_inquiries=["BI-*"], dac_tables=["SOOrder"])
        assert check(config)["status"] == "SUCCEEDED"
        destination = Destination()
        destination.sync(config, catalog_of(config, "gi__BI-Customers", "dac__SOOrder"))
        assert differences(destination, sim, [A]) == []
        assert any("older address" in warning for warning in destination.warnings)


def test_a_title_that_cannot_stand_in_an_address_is_told_with_the_reason(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiry = replace(INQUIRY_BY_TITLE["BI-Customers"], title="R&D: 50%")
    monkeypatch.setitem(INQUIRY_BY_TITLE, inquiry.title, inquiry)  # type: ignore[misc]

    def refuse(request: Any, answer: Any) -> Any:
        return Answer(400, b"<html>Bad Request</html>", content_type=HTML) if "R&D" in request.path else answer

    erp.rewrite(refuse)
    config = erp.config(A, generic_inquiries=["R&D*"])
    destination = Destination()
    destination.sync(config, catalog_of(config, "gi__R&D: 50%"), fails=True)
    assert "its title has & and % and : in it" in destination.errors[0]["message"]
    assert destination.errors[0]["failure_type"] == "config_error"


def test_a_title_with_parentheses_is_told_with_the_reason(erp: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """OData takes what stands in them for a key, and finds nothing of that name."""
    inquiry = replace(INQUIRY_BY_TITLE["BI-Customers"], title="Sales (2024)")
    monkeypatch.setitem(INQUIRY_BY_TITLE, inquiry.title, inquiry)  # type: ignore[misc]
    config = erp.config(A, generic_inquiries=["Sales (2024)"])
    destination = Destination()
    destination.sync(config, catalog_of(config, "gi__Sales (2024)"), fails=True)
    assert "its title has ( and ) in it" in destination.errors[0]["message"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_the_same_in_both_forms_of_its_accents(
    erp: Simulator, form: Literal["NFC", "NFD"], monkeypatch: pytest.MonkeyPatch
) -> None:
    title = unicodedata.normalize(form, "Ums\u00e4tze")
    inquiry = replace(INQUIRY_BY_TITLE["Orders by Customer"], title=title)
    monkeypatch.setitem(INQUIRY_BY_TITLE, title, inquiry)  # type: ignore[misc]
    written = unicodedata.normalize("NFD" if form == "NFC" else "NFC", title)
    given = [{"inquiry": written, "name": name, "value": "0"} for name in ("Customer", "MinTotal")]
    filters = [{"stream": f"gi__{written}", "filter": "OrderTotal gt 5"}]
    config = erp.config(A, generic_inquiries=[written], inquiry_parameters=given, row_filters=filters)
    assert check(config) == {"status": "SUCCEEDED"}
    Destination().sync(config, catalog_of(config, f"gi__{title}"))
    assert any("OrderTotal" in one.query.get("$filter", "") for one in erp.requests)
