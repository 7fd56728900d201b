"""Tests the simulated ERP in contract 5: its descriptions, values, query options and forms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from .contract_client import FIVE, FOUR, Get, Json, rows_of, site, truth, with_instants
from .simulator import Simulator


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Simulator, Get]]:
    with site() as both:
        yield both


@pytest.fixture(scope="module")
def get(shared: tuple[Simulator, Get]) -> Get:
    """For tests that only read."""
    return shared[1]


@pytest.fixture(scope="module")
def sim(shared: tuple[Simulator, Get]) -> Simulator:
    return shared[0]


def only(row: Json) -> set[str]:
    """What a record has beside what it always has."""
    return row.keys() - {"id", "rowNumber", "note", "custom", "_links"}


def unwrapped(value: Any) -> Any:
    if isinstance(value, list):
        return [unwrapped(each) for each in value]
    if not isinstance(value, dict) or value.keys() == {"id", "description"}:
        return value
    if not value.keys() - {"value", "type"}:
        return unwrapped(value.get("value"))
    return {name: unwrapped(each) for name, each in value.items() if name not in ("rowNumber", "note", "_links", "id")}


def comparable(value: Any) -> Any:
    """The truth as it is written."""
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if isinstance(value, dict):
        kept = value.keys() == {"id", "description"}
        return {name: comparable(each) for name, each in value.items() if kept or name != "id"}
    if isinstance(value, datetime):
        return value.timestamp()
    return value.isoformat() if isinstance(value, date) else value


# ------------------------------------------------------------------------------------------------ descriptions


def described(get: Get, endpoint: str = FIVE) -> Json:
    document: Json = get(f"{endpoint}/swagger.json").json()
    return document


def properties(document: Json, schema: str) -> Json:
    found: Json = document["components"]["schemas"][schema]["allOf"][1]["properties"]
    return found


def reference(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def test_the_description_names_contract_5_and_the_kind_of_each_field(get: Get) -> None:
    document = described(get)
    assert (document["openapi"], document["info"]["version"]) == ("3.0.1", "5")
    order, invoice, entry = (properties(document, name) for name in ("SalesOrder", "Invoice", "TimeEntry"))
    assert order["Status"] == invoice["Type"] == reference("StringSingleSelectValue")
    assert order["OrderType"] == reference("StringValue"), "a selector is no list"
    assert (invoice["Date"], order["Date"]) == (reference("DateOnlyValue"), reference("DateTimeValue"))
    assert entry["TimeSpent"] == reference("IntSingleSelectValue")
    assert properties(document, "ShipVia")["DeliveryDays"] == reference("StringMultiSelectValue")


def test_whatever_may_be_null_is_described_so(get: Get) -> None:
    document = described(get)
    order, schemas = properties(document, "SalesOrder"), document["components"]["schemas"]
    assert order["Totals"] == {"anyOf": [reference("SalesOrderTotals")], "nullable": True}
    assert order["Details"] == {"type": "array", "items": reference("SalesOrderDetail"), "nullable": True}
    assert schemas["Entity"]["properties"]["note"] == {"anyOf": [reference("StringValue")], "nullable": True}
    value = schemas["DecimalValue"]
    assert value["nullable"] and value["properties"]["value"]["nullable"] and value["properties"]["error"]["nullable"]


def test_choices_are_described_by_what_is_in_them(get: Get) -> None:
    schemas = described(get)["components"]["schemas"]
    single = {"anyOf": [reference("IntSingleSelectInnerValue")], "nullable": True}
    assert schemas["IntSingleSelectValue"]["properties"]["value"] == single
    inner = schemas["IntSingleSelectInnerValue"]
    assert (inner["required"], inner["properties"]["id"]["type"]) == (["id"], "integer")
    many = {"type": "array", "items": reference("StringMultiSelectInnerValue"), "nullable": True}
    assert schemas["StringMultiSelectValue"]["properties"]["value"] == many
    for kind in ("StringSingleSelect", "IntSingleSelect", "StringMultiSelect"):
        assert schemas[f"Custom{kind}Field"]["allOf"][0] == reference("CustomField")


def test_each_operation_may_answer_409_and_each_entity_has_its_actions(get: Get) -> None:
    document = described(get)
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert all("409" in each["responses"] for each in operations)
    assert not any(
        "409" in each["responses"] for path in described(get, FOUR)["paths"].values() for each in path.values()
    )
    actions = {"type": "object", "additionalProperties": reference("InvoiceCustomAction"), "nullable": True}
    assert properties(document, "Invoice")["_workflowActions"] == actions
    assert "_workflowActions" not in properties(document, "InvoiceDetail")
    assert "_workflowActions" not in properties(described(get, FOUR), "Invoice")
    listed = [each["name"] for each in document["paths"]["/Invoice"]["get"]["parameters"]]
    assert {"$custom", "$select", "$expand", "$filter", "$top", "$skip"} == set(listed)


def test_a_report_has_nothing_but_post(get: Get) -> None:
    assert described(get)["paths"]["/InvoiceMemoPrintForm"].keys() == {"post"}
    assert get(f"{FIVE}/InvoiceMemoPrintForm").status_code == 405
    assert get(f"{FIVE}/InvoiceMemoPrintForm", "POST", {}).status_code == 202


def test_manufacturing_is_contract_5_and_has_no_choices(get: Get) -> None:
    document = described(get, "/entity/MANUFACTURING/26.200.001")
    assert document["info"]["version"] == "5"
    assert properties(document, "ProductionOrder")["Status"] == reference("StringValue")
    assert properties(document, "ProductionOrder")["StartDate"] == reference("DateTimeValue")


def test_the_empty_record_shows_the_types_of_custom_fields(get: Get) -> None:
    customs = get(f"{FIVE}/SalesOrder/$adHocSchema").json()["custom"]["Document"]
    assert customs["UsrUrgency"]["type"] == "CustomIntSingleSelectField"
    assert customs["UsrDays"]["type"] == "CustomStringMultiSelectField"
    assert customs["AttributeCHANNEL"]["type"] == "CustomStringSingleSelectField"
    assert customs["UsrPriority"]["type"] == "CustomIntField"
    old = get(f"{FOUR}/SalesOrder/$adHocSchema").json()["custom"]["Document"]
    assert (old["UsrUrgency"]["type"], old["UsrDays"]["type"]) == ("CustomIntField", "CustomStringField")


# ------------------------------------------------------------------------------------------------ values


EXPANDED = {
    "Invoice": "Details,TaxDetails,BillToContact",
    "SalesOrder": "Details,TaxDetails,Shipments,BillToAddress,BillToContact,ShipToAddress,Totals",
    "Customer": "Attributes,Contacts,MainContact($expand=Address),BillingContact($expand=Address),"
    "PrimaryContact($expand=Address)",
    "TimeEntry": "", "CashPurchase": "Details", "Contact": "Attributes,Address", "Bill": "Details,TaxDetails",
}  # fmt: skip


@pytest.mark.parametrize("entity", EXPANDED)
def test_every_list_shows_the_truth(entity: str, sim: Simulator, get: Get) -> None:
    rows, expected = rows_of(get, entity, expand=EXPANDED[entity]), truth(sim, entity)
    assert [row["id"] for row in rows] == [row["id"] for row in expected]
    shown = [{name: each for name, each in without_customs(unwrapped(row)).items()} for row in rows]
    assert with_instants(shown) == [without_customs(comparable(row)) for row in expected]


def without_customs(value: Any) -> Any:
    if isinstance(value, list):
        return [without_customs(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: without_customs(each) for name, each in value.items() if name != "custom"}


def test_a_choice_is_its_id_and_label_and_in_contract_4_its_label(get: Get) -> None:
    new, old = rows_of(get, "Invoice")[0], rows_of(get, "Invoice", FOUR)[0]
    assert new["Type"] == {"value": {"id": "CRM", "description": "Credit Memo"}}
    assert old["Type"] == {"value": "Credit Memo"}
    assert new["Date"]["value"] == old["Date"]["value"][:10]
    days, texts = (rows_of(get, "ShipVia", each)[0]["DeliveryDays"]["value"] for each in (FIVE, FOUR))
    assert texts == ", ".join(each["description"] for each in days)
    spans, span_texts = (rows_of(get, "TimeEntry", each)[0]["TimeSpent"]["value"] for each in (FIVE, FOUR))
    assert spans["description"] == span_texts
    assert spans["id"] == int(span_texts[:2]) * 60 + int(span_texts[3:])


def test_custom_choices_come_with_their_types(sim: Simulator, get: Get) -> None:
    names = "Document.AttributeCHANNEL,Document.UsrUrgency,Document.UsrDays,CurrentDocument.UsrInsured"
    for row, expected in zip(rows_of(get, "SalesOrder", select=f"*,{names}"), truth(sim, "SalesOrder"), strict=True):
        customs = {**expected["custom"]["Document"], **expected["custom"]["CurrentDocument"]}
        shown = {**row["custom"]["Document"], **row["custom"]["CurrentDocument"]}
        assert {name: each.get("value") for name, each in shown.items()} == {name: customs[name] for name in shown}
        assert shown.keys() == {name.partition(".")[2] for name in names.split(",")}
        assert shown["UsrUrgency"]["type"] == "CustomIntSingleSelectField"
    old = rows_of(get, "SalesOrder", FOUR, custom="Document.UsrUrgency,Document.AttributeCHANNEL")
    assert all(isinstance(row["custom"]["Document"]["UsrUrgency"].get("value", 1), int) for row in old)
    assert {row["custom"]["Document"]["AttributeCHANNEL"].get("value") for row in old} <= {"Web", "Telefon", None}


def test_one_record_comes_by_its_id_and_by_the_ids_of_its_keys(get: Get) -> None:
    row = rows_of(get, "Invoice", top=1)[0]
    for address in (row["id"], "CRM/AR000001", "CRM|AR000001"):
        assert get(f"{FIVE}/Invoice/{address}").json()["id"] == row["id"]
    answer = get(f"{FIVE}/Invoice/Credit Memo/AR000001")
    assert (answer.status_code, answer.json()["exceptionMessage"]) == (500, "No entity satisfies the condition.")
    assert get(f"{FOUR}/Invoice/Credit Memo/AR000001").json()["id"] == row["id"]
    assert get(f"{FOUR}/Invoice/CRM/AR000001").status_code == 500
    one = get(f"{FIVE}/SalesOrder/SO/000020", select="OrderNbr,Document.UsrUrgency", expand="Details($select=LineNbr)")
    assert only(one.json()) == {"OrderNbr", "Details"}


def test_what_is_archived_is_shown_if_asked_for(get: Get) -> None:
    hidden = rows_of(get, "Invoice")
    shown = rows_of(get, "Invoice", headers={"PX-ApiArchive": "SHOW"})
    assert len(hidden) < len(shown) == 30


# ------------------------------------------------------------------------------------------------ $select and $expand


def test_nothing_nested_comes_that_is_not_expanded(get: Get) -> None:
    assert not only(rows_of(get, "SalesOrder")[0]) & {"Details", "Totals", "BillToAddress"}
    customer = rows_of(get, "Customer", expand="MainContact")[0]
    assert "Address" not in customer["MainContact"]
    deep = rows_of(get, "Customer", expand="MainContact($expand=Address)")[0]
    assert "City" in deep["MainContact"]["Address"]


def test_each_level_selects_its_own_fields(get: Get) -> None:
    select, expand = (
        "CustomerName",
        "MainContact($select=Email;$expand=Address($select=City)),Contacts($select=JobTitle)",
    )
    for row in rows_of(get, "Customer", select=select, expand=expand):
        assert only(row) == {"CustomerName", "MainContact", "Contacts"}
        assert only(row["MainContact"]) == {"Email", "Address"}
        assert only(row["MainContact"]["Address"]) == {"City"}
        assert all(only(each) == {"JobTitle"} for each in row["Contacts"])
    swapped = rows_of(get, "Customer", expand="MainContact( $expand=Address ; $select=Email )")[0]
    assert only(swapped["MainContact"]) == {"Email", "Address"}


def test_custom_fields_are_selected_at_their_level(get: Get) -> None:
    nested = "Details($select=LineNbr,Transactions.UsrChecked)"
    rows = rows_of(get, "SalesOrder", select="OrderNbr,Document.UsrUrgency", expand=nested)
    assert all(only(row) == {"OrderNbr", "Details"} for row in rows)
    assert all(row["custom"].keys() == {"Document"} for row in rows)
    lines = [line for row in rows for line in row["Details"]]
    assert lines and all(line["custom"]["Transactions"].keys() == {"UsrChecked"} for line in lines)
    whole = rows_of(get, "SalesOrder", expand="Details($select=*,Transactions.UsrChecked)")
    lines = [line for row in whole for line in row["Details"]]
    assert all("OrderQty" in line and line["custom"] for line in lines)
    alone = rows_of(get, "SalesOrder", select="Document.UsrUrgency")[0]
    assert (only(alone), alone["custom"].keys()) == (set(), {"Document"})


def test_a_star_is_all_fields_and_files_come_if_expanded(get: Get) -> None:
    assert only(rows_of(get, "Customer", select="*")[0]) == only(rows_of(get, "Customer")[0])
    row = rows_of(get, "Customer", select="CustomerID,files", expand="files")[0]
    assert row["files"][0].keys() == {"id", "filename", "href", "comment"}
    assert "WarehouseDetails" in rows_of(get, "StockItem", expand="WarehouseDetails($expand=files)")[0]


def test_an_expanded_name_may_stand_in_the_select_or_not(get: Get) -> None:
    for select in ("OrderNbr", "OrderNbr,Details"):
        assert only(rows_of(get, "SalesOrder", select=select, expand="Details")[0]) == {"OrderNbr", "Details"}
    assert only(rows_of(get, "SalesOrder", select="OrderNbr,Details")[0]) == {"OrderNbr"}


@pytest.mark.parametrize(
    "options",
    [
        {"expand": "MainContact/Address"},
        {"expand": "MainContact,MainContact/Address"},
        {"select": "CustomerID,MainContact/Email"},
        {"expand": "MainContact($select=Email"},
        {"expand": "MainContact($select=Email))"},
        {"expand": "MainContact($select=Address/City)"},
        {"expand": "MainContact($top=1)"},
        {"expand": "MainContact(Email)"},
    ],
    ids=str,
)
def test_the_paths_of_contract_4_and_broken_parentheses_are_refused(options: Json, get: Get) -> None:
    answer = get(f"{FIVE}/Customer", **options)
    assert (answer.status_code, answer.json()["exceptionType"]) == (400, "Microsoft.OData.ODataException")


@pytest.mark.parametrize(
    "options",
    [{"select": "Nope"}, {"expand": "Nope"}, {"expand": "MainContact($select=Nope)"}, {"select": "Document.Nope"}],
    ids=str,
)
def test_unknown_names_are_refused_as_in_contract_4(options: Json, get: Get) -> None:
    assert "not present" in get(f"{FIVE}/Customer", **options).json()["exceptionMessage"]


def test_what_a_screen_cannot_export_is_refused_in_contract_5_too(get: Get) -> None:
    for entity, options in {
        "VendorClass": {}, "Payment": {"expand": "ApplicationHistory"}, "Currency": {"select": "RealGainAcctID"},
        "AccountSummaryInquiry": {},
    }.items():  # fmt: skip
        assert "Optimization cannot" in get(f"{FIVE}/{entity}", **options).json()["exceptionMessage"]
    assert "Optimization" in get(f"{FIVE}/Payment", select="Type").json()["exceptionMessage"]
    assert get(f"{FIVE}/Employee").status_code == 403
    bom = "/entity/MANUFACTURING/26.200.001/BillOfMaterial"
    assert "BomMatlRecords" in get(bom, expand="Operations($expand=Material)").json()["exceptionMessage"]
    assert get(bom, expand="Operations").status_code == 200


# ------------------------------------------------------------------------------------------------ forms


FORM = f"{FIVE}/AccountSummaryInquiry"
MANDATORY = {"Period": {"value": "012025"}, "Ledger": {"value": "ACTUAL"}}


def test_a_form_takes_a_choice_by_its_id(get: Get) -> None:
    body = {**MANDATORY, "Type": {"value": {"id": "L"}}}
    form = get(FORM, "PUT", body, expand="Results($select=Account,Type)").json()
    assert form["Type"] == {"value": {"id": "L", "description": "Liability"}}
    assert form["Results"]
    assert all(only(row) == {"Account", "Type"} for row in form["Results"])
    assert {row["Type"]["value"]["id"] for row in form["Results"]} == {"L"}
    everything = get(FORM, "PUT", MANDATORY, expand="Results").json()["Results"]
    assert len(everything) > len(form["Results"])
    assert get(FORM, "PUT", {**MANDATORY, "Type": {"value": "Liability"}}, expand="Results").status_code == 400
    old = get(f"{FOUR}/AccountSummaryInquiry", "PUT", {**MANDATORY, "Type": {"value": "Liability"}}, expand="Results")
    assert len(old.json()["Results"]) == len(form["Results"])
