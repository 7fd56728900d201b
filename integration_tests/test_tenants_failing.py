"""Tests that a tenant that fails takes nothing away: no stream of another, and no part of a catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import config_error
from source_acumatica.odata.discovery import ODataSurvey
from source_acumatica.odata.tables import ODataFeed

from .comparison import differences
from .harness import FULL_REFRESH, Destination, catalog_of, check, configured, discover
from .simulator import Fault, FaultKind, Simulator
from .simulator.web.answers import as_json
from .tenants_apart import PLAIN, A, B, part_of, tenants_of
from .tenants_apart import two_tenants as two_tenants

PASSING = (
    FaultKind.STATUS_503, FaultKind.STATUS_504, FaultKind.ERROR_REDIRECT, FaultKind.STATUS_500, FaultKind.STATUS_429,
)  # fmt: skip


# ------------------------------------------------------------------------------------------------ failing alone


def test_a_tenant_that_cannot_be_signed_in_to_fails_alone_and_by_its_own_sentence(erp: Simulator) -> None:
    erp.tenant(B).lacks.update(("Fabrikam", "gi/BI-Customers"))
    config = erp.config(endpoints=["Default", "Fabrikam"], generic_inquiries=["BI-*"])
    streams = ("Customer", "Fabrikam__Equipment", "gi__BI-Customers")
    catalog = catalog_of(config, *streams)
    destination = Destination()
    destination.sync(config, catalog)
    before = {stream: part_of(destination, stream, A) for stream in streams}
    erp.account(A).password = "another"
    erp.clock.advance(60)
    tried = erp.sign_ins(A)
    destination.sync(config, catalog, fails=True)
    assert erp.sign_ins(A) - tried == 1
    assert set(destination.statuses.values()) == {"INCOMPLETE"}
    assert all(f"Tenant '{A}': the user name or password" in error["message"] for error in destination.errors)
    assert not [log for log in destination.logs if "no endpoint" in log.getMessage()]
    assert {stream: part_of(destination, stream, A) for stream in streams} == before


@pytest.mark.parametrize(
    ("path", "failing"),
    [
        (r"/Fabrikam/1\.0/swagger", {"Fabrikam__Equipment"}),
        ("/Default/.*/swagger", {"Customer", "Customer__Contacts"}),
        ("/entity$", {"Customer", "Customer__Contacts", "Fabrikam__Equipment"}),
        (r"/gi/\$metadata", {"gi__BI-Customers"}),
        (r"/dac/\$metadata", {"dac__SOOrder"}),
    ],
)
@pytest.mark.parametrize("kind", [FaultKind.STATUS_500, FaultKind.STATUS_503, FaultKind.ERROR_REDIRECT])
def test_what_fails_takes_down_only_the_streams_that_need_it(
    erp: Simulator, path: str, failing: set[str], kind: FaultKind
) -> None:
    config = erp.config(endpoints=["Default", "Fabrikam"], generic_inquiries=["BI-*"], dac_tables=["SOOrder"])
    streams = ("Customer", "Customer__Contacts", "Fabrikam__Equipment", "gi__BI-Customers", "dac__SOOrder")
    catalog = catalog_of(config, *streams)
    erp.faults.add(Fault(kind, path=path, times=1000))
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert {name for name, status in destination.statuses.items() if status == "INCOMPLETE"} == failing
    assert len(destination.statuses) == 5
    erp.faults.clear()
    destination.sync(config, catalog)
    assert differences(destination, erp, [A, B]) == []


def test_an_endpoint_that_is_gone_everywhere_fails_its_own_streams(erp: Simulator) -> None:
    config = erp.config(endpoints=["Default", "Fabrikam"], **PLAIN)
    catalog = catalog_of(config, "Customer", "Fabrikam__Equipment")
    for name in (A, B):
        erp.tenant(name).lacks.add("Fabrikam")
    assert "the instance has no endpoint Fabrikam. There are: Default/20.200.001" in check(config)["message"]
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {"Customer": "COMPLETE", "Fabrikam__Equipment": "INCOMPLETE"}
    assert "the instance has no endpoint Fabrikam" in destination.errors[0]["message"]


DESIGNS = "/dac/GIDesign"
"""A hint: it says which inquiries are cut or stored, and nothing hangs on it."""


@pytest.mark.parametrize("kind", [*PASSING, FaultKind.HTML_200, FaultKind.TRUNCATED_JSON, FaultKind.EMPTY_200])
def test_a_hint_is_asked_for_once_and_holds_nothing_up(erp: Simulator, kind: FaultKind) -> None:
    config = erp.config(A, endpoints=["Fabrikam"], generic_inquiries=["BI-*"], dac_tables=["SOOrder"])
    catalog = catalog_of(config, "gi__BI-Customers", "dac__SOOrder", mode=FULL_REFRESH)
    erp.faults.add(Fault(kind, path=DESIGNS, times=1000))
    commands: list[Callable[[Destination], Any]] = [
        lambda _: check(config),
        lambda _: discover(config),
        lambda destination: destination.sync(config, catalog),
    ]
    for command in commands:
        destination = Destination()
        erp.requests.clear()
        command(destination)
        assert len([one for one in erp.requests if DESIGNS in one.path]) == 1
        assert not [warning for warning in destination.warnings if "designs" in warning]


def test_a_hint_that_leads_elsewhere_hides_no_table(erp: Simulator) -> None:
    """A proxy in front maps the directory, in one tenant."""
    config = erp.config(endpoints=["Fabrikam"], generic_inquiries=["BI-*"], dac_tables=["SOOrder"])
    catalog = catalog_of(config, "gi__BI-Customers", "dac__SOOrder", mode=FULL_REFRESH)
    elsewhere = as_json({"value": [{"Name": "X"}], "@odata.nextLink": "https://within/Site/dac/GIDesign?$skiptoken=1"})
    erp.rewrite(lambda request, answer: elsewhere if DESIGNS in request.path and B in request.path else answer)
    assert check(config)["status"] == "SUCCEEDED"
    destination = Destination()
    destination.sync(config, catalog)
    assert differences(destination, erp, [A, B]) == []
    assert destination.warnings == []


def test_what_a_tenant_could_not_be_asked_for_is_unknown_and_not_absent(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends a visit between two services: the second one has not been looked at."""
    config = erp.config(endpoints=["Fabrikam"], generic_inquiries=["BI-*"], dac_tables=["SOOrder"])
    destination, catalog = Destination(), catalog_of(config, "dac__SOOrder", "gi__BI-Customers", mode=FULL_REFRESH)
    destination.sync(config, catalog)
    visit_service = ODataSurvey._visit_feed

    def breaks_off(survey: ODataSurvey, feed: ODataFeed, tenant: str, tracked: Any) -> None:
        if (feed, tenant) == (ODataFeed.TABLES, B):
            raise config_error("The visit broke off.")
        visit_service(survey, feed, tenant, tracked)

    monkeypatch.setattr(ODataSurvey, "_visit_feed", breaks_off)
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {"dac__SOOrder": "INCOMPLETE", "gi__BI-Customers": "COMPLETE"}
    assert "The visit broke off." in destination.errors[0]["message"]
    assert tenants_of(destination, "dac__SOOrder").keys() == {A, B}


# ------------------------------------------------------------------------------------------------ catalogs


@pytest.mark.parametrize("path", [r"/gi/\$metadata", r"/dac/\$metadata", "/entity$", "swagger"])
@pytest.mark.parametrize("kind", PASSING)
def test_what_may_pass_fails_discover_rather_than_take_streams_away(erp: Simulator, kind: FaultKind, path: str) -> None:
    erp.faults.add(Fault(kind, path=path, times=1000))
    with pytest.raises(AirbyteTracedException):
        discover(erp.config(dac_tables=["SOOrder"]))


@pytest.mark.parametrize(
    "kind", [*PASSING, FaultKind.HTML_200, FaultKind.EMPTY_200, FaultKind.TRUNCATED_JSON, FaultKind.DISCONNECT]
)
def test_no_key_is_lost_to_the_weather(erp: Simulator, kind: FaultKind) -> None:
    config = erp.config(A, endpoints=["Fabrikam"])
    healthy = discover(config)
    erp.faults.add(Fault(kind, path="/gi/BI-Customers", times=1000))
    try:
        found = discover(config)
    except AirbyteTracedException:
        assert kind is FaultKind.STATUS_429
        return
    if kind is not FaultKind.STATUS_429:
        # An inquiry that always fails looks the same, and is not to fail the others: its key is not claimed.
        assert "source_defined_primary_key" not in found["gi__BI-Customers"]
        del found["gi__BI-Customers"], healthy["gi__BI-Customers"]
    assert found == healthy


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("kind", [*PASSING, FaultKind.EMPTY_200])
def test_no_key_depends_on_what_passes(erp: Simulator, kind: FaultKind, times: int) -> None:
    config = erp.config(A, endpoints=["Fabrikam"])
    healthy = discover(config)
    erp.faults.add(Fault(kind, path="/gi/BI-Customers", times=times))
    if kind in (FaultKind.STATUS_500, FaultKind.ERROR_REDIRECT) and times > 1:
        pytest.skip("the ERP's own failure that comes again lasts")
    assert discover(config) == healthy


def test_deletions_are_read_though_another_tenant_does_not_have_the_form(erp: Simulator) -> None:
    erp.tenant(B).lacks.add("Customer")
    config = erp.config(generic_inquiries=[], track_deletions=True)
    catalog = catalog_of(config, "Customer")
    assert catalog["streams"][0]["stream"]["source_defined_primary_key"] == [["_tenant"], ["id"]]
    destination = Destination()
    destination.sync(config, catalog)
    erp.tenant(A).delete("Customer", erp.tenant(A).keys("Customer")[0])
    erp.clock.advance(3600)
    destination.sync(config, catalog)
    assert differences(destination, erp, [A]) == []


def test_a_key_of_the_users_own_has_to_tell_the_tenants_apart(erp: Simulator) -> None:
    config = erp.config(generic_inquiries=["BI-Customers"])
    found = {**discover(config)["gi__BI-Customers"], "source_defined_primary_key": []}
    for key, tenants, fails in (("CustomerID", (A, B), True), ("CustomerID", (A,), False), ("_tenant", (A, B), False)):
        config = erp.config(*tenants, generic_inquiries=["BI-Customers"])
        catalog = configured([found])
        catalog["streams"][0]["primary_key"] = [[key], ["CustomerID"]]
        destination = Destination()
        destination.sync(config, catalog, fails=fails)
        told = [
            one["message"] for one in destination.errors if "_tenant is not part of the primary key" in one["message"]
        ]
        assert bool(told) is fails


def test_one_wrong_parameter_leaves_the_other_inquiries_as_they_are(erp: Simulator) -> None:
    healthy = discover(erp.config(A, endpoints=["Fabrikam"]))
    wrong = [{"inquiry": "Orders by Customer", "name": "Kunde", "value": "C1"}]
    config = erp.config(A, endpoints=["Fabrikam"], inquiry_parameters=wrong)
    assert list(discover(config)) == list(healthy)
    assert "unknown: Kunde" in check(config)["message"]
