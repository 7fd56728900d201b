"""Tests which endpoints, versions and fields the simulated site has as one release of the ERP and as another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import pytest
import requests

from .contract_client import FIVE, FOUR, Get, site
from .simulator import FeatureForm, Lies, Simulator
from .simulator.catalog.releases import RELEASES
from .simulator.store.shapes import FieldKind, Shape


@pytest.fixture(scope="module")
def newest() -> Iterator[tuple[Simulator, Get]]:
    """For tests that only read."""
    with site(rows=6) as both:
        yield both


DEFAULT_OF_24 = ["20.200.001", "22.200.001", "23.200.001", "24.200.001"]


@pytest.mark.parametrize(
    ("release", "default", "manufacturing"),
    [
        ("17.200", ["17.200.001"], []),
        ("18.200", ["17.200.001", "18.200.001"], []),
        ("20.200", ["20.200.001"], []),
        ("22.200", DEFAULT_OF_24[:2], []),
        ("24.200", DEFAULT_OF_24, ["24.200.001"]),
        ("25.200", [*DEFAULT_OF_24, "25.200.001"], ["24.200.001", "25.200.001"]),
        ("26.100", [*DEFAULT_OF_24, "25.200.001"], ["24.200.001", "25.200.001"]),
        ("26.200", [*DEFAULT_OF_24, "25.200.001", "26.200.001"], ["24.200.001", "25.200.001", "26.200.001"]),
    ],
)
def test_a_release_lists_its_versions_and_its_build(release: str, default: list[str], manufacturing: list[str]) -> None:
    with site(release) as (_, get):
        listed = get("/entity").json()
    assert listed["version"]["acumaticaBuildVersion"].startswith(release[:4])
    found = {name: [each["version"] for each in listed["endpoints"] if each["name"] == name] for name in NAMES}
    own = ["1.0"] if release == "26.200" else []
    assert found == {"Default": default, "MANUFACTURING": manufacturing, "Fabrikam": ["1.0"], "Extract": own}


NAMES = ("Default", "MANUFACTURING", "Fabrikam", "Extract")


def test_without_a_word_the_site_is_that_of_24r2() -> None:
    assert Simulator()._release is RELEASES["24.200"]


@pytest.mark.parametrize("openapi", [True, False])
@pytest.mark.parametrize("release", RELEASES)
def test_each_description_names_its_contract_and_resolves_its_references(release: str, openapi: bool) -> None:
    with site(release, openapi=openapi) as (_, get):
        for endpoint in RELEASES[release].endpoints:
            text = get(f"/entity/{endpoint.name}/{endpoint.version}/swagger.json").text
            document = json.loads(text)
            assert document["info"]["version"] == str(endpoint.contract)
            schemas = document["components"]["schemas"] if openapi else document["definitions"]
            used = {part.split('"')[0].rpartition("/")[2] for part in text.split('"$ref": "')[1:]}
            assert used <= set(schemas)
            assert {path[1:] for path in document["paths"] if path.count("/") == 1} == set(endpoint.entity_by_name)
            assert "nullable" not in text or endpoint.contract == 5


@pytest.mark.parametrize("release", RELEASES)
def test_no_two_shapes_of_an_endpoint_have_one_name(release: str) -> None:
    def shapes(shape: Shape) -> Iterator[Shape]:
        yield shape
        for part in shape.part_by_name.values():
            yield from shapes(part.shape)

    for endpoint in RELEASES[release].endpoints:
        by_name: dict[str, Shape] = {}
        for each in (shape for entity in endpoint.entities for shape in shapes(entity)):
            assert by_name.setdefault(each.schema, each) is each


def test_contract_4_and_before_know_nothing_of_choices() -> None:
    old = [endpoint for each in RELEASES.values() for endpoint in each.endpoints if endpoint.contract < 5]
    kinds = {field.kind for endpoint in old for entity in endpoint.entities for field in entity.fields}
    assert not kinds & {FieldKind.STRING_SELECT, FieldKind.INT_SELECT, FieldKind.STRING_MULTI_SELECT}
    assert FieldKind.DATE_ONLY not in kinds


def test_a_renamed_field_has_one_value_under_both_names(newest: tuple[Simulator, Get]) -> None:
    _, get = newest
    old, new = (get(f"{version}/SalesOrder").json() for version in (FOUR, FIVE))
    assert all("LastModified" not in row and "UsrExternalOrderOriginal" not in row for row in new)
    assert all("LastModifiedDateTime" not in row for row in old)
    assert [row["LastModified"] for row in old] == [row["LastModifiedDateTime"] for row in new]
    assert [row["UsrExternalOrderOriginal"] for row in old] == [row["ExternalOrderOriginal"] for row in new]


@pytest.mark.parametrize(
    ("path", "first", "last"),
    [
        ("Customer", 20, 26), ("TimeEntry", 25, 26), ("CashPurchase", 26, 26), ("InvoiceMemoPrintForm", 26, 26),
        ("StockItem.LastModified", 20, 25), ("StockItem.LastModifiedDateTime", 20, 26), ("Vendor.LegalName", 26, 26),
        ("SalesOrder.LastModified", 20, 25), ("SalesOrder.LastModifiedDateTime", 26, 26),
        ("SalesOrder.ExternalQuoteNbr", 26, 26), ("SalesOrderDetail.Subitem", 25, 25),
        ("SalesOrderDetail.OrigOrderNbr", 26, 26), ("Address.StreetName", 25, 26), ("Address.AddressLine3", 26, 26),
    ],
)  # fmt: skip
def test_a_version_describes_what_it_has(path: str, first: int, last: int, newest: tuple[Simulator, Get]) -> None:
    _, get = newest
    schema, _, field = path.partition(".")
    for year in (20, 22, 23, 24, 25, 26):
        schemas = get(f"/entity/Default/{year}.200.001/swagger.json").json()["components"]["schemas"]
        found = schema in schemas and (not field or field in schemas[schema]["allOf"][1]["properties"])
        assert found == (first <= year <= last), year


def test_a_removed_field_can_be_neither_selected_nor_filtered_by(newest: tuple[Simulator, Get]) -> None:
    _, get = newest
    assert get(f"{FOUR}/StockItem", **{"select": "LastModified", "top": 1}).status_code == 200
    assert "not present" in get(f"{FIVE}/StockItem", **{"select": "LastModified"}).json()["exceptionMessage"]
    assert "not present" in get(f"{FIVE}/StockItem", **{"filter": "LastModified eq 1"}).json()["exceptionMessage"]


def test_all_versions_show_the_same_records_and_so_does_an_endpoint_of_ones_own() -> None:
    with site("26.200") as (erp, get):
        company = erp.tenant("Company")
        company.insert("Customer", {"CustomerID": "C900000", "CustomerName": "New Ltd."})
        company.delete("Customer", ("C000002",))
        pages = [get(f"/entity/{each}/Customer").json() for each in ENDPOINTS_WITH_CUSTOMERS]
        assert [[row["id"] for row in page] for page in pages] == [[row["id"] for row in pages[0]]] * len(pages)
        assert pages[0][-1]["CustomerName"] == {"value": "New Ltd."}
        assert company.keys("Customer", "Extract") == company.keys("Customer")
        assert company.rows("Customer", "Extract") == company.rows("Customer", contract=5)


ENDPOINTS_WITH_CUSTOMERS = ["Default/20.200.001", "Default/25.200.001", "Default/26.200.001", "Extract/1.0"]


def test_the_truth_is_that_of_contract_4_unless_another_is_named(newest: tuple[Simulator, Get]) -> None:
    erp, _ = newest
    company = erp.tenant("Company")
    four, five = company.rows("SalesOrder")[0], company.rows("SalesOrder", contract=5)[0]
    assert four["Status"] == five["Status"]["description"]
    assert four["LastModified"] == five["LastModifiedDateTime"]
    assert company.rows("SalesOrder", contract=4)[0] == four
    assert "id" in company.rows("CashPurchase")[0]["Type"], "it has no other"
    with pytest.raises(AssertionError):
        company.rows("CashPurchase", contract=4)


def test_records_are_changed_by_labels_and_ids_and_by_old_and_new_names() -> None:
    with site("26.200") as (erp, _):
        company = erp.tenant("Company")
        key = company.insert("Invoice", {"Type": "INV", "ReferenceNbr": "AR900000", "Status": "N"})
        assert key == ("Invoice", "AR900000")
        company.update("Invoice", ("INV", "AR900000"), {"Status": "Closed"})
        company.update("Invoice", key, {"Description": "a text"})
        (row,) = (each for each in company.rows("Invoice", contract=5) if each["ReferenceNbr"] == "AR900000")
        assert row["Type"] == {"id": "INV", "description": "Invoice"}
        assert (row["Status"]["id"], row["Description"]) == ("C", "a text")
        order = company.keys("SalesOrder")[0]
        company.update(
            "SalesOrder", order, {"ExternalOrderOriginal": "X", "custom": {"Document": {"UsrDays": "MO,TH"}}}
        )
        old, new = company.rows("SalesOrder")[0], company.rows("SalesOrder", contract=5)[0]
        assert old["UsrExternalOrderOriginal"] == new["ExternalOrderOriginal"] == "X"
        assert old["custom"]["Document"]["UsrDays"] == "Monday, Thursday"
        assert [each["id"] for each in new["custom"]["Document"]["UsrDays"]] == ["MO", "TH"]


def test_a_site_without_contract_5_takes_what_looks_like_an_id_as_it_is() -> None:
    with Simulator(("Company",), rows=6) as erp:
        company = erp.tenant("Company")
        company.update("Invoice", company.keys("Invoice")[0], {"Status": "N"})
        assert company.rows("Invoice")[0]["Status"] == "N"


def test_features_are_listed_to_those_with_a_token(newest: tuple[Simulator, Get]) -> None:
    erp, get = newest
    listed = get("/entity").json()
    assert "PX.Objects.CS.FeaturesSet+Inventory" in listed["features"]
    assert "PX.Objects.CS.FeaturesSet+PayrollModule" not in listed["features"]
    anyone = requests.get(f"{erp.url}/entity")
    assert (anyone.status_code, anyone.json()["version"]) == (200, listed["version"])
    assert {each["name"] for each in anyone.json()["endpoints"]} == {"Default", "MANUFACTURING"}
    assert "features" not in anyone.json()
    assert requests.get(f"{erp.url}{FIVE}/Customer").status_code == 401
    with site("25.200", rows=6) as (old, get_of_old):
        assert "features" not in get_of_old("/entity").json()
        assert requests.get(f"{old.url}/entity").status_code == 401


def test_features_may_be_listed_with_those_that_are_off() -> None:
    with site("26.200") as (erp, get):
        erp.lies = Lies(features=FeatureForm.OBJECTS)
        features = {each["name"]: each["enabled"] for each in get("/entity").json()["features"]}
    assert set(features.values()) == {True, False}


def test_26r1_may_have_dates_in_contract_4() -> None:
    with site("26.100") as (erp, get):
        before = get(f"{FOUR}/Invoice", **{"top": 1}).json()[0]["Date"]["value"]
        erp.lies = Lies(days_in_contract_4=True)
        schemas = get(f"{FOUR}/swagger.json").json()["components"]["schemas"]
        rows = get(
            f"{FOUR}/Invoice", **{"filter": f"Date eq date'{before[:10]}'", "custom": "Document.UsrDunningLevel"}
        )
    assert datetime.fromisoformat(before).tzinfo
    assert schemas["Invoice"]["allOf"][1]["properties"]["Date"] == {"$ref": "#/components/schemas/DateOnlyValue"}
    assert schemas["DateOnlyValue"]["properties"]["value"] == {"type": "string", "format": "date"}
    assert schemas["SalesOrder"]["allOf"][1]["properties"]["Date"] == {"$ref": "#/components/schemas/DateTimeValue"}
    assert rows.json()[0]["Date"] == {"value": before[:10]}


def test_the_truth_of_a_form_is_that_of_its_contract(newest: tuple[Simulator, Get]) -> None:
    erp, _ = newest
    company, parameters = erp.tenant("Company"), {"Period": "012025", "Ledger": "ACTUAL", "Type": "Liability"}
    old = company.results("AccountSummaryInquiry", parameters)
    new = company.results("AccountSummaryInquiry", parameters, contract=5)
    assert [row["Type"] for row in old] == ["Liability"] * len(new)
    assert [row["Type"]["id"] for row in new] == ["L"] * len(old)
    assert [row["EndingBalance"] for row in old] == [row["EndingBalance"] for row in new] != []


def test_the_tables_behind_the_forms_are_the_same_in_each_release(newest: tuple[Simulator, Get]) -> None:
    erp, _ = newest
    with Simulator(("Company",), rows=6) as old:
        for table in ("SOOrder", "ARInvoice", "Customer", "SOLine"):
            assert old.tenant("Company").dac_rows(table) == erp.tenant("Company").dac_rows(table)
