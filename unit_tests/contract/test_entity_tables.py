"""Tests which tables an entity gives, with which keys, and which keys all tenants agree on."""

from __future__ import annotations

import pytest

from source_acumatica.contract.entity_tables import agreed
from source_acumatica.contract.known_entities import Known, known
from source_acumatica.contract.tables import Method
from source_acumatica.reading.fields import Shape
from unit_tests.contract.order_streams import DECIMAL, INQUIRY, MATERIAL, STAMP, STRING, streams


def test_an_entity_gives_a_stream_for_itself_and_for_each_collection_in_it():
    assert list(streams()) == [
        "Order",
        "Order__Details",
        "Order__Operations",
        "Order__Operations__Material",
        "Order__Totals__Taxes",
    ]


def test_an_entity_of_another_endpoint_carries_its_name():
    assert list(streams(MATERIAL, Known(), "Part", "MANUFACTURING")) == ["MANUFACTURING__Part"]
    assert set(streams(endpoint="My Endpoint")) >= {"My Endpoint__Order", "My Endpoint__Order__Details"}


def test_known_keys_that_the_entity_does_not_have_are_ignored():
    facts = Known(("OrderType", "Gone"), line_keys={"Details": ("LineNbr", "Gone"), "Nowhere": ("X",)})
    found = streams(facts=facts)
    assert found["Order"].keys == ()
    assert found["Order__Details"].line_keys == ((),)


@pytest.mark.parametrize(
    ("entity", "facts", "is_inquiry"),
    [
        ("AccountSummaryInquiry", Known(is_inquiry=True), True),
        ("Budget", Known(is_inquiry=True), True),
        ("WebInquiry", Known(), False),
        ("StorageInq", Known(), False),
        ("OddInquiry", Known(("Period",)), False),
    ],
)
def test_a_form_with_parameters_gives_its_results_only(entity, facts, is_inquiry):
    found = streams(INQUIRY, facts, entity)
    assert (entity not in found) is is_inquiry
    assert {table.method for table in found.values()} == {Method.INQUIRY if is_inquiry else Method.LIST}


def test_an_inquiry_form_without_results_has_nothing_to_read():
    assert streams(Shape({"A": STRING, "LastModified": STAMP}), Known(is_inquiry=True), "BCShipments") == {}


def test_a_version_of_an_endpoint_has_the_keys_that_it_shows():
    facts = known("Default", "UnitsOfMeasure")
    old = Shape({"FromUOM": STRING, "ToUOM": STRING})
    assert streams(old, facts, "Units")["Units"].primary_key == ["_tenant", "FromUOM", "ToUOM"]
    new = Shape({"UnitID": STRING}, {}, {"Conversion": Shape({"ToUOM": STRING})})
    found = streams(new, facts, "Units")
    assert found["Units"].primary_key == ["_tenant", "UnitID"]
    assert found["Units__Conversion"].primary_key == ["_tenant", "_parent_UnitID", "ToUOM"]


def test_all_tenants_together_have_only_the_keys_that_each_of_them_has():
    poor = Shape({"OrderNbr": STRING}, {}, {"Details": Shape({"Qty": DECIMAL})})
    for name, table in streams().items():
        own = [streams()[name], *filter(None, [streams(poor).get(name)])]
        expected = () if len(own) == 2 else ("OrderType", "OrderNbr")
        assert agreed(table, own).keys == expected
    both = agreed(streams()["Order__Details"], [streams(poor)["Order__Details"]])
    assert both.line_keys == ((),)
