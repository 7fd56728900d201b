"""Every release of the ERP, one row each: discovered, read in full and by its changes, lines and deletions included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from .comparison import differences
from .harness import FULL_REFRESH, Destination, check, configured, discover
from .histories import CONTRACT_5
from .simulator import Fault, FaultKind, Lies, Simulator
from .simulator.catalog.releases import RELEASES
from .simulator.store.shapes import FieldKind
from .simulator.trouble.unknowns import FeatureForm, Labels, Sent

TENANT = "Company"
FORMATS = pytest.mark.parametrize("openapi", [True, False], ids=["openapi", "swagger"])
# The endpoint that is read in each release, without a version where the newest is meant.
READ = {
    "17.200": "Default/17.200.001",
    "18.200": "Default/18.200.001",
    "20.200": "Default/20.200.001",
    "22.200": "Default/22.200.001",
    "23.200": "Default/23.200.001",
    "24.200": "Default/24.200.001",
    "25.200": "Default/25.200.001",
    "26.100": "Default",
    "26.200": "Default/26.200.001",
}
STREAMS = (
    "SalesOrder",
    "SalesOrder__Details",
    "Customer",
    "Customer__Contacts",
    "Invoice",
    "Invoice__Details",
    "StockItem",
)
TRACKED = ("SOOrder", "SOLine", "Customer", "ARInvoice", "InventoryItem")
IN_5 = {"endpoints": ["Default/26.200.001"]}
# What makes values other ones than the truth has.
OTHER_VALUES: Mapping[str, Lies] = {
    "empty custom fields do not come": Lies(omits_empty_customs=True),
    "labels are null": Lies(labels=Labels.NULL),
    "labels are translated": Lies(labels=Labels.TRANSLATED),
    "choices are texts with labels": Lies(untyped=Sent.LABEL),
    "choices are texts with ids": Lies(untyped=Sent.ID),
    "dates come with midnight": Lies(sent={"Invoice.Date": Sent.INSTANT, "Invoice.DueDate": Sent.INSTANT}),
    "midnights come as dates": Lies(sent={"SalesOrder.Date": Sent.DAY}),
    "choices come as texts": Lies(sent={"SalesOrder.Status": Sent.ID, "Invoice.Type": Sent.ID}),
    "texts come as choices": Lies(described={"SalesOrder.Status": FieldKind.STRING, "Invoice.Type": FieldKind.STRING}),
}
UNKNOWNS = {**CONTRACT_5, **OTHER_VALUES}


def settings(sim: Simulator, **more: Any) -> dict[str, Any]:
    return sim.config(generic_inquiries=[], max_page_size=5, lookback_minutes=15) | more


def catalog_of(found: Mapping[str, Any], *names: str, mode: str = "incremental") -> dict[str, Any]:
    return configured([found[name] for name in names or STREAMS if name in found], mode)


def change(sim: Simulator) -> None:
    """What a day brings: a changed record, a new one with its lines, one that is deleted, lines that go and come."""
    company = sim.tenant(TENANT)
    orders, invoices = company.keys("SalesOrder"), company.keys("Invoice")
    company.update("SalesOrder", orders[0], {"Status": "Completed", "Details": [{"LineNbr": 1}]})
    company.insert("SalesOrder", {"OrderType": "SO", "OrderNbr": "999001", "Details": [{"LineNbr": 1}, {"LineNbr": 2}]})
    company.delete("SalesOrder", orders[1])
    company.update("Invoice", invoices[0], {"Amount": 5})
    company.delete("Invoice", invoices[1])
    company.update("Customer", company.keys("Customer")[2], {"CustomerName": "Changed"})
    sim.clock.advance(3600)


@FORMATS
@pytest.mark.parametrize("release", RELEASES)
def test_a_release_is_discovered_and_read_end_to_end(release: str, openapi: bool) -> None:
    with Simulator((TENANT,), rows=12, release=release, openapi=openapi, tracked=TRACKED) as sim:
        config = settings(sim, endpoints=[READ[release]], dac_tables=["SOOrder"], track_deletions=True)
        assert check(config)["status"] == "SUCCEEDED"
        found = discover(config)
        assert {"SalesOrder", "SalesOrder__Details", "Invoice", "Customer__Contacts"} <= found.keys()
        for mode in (FULL_REFRESH, "incremental"):
            catalog = catalog_of(found, mode=mode)
            destination = Destination()
            destination.sync(config, catalog)
            assert differences(destination, sim, [TENANT]) == []
            assert [row["custom"] for row in destination.rows("Customer") if row.get("custom")]
            if mode == "incremental":
                change(sim)
                destination.sync(config, catalog)
                assert destination.records < 40, "only changes come"
                assert differences(destination, sim, [TENANT]) == []
        assert sim.sessions.open_count() == 0


def test_an_existing_connection_does_not_step_up_to_contract_5() -> None:
    """The instance is upgraded; what the connection reads stays what it was, to the column."""
    with Simulator((TENANT,), rows=6, release="25.200") as sim:
        before = discover(settings(sim))
    with Simulator((TENANT,), rows=6, release="26.200") as sim:
        assert discover(settings(sim)) == before
        assert discover(settings(sim, endpoints=["Default/26.200.001"])) != before


def test_an_endpoint_that_is_only_there_in_contract_5_is_read_without_its_version() -> None:
    with Simulator((TENANT,), rows=6, release="26.200") as sim:
        config = settings(sim, endpoints=["Extract"])
        found = discover(config)
        destination = Destination()
        destination.sync(config, configured(found.values()))
        assert destination.records
        assert differences(destination, sim, [TENANT]) == []


def test_one_sync_reads_endpoints_of_both_contracts() -> None:
    with Simulator((TENANT,), rows=12, release="26.200", tracked=TRACKED) as sim:
        endpoints = ["Default/25.200.001", "MANUFACTURING/26.200.001", "Extract"]
        config = settings(sim, endpoints=endpoints, track_deletions=True)
        found = discover(config)
        names = [*STREAMS, *(name for name in found if name.startswith(("MANUFACTURING", "Extract")))]
        catalog, destination = catalog_of(found, *names), Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, [TENANT]) == []
        statuses = {
            name: {row.get("Status") for row in destination.rows(name)}
            for name in ("SalesOrder", "Extract__SalesOrder")
        }
        assert statuses["SalesOrder"].isdisjoint(statuses["Extract__SalesOrder"]), "labels in one, ids in the other"
        change(sim)
        destination.sync(config, catalog)
        assert differences(destination, sim, [TENANT]) == []


def test_columns_of_contract_5_are_ids_with_their_labels_and_dates() -> None:
    with Simulator((TENANT,), rows=6, release="26.200") as sim:
        invoice = discover(settings(sim, **IN_5))["Invoice"]
        columns = invoice["json_schema"]["properties"]
        assert columns["Status"] == columns["Status_description"] == {"type": ["null", "string"]}
        assert columns["Date"] == {"type": ["null", "string"], "format": "date"}
        assert not [name for name in columns if name.startswith("_") and name != "_tenant"]
        assert invoice["source_defined_primary_key"] == [["_tenant"], ["Type"], ["ReferenceNbr"]]


@pytest.mark.parametrize("unknown", UNKNOWNS)
def test_what_nobody_knows_of_contract_5_is_found_out_or_makes_no_difference(unknown: str) -> None:
    lies = UNKNOWNS[unknown]
    with Simulator((TENANT,), rows=12, release="26.200", tracked=TRACKED) as sim:
        sim.lies = (lies,)
        config = settings(sim, **IN_5, track_deletions=True)
        catalog, destination = catalog_of(discover(config)), Destination()
        destination.sync(config, catalog)
        assert wrong(destination, sim, lies) == []
        change(sim)
        destination.sync(config, catalog)
        assert wrong(destination, sim, lies) == []
        assert [row for row in destination.rows("SalesOrder__Details") if row.nulled] == []


def wrong(destination: Destination, sim: Simulator, lies: Lies) -> list[str]:
    """What differs from the truth, but for labels, empty custom fields, lists and ids that the site does not give."""
    found = differences(destination, sim, [TENANT])
    if lies.labels is not Labels.USUAL or lies.sent:
        found = [text for text in found if "_description" not in text]
    if lies.omits_empty_customs or lies.untyped:
        rows = [row for name in STREAMS for row in destination.rows(name)]
        assert any(row.get("custom") for row in rows)
        found = [text for text in found if ", custom: " not in text]
    if lies.untyped is Sent.LABEL:
        found = [
            text for text in found if "Status: " not in text and "Type" not in text and "Invoice__Details" not in text
        ]
    return found


def test_a_list_that_cannot_be_one_query_is_read_whatever_the_erp_calls_that() -> None:
    with Simulator((TENANT,), rows=6, release="26.200") as sim:
        sim.lies = (Lies(optimization_text="The query of this entity is too complex."),)
        config = settings(sim, **IN_5)
        found = discover(config)
        catalog, destination = catalog_of(found, "VendorClass", "VendorClass__Attributes", "Currency"), Destination()
        destination.sync(config, catalog)
        assert differences(destination, sim, [TENANT]) == []


def moved(found: Mapping[str, Any], destination: Destination, config: Mapping[str, Any], *names: str) -> list[str]:
    """The errors of a sync that goes on from what was read by another contract version."""
    destination.sync(config, catalog_of(found, *names), fails=True)
    return [error["message"] for error in destination.errors]


def test_a_connection_that_moves_to_contract_5_is_told_what_to_refresh() -> None:
    with Simulator((TENANT,), rows=6, release="26.200") as sim:
        four, five = settings(sim, endpoints=["Default/25.200.001"]), settings(sim, **IN_5)
        old, new = discover(four), discover(five)
        destination = Destination()
        destination.sync(four, catalog_of(old, "Invoice", "Customer"))
        (error,) = moved(old, destination, five, "Invoice")
        assert "the columns Date, DueDate have other types than contract version 5" in error
        (error,) = moved(new, destination, five, "Invoice")
        assert "its keys had labels (Invoice) and have ids (INV) now" in error
        assert destination.rows("Invoice"), "what was read stays"
        assert moved(new, destination, five, "Customer") == []
        assert "ids where it had labels, so it is read again in full" in "".join(destination.warnings)
        assert differences(destination, sim, [TENANT]) == []
        (error,) = moved(old, Destination(states=dict(destination.states)), four, "Invoice") or [""]
        assert error == "", "who goes back before anything was read goes on"


@pytest.mark.parametrize("name", ["Invoice__Details", "Payment__DocumentsToApply"])
def test_lines_whose_documents_have_a_choice_in_their_key_are_not_read_on_with(name: str) -> None:
    """Also without custom fields, where the lines themselves have no choices."""
    with Simulator((TENANT,), rows=12, release="26.200") as sim:
        four = settings(sim, endpoints=["Default/25.200.001"], include_custom_fields=False)
        five = four | IN_5
        old, new = discover(four), discover(five)
        for before, after, found in ((four, five, (old, new)), (five, four, (new, old))):
            destination = Destination()
            destination.sync(before, catalog_of(found[0], name))
            destination.sync(after, catalog_of(found[1], name), fails=True)
            assert "its keys had" in destination.errors[0]["message"]


def test_lines_with_a_filter_by_a_choice_of_their_document_are_not_read_on_with() -> None:
    rows = [{"stream": "SalesOrder__Details", "filter": "Status ne 'Completed'"}]
    with Simulator((TENANT,), rows=12, release="26.200") as sim:
        four = settings(sim, endpoints=["Default/25.200.001"], include_custom_fields=False, row_filters=rows)
        old, new = discover(four), discover(four | IN_5)
        destination = Destination()
        destination.sync(four, catalog_of(old, "SalesOrder__Details"))
        destination.sync(four | IN_5, catalog_of(new, "SalesOrder__Details"), fails=True)
        assert "it compares Status with labels" in destination.errors[0]["message"]


@pytest.mark.parametrize("name", ["Invoice__Details", "JournalTransaction", "SalesOrder"])
def test_without_custom_fields_an_endpoint_has_the_contract_that_it_had(name: str) -> None:
    with Simulator((TENANT,), rows=12, release="26.200") as sim:
        config = settings(sim, **IN_5)
        catalog, destination = catalog_of(discover(config), name), Destination()
        destination.sync(config, catalog)
        sim.clock.advance(3600)
        destination.sync(config | {"include_custom_fields": False}, catalog)
        assert (destination.records, destination.warnings) == (0, [])


def test_a_record_by_itself_without_custom_fields_is_read_once() -> None:
    """None of its custom fields has a value, and the ERP may leave such fields out."""
    with Simulator((TENANT,), rows=12, release="26.200") as sim:
        sim.lies = (Lies(omits_empty_customs=True, emptied=frozenset({"MainContact"})),)
        config = settings(sim, **IN_5)
        catalog, destination = catalog_of(discover(config), "Vendor"), Destination()
        sim.requests.clear()
        destination.sync(config, catalog)
        assert len(sim.requests) < 100
        assert [row for row in destination.rows("Vendor") if row["custom"]]
        assert all("custom" in gap for gap in differences(destination, sim, [TENANT]))


@pytest.mark.parametrize("stop_after", [4, 6])
def test_a_first_sync_that_ends_in_its_first_page_is_not_mixed_with_another_instance(stop_after: int) -> None:
    with Simulator((TENANT,), rows=12) as sandbox, Simulator((TENANT,), rows=6) as production:
        destination, config = Destination(), settings(sandbox, compare_keys_hours=0)
        catalog = catalog_of(discover(config), "Customer")
        destination.sync(config, catalog, stop_after=stop_after, fails=True)
        destination.sync(settings(production, compare_keys_hours=0), catalog, fails=bool(destination.rows("Customer")))
        assert not destination.rows("Customer") or "is of another instance" in destination.errors[0]["message"]


def test_a_cursor_that_contract_5_calls_otherwise_is_named() -> None:
    """Up to 25.200.001 sales orders have LastModified, from 26.200.001 on LastModifiedDateTime."""
    with Simulator((TENANT,), rows=6, release="26.200") as sim:
        four, five = settings(sim, endpoints=["Default/25.200.001"]), settings(sim, **IN_5)
        old, new = discover(four), discover(five)
        destination = Destination()
        destination.sync(four, catalog_of(old, "SalesOrder"))
        (error,) = moved(old, Destination(states=dict(destination.states)), five, "SalesOrder")
        assert "its cursor is LastModified in the connection's schema and LastModifiedDateTime in the ERP" in error
        assert moved(new, destination, five, "SalesOrder") == []
        assert "LastModifiedDateTime is its cursor now" in "".join(destination.warnings)
        assert differences(destination, sim, [TENANT]) == []


def test_a_session_that_is_busy_is_waited_for_and_the_sync_goes_on() -> None:
    with Simulator((TENANT,), rows=6, release="26.200") as sim:
        config = settings(sim, **IN_5)
        catalog, destination = catalog_of(discover(config), "Customer"), Destination()
        sim.faults.add(Fault(FaultKind.STATUS_409, path="/Customer", times=5))
        before = sim.sessions.opened_total
        destination.sync(config, catalog)
        assert differences(destination, sim, [TENANT]) == []
        assert sim.sessions.opened_total - before > 1, "at last in another session"
        assert sim.sessions.open_count() == 0
        sim.faults.add(Fault(FaultKind.STATUS_409, path="/Customer", times=10**6))
        destination.sync(config, catalog, fails=True)
        assert [error["failure_type"] for error in destination.errors] == ["transient_error"]
        assert "busy with a long operation" in destination.errors[0]["message"]


@pytest.mark.parametrize("features", FeatureForm)
def test_a_form_that_is_closed_names_the_feature_that_is_off(features: FeatureForm) -> None:
    with Simulator((TENANT,), rows=6, release="26.200") as sim:
        sim.lies = (Lies(features=features), Lies(only="/SalesOrder|/StockItem", forbidden=True))
        config = settings(sim, **IN_5)
        found = discover(config)
        errors = moved(found, Destination(), config, "SalesOrder", "StockItem")
        order, stock = sorted(errors, key=lambda error: "StockItem" in error)
        assert "the feature DistributionModule, which it may need, is off in this tenant" in order
        assert "is off in this tenant" not in stock
        assert "give it a role with view rights" in stock


def test_tenants_with_different_contracts_are_named() -> None:
    with Simulator((TENANT, "Zweite Firma"), rows=6, release="26.200") as sim:
        sim.tenant(TENANT).lacks.add("MANUFACTURING/26.200.001")
        sim.tenant("Zweite Firma").lacks.update({"MANUFACTURING/24.200.001", "MANUFACTURING/25.200.001"})
        config = settings(sim, endpoints=["MANUFACTURING"])
        catalog, destination = catalog_of(discover(config), "MANUFACTURING__ProductionOrder"), Destination()
        destination.sync(config, catalog)
        (warning,) = [line for line in destination.warnings if line.startswith("Endpoint MANUFACTURING")]
        assert "contract version 5 in Zweite Firma and an earlier one in Company" in warning
