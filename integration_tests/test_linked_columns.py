"""Columns of linked tables beside a table's own: `dac_linked_columns` through the connector's commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from .harness import FULL_REFRESH, INCREMENTAL, Destination, Row, check, configured, discover
from .linked_columns import CODE, CUSTOMER, DEEP, SETTINGS, A, B, arranged, arrived, synced, truth
from .linked_columns import sim as sim
from .simulator import Lies, Simulator

instant = datetime.fromisoformat


@pytest.mark.parametrize("mode", [FULL_REFRESH, INCREMENTAL])
@pytest.mark.parametrize("entry", [CODE, f"PX.Objects.SO.{CODE}"])
@pytest.mark.parametrize("tables", [["SOOrder"], ["PX.Objects.SO.SO*"]])
def test_a_customer_s_code_stands_beside_its_number(sim: Simulator, mode: str, entry: str, tables: list[str]) -> None:
    config, catalog = arranged(sim, entry, mode=mode, dac_tables=tables)
    assert catalog["streams"][0]["stream"]["json_schema"]["properties"][CUSTOMER] == {
        "type": ["null", "object"],
        "properties": {"AcctCD": {"type": ["null", "string"]}},
    }
    destination = Destination()
    destination.sync(config, catalog)
    for tenant in (A, B):
        expected = truth(sim, tenant, "SOOrder", CUSTOMER, "AcctCD")
        assert len({*expected.values()}) > 3
        assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD", tenant) == expected
    assert {frozenset(row[CUSTOMER]) for row in destination.rows("dac__SOOrder")} == {frozenset({"AcctCD"})}
    assert not [one for one in destination.warnings if "dac__SOOrder" in one]


def test_three_links_may_stand_between_a_table_and_the_column(sim: Simulator) -> None:
    destination = synced(sim, DEEP, "SOLine.SOOrderByOrderNbr.OrderDesc", "SOLine.InventoryItemByInventoryID.Descr")
    cities = truth(sim, A, "Customer", "AddressByDefAddressID", "City")
    customers = {row["BAccountID"]: row["NoteID"] for row in sim.tenant(A).dac_rows("Customer")}
    orders = {(row["OrderType"], row["OrderNbr"]): row for row in sim.tenant(A).dac_rows("SOOrder")}
    rows = [row for row in destination.rows("dac__SOLine") if row["_tenant"] == A]
    assert len(rows) == len(sim.tenant(A).dac_rows("SOLine"))
    for row in rows:
        order = orders[row["OrderType"], row["OrderNbr"]]
        above = row["SOOrderByOrderNbr"]
        assert above["OrderDesc"] == order["OrderDesc"]
        assert above["CustomerByCustomerID"]["AddressByDefAddressID"]["City"] == cities[customers[order["CustomerID"]]]
    assert {frozenset(row["InventoryItemByInventoryID"] or ()) for row in rows} <= {frozenset({"Descr"}), frozenset()}


def test_linked_values_come_as_the_other_table_s_own_columns_do(sim: Simulator) -> None:
    """Every digit, custom fields and their types, instants in their zone, and calendar dates at midnight in UTC."""
    columns = ["CreditLimit", "UsrScore", "UsrRegion", "LastModifiedDateTime", "NoteID", "CreditDaysPastDue"]
    entries = [f"SOOrder.{CUSTOMER}.{column}" for column in columns]
    order = ["OrderDate", "CuryOrderTotal", "UsrDeliveredOn", "UsrInsured"]
    config = sim.config(
        **{**SETTINGS, "dac_tables": ["SOOrder", "SOLine", "Customer"]},
        dac_linked_columns=[*entries, *(f"SOLine.SOOrderByOrderNbr.{column}" for column in order)],
    )
    streams = discover(config)
    for column in columns:
        linked = streams["dac__SOOrder"]["json_schema"]["properties"][CUSTOMER]["properties"][column]
        assert linked == streams["dac__Customer"]["json_schema"]["properties"][column]
    destination = Destination()
    destination.sync(config, configured([streams[f"dac__{name}"] for name in ("SOOrder", "SOLine", "Customer")]))
    customers = {(row["_tenant"], row["NoteID"]): row for row in destination.rows("dac__Customer")}
    for row in destination.rows("dac__SOOrder"):
        linked = row[CUSTOMER]
        own = customers[row["_tenant"], linked["NoteID"]]
        assert [str(linked[column]) for column in columns[:3]] == [str(own.get(column)) for column in columns[:3]]
        # The table's own cursor is in UTC with a fixed width; other instants come as the ERP sent them.
        assert instant(linked["LastModifiedDateTime"]) == instant(own["LastModifiedDateTime"])
        assert not linked["LastModifiedDateTime"].endswith("Z")
    assert any(isinstance(row[CUSTOMER]["UsrScore"], Decimal) for row in destination.rows("dac__SOOrder"))
    orders = {(row["_tenant"], row["OrderType"], row["OrderNbr"]): row for row in destination.rows("dac__SOOrder")}
    for row in destination.rows("dac__SOLine"):
        own = orders[row["_tenant"], row["OrderType"], row["OrderNbr"]]
        linked = row["SOOrderByOrderNbr"]
        assert {name: linked[name] for name in order} == {name: own.get(name) for name in order}


def test_a_row_that_leads_to_none_says_null_and_no_more(sim: Simulator) -> None:
    sim.tenant(A).delete("Customer", sim.tenant(A).keys("Customer")[0])
    destination = synced(sim, CODE, DEEP)
    gone = [row for row in destination.rows("dac__SOOrder") if row.get(CUSTOMER) is None]
    assert gone
    assert not any(row.nulled for row in gone)
    assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD") == truth(sim, A, "SOOrder", CUSTOMER, "AcctCD")


def test_only_what_the_catalog_selects_is_asked_for(sim: Simulator) -> None:
    config, catalog = arranged(sim, CODE)
    properties = catalog["streams"][0]["stream"]["json_schema"]["properties"]
    for name in [name for name in properties if name not in ("_tenant", "OrderType", "OrderNbr", CUSTOMER)]:
        del properties[name]
    destination = Destination()
    sim.requests.clear()
    destination.sync(config, catalog)
    lists = [one.query for one in sim.requests if one.path.endswith("/SOOrder") and "$orderby" in one.query]
    assert {one["$expand"] for one in lists} == {f"{CUSTOMER}($select=AcctCD)"}
    assert {one["$select"] for one in lists} == {"OrderType,OrderNbr,LastModifiedDateTime"}
    assert all(row[CUSTOMER]["AcctCD"] for row in destination.rows("dac__SOOrder"))

    del properties[CUSTOMER]
    sim.requests.clear()
    Destination().sync(config, catalog)
    assert not [one for one in sim.requests if "$expand" in one.query]


def test_each_tenant_is_asked_for_the_links_and_columns_that_it_has(sim: Simulator) -> None:
    sim.tenant(B).lacks.update({"dac/SOOrder.CustomerByCustomerID", "dac/SOBillingAddress.City"})
    street, city = ("SOOrder.SOBillingAddressByBillAddressID." + name for name in ("AddressLine1", "City"))
    sim.tenant(B).lacks.add("dac/SOOrder.SOShippingAddressByShipAddressID")
    destination = synced(sim, CODE, street, "SOOrder.SOShippingAddressByShipAddressID.City")
    link = "SOBillingAddressByBillAddressID"
    assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD") == truth(sim, A, "SOOrder", CUSTOMER, "AcctCD")
    for tenant in (A, B):
        expected = truth(sim, tenant, "SOOrder", link, "AddressLine1")
        assert arrived(destination, "dac__SOOrder", link, "AddressLine1", tenant) == expected
    theirs = [row for row in destination.rows("dac__SOOrder") if row["_tenant"] == B]
    assert {row.get(CUSTOMER) for row in theirs} == {None}
    said = [log.getMessage() for log in destination.logs if "does not have the columns" in log.getMessage()]
    assert len(said) == 1
    assert B in said[0]
    assert CUSTOMER in said[0]
    assert check(sim.config(**SETTINGS, dac_linked_columns=[CODE, city]))["status"] == "SUCCEEDED"


def test_a_deleted_row_has_no_linked_columns(sim: Simulator) -> None:
    for tenant in (A, B):
        sim.tenant(tenant).track("SOOrder")
    config, catalog = arranged(sim, CODE, track_deletions=True)
    destination = Destination()
    destination.sync(config, catalog)
    sim.clock.advance(3600)
    company = sim.tenant(A)
    company.delete("SalesOrder", company.keys("SalesOrder")[0])
    company.update("SalesOrder", company.keys("SalesOrder")[1], {"Description": "changed"})
    sim.clock.advance(60)
    destination.sync(config, catalog)
    assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD") == truth(sim, A, "SOOrder", CUSTOMER, "AcctCD")


def test_rows_that_are_found_by_their_ids_have_linked_columns(sim: Simulator) -> None:
    """They come into view without a change, and comparing keys finds them."""
    config, catalog = arranged(sim, CODE, tenants=[A], track_deletions=True)
    hidden = [row["OrderNbr"] for row in sim.tenant(A).dac_rows("SOOrder")][2:5]
    sim.lies = [Lies(only="/SOOrder", hidden=frozenset(hidden))]
    destination = Destination()
    destination.sync(config, catalog)
    assert len(destination.rows("dac__SOOrder")) == len(sim.tenant(A).dac_rows("SOOrder")) - len(hidden)
    sim.lies = ()
    sim.clock.advance(86_400)
    destination.sync(config, catalog)
    expected = truth(sim, A, "SOOrder", CUSTOMER, "AcctCD")
    assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD") == expected
    assert all(expected.values())


REFUSED = [
    (Lies(closed_expansions=frozenset({CUSTOMER}), closed_status=status), CUSTOMER, "when asked to follow")
    for status in (400, 403, 500)
]
IGNORED = [
    (Lies(deaf_expansions=frozenset({CUSTOMER})), CUSTOMER, "does not send"),
    (Lies(missing=frozenset({"Status"})), "Status", "does not send"),
]


@pytest.mark.parametrize("only", ["/SOOrder", "/SOOrder.*NoteID( |%20|[+])eq"], ids=["ever", "by ids"])
@pytest.mark.parametrize(("lie", "lacking", "said"), REFUSED + IGNORED)
def test_rows_that_are_found_by_their_ids_say_what_they_lack_and_get_it_later(
    sim: Simulator, lie: Lies, lacking: str, said: str, only: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_acumatica.erp.client.RetryPolicy.pause_seconds", lambda _self, _tries: 0.0)
    config, catalog = arranged(sim, CODE, tenants=[A], track_deletions=True)
    rows = sim.tenant(A).dac_rows("SOOrder")
    hidden = frozenset(row["OrderNbr"] for row in rows[2:5])
    lie = replace(lie, only=only)
    sim.lies = [Lies(only="/SOOrder", hidden=hidden), lie]
    destination = Destination()
    destination.sync(config, catalog)
    assert len(destination.rows("dac__SOOrder")) == len(rows) - len(hidden)
    sim.lies = [lie]
    sim.clock.advance(86_400)
    destination.sync(config, catalog)
    found = [row for row in destination.rows("dac__SOOrder") if row["OrderNbr"] in hidden]
    assert len(found) == len(hidden)
    assert {row.nulled for row in found} == {frozenset({lacking})}
    (warning,) = [one for one in destination.warnings if said in one]
    assert lacking in warning

    sim.lies = ()
    for _ in range(2):
        sim.clock.advance(90_000)
        sim.tenant(A).update("SalesOrder", sim.tenant(A).keys("SalesOrder")[0], {"Description": "changed"})
        destination.sync(config, catalog)
    expected = truth(sim, A, "SOOrder", CUSTOMER, "AcctCD")
    assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD") == expected
    assert all(row["Status"] for row in destination.rows("dac__SOOrder"))


def test_a_tenant_that_gets_a_link_later_is_read_again(sim: Simulator) -> None:
    sim.tenant(B).lacks.add("dac/SOOrder.CustomerByCustomerID")
    config, catalog = arranged(sim, CODE)
    destination = Destination()
    destination.sync(config, catalog)
    sim.tenant(B).lacks.clear()
    sim.clock.advance(3600)
    destination.sync(config, catalog)
    for tenant in (A, B):
        expected = truth(sim, tenant, "SOOrder", CUSTOMER, "AcctCD")
        assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD", tenant) == expected


def test_a_link_that_is_gone_is_named_in_each_record(sim: Simulator) -> None:
    """A customization was unpublished, or the entry was taken out of the settings."""
    config, catalog = arranged(sim, CODE, tenants=[A])
    destination = Destination()
    destination.sync(config, catalog)
    sim.tenant(A).lacks.add("dac/SOOrder.CustomerByCustomerID")
    sim.clock.advance(3600)
    sim.tenant(A).update("SalesOrder", sim.tenant(A).keys("SalesOrder")[0], {"Description": "changed"})
    destination.sync(config, catalog)
    (row,) = [row for row in destination.rows("dac__SOOrder") if row.get("OrderDesc") == "changed"]
    assert CUSTOMER in row.nulled
    assert [one for one in destination.warnings if CUSTOMER in one]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (
            ["SOOrder.CustomerById.AcctCD"],
            "SOOrder has no link CustomerById. Those to one row are CustomerByCustomerID, SO",
        ),
        (["SOOrder.SOLineCollection.LineNbr"], "leads from a row to several, which are no columns of it: name SOLine"),
        ([f"SOOrder.{CUSTOMER}.AcctCd"], "Customer has no column AcctCd that can be asked for. There are AcctCD"),
        ([f"SOOrder.{CUSTOMER}.GroupMask"], "Customer has no column GroupMask that can be asked for"),
        (["PX.Objects.SO.SOOrder.OrderDesc"], "it names no link. Write Table.Link.Column"),
        (["ARInvoice.CustomerByCustomerID.AcctCD"], "does not begin with a table that dac_tables names"),
        ([DEEP.replace(".City", ".CustomerByX.City")], "the ERP follows 3 links at most, and these are 4"),
        ([CODE, "SOOrder.Nope.X", "SOLine.Nope.X"], "SOLine has no link Nope"),
    ],
)
def test_what_is_not_there_is_refused_with_what_there_is(sim: Simulator, entries: Sequence[str], said: str) -> None:
    status = check(sim.config(A, **SETTINGS, dac_linked_columns=[*entries]))
    assert status["status"] == "FAILED"
    assert "dac_linked_columns: " in status["message"]
    assert said in status["message"]


def test_a_check_tries_the_links(sim: Simulator) -> None:
    config = sim.config(A, **SETTINGS, dac_linked_columns=[CODE, DEEP])
    assert check(config)["status"] == "SUCCEEDED"
    sim.lies = [Lies(closed_expansions=frozenset({CUSTOMER}), closed_status=403)]
    status = check(config)
    assert status["status"] == "FAILED"
    assert f"stream dac__SOOrder: dac_linked_columns: the ERP refuses to follow {CUSTOMER}." in status["message"]
    assert "stream dac__SOLine: dac_linked_columns: the ERP refuses to follow SOOrderBy" in status["message"]


@pytest.mark.parametrize("stop_after", [3, 9, 14, 20])
def test_a_first_sync_that_is_cut_off_goes_on_with_its_links(sim: Simulator, stop_after: int) -> None:
    config, catalog = arranged(sim, CODE)
    destination = Destination()
    destination.sync(config, catalog, stop_after=stop_after)
    destination.sync(config, catalog)
    for tenant in (A, B):
        expected = truth(sim, tenant, "SOOrder", CUSTOMER, "AcctCD")
        assert arrived(destination, "dac__SOOrder", CUSTOMER, "AcctCD", tenant) == expected


def test_a_change_of_the_linked_row_alone_arrives_when_all_is_read_again(sim: Simulator) -> None:
    """It moves no stamp of the table: the user's page says so."""
    config, catalog = arranged(sim, "SOOrder.CustomerByCustomerID.LegalName")
    destination = Destination()
    destination.sync(config, catalog)
    sim.clock.advance(3600)
    company = sim.tenant(A)
    company.update("Customer", company.keys("Customer")[0], {"LegalName": "Umbenannt AG"})
    sim.clock.advance(3600)
    destination.sync(config, catalog)
    names: Mapping[str, Any] = truth(sim, A, "SOOrder", CUSTOMER, "LegalName")
    assert "Umbenannt AG" in names.values()
    assert arrived(destination, "dac__SOOrder", CUSTOMER, "LegalName") != names
    again: Row = config | {"reread_days": 1}
    destination.sync(again, catalog)
    sim.clock.advance(86_400)
    destination.sync(again, catalog)
    assert arrived(destination, "dac__SOOrder", CUSTOMER, "LegalName") == names
