"""Tests how the simulator shows tables through OData, with the rows that lead to each other."""

from __future__ import annotations

from datetime import timedelta

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
from integration_tests.simulator import Lies, Simulator

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
    deep = "SOLineCollection($expand=SOOrderByOrderNbr($expand=CustomerByCustomerID))"
    assert odata.table("SOOrder", expand=deep, top=1)
    deeper = f"SOOrderByOrderNbr($expand={deep})"
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
    deep = "SOOrderByOrderNbr($expand=CustomerByCustomerID)"
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


def test_the_description_tells_of_links_to_one_row_by_which_columns_they_join_unless_it_is_silent(
    sim: Simulator, odata: ODataClient
) -> None:
    def described(table: str) -> dict[str | None, list[tuple[str | None, str | None]]]:
        (one,) = (each for each in odata.description("dac").iter(f"{EDM}EntityType") if each.get("Name") == table)
        return {
            link.get("Name"): [(each.get("Property"), each.get("ReferencedProperty")) for each in link]
            for link in one.iter(f"{EDM}NavigationProperty")
        }

    lines = described("GLTran")
    assert lines["BatchByBatchNbr"] == [("Module", "Module"), ("BatchNbr", "BatchNbr")]
    assert lines["BranchByBranchID"] == []
    assert described("SOOrder")["CustomerByCustomerID"] == [("CustomerID", "BAccountID")]
    assert described("SOOrder")["SOLineCollection"] == []
    sim.lies = [Lies(half_explained_links=frozenset({"BatchByBatchNbr"}))]
    assert described("GLTran")["BatchByBatchNbr"] == [("Module", "Module")]
    sim.lies = [Lies(unexplained_links=frozenset({"*"}))]
    assert not any(described("GLTran").values())
