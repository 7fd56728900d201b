"""OData that is closed, once or for good: what is warned of, what fails, and what is asked for again."""

from __future__ import annotations

import pytest

from .comparison import differences
from .harness import ALL_OF_ODATA, FULL_REFRESH, TENANTS, Destination, catalog_of, check, discover
from .simulator import Simulator
from .simulator.odata.inquiry_service import InquiryService
from .simulator.web.answers import Answer, html, message
from .simulator.web.requests import Request


def test_what_the_user_may_not_read_is_warned_of_in_discover_and_an_error_in_read(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    config = sim.config("Company", **ALL_OF_ODATA)
    catalog = catalog_of(config, "gi__PR-Salaries", "dac__Users", "dac__SOOrder")
    assert any("gi__PR-Salaries" in line and "view rights on the inquiry's form" in line for line in caplog.messages)
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {
        "gi__PR-Salaries": "INCOMPLETE",
        "dac__Users": "INCOMPLETE",
        "dac__SOOrder": "COMPLETE",
    }
    assert all("(403)" in error["message"] and "Tenant 'Company'" in error["message"] for error in destination.errors)
    assert {error["failure_type"] for error in destination.errors} == {"config_error"}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_closed_service_is_a_warning_unless_somebody_asks_for_what_is_behind_it(
    sim: Simulator, status: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(InquiryService, "answer", lambda _self: message(status, "No."))
    assert check(sim.config())["status"] == "SUCCEEDED"
    warnings = [line for line in caplog.messages if "OData inquiries" in line and f"({status})" in line]
    assert len(warnings) == 2, "one for each tenant"
    assert "SalesOrder" in discover(sim.config())
    named = check(sim.config(generic_inquiries=["BI-*"]))
    assert named["status"] == "FAILED"
    assert named["message"].count(f"({status})") == 2
    assert "SM203520" in named["message"] or status == 403


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("tenant", ["Company", "Zweite"])
def test_a_service_that_is_closed_once_or_twice_is_asked_again(sim: Simulator, tenant: str, status: int) -> None:
    """A site that begins to run says so, or a firewall: neither the catalog nor a table may lose by it."""
    left: list[None] = []

    def not_found(request: Request, answer: Answer) -> Answer:
        if not (left and f"/t/{tenant}" in request.path and "/api/odata/gi/$metadata" in request.path):
            return answer
        left.pop()
        return html(status, f"{status} - it is not there, or not for you.")

    sim.rewrite(not_found)
    config = sim.config(endpoints=["Fabrikam"])
    catalog = catalog_of(config, "gi__BI-Customers", mode=FULL_REFRESH)
    before = discover(config)
    for times in (1, 2):
        left[:] = [None] * times
        assert discover(config) == before
        left[:] = [None] * times
        destination = Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, TENANTS) == []
        assert destination.warnings == []


def test_one_404_at_the_newer_address_does_not_lead_to_the_older_one() -> None:
    """Its times may be in another zone."""
    left: list[None] = []

    def not_found(request: Request, answer: Answer) -> Answer:
        return html(404, "404") if left and "/api/odata/gi/" in request.path and not left.pop() else answer

    with Simulator(rows=12, tenants=("Company",), legacy_inquiries=3) as sim:
        sim.rewrite(not_found)
        config = sim.config(endpoints=["Fabrikam"], generic_inquiries=["BI-Customers"])
        catalog = catalog_of(config, "gi__BI-Customers")
        destination = Destination()
        destination.sync(config, catalog)
        sim.clock.advance(3600)
        left.append(None)
        destination.sync(config, catalog)
        assert differences(destination, sim, ["Company"]) == []
        assert (destination.errors, destination.warnings) == ([], [])


def test_without_the_role_nobody_reads_tables(sim: Simulator) -> None:
    config = sim.config(**ALL_OF_ODATA)
    catalog = catalog_of(config, "dac__SOOrder", "gi__BI-Customers", "Customer")
    sim.account("Company").roles.clear()
    status = check(config)
    assert status["status"] == "FAILED"
    assert "Tenant 'Company', description of the OData tables" in status["message"]
    assert "OData4 User" in status["message"]
    assert "Zweite Firma" not in status["message"]
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {
        "dac__SOOrder": "INCOMPLETE",
        "gi__BI-Customers": "COMPLETE",
        "Customer": "COMPLETE",
    }
    assert {row["_tenant"] for row in destination.rows("dac__SOOrder")} == {"Zweite Firma"}
    assert "OData4 User" in destination.errors[0]["message"]
