"""Tenants that differ, and tenants, endpoints and services that fail: each is asked for its own, and fails alone."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp import client
from source_acumatica.erp.errors import config_error
from source_acumatica.odata.discovery import ODataSurvey
from source_acumatica.odata.tables import ODataFeed

from .harness import APPEND_DEDUP, FULL_REFRESH, INCREMENTAL, Destination, check, configured, differences, discover
from .simulator import Fault, FaultKind, Simulator
from .simulator.catalog.endpoints import ENDPOINTS
from .simulator.odata.inquiries import INQUIRY_BY_TITLE
from .simulator.store.shapes import Endpoint
from .simulator.web.answers import HTML, Answer, as_json, html
from .test_sync import catalog_of

A, B = "Company", "Zweite Firma"
PLAIN = {"generic_inquiries": [], "include_custom_fields": False}
PASSING = (
    FaultKind.STATUS_503, FaultKind.STATUS_504, FaultKind.ERROR_REDIRECT, FaultKind.STATUS_500, FaultKind.STATUS_429,
)  # fmt: skip


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setattr(client.RetryPolicy, "pause_seconds", lambda _self, _tries: 0.0)
    for name in ("of_a_check", "of_a_read"):
        monkeypatch.setattr(client.RetryPolicy, name, lambda: client.RetryPolicy(retries=1, wait_seconds=0.05))
    with Simulator(rows=8) as simulator:
        yield simulator


def tenants_of(destination: Destination, stream: str) -> Counter[str]:
    return Counter(row["_tenant"] for row in destination.rows(stream))


def part_of(destination: Destination, stream: str, tenant: str) -> Any:
    """A tenant's part of a stream's state."""
    parts = destination.states[stream]["stream"]["stream_state"]["states"]
    return next(part for part in parts if part["partition"]["tenant"] == tenant)


# ------------------------------------------------------------------------------------------------ tenants that differ


@pytest.mark.parametrize("deselected", [None, "LegalName", "Status", "CustomerName"])
def test_a_tenant_is_asked_only_for_what_it_has_itself(erp: Simulator, deselected: str | None) -> None:
    lacking = ["Customer.Contacts", "Customer.PrimaryContact", "Customer.CreditLimit", "Vendor.LastModifiedDateTime"]
    erp.tenant(B).lacks.update([*lacking, "dac/Customer.UsrRegion", "gi/BI-Customers.Status"])
    config = erp.config(generic_inquiries=["BI-*"], dac_tables=["Customer"])
    catalog = catalog_of(config, "Customer", "Customer__Contacts", "Vendor", "dac__Customer", "gi__BI-Customers")
    for one in catalog["streams"]:
        one["stream"]["json_schema"]["properties"].pop(deselected, None)
    destination = Destination()
    destination.sync(config, catalog)
    assert set(destination.statuses.values()) == {"COMPLETE"}
    assert differences(destination, erp, [A]) == []
    assert tenants_of(destination, "Customer__Contacts").keys() == {A}
    for stream in ("Customer", "Vendor", "dac__Customer", "gi__BI-Customers"):
        assert tenants_of(destination, stream)[B] == tenants_of(destination, stream)[A]
    assert not [log for log in destination.warnings if "does not know a field" in log]


def test_a_newer_version_in_one_tenant_leaves_the_other_with_its_own(
    erp: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fabrikam,) = (each for each in ENDPOINTS if each.name == "Fabrikam")
    newer = Endpoint("Fabrikam", "2.0", fabrikam.entities)
    monkeypatch.setitem(erp._site._endpoints, ("Fabrikam", "2.0"), newer)
    for name in (A, B):
        erp.tenant(name).lacks.add("Fabrikam/2.0")
    config = erp.config(endpoints=["Fabrikam"], **PLAIN)
    catalog = catalog_of(config, "Fabrikam__Equipment")
    destination = Destination()
    destination.sync(config, catalog)
    erp.tenant(A).lacks.clear()
    erp.clock.advance(3600)
    for tenant in map(erp.tenant, (A, B)):
        tenant.update("Equipment", tenant.keys("Equipment", "Fabrikam")[0], {"Model": "changed"}, endpoint="Fabrikam")
    erp.clock.advance(60)
    destination.sync(config, catalog)
    assert differences(destination, erp, [A, B]) == []
    assert destination.warnings == []


def test_a_short_name_stands_for_the_same_table_in_all_tenants(erp: Simulator) -> None:
    """A customization brings another table of the name to one tenant, whose own addresses change with that."""
    customized: set[str] = set()
    container = b'<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Default">'
    other = (
        b'<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Fabrikam"><EntityType Name="SOOrder"><Key>'
        b'<PropertyRef Name="X"/></Key><Property Name="X" Type="Edm.String"/></EntityType></Schema>'
    )
    a_set = b'<EntitySet Name="Fabrikam_SOOrder" EntityType="Fabrikam.SOOrder"/>'

    def customize(request: Any, answer: Any) -> Any:
        grant = erp.identity.grant_of(request.token)
        if not request.path.endswith("dac/$metadata") or not grant or grant.tenant not in customized:
            return answer
        body = answer.whole().body.replace(container, other + container)
        assert other in body
        before = b'<FunctionImport Name="GetServerTime"'
        return replace(answer, body=body.replace(before, a_set + before), stream=None)

    erp.rewrite(customize)
    config = erp.config(generic_inquiries=[], dac_tables=["SOOrder"])
    catalog = catalog_of(config, "dac__SOOrder")
    customized.add(A)
    destination = Destination()
    destination.sync(config, catalog)
    assert differences(destination, erp, [A, B]) == []
    tables = {name for name in discover(config) if name.startswith("dac__")}
    assert tables == {"dac__PX_Objects_SO_SOOrder", "dac__Fabrikam_SOOrder"}, "in both tenants"


def test_what_a_tenant_never_had_is_told_and_what_it_has_no_more_is_an_error(erp: Simulator) -> None:
    config = erp.config(endpoints=["Default", "Fabrikam"], generic_inquiries=["BI-*"], dac_tables=["SOOrder"])
    streams = ("Customer", "Fabrikam__Equipment", "gi__BI-Customers", "dac__SOOrder")
    some = ("Fabrikam", "gi/BI-Customers", "dac/SOOrder")
    erp.tenant(B).lacks.update(some)
    catalog = catalog_of(config, *streams)
    destination = Destination()
    destination.sync(config, catalog)
    assert len([log for log in destination.warnings if f"Tenant '{B}' does not have" in log]) == 3
    assert set(destination.statuses.values()) == {"COMPLETE"}
    erp.tenant(A).lacks.update(some)
    erp.tenant(B).lacks.clear()
    before = {stream: part_of(destination, stream, A) for stream in streams[1:]}
    destination.sync(config, catalog, fails=True)
    assert {name for name, status in destination.statuses.items() if status == "INCOMPLETE"} == set(streams[1:])
    assert all(f"Tenant '{A}' had the stream" in error["message"] for error in destination.errors)
    for stream in streams[1:]:
        assert tenants_of(destination, stream)[B], "the other tenant is read"
        assert part_of(destination, stream, A) == before[stream]


LEFT_OUT = {
    "MANUFACTURING__BillOfMaterial": ("endpoints", ["Default"]),
    "Customer": ("endpoints", ["MANUFACTURING"]),
    "Fabrikam__Equipment": ("endpoints", ["MANUFACTURING"]),
    "gi__BI-Customers": ("generic_inquiries", ["IN-*"]),
    "gi__IN-StockItems": ("generic_inquiries", []),
    "dac__SOOrder": ("dac_tables", ["Customer"]),
    "dac__Customer": ("dac_tables", []),
}


@pytest.mark.parametrize("mode", [INCREMENTAL, FULL_REFRESH])
@pytest.mark.parametrize("stream", LEFT_OUT)
def test_a_stream_that_the_settings_leave_out_is_not_said_to_be_gone(erp: Simulator, stream: str, mode: str) -> None:
    setting, narrowed = LEFT_OUT[stream]
    named = {"generic_inquiries": ["*"], "dac_tables": ["Customer", "SOOrder"]}
    config = erp.config(**named, endpoints=["Default", "MANUFACTURING", "Fabrikam"])
    catalog = catalog_of(config, stream, mode=mode)
    destination = Destination()
    destination.sync(erp.config(A, **named, endpoints=["Default", "MANUFACTURING", "Fabrikam"]), catalog)
    destination.sync(config | {setting: narrowed}, catalog, fails=True)
    assert destination.statuses == {stream: "INCOMPLETE"}
    assert all(f"The setting {setting} does not name" in error["message"] for error in destination.errors)
    assert not [log for log in destination.warnings if "does not have" in log]
    assert tenants_of(destination, stream).keys() == {A}, "what was read before stays"


def test_values_for_inquiries_that_are_not_read_are_told_and_no_wrong_names(
    erp: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    left = [{"inquiry": "Orders by Customer", "name": "Customer", "value": "C1"}]
    assert check(erp.config(A, generic_inquiries=[], inquiry_parameters=left))["status"] == "SUCCEEDED"
    assert [line for line in caplog.messages if "Orders by Customer" in line and "have no effect" in line]


def test_a_tenant_that_keeps_inquiries_closed_leaves_those_of_the_others(erp: Simulator) -> None:
    """By default nobody asks for inquiries: a tenant without them is one without, until it has had some."""
    closed: set[str] = {B}
    erp.rewrite(
        lambda request, answer: (
            Answer(403, content_type=HTML)
            if "/odata/" in request.path and any(tenant in request.path for tenant in closed)
            else answer
        )
    )
    streams = ("gi__BI-Customers", "gi__IN-StockItems")
    config = erp.config(endpoints=["Fabrikam"])
    for mode in (FULL_REFRESH, INCREMENTAL):
        catalog = catalog_of(config, *streams, mode=mode)
        destination = Destination()
        destination.sync(config, catalog)
        assert tenants_of(destination, "gi__BI-Customers").keys() == {A}
        assert any("Going on without" in log and B in log for log in destination.warnings)
    closed.clear()
    destination.sync(config, catalog)
    assert tenants_of(destination, "gi__BI-Customers").keys() == {A, B}
    closed.add(B)
    destination.sync(config, catalog, fails=True)
    assert set(destination.statuses.values()) == {"INCOMPLETE"}, "it has had them"
    closed.add(A)
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert set(destination.statuses.values()) == {"INCOMPLETE"}, "nobody has them"
    assert "(403)" in destination.errors[0]["message"]


def test_a_tenant_whose_rows_are_to_come_anew_has_had_the_stream(erp: Simulator) -> None:
    config = erp.config(A)
    catalog = catalog_of(config, "Customer")
    destination = Destination()
    destination.sync(config, catalog)
    part = part_of(destination, "Customer", A)
    # As it is written where the ERP gives again what it had left out.
    assert part["newest"]
    part["cursor"] = {}
    erp.tenant(A).lacks.add("Customer")
    destination.sync(config, catalog, fails=True)
    assert f"Tenant '{A}' had the stream Customer" in destination.errors[0]["message"]


LOST_KEYS = {
    "gi__BI-Customers": "gi/BI-Customers.CustomerID",
    "Customer": "Customer.CustomerID",
    "Customer__Contacts": "Customer.CustomerID",
    "dac__SOOrder": "dac/SOOrder.NoteID",
}


@pytest.mark.parametrize(
    ("stream", "mode"), [*((stream, INCREMENTAL) for stream in LOST_KEYS), ("gi__BI-Customers", FULL_REFRESH)]
)
def test_rows_without_a_column_of_the_key_are_not_sent_to_be_taken_for_one(
    erp: Simulator, stream: str, mode: str
) -> None:
    """The key is of the catalog, and one tenant's inquiry, endpoint or table has the column no more."""
    config = erp.config(generic_inquiries=["BI-*"], dac_tables=["SOOrder"], track_deletions=stream == "dac__SOOrder")
    catalog = configured([discover(config)[stream]], mode, APPEND_DEDUP)
    erp.tenant(B).lacks.add(LOST_KEYS[stream])
    destination = Destination()
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {stream: "INCOMPLETE"}
    assert f"Tenant '{B}', stream {stream}: the ERP does not describe" in destination.errors[0]["message"]
    assert tenants_of(destination, stream).keys() == {A}


def test_rows_without_a_column_of_the_key_come_where_nobody_deduplicates(erp: Simulator) -> None:
    config = erp.config(generic_inquiries=["BI-*"])
    catalog = catalog_of(config, "gi__BI-Customers", mode=FULL_REFRESH)
    erp.tenant(B).lacks.add("gi/BI-Customers.CustomerID")
    destination = Destination()
    destination.sync(config, catalog)
    assert any(f"Tenant '{B}'" in log and "which the primary key has" in log for log in destination.warnings)
    assert tenants_of(destination, "gi__BI-Customers").keys() == {A, B}


LOST_CURSORS = {
    "gi__BI-Customers": "gi/BI-Customers.LastModifiedOn",
    "Customer": "Customer.LastModifiedDateTime",
    "Customer__Contacts": "Customer.LastModifiedDateTime",
    "dac__Customer": "dac/Customer.LastModifiedDateTime",
}


@pytest.mark.parametrize("stream", LOST_CURSORS)
def test_rows_that_would_lose_against_those_with_a_stamp_fail_the_tenant(erp: Simulator, stream: str) -> None:
    config = erp.config(generic_inquiries=["BI-*"], dac_tables=["Customer"])
    catalog = catalog_of(config, stream)
    destination, without = Destination(), Destination()
    destination.sync(config, catalog)
    before = part_of(destination, stream, B)
    erp.tenant(B).lacks.add(LOST_CURSORS[stream])
    erp.clock.advance(3600)
    for _ in range(2):
        without.sync(config, catalog)
    assert tenants_of(without, stream).keys() == {A, B}, "a tenant that never had the stamp is read in full"
    destination.sync(config, catalog, fails=True)
    assert destination.statuses == {stream: "INCOMPLETE"}
    assert f"Tenant '{B}', stream {stream}: the cursor" in destination.errors[0]["message"]
    assert part_of(destination, stream, B) == before


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


# ------------------------------------------------------------------------------------------------ names


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


# --------------------------------------------------------------------------------------- columns and cursors of some


def test_a_column_that_a_tenant_gets_later_comes_in_the_rows_that_were_read_before(erp: Simulator) -> None:
    """The catalog has it all along, since another tenant has it: no platform asks for a refresh."""
    lacking = {"Customer.CreditLimit", "dac/Customer.UsrRegion", "gi/BI-Customers.CreditLimit"}
    erp.tenant(B).lacks.update(lacking)
    config = erp.config(generic_inquiries=["BI-*"], dac_tables=["Customer"])
    catalog = catalog_of(config, "Customer", "dac__Customer", "gi__BI-Customers")
    destination = Destination()
    destination.sync(config, catalog)
    erp.clock.advance(86_400)
    destination.sync(config, catalog)
    assert destination.records == 0
    assert not destination.warnings
    erp.tenant(B).lacks.clear()
    erp.clock.advance(86_400)
    destination.sync(config, catalog)
    assert differences(destination, erp, (A, B)) == []
    assert all("the ERP has columns now that rows were read without" in warning for warning in destination.warnings)
    assert destination.records == 3 * 8, "of that tenant alone"
    erp.clock.advance(86_400)
    destination.sync(config, catalog)
    assert destination.records == 0


@pytest.mark.parametrize(
    ("stream", "lacking"),
    [("gi__BI-Customers", "gi/BI-Customers.LastModifiedOn"), ("StockItem", "StockItem.LastModifiedDateTime")],
)
def test_a_tenant_without_the_cursor_is_read_while_the_one_that_has_it_is_down(
    erp: Simulator, stream: str, lacking: str
) -> None:
    erp.tenant(B).lacks.add(lacking)
    config = erp.config(generic_inquiries=["BI-*"])
    catalog = catalog_of(config, stream)
    destination = Destination()
    destination.sync(config, catalog)
    erp.clock.advance(3600)
    erp.tenant(B).insert("Customer" if stream.startswith("gi") else "StockItem")
    erp.clock.advance(3600)
    is_down = True

    def down(request: Any, answer: Answer) -> Answer:
        grant = erp.identity.grant_of(request.token)
        is_of_a = A in request.form.get("client_id", "") or (grant is not None and grant.tenant == A)
        return html(503, "maintenance") if is_down and is_of_a else answer

    erp.rewrite(down)
    destination.sync(config, catalog, fails=True)
    (error,) = destination.errors
    assert error["failure_type"] == "transient_error"
    assert f"Tenant '{A}'" in error["message"]
    assert tenants_of(destination, stream)[B] == 9
    is_down = False
    destination.sync(config, catalog)
    assert tenants_of(destination, stream) == {A: 8, B: 9}


def test_a_column_that_is_deselected_is_none_that_a_tenant_got(erp: Simulator) -> None:
    erp.tenant(B).lacks.add("Customer.CreditLimit")
    config = erp.config(generic_inquiries=[])
    catalog = catalog_of(config, "Customer")
    destination = Destination()
    destination.sync(config, catalog)
    del catalog["streams"][0]["stream"]["json_schema"]["properties"]["CreditLimit"]
    erp.clock.advance(86_400)
    destination.sync(config, catalog)
    assert (destination.records, destination.warnings) == (0, [])
