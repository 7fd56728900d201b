"""Tests that each tenant is asked for what it has itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from .comparison import differences
from .harness import APPEND_DEDUP, FULL_REFRESH, INCREMENTAL, Destination, catalog_of, check, configured, discover
from .simulator import Simulator
from .simulator.catalog.endpoints import ENDPOINTS
from .simulator.store.shapes import Endpoint
from .simulator.web.answers import HTML, Answer, html
from .tenants_apart import PLAIN, A, B, part_of, tenants_of
from .tenants_apart import two_tenants as two_tenants


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


def test_a_tenant_whose_rows_are_to_come_again_has_had_the_stream(erp: Simulator) -> None:
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
