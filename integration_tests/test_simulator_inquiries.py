"""Tests how the simulator's generic inquiries are shown, filtered and ordered."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal

import pytest

from integration_tests.odata_client import (
    EDM,
    LATE,
    Json,
    ODataClient,
    _parsed,
    instants_of,
    refusal,
    sent,
)
from integration_tests.odata_client import (
    a_tracking_site as a_tracking_site,
)
from integration_tests.odata_client import (
    an_odata_client as an_odata_client,
)
from integration_tests.simulator import Simulator


def test_the_service_document_lists_every_inquiry_also_the_forbidden_one(odata: ODataClient) -> None:
    rows = odata.get(odata.root("gi")).json()["value"]
    assert {"name": "Open Orders 2.0", "kind": "EntitySet", "url": "Open%20Orders%202.0"} in rows
    assert "PR-Salaries" in [each["name"] for each in rows]
    assert odata.get(f"{odata.root('gi')}/PR-Salaries").status_code == 403


@pytest.mark.parametrize("name", ["BI-Customers", "Open Orders 2.0", "IN-StockItems", "GL-Transactions"])
def test_an_inquiry_shows_what_the_contract_shows(sim: Simulator, odata: ODataClient, name: str) -> None:
    truth = sim.tenant("Company").gi_rows(name)
    rows = [sent(row, instants_of(truth)) for row in odata.inquiry(name)]
    assert len(rows) > 5
    assert sorted(rows, key=str) == sorted(truth, key=str)


def test_an_inquiry_is_tied_to_the_records_of_the_contract(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    tenant.update("Customer", ["C000004"], {"CustomerName": "Neu & Söhne", "Status": "On Hold"}, LATE)
    row = next(each for each in odata.inquiry("BI-Customers") if each["CustomerID"].startswith("C000004"))
    assert (row["CustomerName"], row["Status"], row["LastModifiedOn"]) == (
        "Neu & Söhne",
        "On Hold",
        "2025-06-01T12:00:00Z",
    )
    tenant.delete("Customer", ["C000004"])
    assert "C000004" not in str(odata.inquiry("BI-Customers"))


def test_the_description_of_the_inquiries_has_types_keys_and_sets_with_spaces(odata: ODataClient) -> None:
    schema = odata.description("gi").find(f".//{EDM}Schema")
    assert schema is not None
    orders = schema.find(f"{EDM}EntityType[@Name='Open_Orders_2_0']")
    assert orders is not None
    assert [each.get("Name") for each in orders.iter(f"{EDM}PropertyRef")] == ["OrderType", "OrderNbr"]
    types = {each.get("Name"): each.get("Type") for each in orders.iter(f"{EDM}Property")}
    assert types["OrderTotal"] == "Edm.Decimal"
    assert types["LastModifiedOn"] == "Edm.DateTimeOffset"
    sets = {each.get("Name"): each.get("EntityType") for each in schema.iter(f"{EDM}EntitySet")}
    assert sets["Open Orders 2.0"] == "PX.Data.Open_Orders_2_0"
    assert "PR-Salaries" in sets


def test_property_names_are_captions_made_fit(odata: ODataClient) -> None:
    row = odata.inquiry("Open Orders 2.0", top=1)[0]
    assert {"OrderTotal", "_1stDate", "Description", "Description_2"} <= row.keys()
    assert list(row)[-2:] == ["OrderType", "OrderNbr"], "the keys that the grid does not show come last"


def test_text_of_a_fixed_width_comes_padded_and_compares_without_its_spaces(odata: ODataClient) -> None:
    rows = odata.inquiry("IN-StockItems", filter="InventoryID eq 'aaitem0000003'")
    assert [row["InventoryID"] for row in rows] == ["AAITEM0000003".ljust(30)]


def test_inquiries_send_instants_in_utc_and_numbers_with_all_digits(sim: Simulator, odata: ODataClient) -> None:
    answer = odata.get(f"{odata.root('gi')}/BI-Customers", top=1)
    assert re.search(r'"LastModifiedOn":"[\d-]{10}T[\d:.]+Z"', answer.text)
    assert re.search(r'"CreditLimit":\d{12}\.\d{6}[,}]', answer.text)


def test_dropdowns_are_labels_and_are_filtered_by_them(odata: ODataClient) -> None:
    rows = odata.inquiry("BI-Customers", filter="Status eq 'On Hold'", select="Status")
    assert rows
    assert rows == [{"Status": "On Hold"}] * len(rows)


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "Label eq 'x'"},
        {"orderby": "Label"},
        {"filter": "Status eq 'Active' or Label ne null"},
        {"orderby": "Status,Label desc"},
    ],
)
def test_a_formula_column_in_a_filter_or_an_order_gets_an_empty_answer(odata: ODataClient, options: Json) -> None:
    answer = odata.get(f"{odata.root('gi')}/BI-Customers", **options)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_formula_column_may_be_selected(odata: ODataClient) -> None:
    assert " - " in odata.inquiry("BI-Customers", select="Label", top=1)[0]["Label"]


def test_an_appended_key_is_no_good_in_a_filter_but_orders_rows(odata: ODataClient) -> None:
    answer = odata.get(f"{odata.root('gi')}/Open%20Orders%202.0", filter="OrderNbr gt '000003'")
    assert (answer.status_code, answer.content) == (200, b"")
    numbers = [row["OrderNbr"] for row in odata.inquiry("Open Orders 2.0", orderby="OrderNbr desc")]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize("option", ["expand", "count", "apply", "search"])
def test_inquiries_refuse_what_they_do_not_support(odata: ODataClient, option: str) -> None:
    options: Json = {option: "true"}
    status, text = refusal(odata.get(f"{odata.root('gi')}/BI-Customers", **options))
    assert (status, option in text) == (400, True)


@pytest.mark.parametrize("options", [{"select": "Nope"}, {"orderby": "Nope"}, {"filter": "Nope eq 1"}])
def test_an_unknown_property_is_refused_by_name(odata: ODataClient, options: Json) -> None:
    status, text = refusal(odata.get(f"{odata.root('gi')}/BI-Customers", **options))
    assert (status, "'Nope'" in text) == (400, True)


def test_an_inquiry_is_paged_with_top_skip_and_a_full_order(sim: Simulator, odata: ODataClient) -> None:
    order = "LastModifiedOn desc,CustomerID"
    pages = [odata.inquiry("BI-Customers", orderby=order, top=7, skip=skip) for skip in range(0, 35, 7)]
    ids = [row["CustomerID"] for page in pages for row in page]
    truth = sim.tenant("Company").gi_rows("BI-Customers")
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert sorted(ids) == [row["CustomerID"] for row in truth]
    stamps = [row["LastModifiedOn"] for page in pages for row in page]
    assert [_parsed(each) for each in stamps] == sorted(map(_parsed, stamps), reverse=True)


def test_rows_that_the_order_finds_equal_stand_in_no_fixed_order(odata: ODataClient) -> None:
    pages = [odata.inquiry("BI-Customers", orderby="Status", top=6, skip=skip) for skip in range(0, 30, 6)]
    assert len({row["CustomerID"] for page in pages for row in page}) < 30


def test_nulls_come_first_in_an_order(odata: ODataClient) -> None:
    texts = [row["Description"] for row in odata.inquiry("Open Orders 2.0", orderby="Description")]
    assert None in texts
    assert texts[: texts.count(None)] == [None] * texts.count(None)


def test_a_grouped_inquiry_has_keys_that_are_not_unique(sim: Simulator, odata: ODataClient) -> None:
    schema = odata.description("gi")
    key = [each.get("Name") for each in schema.iterfind(f".//*[@Name='Customers_by_Class']/{EDM}Key/{EDM}PropertyRef")]
    rows = odata.inquiry("Customers by Class")
    assert key == ["Class"]
    assert max(Counter(row["Class"] for row in rows).values()) > 1
    assert sum(row["Count"] for row in rows) == 30


def test_a_parameter_has_a_default_that_may_find_nothing_and_says_nothing(odata: ODataClient) -> None:
    assert odata.inquiry("Orders by Customer") == []


def test_parameters_are_given_to_a_function_as_literals_or_as_aliases(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    for total in ("10.25", "5000.5"):
        tenant.insert("SalesOrder", {"CustomerID": "C-9", "OrderTotal": Decimal(total)})
    function = f"{odata.root('gi')}/OrdersbyCustomer_WithParameters"
    for path, count in {
        "(Customer='C-9')": 2,
        "(Customer=@1)?@1='C-9'": 2,
        "(Customer=@1,MinTotal=@2)?@1='C-9'&@2=100": 1,
        "(Customer='C-9',MinTotal=10.25)": 2,
    }.items():
        rows = ODataClient.rows(odata.get(function + path))
        assert [row["Customer"] for row in rows] == ["C-9"] * count, path
    truth = tenant.gi_rows("Orders by Customer", Customer="C-9", MinTotal=Decimal(100))
    assert [row["OrderTotal"] for row in truth] == [Decimal("5000.5")]


@pytest.mark.parametrize("path", ["(Nope='1')", "(Customer=@1)", "(Customer=C-9)"])
def test_wrong_parameters_are_refused(odata: ODataClient, path: str) -> None:
    assert refusal(odata.get(f"{odata.root('gi')}/OrdersbyCustomer_WithParameters{path}"))[0] == 400


def test_a_tenants_inquiry_may_lack_a_parameter(sim: Simulator, odata: ODataClient) -> None:
    sim.tenant("Company").lacks.add("gi/Orders by Customer?MinTotal")
    function = f"{odata.root('gi')}/OrdersbyCustomer_WithParameters"
    assert odata.get(f"{function}(Customer='C-9')").status_code == 200
    assert refusal(odata.get(f"{function}(Customer='C-9',MinTotal=1)"))[0] == 400
    assert b"MinTotal" not in odata.get(f"{odata.root('gi')}/$metadata").content


def test_an_unknown_inquiry_is_not_found(odata: ODataClient) -> None:
    assert odata.get(f"{odata.root('gi')}/Nope").status_code == 404
    assert odata.get(f"{odata.root('gi')}/BI-Customers('C000001')").status_code == 404
