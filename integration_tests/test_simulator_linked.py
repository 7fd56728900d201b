"""The simulated ERP changes lines, addresses and attributes without their record, and filters records by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from .odata_client import EDM, ODataClient
from .simulator import Lies, Simulator
from .simulator_client import Client

Json = dict[str, Any]
SINCE = datetime(2026, 6, 1, 12, tzinfo=UTC)
# What is changed of the second record, the table whose row shows it, and the condition that finds the record.
CHANGES = {
    "line": ("SalesOrder", "SOOrder", "Details", "SOLine", "SOLineCollection/any(x: x/{})"),
    "tax": ("SalesOrder", "SOOrder", "TaxDetails", "SOTaxTran", "SOTaxTranCollection/Any(x: x/{})"),
    "address": ("SalesOrder", "SOOrder", "BillToAddress", "SOBillingAddress", "SOBillingAddressByBillAddressID/{}"),
    "other address": (
        "SalesOrder", "SOOrder", "ShipToAddress", "SOShippingAddress", "SOShippingAddressByShipAddressID/{}",
    ),
    "contact": ("SalesOrder", "SOOrder", "BillToContact", "SOBillingContact", "SOBillingContactByBillContactID/{}"),
    "attribute": ("Customer", "Customer", "Attributes", "CSAnswers", "CSAnswersCollection/any(x: x/{})"),
    "line of an invoice": ("Invoice", "ARInvoice", "Details", "ARTran", "ARTranCollection/any(x: x/{})"),
}  # fmt: skip
VALUES: Mapping[str, Any] = {
    "Details": [{"LineNbr": 1, "InventoryID": "AAITEM0000001"}, {"LineNbr": 2, "InventoryID": "AAITEM0000002"}],
    "TaxDetails": [{"TaxID": "TAX01"}, {"TaxID": "TAX77"}],
    "BillToAddress": {"City": "Bern"},
    "ShipToAddress": {"City": "Bern"},
    "BillToContact": {"Email": "new@example.com"},
    "Attributes": [{"AttributeID": "COLOR", "Value": "red"}],
}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(("Company",), rows=6, lines=3) as erp:
        yield erp


@pytest.mark.parametrize("name", CHANGES)
def test_a_silent_change_stamps_the_linked_row_and_not_the_record(sim: Simulator, name: str) -> None:
    entity, dac, part, other, condition = CHANGES[name]
    company, odata = sim.tenant("Company"), ODataClient(sim)
    key = company.keys(entity)[1]
    before, others = company.dac_rows(dac), company.dac_rows(other)
    record = company.rows(entity)[1]

    company.update_silently(entity, key, {part: VALUES[part]}, SINCE)

    assert company.dac_rows(dac) == before, "neither the stamp nor the version of the record moves"
    changed = [row for row in company.dac_rows(other) if row not in others]
    assert changed
    assert {row["LastModifiedDateTime"] for row in changed} == {SINCE}
    assert company.rows(entity)[1] != record
    found = odata.table(dac, filter=condition.format(f"LastModifiedDateTime ge {SINCE:%Y-%m-%dT%H:%M:%SZ}"))
    assert [row["NoteID"] for row in found] == [record["id"]]


def test_only_the_line_that_was_changed_is_stamped(sim: Simulator) -> None:
    company = sim.tenant("Company")
    key = company.insert("SalesOrder", {"Details": [{"OrderQty": 1}, {"OrderQty": 2}]})
    lines = [{"OrderQty": 1}, {"OrderQty": 5}]
    company.update_silently("SalesOrder", key, {"Details": lines}, SINCE)
    rows = [row for row in company.dac_rows("SOLine") if row["OrderNbr"] == key[1]]
    assert [row["LastModifiedDateTime"] == SINCE for row in rows] == [False, True]


def test_every_api_shows_a_silent_change(sim: Simulator) -> None:
    company = sim.tenant("Company")
    key = company.keys("Customer")[1]
    company.update_silently("Customer", key, {"MainContact": {"Address": {"City": "Bern"}}})
    address = [
        row for row in ODataClient(sim).table("Address") if row["City"] == "Bern" and row["AddressID"] == 600_002
    ]
    assert address
    expand = "Default/24.200.001/Customer/" + key[0] + "?$expand=MainContact/Address"
    answer = Client(sim).sign_in().http.get(f"{sim.url}/entity/{expand}").json()
    assert answer["MainContact"]["Address"]["City"]["value"] == "Bern"


def test_another_process_can_change_silently_too(sim: Simulator) -> None:
    company = sim.tenant("Company")
    key, before = company.keys("SalesOrder")[0], company.dac_rows("SOOrder")
    content = {"tenant": "Company", "entity": "SalesOrder", "key": key, "values": {"BillToAddress": {"City": "Bern"}}}
    assert requests.post(f"{sim.url}/_simulator/update_silently", json=content).ok
    assert company.rows("SalesOrder")[0]["BillToAddress"]["City"] == "Bern"
    assert company.dac_rows("SOOrder") == before


@pytest.mark.parametrize("word", ["any", "Any"])
def test_one_spelling_can_be_refused(sim: Simulator, word: str) -> None:
    sim.lies = [Lies(quantifiers=frozenset({word}))]
    odata = ODataClient(sim)
    for each in ("any", "Any"):
        answer = odata.get(f"{odata.root('dac')}/SOOrder", filter=f"SOLineCollection/{each}(x: x/LineNbr eq 1)")
        assert answer.status_code == (200 if each == word else 400)


@pytest.mark.parametrize("status", [400, 500, 501])
@pytest.mark.parametrize(("closed", "refused"), [("*", [True, True]), ("SOLineCollection", [True, False])])
def test_filters_over_links_can_be_refused(sim: Simulator, closed: str, refused: list[bool], status: int) -> None:
    sim.lies = [Lies(closed_links=frozenset({closed}), closed_status=status)]
    odata = ODataClient(sim)
    filters = ("SOLineCollection/any(x: x/LineNbr eq 1)", "SOBillingAddressByBillAddressID/City eq 'Bern'")
    statuses = [odata.get(f"{odata.root('dac')}/SOOrder", filter=text).status_code for text in filters]
    assert statuses == [status if each else 200 for each in refused]


def test_the_description_names_the_links_and_the_keys_of_what_they_lead_to(sim: Simulator) -> None:
    types = {each.get("Name"): each for each in ODataClient(sim).description("dac").iter(f"{EDM}EntityType")}
    links = {each.get("Name"): each.get("Type") for each in types["SOOrder"].iter(f"{EDM}NavigationProperty")}
    assert links["SOTaxTranCollection"] == "Collection(PX.Objects.SO.SOTaxTran)"
    assert links["SOBillingAddressByBillAddressID"] == "PX.Objects.SO.SOBillingAddress"
    assert types["SOBillingAddress"].get("BaseType") == "PX.Objects.SO.SOAddress"
    keys = [each.get("Name") for each in types["SOTaxTran"].iter(f"{EDM}PropertyRef")]
    assert keys == ["OrderType", "OrderNbr", "LineNbr", "TaxID"]
