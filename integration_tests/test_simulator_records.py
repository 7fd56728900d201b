"""Tests how the simulator shows values and single records, and what its forms refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from integration_tests.contract_client import with_instants
from integration_tests.simulator import Simulator
from integration_tests.simulator_client import (
    DEFAULT,
    MANUFACTURING,
    Client,
    comparable,
    unwrapped,
    values,
)
from integration_tests.simulator_client import (
    a_client as a_client,
)
from integration_tests.simulator_client import (
    a_shared_client as a_shared_client,
)
from integration_tests.simulator_client import (
    a_site as a_site,
)


def test_an_empty_field_is_an_empty_object_and_a_missing_link_is_null(shared: Client) -> None:
    assert any(row["Description"] == {} for row in shared.rows("SalesOrder"))
    links = [row["PrimaryContact"] for row in shared.rows("Customer", expand="PrimaryContact")]
    assert None in links
    assert any(links)


def test_numbers_come_with_all_the_digits_of_their_scale(shared: Client) -> None:
    text = shared.get(f"{DEFAULT}/SalesOrder", top=1, select="OrderTotal,CurrencyRate").text
    total = shared.sim.tenant("Company").rows("SalesOrder")[0]["OrderTotal"]
    assert f'"OrderTotal":{{"value":{total:f}}}' in text
    assert total.as_tuple().exponent == -6
    rate = json.loads(text, parse_float=Decimal)[0]["CurrencyRate"]["value"]
    assert len(rate.as_tuple().digits) == 18
    assert Decimal(float(rate)) != rate


def test_date_times_come_in_the_zone_of_the_server_without_trailing_zeros(sim: Simulator, client: Client) -> None:
    tenant = sim.tenant("Company")
    for number, (microsecond, tail) in enumerate([(0, ""), (530_000, ".53"), (124_500, ".123"), (996_000, ".997")], 1):
        stamp = datetime(2026, 1, 2, 3, 4, 5, microsecond, tzinfo=UTC)
        tenant.update("Customer", (f"C{number:06d}",), {"Status": "Active"}, stamp=stamp)
        row = client.get(f"{DEFAULT}/Customer/C{number:06d}").json()
        assert row["LastModifiedDateTime"]["value"] == f"2026-01-01T22:04:05{tail}-05:00"


def test_business_dates_are_midnight_in_the_zone_of_the_server(shared: Client) -> None:
    assert all(row["Date"]["value"][10:] == "T00:00:00-05:00" for row in shared.rows("SalesOrder"))
    with Simulator(offset_minutes=330) as sim:
        rows = Client(sim).sign_in().rows("SalesOrder")
        assert all(row["Date"]["value"][10:] == "T00:00:00+05:30" for row in rows)


def test_the_id_of_a_record_stays_and_that_of_a_line_changes_with_each_request(shared: Client) -> None:
    first, second = (shared.rows("SalesOrder", expand="Details") for _ in range(2))
    assert [row["id"] for row in first] == [row["id"] for row in second]
    assert [row["id"] for row in first] == [row["NoteID"]["value"] for row in first]
    line_ids = [{line["id"] for row in rows for line in row["Details"]} for rows in (first, second)]
    assert line_ids[0]
    assert not line_ids[0] & line_ids[1]


def test_rows_of_an_inquiry_in_an_endpoint_have_ids_that_do_not_last(shared: Client) -> None:
    first, second = (shared.rows("OpenItems", "Fabrikam/1.0") for _ in range(2))
    assert not {row["id"] for row in first} & {row["id"] for row in second}
    assert [unwrapped(row) for row in first] == [unwrapped(row) for row in second]


def test_files_are_listed_with_links_if_expanded(shared: Client) -> None:
    row = shared.rows("Bill", top=1, expand="files")[0]
    assert row["files"][0].keys() == {"id", "filename", "href", "comment"}
    assert row["_links"]["self"].endswith(f"/AcumaticaERP/entity/{DEFAULT}/Bill/{row['id']}")


# ------------------------------------------------------------------------------------------------ single records


def test_a_record_is_found_by_its_keys_in_order_and_by_its_id(shared: Client) -> None:
    row = shared.rows("SalesOrder", top=1)[0]
    paths = (
        f"{row['OrderType']['value']}/{row['OrderNbr']['value']}",
        f"{row['OrderType']['value']}|{row['OrderNbr']['value']}",
        row["id"],
    )
    for path in paths:
        assert shared.get(f"{DEFAULT}/SalesOrder/{path}").json(parse_float=Decimal) == row
    assert shared.get(f"{DEFAULT}/Contact/100003").json()["ContactID"] == {"value": 100003}
    equipment = shared.rows("Equipment", "Fabrikam/1.0", top=1)[0]
    assert shared.get(f"Fabrikam/1.0/Equipment/{equipment['id']}").json(parse_float=Decimal) == equipment


@pytest.mark.parametrize("path", ["SO/999999", "SO", "00000000-0000-0000-0000-000000000000"])
def test_a_record_that_is_not_there_is_500(shared: Client, path: str) -> None:
    answer = shared.get(f"{DEFAULT}/SalesOrder/{path}")
    assert (answer.status_code, answer.json()["exceptionMessage"]) == (500, "No entity satisfies the condition.")


def test_a_key_with_a_slash_is_unreachable_by_path_and_reachable_by_id(shared: Client) -> None:
    for path in ("A/C", "A%2FC"):
        assert shared.get(f"{DEFAULT}/ItemClass/{path}").status_code == 404
    row = shared.rows("ItemClass", filter="ClassID eq 'A/C'")[0]
    assert shared.get(f"{DEFAULT}/ItemClass/{row['id']}").json() == row


# ------------------------------------------------------------------------------------------------ what screens refuse


def test_a_list_fails_on_fields_of_a_delegate_view_and_names_them(shared: Client) -> None:
    message = shared.error("Currency")
    assert message.startswith("Optimization cannot be performed.The following fields cause the error:\r\n")
    assert message.splitlines()[1:] == [
        "RealGainAcctID: View CuryRecords has BQL delegate", "RealLossAcctID: View CuryRecords has BQL delegate",
    ]  # fmt: skip
    assert "RealGainAcctID" not in shared.error("Currency", select="CurrencyID,RealLossAcctID")
    assert len(shared.rows("Currency", select="CurrencyID,Description")) == 5
    assert shared.get(f"{DEFAULT}/Currency/EUR").json()["RealGainAcctID"]["value"]


def test_a_list_behind_a_delegate_gives_its_keys_only(shared: Client) -> None:
    expected = "Optimization cannot be performed.There is a BqlDelegate in view Features."
    assert shared.error("VendorClass") == expected
    assert shared.error("VendorClass", select="ClassID,Description") == expected
    keys = shared.rows("VendorClass", select="ClassID")
    assert [unwrapped(row) for row in keys] == [
        {"ClassID": key} for (key,) in shared.sim.tenant("Company").keys("VendorClass")
    ]
    assert shared.get(f"{DEFAULT}/VendorClass/LOCAL", expand="Attributes").status_code == 200


def test_payments_refuse_any_selection_and_their_history_in_lists(shared: Client) -> None:
    assert shared.error("Payment", select="Type") == "Optimization cannot be performed."
    assert len(shared.rows("Payment", expand="DocumentsToApply")) == 50
    assert "BqlDelegate" in shared.error("Payment", expand="ApplicationHistory")
    kind, number = shared.sim.tenant("Company").keys("Payment")[0]
    path = f"{DEFAULT}/Payment/{kind}/{number}"
    assert "ApplicationHistory" in shared.get(path, expand="ApplicationHistory", select="ApplicationHistory").json()


def test_bills_of_material_list_operations_but_not_their_material(shared: Client) -> None:
    assert any(row["Operations"] for row in shared.rows("BillOfMaterial", MANUFACTURING, expand="Operations"))
    assert "BqlDelegate" in shared.error("BillOfMaterial", MANUFACTURING, expand="Operations,Operations/Material")
    truth = shared.sim.tenant("Company").rows("BillOfMaterial", endpoint="MANUFACTURING")
    bom = next(row for row in truth if any(operation["Material"] for operation in row["Operations"]))
    path = f"{MANUFACTURING}/BillOfMaterial/{bom['BOMID']}/{bom['Revision']}"
    row = shared.get(path, expand="Operations,Operations/Material").json(parse_float=Decimal)
    material = [operation["Material"] for operation in row["Operations"]]
    assert with_instants(unwrapped(material)) == comparable([each["Material"] for each in bom["Operations"]])


def test_a_form_without_rights_is_403_and_one_that_is_not_set_up_is_500(shared: Client) -> None:
    answer = shared.get(f"{DEFAULT}/Employee")
    expected = {"message": "You have insufficient rights to access the Employees (EP203000) form."}
    assert (answer.status_code, answer.json()) == (403, expected)
    answer = shared.get(f"{DEFAULT}/PayGroup")
    assert answer.status_code == 500
    assert answer.json()["exceptionType"].endswith("PXSetupNotEnteredException")


def test_an_inquiry_form_is_read_by_put_with_its_parameters(shared: Client) -> None:
    assert "BqlDelegate" in shared.error("AccountSummaryInquiry")
    parameters = {"Period": "012025", "Ledger": "ACTUAL"}
    body = {name: {"value": value} for name, value in parameters.items()}
    answer = shared.put("AccountSummaryInquiry", body)
    rows = json.loads(answer.text, parse_float=Decimal)["Results"]
    assert unwrapped(rows) == shared.sim.tenant("Company").results("AccountSummaryInquiry", parameters)
    assert rows
    other = shared.put("AccountSummaryInquiry", body | {"Period": {"value": "022025"}}).json()["Results"]
    assert {*values(rows, "Account")} <= {*values(other, "Account")}
    assert values(rows, "EndingBalance") != values(other, "EndingBalance")
    assert "Results" not in shared.put("AccountSummaryInquiry", body, expand="").json()


def test_an_inquiry_without_its_mandatory_parameters_is_empty_or_rejected(shared: Client) -> None:
    answer = shared.put("AccountSummaryInquiry", {"Period": {"value": "012025"}})
    assert answer.status_code == 422
    assert answer.json()["Ledger"] == {"error": "Error: 'Ledger' cannot be empty."}
    assert shared.put("InventorySummaryInquiry", {"WarehouseID": {"value": "RETAIL"}}).json()["Results"] == []
    item = {"InventoryID": {"value": "AAITEM0000001"}}
    assert values(shared.put("InventorySummaryInquiry", item).json()["Results"], "InventoryID") == [("AAITEM0000001",)]
    url = f"{shared.sim.url}/entity/{DEFAULT}/InventorySummaryInquiry"
    answer = shared.http.put(url)
    assert answer.status_code == 400
    assert answer.json()["modelState"] == {"": ["The request body should not be empty."]}
