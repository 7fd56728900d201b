"""The simulated ERP's OData: addresses, sign-in, inquiries, tables, deletions, and what the descriptions say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, fromstring

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from integration_tests.simulator import Fault, FaultKind, Lies, SeatAnswer, Simulator
from integration_tests.simulator.odata.deletion_rules import DeletionRules
from integration_tests.simulator.tenants import Tenant
from integration_tests.test_simulator import Client

Json = dict[str, Any]
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
OLD_EDM = "{http://schemas.microsoft.com/ado/2009/11/edm}"
LATE = datetime(2025, 6, 1, 12, tzinfo=UTC)


class ODataClient:
    """The OData services of one tenant, with one sign-in."""

    def __init__(self, sim: Simulator, tenant: str = "Company") -> None:
        self.sim, self.tenant = sim, tenant
        self.http = Client(sim, tenant).sign_in().http
        self.http.headers["Accept"] = "application/json"

    def root(self, service: str) -> str:
        return f"/t/{quote(self.tenant)}/api/odata/{service}"

    def get(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> requests.Response:
        query = "&".join(f"${name}={quote(str(value))}" for name, value in options.items())
        url = self.sim.url + path + (("&" if "?" in path else "?") + query if query else "")
        return self.http.get(url, headers=headers, allow_redirects=False)

    def inquiry(self, name: str, **options: Any) -> list[Json]:
        return self.rows(self.get(f"{self.root('gi')}/{quote(name)}", **options))

    def table(self, name: str, headers: dict[str, str] | None = None, **options: Any) -> list[Json]:
        return self.rows(self.get(f"{self.root('dac')}/{name}", headers, **options))

    def deletions(self, table: str, **options: Any) -> list[Json]:
        return self.table(f"{table}/px.GetDeletedRecords()", **options)

    def description(self, service: str) -> Element:
        answer = self.get(f"{self.root(service)}/$metadata")
        assert answer.headers["Content-Type"].startswith("application/xml")
        return fromstring(answer.content)

    @staticmethod
    def rows(answer: requests.Response) -> list[Json]:
        assert answer.status_code == 200, answer.text
        rows: list[Json] = json.loads(answer.text, parse_float=Decimal)["value"]
        return rows


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["message"])


def sent(row: Json, instants: tuple[str, ...] = ()) -> Json:
    """A row of an answer with its instants as the truth has them."""
    return {name: _parsed(value) if value and name in instants else value for name, value in row.items()}


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def instants_of(rows: list[Json]) -> tuple[str, ...]:
    return tuple({name for row in rows for name, value in row.items() if isinstance(value, datetime)})


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(rows=30, tracked=("SOOrder", "SOLine", "Customer")) as simulator:
        yield simulator


@pytest.fixture
def odata(sim: Simulator) -> ODataClient:
    return ODataClient(sim)


# ------------------------------------------------------------------------------------------- addresses and sign-in


def test_a_new_build_serves_both_services_under_the_tenants_address(odata: ODataClient) -> None:
    for service in ("gi", "dac"):
        answer = odata.get(odata.root(service))
        assert answer.status_code == 200
        assert answer.json()["@odata.context"].endswith(f"/t/Company/api/odata/{service}/$metadata")


def test_letter_case_matters_in_the_tenants_name_only(odata: ODataClient) -> None:
    assert odata.get("/t/Company/API/OData/GI/BI-Customers").status_code == 200
    assert odata.get("/t/company/api/odata/gi/BI-Customers").status_code == 404


def test_a_tenant_with_a_space_in_its_name_has_an_address(sim: Simulator) -> None:
    odata = ODataClient(sim, "Zweite Firma")
    assert len(odata.inquiry("BI-Customers")) == 30
    assert "/t/Zweite%20Firma/" in odata.get(odata.root("gi")).json()["@odata.context"]


def test_an_unknown_tenant_is_not_found(odata: ODataClient) -> None:
    assert odata.get("/t/Nobody/api/odata/gi").status_code == 404
    assert odata.get("/odatav4/Nobody/SOOrder").status_code == 404


@pytest.mark.parametrize("service", ["gi/BI-Customers", "dac/SOOrder", "dac/$metadata", "gi"])
def test_without_a_good_token_of_the_tenant_the_answer_is_401_and_not_json(sim: Simulator, service: str) -> None:
    url = f"{sim.url}/t/Company/api/odata/{service}"
    for headers in ({}, {"Authorization": "Bearer no"}, dict(ODataClient(sim, "Zweite Firma").http.headers)):
        answer = requests.get(url, headers={name: str(value) for name, value in headers.items()})
        assert (answer.status_code, answer.content) == (401, b"")
        assert "json" not in answer.headers["Content-Type"]


def test_new_builds_keep_the_old_address_of_the_tables_but_not_of_the_inquiries(odata: ODataClient) -> None:
    assert ODataClient.rows(odata.get("/odatav4/Company/SOOrder", top=1)) == odata.table("SOOrder", top=1)
    assert odata.get("/odata/Company/BI-Customers").status_code == 404


@pytest.mark.parametrize(("version", "context"), [(3, "odata.metadata"), (4, "@odata.context")])
def test_a_new_build_can_be_one_that_still_answers_under_the_old_address(version: Any, context: str) -> None:
    with Simulator(rows=3, legacy_inquiries=version) as sim:
        content = ODataClient(sim).get("/odata/Company/BI-Customers", format="json").json()
        assert context in content
        assert len(content["value"]) == 3


def test_an_old_build_has_none_of_the_new_addresses() -> None:
    with Simulator(rows=3, openapi=False) as sim:
        odata = ODataClient(sim)
        assert odata.get(odata.root("gi")).status_code == 404
        assert odata.get("/odata/Company/", format="json").status_code == 200
        assert "@odata.context" in odata.get("/odatav4/Company/SOOrder").json()


def test_a_site_with_one_tenant_may_leave_its_name_out_of_the_old_address() -> None:
    with Simulator(("Company",), rows=3, openapi=False) as sim:
        odata = ODataClient(sim)
        assert len(odata.get("/odata/BI-Customers", format="json").json()["value"]) == 3
        assert len(odata.get("/odata/Company/BI-Customers", format="json").json()["value"]) == 3


def test_odata_and_contract_share_one_session_and_sign_out_ends_it(sim: Simulator) -> None:
    client = Client(sim).sign_in()
    client.rows("Customer", top=1)
    client.http.get(f"{sim.url}/t/Company/api/odata/dac/SOOrder")
    assert (sim.sessions.open_count(), sim.sessions.opened_total) == (1, 1)
    assert client.sign_out() == 204
    assert sim.sessions.open_count() == 0


def test_a_service_needs_a_seat_like_everything_else() -> None:
    with Simulator(rows=3, seats=1, seat_answer=SeatAnswer.REDIRECT) as sim:
        first, second = ODataClient(sim), ODataClient(sim)
        assert first.get(first.root("gi")).status_code == 200
        assert second.get(second.root("gi")).status_code == 302


def test_faults_hooks_and_the_request_log_see_the_services_too(sim: Simulator, odata: ODataClient) -> None:
    seen: list[str] = []
    sim.before_request(lambda request: seen.append(request.path))
    sim.faults.add(Fault(FaultKind.STATUS_503, path="BI-Customers"))
    path = f"{odata.root('gi')}/BI-Customers"
    assert [odata.get(path).status_code for _ in range(2)] == [503, 200]
    assert seen == [path, path]
    assert [(each.path, each.tenant, each.status) for each in sim.requests[-2:]] == [
        (path, "Company", 503),
        (path, "Company", 200),
    ]


def test_calls_to_the_services_of_one_session_are_worked_off_one_after_another(
    sim: Simulator, odata: ODataClient
) -> None:
    running, most, gate = 0, 0, Event()

    def hook(_: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        gate.wait(0.03)
        running -= 1

    sim.before_request(hook)
    threads = [Thread(target=odata.table, args=("SOOrder",)) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == 1


def test_a_licence_limit_slows_the_services_down() -> None:
    waits: list[float] = []
    with Simulator(rows=3, requests_per_minute=4, sleep=waits.append) as sim:
        odata = ODataClient(sim)
        for _ in range(4):
            odata.table("SOOrder")
    assert max(waits) > 10


def test_a_dropped_token_is_401_at_the_services(sim: Simulator, odata: ODataClient) -> None:
    sim.faults.add(Fault(FaultKind.TOKEN_DROPPED, path="SOOrder"))
    assert [odata.get(f"{odata.root('dac')}/SOOrder").status_code for _ in range(2)] == [401, 401]


def test_the_services_are_read_only(sim: Simulator, odata: ODataClient) -> None:
    assert odata.http.post(f"{sim.url}{odata.root('dac')}/SOOrder", json={}).status_code == 405


# ------------------------------------------------------------------------------------------------------- inquiries


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


# -------------------------------------------------------------------------------------- pages that the server cuts


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("path", ["gi/BI-Customers", "dac/SOOrder"])
def test_a_server_that_pages_links_each_page_to_the_next(path: str, relative: bool) -> None:
    with Simulator(rows=25, odata_page_rows=10, odata_relative_links=relative) as sim:
        odata = ODataClient(sim)
        root = odata.root(path.split("/")[0])
        rows: list[Json] = []
        link = f"{root}/{path.split('/')[1]}?$select=NoteID" if "dac" in path else f"{root}/{path.split('/')[1]}"
        while link:
            content = odata.get(link).json()
            rows += content["value"]
            assert len(content["value"]) <= 10
            link = content.get("@odata.nextLink", "")
            assert link.startswith("http") or not link or relative
            link = f"{root}/{link}" if relative and link else link.removeprefix(sim.url)
        truth = sim.tenant("Company")
        assert len(rows) == len(truth.gi_rows("BI-Customers") if "gi" in path else truth.dac_rows("SOOrder"))
        assert len({str(row) for row in rows}) == len(rows)


def test_a_link_goes_no_further_than_the_rows_asked_for() -> None:
    with Simulator(rows=25, odata_page_rows=4) as sim:
        odata = ODataClient(sim)
        first = odata.get(f"{odata.root('dac')}/ARInvoice", top=6, skip=2, select="RefNbr").json()
        second = odata.get(first["@odata.nextLink"].removeprefix(sim.url)).json()
        numbers = [row["RefNbr"] for row in first["value"] + second["value"]]
        assert numbers == [row["RefNbr"] for row in sim.tenant("Company").dac_rows("ARInvoice")[2:8]]
        assert "@odata.nextLink" not in second


# ---------------------------------------------------------------------------------------------------------- tables


TABLES = (
    "SOOrder", "SOLine", "ARInvoice", "ARTran", "ARPayment", "Customer", "Vendor", "VendorR", "InventoryItem",
    "Contact", "Batch", "GLTran", "SOShipment", "SOShipLine", "Account", "Sub",
)  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_comes_whole_and_in_the_order_of_its_keys(sim: Simulator, odata: ODataClient, name: str) -> None:
    truth = sim.tenant("Company").dac_rows(name)
    rows = [sent(row, instants_of(truth)) for row in odata.table(name)]
    for each in truth:
        each.pop("DeletedDatabaseRecord", None)
    for each in [*truth, *rows]:
        each["Tstamp"] = str(each["Tstamp"]).translate(str.maketrans("-_", "+/"))
    assert rows == truth


def test_an_order_and_its_row_have_one_id_and_one_stamp(sim: Simulator, odata: ODataClient) -> None:
    orders = sim.tenant("Company").rows("SalesOrder")
    rows = odata.table("SOOrder", select="NoteID,LastModifiedDateTime,CuryOrderTotal,UsrPriority")
    assert [(row["NoteID"], _parsed(row["LastModifiedDateTime"])) for row in rows] == [
        (each["id"], each["LastModified"]) for each in orders
    ]
    assert [row["UsrPriority"] for row in rows] == [each["custom"]["Document"]["UsrPriority"] for each in orders]


def test_the_lines_of_orders_are_rows_of_a_table_of_their_own(sim: Simulator, odata: ODataClient) -> None:
    orders = sim.tenant("Company").rows("SalesOrder")
    lines = [(each["OrderNbr"], line["LineNbr"], line["OrderQty"]) for each in orders for line in each["Details"]]
    rows = odata.table("SOLine")
    assert [(row["OrderNbr"], row["LineNbr"], row["OrderQty"]) for row in rows] == lines
    assert len({row["NoteID"] for row in rows}) == len(rows)


def test_each_set_has_three_names(odata: ODataClient) -> None:
    one, other, third = (odata.table(name, top=3) for name in ("PX_Objects_SO_SOOrder", "Sales_Order", "SOOrder"))
    assert one == other == third
    names = [each["name"] for each in odata.get(odata.root("dac")).json()["value"] if each["kind"] == "EntitySet"]
    assert {"PX_Objects_SO_SOOrder", "Sales_Order", "SOOrder"} <= set(names)
    assert len(names) == len(set(names))


def test_tables_show_stored_codes_and_surrogate_ids(sim: Simulator, odata: ODataClient) -> None:
    sim.tenant("Company").insert("SalesOrder", {"OrderType": "ZZ", "CustomerID": "C000005", "Status": "On Hold"})
    order = odata.table("SOOrder", filter="OrderType eq 'ZZ'")[0]
    customer = odata.table("Customer", filter="AcctCD eq 'C000005'")[0]
    assert order["Status"] == "H"
    assert order["CustomerID"] == customer["BAccountID"]
    assert isinstance(order["CustomerID"], int)
    assert {row["DocType"] for row in odata.table("ARInvoice")} == {"CRM", "DRM", "INV"}


def test_customers_and_vendors_share_no_surrogate_id(odata: ODataClient) -> None:
    customers, vendors = (
        {row["BAccountID"] for row in odata.table(name, select="BAccountID")} for name in ("Customer", "Vendor")
    )
    assert not customers & vendors


def test_tables_send_instants_with_the_servers_offset(odata: ODataClient) -> None:
    row = odata.table("SOOrder", top=1)[0]
    assert row["LastModifiedDateTime"].endswith("-05:00")
    assert row["OrderDate"].endswith("T00:00:00-05:00")


@pytest.mark.parametrize(
    "literal", ["2025-06-01T07:00:00-05:00", "2025-06-01T12:00:00Z", "2025-06-01T14:00:00%2b02:00"]
)
def test_a_row_is_found_by_its_instant_in_every_offset(sim: Simulator, odata: ODataClient, literal: str) -> None:
    tenant = sim.tenant("Company")
    tenant.update("SalesOrder", tenant.keys("SalesOrder")[0], {"Hold": True}, LATE)
    url = f"{sim.url}{odata.root('dac')}/SOOrder?$filter=LastModifiedDateTime eq {literal}"
    assert len(odata.http.get(url).json()["value"]) == 1


def test_a_plus_that_is_not_encoded_makes_the_literal_wrong(sim: Simulator, odata: ODataClient) -> None:
    url = f"{sim.url}{odata.root('dac')}/SOOrder?$filter=LastModifiedDateTime eq 2025-06-01T14:00:00+02:00"
    assert odata.http.get(url).status_code == 400


def test_key_sets_read_a_table_to_its_end_without_a_gap(sim: Simulator, odata: ODataClient) -> None:
    found: list[Json] = []
    after = "OrderType gt ''"
    while page := odata.table("SOOrder", top=4, select="OrderType,OrderNbr", filter=after):
        found += page
        kind, number = page[-1]["OrderType"], page[-1]["OrderNbr"]
        after = f"OrderType gt '{kind}' or (OrderType eq '{kind}' and OrderNbr gt '{number}')"
    assert [(row["OrderType"], row["OrderNbr"]) for row in found] == sim.tenant("Company").keys("SalesOrder")


def test_an_order_of_the_callers_is_honoured_and_equals_stand_in_key_order(odata: ODataClient) -> None:
    rows = odata.table("SOOrder", orderby="Status desc", select="Status,OrderNbr")
    in_key_order = odata.table("SOOrder", select="Status,OrderNbr")
    assert rows == sorted(in_key_order, key=lambda row: str(row["Status"]), reverse=True)


def test_skip_comes_before_top_and_count_counts_before_both(odata: ODataClient) -> None:
    content = odata.get(f"{odata.root('dac')}/Account", skip=38, top=5, count="true", select="AccountCD").json()
    assert [row["AccountCD"] for row in content["value"]] == ["10380", "10390"]
    assert content["@odata.count"] == 40


@pytest.mark.parametrize("key", ["(OrderType='{0}',OrderNbr='{1}')", "(OrderNbr='{1}',OrderType='{0}')"])
def test_one_row_is_found_by_its_keys(sim: Simulator, odata: ODataClient, key: str) -> None:
    kind, number = sim.tenant("Company").keys("SalesOrder")[5]
    content = odata.get(f"{odata.root('dac')}/SOOrder{key.format(kind, number)}", select="OrderNbr,NoteID").json()
    assert content["@odata.context"].endswith("#SOOrder/$entity")
    assert content["OrderNbr"] == number


def test_a_single_key_needs_no_name(odata: ODataClient) -> None:
    assert odata.get(f"{odata.root('dac')}/Customer('C000003')").json()["AcctCD"] == "C000003   "
    assert odata.get(f"{odata.root('dac')}/Contact(100003)").json()["ContactID"] == 100003


def test_no_row_under_a_key_is_404_and_half_a_key_400(odata: ODataClient) -> None:
    assert odata.get(f"{odata.root('dac')}/SOOrder(OrderType='SO',OrderNbr='999999')").status_code == 404
    assert odata.get(f"{odata.root('dac')}/SOOrder(OrderType='SO')").status_code == 400


def test_archived_rows_come_only_when_asked_for(sim: Simulator, odata: ODataClient) -> None:
    truth = sim.tenant("Company")
    hidden, shown = truth.dac_rows("SOOrder"), truth.dac_rows("SOOrder", archived=True)
    assert len(hidden) < len(shown)
    assert len(odata.table("SOOrder")) == len(hidden)
    assert len(odata.table("SOOrder", headers={"PX-ApiArchive": "SHOW"})) == len(shown)
    truth.archive("SalesOrder", truth.keys("SalesOrder")[0])
    assert len(odata.table("SOOrder")) == len(hidden) - 1


def test_restricted_fields_may_be_neither_filtered_nor_selected_and_do_not_come(odata: ODataClient) -> None:
    path = f"{odata.root('dac')}/SOOrder"
    assert odata.get(path, filter="Selected eq true").status_code == 400
    assert odata.get(path, select="OrderNbr,Selected").status_code == 400
    assert "Selected" not in odata.table("SOOrder", top=1)[0]


def test_row_versions_grow_with_every_change_and_compare_with_nothing(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    before = max(row["Tstamp"] for row in odata.table("SOOrder", select="Tstamp"))
    key = tenant.keys("SalesOrder")[2]
    tenant.update("SalesOrder", key, {"Hold": True}, LATE)
    row = odata.table("SOOrder", filter=f"OrderNbr eq '{key[1]}'")[0]
    assert row["Tstamp"] > before
    assert odata.get(f"{odata.root('dac')}/SOOrder", filter=f"Tstamp gt '{before}'").status_code == 400


def test_the_rows_below_and_above_come_with_expand(sim: Simulator, odata: ODataClient) -> None:
    rows = odata.table("SOOrder", expand="SOLineCollection($select=LineNbr;$orderby=LineNbr desc),CustomerByCustomerID")
    orders = sim.tenant("Company").rows("SalesOrder")
    assert [[line["LineNbr"] for line in row["SOLineCollection"]] for row in rows] == [
        [line["LineNbr"] for line in reversed(each["Details"])] for each in orders
    ]
    assert all(row["CustomerByCustomerID"]["BAccountID"] == row["CustomerID"] for row in rows)


def test_expand_goes_three_levels_deep_and_no_further(odata: ODataClient) -> None:
    deep = "SOLineCollection($expand=SOOrderByOrderTypeOrderNbr($expand=CustomerByCustomerID))"
    assert odata.table("SOOrder", expand=deep, top=1)
    deeper = f"SOOrderByOrderTypeOrderNbr($expand={deep})"
    assert odata.get(f"{odata.root('dac')}/SOLine", expand=deeper, top=1).status_code == 400


def test_an_order_of_a_customer_that_is_gone_expands_to_null_and_keeps_its_number(
    sim: Simulator, odata: ODataClient
) -> None:
    tenant = sim.tenant("Company")
    tenant.insert("SalesOrder", {"OrderType": "ZZ", "CustomerID": "C000005"})
    before = odata.table("SOOrder", filter="OrderType eq 'ZZ'", select="CustomerID")
    tenant.delete("Customer", ["C000005"])
    after = odata.table("SOOrder", filter="OrderType eq 'ZZ'", select="CustomerID", expand="CustomerByCustomerID")
    assert after == [{**before[0], "CustomerByCustomerID": None}]


def test_expanded_rows_are_those_that_the_tenant_has_and_shows(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    tenant.lacks.update({"dac/Customer.LegalName", "dac/SOLine.InventoryItemByInventoryID"})
    (row,) = odata.table("SOOrder", top=1, select="OrderNbr", expand="CustomerByCustomerID")
    assert "LegalName" not in row["CustomerByCustomerID"]
    assert "AcctCD" in row["CustomerByCustomerID"]
    path = odata.root("dac")
    assert odata.get(f"{path}/SOOrder", expand="CustomerByCustomerID($select=LegalName)").status_code == 400
    assert odata.get(f"{path}/SOLine", expand="InventoryItemByInventoryID").status_code == 400
    assert "InventoryItemByInventoryID" not in odata.get(f"{path}/$metadata").text.split("SOLine")[1][:4000]
    sim.lies = [Lies(shown={"Customer.AcctCD": lambda _row, cell: f"<{cell}>"})]
    (row,) = odata.table("SOOrder", top=1, expand="CustomerByCustomerID($select=AcctCD)")
    assert row["CustomerByCustomerID"].keys() == {"AcctCD"}
    assert row["CustomerByCustomerID"]["AcctCD"].startswith("<")


@pytest.mark.parametrize("status", [400, 403, 500])
def test_links_may_be_closed_to_expand_at_any_depth(sim: Simulator, odata: ODataClient, status: int) -> None:
    sim.lies = [Lies(closed_expansions=frozenset({"CustomerByCustomerID"}), closed_status=status)]
    path = odata.root("dac")
    assert odata.get(f"{path}/SOOrder", expand="CustomerByCustomerID", top=1).status_code == status
    deep = "SOOrderByOrderTypeOrderNbr($expand=CustomerByCustomerID)"
    assert odata.get(f"{path}/SOLine", expand=deep, top=1).status_code == status
    assert odata.table("SOOrder", expand="SOBillingAddressByBillAddressID($select=City)", top=1)


def test_expand_may_be_ignored_or_limited(sim: Simulator, odata: ODataClient) -> None:
    sim.lies = [Lies(deaf_expansions=frozenset({"CustomerByCustomerID"}), most_expansions=1)]
    (row,) = odata.table("SOOrder", expand="CustomerByCustomerID", top=1)
    assert "CustomerByCustomerID" not in row
    both = "CustomerByCustomerID,SOBillingAddressByBillAddressID"
    assert odata.get(f"{odata.root('dac')}/SOOrder", expand=both, top=1).status_code == 400


def test_without_the_role_every_table_is_forbidden_and_inquiries_are_not() -> None:
    with Simulator(rows=3, odata_roles=()) as sim:
        odata = ODataClient(sim)
        for rest in ("", "/$metadata", "/SOOrder", "/SOOrder/px.GetDeletedRecords()"):
            assert odata.get(odata.root("dac") + rest).status_code == 403
        assert odata.get(f"{odata.root('gi')}/BI-Customers").status_code == 200


def test_one_table_is_forbidden_whatever_the_role(odata: ODataClient) -> None:
    assert odata.get(f"{odata.root('dac')}/Users").status_code == 403
    assert odata.get(f"{odata.root('dac')}/Users('x')").status_code == 403


def test_an_unknown_table_is_not_found(odata: ODataClient) -> None:
    assert refusal(odata.get(f"{odata.root('dac')}/Nope"))[0] == 404
    assert refusal(odata.get(f"{odata.root('dac')}/SOOrder/Nope"))[0] == 404


def test_a_singleton_is_one_object_and_a_function_one_value(sim: Simulator, odata: ODataClient) -> None:
    assert odata.get(f"{odata.root('dac')}/SOSetup").json()["DefaultOrderType"] == "SO"
    told = _parsed(odata.get(f"{odata.root('dac')}/GetServerTime()").json()["value"])
    assert abs(told - sim.clock.now()) < timedelta(seconds=5)


# ----------------------------------------------------------------------------------------- description of the tables


def test_keys_of_a_derived_type_stand_in_its_base(odata: ODataClient) -> None:
    types = {each.get("Name"): each for each in odata.description("dac").iter(f"{EDM}EntityType")}
    invoice, register, lookup = types["ARInvoice"], types["ARRegister"], types["VendorR"]
    assert invoice.get("BaseType") == "PX.Objects.AR.ARRegister"
    assert invoice.find(f"{EDM}Key") is None
    assert [each.get("Name") for each in register.iter(f"{EDM}PropertyRef")] == ["DocType", "RefNbr"]
    assert lookup.get("BaseType") == "PX.Objects.AP.Vendor"


def test_no_derived_type_repeats_a_column_of_its_base(odata: ODataClient) -> None:
    types = {str(each.get("Name")): each for each in odata.description("dac").iter(f"{EDM}EntityType")}
    derived = [each for each in types.values() if each.get("BaseType")]
    assert len(derived) > 3
    for each in derived:
        base = types[str(each.get("BaseType")).rsplit(".", 1)[-1]]
        inherited, own = ({one.get("Name") for one in of.iter(f"{EDM}Property")} for of in (base, each))
        assert not inherited & own


def test_the_description_lists_all_that_a_row_has(odata: ODataClient) -> None:
    types = {each.get("Name"): each for each in odata.description("dac").iter(f"{EDM}EntityType")}
    described = {each.get("Name"): each.get("Type") for each in types["SOOrder"].iter(f"{EDM}Property")}
    assert odata.table("SOOrder", top=1)[0].keys() == described.keys() - {"Selected"}
    assert described["Tstamp"] == "Edm.Binary"
    assert described["NoteID"] == "Edm.Guid"
    assert described["CustomerID"] == "Edm.Int32"
    paths = {each.get("Name"): each.get("Type") for each in types["SOOrder"].iter(f"{EDM}NavigationProperty")}
    assert paths["SOLineCollection"] == "Collection(PX.Objects.SO.SOLine)"


def test_the_description_names_the_restricted_fields_the_singletons_and_the_deletions(odata: ODataClient) -> None:
    description = odata.description("dac")
    orders = description.find(f".//{EDM}EntitySet[@Name='SOOrder']")
    assert orders is not None
    note = orders.find(f"{EDM}Annotation[@Term='Cap.FilterRestrictions']")
    assert note is not None
    assert [each.text for each in note.iter(f"{EDM}PropertyPath")] == ["Selected"]
    assert description.find(f".//{EDM}Singleton[@Name='SOSetup']") is not None
    assert description.find(f".//{EDM}ComplexType[@Name='DeletedRecordResult']") is not None
    bound = [each.get("Type") for each in description.iterfind(f".//{EDM}Function[@IsBound='true']/{EDM}Parameter")]
    assert "Collection(PX.Objects.SO.SOOrder)" in bound


def test_the_description_can_be_as_long_as_that_of_a_real_site_and_comes_as_a_stream() -> None:
    with Simulator(rows=3, inflate_metadata_mb=20) as sim:
        odata = ODataClient(sim)
        started = time.monotonic()
        answer = odata.get(f"{odata.root('dac')}/$metadata")
        assert time.monotonic() - started < 2
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert 18e6 < len(answer.content) < 22e6
        description = fromstring(answer.content)
        assert len(list(description.iter(f"{EDM}EntitySet"))) > 5000
        assert len(list(description.iter(f"{EDM}EntityType"))) > 2000
        assert len(odata.get(odata.root("dac")).json()["value"]) > 5000


def test_a_stream_can_break_in_the_middle(sim: Simulator, odata: ODataClient) -> None:
    sim.faults.add(Fault(FaultKind.DISCONNECT, path="metadata"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        odata.get(f"{odata.root('dac')}/$metadata")


# ------------------------------------------------------------------------------------------------ lines that change


def test_only_the_line_that_changes_gets_a_new_stamp_and_its_order_does_too(sim: Simulator, odata: ODataClient) -> None:
    tenant, key = sim.tenant("Company"), sim.tenant("Company").insert("SalesOrder", {"Details": [{}, {}, {}]}, LATE)
    later = LATE + timedelta(days=1)
    tenant.update("SalesOrder", key, {"Details": [{}, {"OrderQty": Decimal(7)}, {}]}, later)
    chosen: Json = {"filter": f"OrderNbr eq '{key[1]}'", "select": "LastModifiedDateTime,NoteID"}
    stamps = [_parsed(row["LastModifiedDateTime"]) for row in odata.table("SOLine", **chosen)]
    assert stamps == [LATE, later, LATE]
    assert [_parsed(row["LastModifiedDateTime"]) for row in odata.table("SOOrder", **chosen)] == [later]


def test_a_change_of_the_order_leaves_its_lines_as_they_are(sim: Simulator, odata: ODataClient) -> None:
    before = odata.table("SOLine")
    for key in sim.tenant("Company").keys("SalesOrder"):
        sim.tenant("Company").update("SalesOrder", key, {"Hold": True})
    assert odata.table("SOLine") == before


def test_a_line_keeps_its_id_as_long_as_it_lives(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    key = tenant.insert("SalesOrder", {"Details": [{}, {}]})
    ids: Json = {"filter": f"OrderNbr eq '{key[1]}'", "select": "NoteID"}
    before = odata.table("SOLine", **ids)
    tenant.update("SalesOrder", key, {"Details": [{"OrderQty": Decimal(1)}]})
    tenant.update("SalesOrder", key, {"Details": [{"OrderQty": Decimal(1)}, {}]})
    after = odata.table("SOLine", **ids)
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert [each["RefNoteID"] for each in odata.deletions("SOLine")] == [before[1]["NoteID"]]


# ------------------------------------------------------------------------------------------------------- deletions


def test_deletions_are_told_by_id_and_time_for_the_order_and_for_its_lines(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    key = tenant.insert("SalesOrder", {"Details": [{}, {}]})
    chosen: Json = {"filter": f"OrderNbr eq '{key[1]}'", "select": "NoteID"}
    order, lines = odata.table("SOOrder", **chosen), odata.table("SOLine", **chosen)
    assert odata.deletions("SOOrder") == []
    tenant.delete("SalesOrder", key)
    assert [each["RefNoteID"] for each in odata.deletions("SOOrder")] == [order[0]["NoteID"]]
    assert [each["RefNoteID"] for each in odata.deletions("SOLine")] == [each["NoteID"] for each in lines]
    assert odata.deletions("SOOrder")[0].keys() == {"RefNoteID", "DeleteDate"}
    assert odata.table("SOLine", **chosen) == []


def test_deletions_are_filtered_by_date_and_paged(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    for days, key in enumerate(tenant.keys("SalesOrder")[:6]):
        tenant.delete("SalesOrder", key, stamp=LATE + timedelta(days=days))
    truth = [each["RefNoteID"] for each in tenant.deleted("SOOrder")]
    since = odata.deletions("SOOrder", filter="DeleteDate ge 2025-06-03T12:00:00Z")
    pages = [odata.deletions("PX_Objects_SO_SOOrder", top=4, skip=skip, orderby="DeleteDate") for skip in (0, 4)]
    assert [each["RefNoteID"] for each in since] == truth[2:]
    assert [each["RefNoteID"] for page in pages for each in page] == truth
    assert odata.deletions("SOOrder", select="RefNoteID", top=1) == [{"RefNoteID": truth[0]}]


def test_deletions_of_a_table_that_is_not_tracked_are_refused(odata: ODataClient) -> None:
    status, text = refusal(odata.get(f"{odata.root('dac')}/ARInvoice/px.GetDeletedRecords()"))
    assert (status, "not tracked" in text) == (400, True)


def test_deletions_count_from_when_tracking_began(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    first, second = tenant.keys("Invoice")[:2]
    tenant.delete("Invoice", first)
    tenant.track("ARInvoice")
    tenant.delete("Invoice", second)
    assert len(odata.deletions("ARInvoice")) == 1


def test_a_record_made_again_under_its_old_keys_is_another_record(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    key = tenant.keys("SalesOrder")[0]
    chosen: Json = {"filter": f"OrderType eq '{key[0]}' and OrderNbr eq '{key[1]}'", "select": "NoteID"}
    before = odata.table("SOOrder", **chosen)
    tenant.delete("SalesOrder", key)
    tenant.insert("SalesOrder", {"OrderType": key[0], "OrderNbr": key[1]})
    after = odata.table("SOOrder", **chosen)
    assert [each["RefNoteID"] for each in odata.deletions("SOOrder")] == [before[0]["NoteID"]]
    assert len(after) == 1
    assert after != before


def test_a_deleted_customer_is_only_flagged_and_shows_on_request(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    tenant.delete("Customer", ["C000002"])
    show = {"PX-ApiDeleted": "SHOW"}
    rows = odata.table("Customer", show, select="AcctCD,DeletedDatabaseRecord")
    assert [row["AcctCD"].strip() for row in rows if row["DeletedDatabaseRecord"]] == ["C000002"]
    assert len(rows) == 30
    assert len(odata.table("Customer")) == 29
    assert "DeletedDatabaseRecord" not in odata.table("Customer", show, top=1)[0]
    flagged = odata.table(
        "Customer", show, filter="DeletedDatabaseRecord eq true", select="NoteID,LastModifiedDateTime"
    )
    assert _parsed(flagged[0]["LastModifiedDateTime"]) < LATE + timedelta(days=365), "its stamp stays"
    assert [each["RefNoteID"] for each in odata.deletions("Customer")] == [flagged[0]["NoteID"]]


def test_a_site_that_does_not_know_the_header_shows_none_of_them() -> None:
    with Simulator(rows=3, tenants=("Company",), deletions=DeletionRules(knows_header=False)) as sim:
        sim.tenant("Company").delete("Customer", ["C000002"])
        assert (
            len(ODataClient(sim).table("Customer", {"PX-ApiDeleted": "SHOW"}, select="AcctCD,DeletedDatabaseRecord"))
            == 2
        )


def test_a_customer_made_again_takes_the_place_of_the_flagged_one(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    before = odata.get(f"{odata.root('dac')}/Customer('C000002')").json()
    tenant.delete("Customer", ["C000002"])
    tenant.insert("Customer", {"CustomerID": "C000002"})
    rows = odata.table("Customer", {"PX-ApiDeleted": "SHOW"}, filter="AcctCD eq 'C000002'")
    assert len(rows) == 1
    assert rows[0]["NoteID"] != before["NoteID"]


def test_other_tables_show_nothing_of_what_was_deleted(sim: Simulator, odata: ODataClient) -> None:
    tenant = sim.tenant("Company")
    tenant.delete("SalesOrder", tenant.keys("SalesOrder")[0])
    assert odata.table("SOOrder", {"PX-ApiDeleted": "SHOW"}) == odata.table("SOOrder")


CHANGES = st.lists(
    st.tuples(st.sampled_from(["insert", "update", "delete"]), st.integers(0, 9), st.integers(0, 3)), max_size=12
)


@settings(max_examples=40, deadline=None)
@given(CHANGES)
def test_no_row_goes_without_a_deletion_and_none_changes_without_a_new_stamp(
    changes: list[tuple[str, int, int]],
) -> None:
    tenant = Simulator(rows=6, lines=3, tracked=("SOOrder", "SOLine")).tenant("Company")
    seen: dict[str, dict[str, Json]] = {"SOOrder": {}, "SOLine": {}}
    for hours, (what, which, lines) in enumerate(changes):
        change(tenant, what, which, lines, LATE + timedelta(days=900, hours=hours))
        for table, rows in seen.items():
            now = {row["NoteID"]: row for row in tenant.dac_rows(table, archived=True)}
            assert rows.keys() - now.keys() <= {each["RefNoteID"] for each in tenant.deleted(table)}
            assert not now.keys() & {each["RefNoteID"] for each in tenant.deleted(table)}
            moved = [row for name, row in now.items() if name in rows and row != rows[name]]
            assert all(row["LastModifiedDateTime"] > rows[row["NoteID"]]["LastModifiedDateTime"] for row in moved)
            rows.update(now)


def change(tenant: Tenant, what: str, which: int, lines: int, stamp: datetime) -> None:
    keys = tenant.keys("SalesOrder", archived=True)
    details = [{"OrderQty": Decimal(which)} for _ in range(lines)]
    if what == "insert":
        tenant.insert("SalesOrder", {"Details": details}, stamp)
    elif keys and what == "update":
        tenant.update("SalesOrder", keys[which % len(keys)], {"Details": details}, stamp)
    elif keys:
        tenant.delete("SalesOrder", keys[which % len(keys)], stamp=stamp)


def test_deletions_of_one_tenant_are_not_those_of_another(sim: Simulator) -> None:
    tenant = sim.tenant("Zweite Firma")
    tenant.delete("SalesOrder", tenant.keys("SalesOrder")[0])
    assert ODataClient(sim).deletions("SOOrder") == []
    assert len(ODataClient(sim, "Zweite Firma").deletions("SOOrder")) == 1


# -------------------------------------------------------------------------------------------------------- version 3


@pytest.fixture
def old() -> Iterator[ODataClient]:
    with Simulator(rows=30, openapi=False) as simulator:
        yield ODataClient(simulator)


def test_version_3_frames_and_writes_in_its_own_way(old: ODataClient) -> None:
    content = old.get("/odata/Company/BI-Customers", format="json", top=1).json()
    row = content["value"][0]
    assert content["odata.metadata"].endswith("/odata/Company/$metadata#BI-Customers")
    assert re.fullmatch(r"\d{12}\.\d{6}", row["CreditLimit"]), "decimals are text"
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}(\.\d+)?", row["LastModifiedOn"]), "instants have no zone"


def test_version_3_lists_inquiries_without_their_kind(old: ODataClient) -> None:
    rows = old.get("/odata/Company/", format="json").json()["value"]
    assert {"name": "Open Orders 2.0", "url": "Open%20Orders%202.0"} in rows


def test_version_3_describes_itself_in_its_own_words(old: ODataClient) -> None:
    description = fromstring(old.get("/odata/Company/$metadata").content)
    customers = description.find(f".//{OLD_EDM}EntityType[@Name='BI_Customers']")
    assert customers is not None
    types = {each.get("Name"): each.get("Type") for each in customers.iter(f"{OLD_EDM}Property")}
    assert types["LastModifiedOn"] == "Edm.DateTime"


def test_version_3_has_literals_of_its_own(old: ODataClient) -> None:
    path, truth = "/odata/Company/BI-Customers", old.sim.tenant("Company").gi_rows("BI-Customers")
    rows = old.get(path, format="json", filter="LastModifiedOn ge datetime'2025-01-01T00:00:00'").json()["value"]
    newer = [each for each in truth if each["LastModifiedOn"] >= datetime(2025, 1, 1, tzinfo=UTC)]
    assert sorted(row["CustomerID"] for row in rows) == [each["CustomerID"] for each in newer]
    wrong = old.get(path, format="json", filter="LastModifiedOn ge 2025-01-01T00:00:00Z")
    assert wrong.status_code == 400
    assert wrong.json()["odata.error"]["message"]["lang"] == "en-US"


def test_version_3_answers_with_atom_unless_json_is_asked_for(old: ODataClient) -> None:
    old.http.headers["Accept"] = "*/*"
    assert "atom" in old.get("/odata/Company/BI-Customers").headers["Content-Type"]
    assert "json" in old.get("/odata/Company/BI-Customers", format="json").headers["Content-Type"]


@pytest.mark.parametrize("value", ["C-9", "'C-9'"])
def test_version_3_takes_parameters_among_the_options(old: ODataClient, value: str) -> None:
    old.sim.tenant("Company").insert("SalesOrder", {"CustomerID": "C-9"})
    path = "/odata/Company/OrdersbyCustomer_WithParameters?$format=json"
    assert len(old.get(f"{path}&Customer={value}").json()["value"]) == 1
    assert old.get(path).json()["value"] == []
    by_set = f"/odata/Company/Orders%20by%20Customer?$format=json&Customer={value}"
    assert old.get(by_set).json()["value"] == [], "the set itself takes none"


def test_version_3_links_its_pages_too() -> None:
    with Simulator(rows=5, openapi=False, odata_page_rows=3) as sim:
        odata = ODataClient(sim)
        content = odata.get("/odata/Company/BI-Customers", format="json").json()
        link = content["odata.nextLink"].removeprefix(sim.url)
        assert len(content["value"] + odata.get(link).json()["value"]) == 5


# ------------------------------------------------------------------------------------------------- the command line


def test_the_command_line_knows_the_services(tmp_path: Any) -> None:
    arguments = ["--rows", "3", "--track", "SOOrder", "--odata-page-rows", "2", "--tenant", "Company"]
    command = [sys.executable, "-m", "integration_tests.simulator", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        verbs = f"{url}/_simulator"
        key = requests.post(f"{verbs}/insert", json={"tenant": "Company", "entity": "SalesOrder"}).json()["key"]
        requests.post(f"{verbs}/delete", json={"tenant": "Company", "entity": "SalesOrder", "key": key})
        query = {"tenant": "Company", "table": "SOOrder", "inquiry": "BI-Customers"}
        counts = [
            len(requests.get(f"{verbs}/{verb}", params=query).json()) for verb in ("deleted", "dac_rows", "gi_rows")
        ]
        process.terminate()
    assert counts[0] == 1
    assert counts[2] == 3
