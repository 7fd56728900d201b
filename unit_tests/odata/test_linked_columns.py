"""Tests how entries of `dac_linked_columns` are found in a description, and what is said of those that are not."""

from __future__ import annotations

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from integration_tests.simulator.odata.metadata import tables_metadata
from source_acumatica.odata.linked_columns import LinkedColumns
from source_acumatica.odata.linked_tables import LinkedTable
from source_acumatica.odata.metadata import EntitySet, Link, read_metadata
from source_acumatica.reading.fields import FieldKind

METADATA = read_metadata(
    [*tables_metadata(0)], lambda _set, dac: dac.endswith((".SOOrder", ".SOLine")), keeps_links=True
)
TABLES = {each.type_name.rpartition(".")[2]: each for each in METADATA.entity_sets}


def found(*entries, table="SOOrder", links_of=METADATA.links_of):
    return LinkedColumns(entries).of("A", TABLES[table], links_of)


def test_links_are_kept_for_any_type_and_not_listed_for_each_set():
    assert all(not each.links for each in METADATA.entity_sets)
    assert {each.name for each in METADATA.links_of("PX.Objects.AR.Customer")} == {
        "AddressByDefAddressID",
        "CSAnswersCollection",
    }


@pytest.mark.parametrize("name", ["SOOrder", "PX.Objects.SO.SOOrder"])
def test_a_table_may_be_called_by_its_short_and_by_its_full_name(name):
    expected = {"CustomerByCustomerID": LinkedTable({"AcctCD": FieldKind.STRING})}
    assert found(f"{name}.CustomerByCustomerID.AcctCD") == expected
    assert found("SOOrderX.CustomerByCustomerID.AcctCD", "Order.CustomerByCustomerID.AcctCD") == {}


def test_columns_of_one_link_come_together_at_every_depth():
    above = "SOLine.SOOrderByOrderNbr"
    links = found(
        f"{above}.OrderDesc",
        f"{above}.CustomerByCustomerID.AcctCD",
        f"{above}.CustomerByCustomerID.CreditLimit",
        "SOLine.InventoryItemByInventoryID.Descr",
        table="SOLine",
    )
    customer = LinkedTable({"AcctCD": FieldKind.STRING, "CreditLimit": FieldKind.DECIMAL})
    assert links == {
        "SOOrderByOrderNbr": LinkedTable({"OrderDesc": FieldKind.STRING}, {"CustomerByCustomerID": customer}),
        "InventoryItemByInventoryID": LinkedTable({"Descr": FieldKind.STRING}),
    }


def refused(linked):
    with pytest.raises(AirbyteTracedException) as raised:
        linked.refuse_unmatched()
    return raised.value.message


def test_what_one_tenant_has_is_not_refused_for_another():
    linked = LinkedColumns(["SOOrder.CustomerByCustomerID.AcctCD", "SOOrder.X.Y"])
    linked.of("A", TABLES["SOOrder"], lambda _type: [])
    assert "Tenant 'A': dac_linked_columns: SOOrder.CustomerByCustomerID.AcctCD: SOOrder has no link" in refused(linked)
    assert "Those to one row are none." in refused(linked)
    linked.of("B", TABLES["SOOrder"], METADATA.links_of)
    said = refused(linked)
    assert "CustomerByCustomerID.AcctCD" not in said
    assert "SOOrder.X.Y: SOOrder has no link X." in said


def test_a_table_that_nobody_chose_is_named():
    assert refused(LinkedColumns(["ARInvoice.A.B"])).startswith(
        "dac_linked_columns: ARInvoice.A.B does not begin with a table that dac_tables names."
    )


def test_passwords_behind_a_link_are_no_columns():
    user = Link(
        "UsersByOwnerID", "PX.SM.Users", False, ("ID",), {"Password": FieldKind.STRING, "Email": FieldKind.STRING}
    )
    linked = LinkedColumns(["SOOrder.UsersByOwnerID.Password"])
    assert linked.of("A", TABLES["SOOrder"], lambda _type: [user]) == {}
    assert "Users has no column Password that can be asked for. There are Email." in refused(linked)


def test_a_link_with_the_name_of_a_column_is_refused():
    table = EntitySet(("T",), "N.T", ("Id",), {"customer": FieldKind.STRING}, {}, is_short_name_unique=True)
    link = Link("Customer", "N.C", False, (), {"Code": FieldKind.STRING})
    linked = LinkedColumns(["T.Customer.Code"])
    assert linked.of("A", table, lambda _type: [link]) == {}
    assert "T has a column of its own called Customer" in refused(linked)


def test_a_long_list_of_links_is_cut():
    links = [Link(f"L{number:03d}", "N.C", False, (), {}) for number in range(80)]
    linked = LinkedColumns(["SOOrder.X.Y"])
    linked.of("A", TABLES["SOOrder"], lambda _type: links)
    assert "L059 and 20 more." in refused(linked)
