"""Tests that the list of known entities is well formed, and has what the collected facts have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from source_acumatica.contract.known_entities import Known, _parsed, known

REPOSITORY = Path(__file__).resolve().parents[2]
FACTS = REPOSITORY.parent / "shared" / "reference" / "entity-facts.json"


def test_every_line_of_the_list_of_known_entities_is_well_formed():
    table = _parsed()
    assert len(table) > 150
    for (endpoint, entity), facts in table.items():
        assert endpoint in {"Default", "MANUFACTURING", "eCommerce", "GLConsolidation", "DeviceHub", "ISVCB"}
        assert entity.isidentifier()
        assert facts.keys or facts.is_inquiry or facts.is_single or facts.line_keys or facts.dac, entity
        assert not (facts.keys and facts.is_inquiry), entity
        assert not (facts.dac and facts.is_inquiry), entity
        assert not facts.dac or re.fullmatch(r"PX(\.[A-Z][A-Za-z]*){2,4}", facts.dac), entity
        assert len(set(facts.keys)) == len(facts.keys)
        for name in (*facts.keys, *facts.line_keys):
            assert name.isidentifier(), entity
        for names in facts.line_keys.values():
            assert names
            assert all(name.isidentifier() for name in names), entity


def test_no_entity_stands_twice_in_the_list():
    from source_acumatica.contract import known_entities

    lines = [line for line in known_entities._TABLE.splitlines() if re.match(r"\w", line)]
    assert len(lines) == len(_parsed())


def test_an_endpoint_that_extends_the_main_one_keeps_its_keys():
    assert known("MyExtension", "SalesOrder") == known("Default", "SalesOrder")
    assert known("MyExtension", "SalesOrder").keys == ("OrderType", "OrderNbr")


def test_an_endpoint_with_facts_of_its_own_keeps_them():
    assert known("MANUFACTURING", "Shift").keys
    assert known("Default", "Shift") == Known()


def test_an_unknown_entity_has_no_facts():
    assert known("Default", "Nonsense") == Known()
    assert known("eCommerce", "BCItemSalesCategory").keys == ("CategoryID",)


@pytest.mark.parametrize(
    ("entity", "dac"),
    [
        ("SalesOrder", "PX.Objects.SO.SOOrder"),
        ("Invoice", "PX.Objects.AR.ARInvoice"),
        ("CashSale", "PX.Objects.AR.Standalone.ARCashSale"),
        ("AmazonStore", "PX.Commerce.Core.BCBinding"),
        ("Event", "PX.Objects.CR.CRActivity"),
        ("Task", "PX.Objects.CR.CRActivity"),
        ("CashTransaction", "PX.Objects.CA.CAAdj"),
        ("AccountSummaryInquiry", ""),
        ("CompaniesStructure", ""),
        ("Nonsense", ""),
    ],
)
def test_the_table_behind_a_form_has_its_full_name(entity, dac):
    assert known("Default", entity).dac == dac
    assert known("MyExtension", entity).dac == dac


def test_a_line_of_the_list_can_go_on_in_the_next_one():
    assert known("MANUFACTURING", "ConfigurationFeature") == Known(
        ("FeatureID",),
        line_keys={"ConfigurationFeatureAttribute": ("LineNbr",), "ConfigurationFeatureOption": ("LineNbr",)},
        dac="PX.Objects.AM.AMFeature",
    )


# Where the list departs from the facts, and why.
DEVIATIONS = {
    # An inquiry in practice: its number is a parameter (acumatica-api.md, 3.1).
    ("Default", "PhysicalInventoryCount"): (),
    # The facts have the name of the ERP's own code; the description writes it with a capital.
    ("MANUFACTURING", "Shift"): ("Shift",),
    # The history has several rows for each revision: two fields do not identify them.
    ("MANUFACTURING", "CostRollHistory"): ("BOMID", "Revision", "StartDate"),
    # The vendor's mapping of fields names what the facts leave out.
    ("Default", "Subcontract"): ("SubcontractNbr",),
    ("Default", "UnitsOfMeasure"): ("UnitID",),
}
# Of other versions of the endpoints than the facts are about.
OF_OTHER_VERSIONS = {
    *("SalesTerritory", "StatementCycle", "TrialBalance", "StorageDetails"),
    # New in Default/26.200.001.
    *("BankStatement", "CashPurchase", "ChangeRequest", "ProjectMaterials", "ServiceLocation"),
    *("WorkEvent", "WorkOrder", "WorkTask", "WorkTicket"),
}


@pytest.mark.parametrize("endpoint", ["Default", "MANUFACTURING", "eCommerce"])
def test_the_known_keys_are_those_of_the_collected_facts(endpoint):
    if not FACTS.exists():
        pytest.skip("NOT TESTED: entity-facts.json is not beside the repository")
    facts = json.loads(FACTS.read_text())[f"{endpoint}/24.200.001"]
    for entity, fact in facts.items():
        expected = DEVIATIONS.get((endpoint, entity), tuple(fact["keys"]))
        assert set(_parsed().get((endpoint, entity), Known()).keys) == set(expected), entity
    assert {entity for (of, entity) in _parsed() if of == endpoint} <= facts.keys() | OF_OTHER_VERSIONS


# What the facts leave open, and is well known.
TABLES_BEYOND_THE_FACTS = {
    ("Default", "Customer"): "PX.Objects.AR.Customer",
    ("Default", "CustomerClass"): "PX.Objects.AR.CustomerClass",
    ("Default", "CustomerLocation"): "PX.Objects.CR.Location",
    ("Default", "NonStockItem"): "PX.Objects.IN.InventoryItem",
    ("Default", "StockItem"): "PX.Objects.IN.InventoryItem",
    ("Default", "Subcontract"): "PX.Objects.PO.POOrder",
    ("Default", "TemplateItems"): "PX.Objects.IN.InventoryItem",
    ("Default", "Warehouse"): "PX.Objects.IN.INSite",
}


# The facts do not say whether these are forms with parameters: they are not written to, and have no table either.
UNDECIDED = {"CostRoll", "CloseProductionOrders"}


def _table_of(endpoint, entity, fact):
    """None of an inquiry form, nor of one whose header is a filter: that is no table."""
    ours, theirs = _parsed().get((endpoint, entity), Known()), fact["primary_dac"] or ""
    if ours.is_inquiry or entity in UNDECIDED or "Filter" in theirs or "+" in theirs:
        return ""
    return theirs or TABLES_BEYOND_THE_FACTS.get((endpoint, entity), "")


@pytest.mark.parametrize("endpoint", ["Default", "MANUFACTURING", "eCommerce"])
def test_the_known_tables_are_those_of_the_collected_facts(endpoint):
    if not FACTS.exists():
        pytest.skip("NOT TESTED: entity-facts.json is not beside the repository")
    facts = json.loads(FACTS.read_text())[f"{endpoint}/24.200.001"]
    for entity, fact in facts.items():
        ours = _parsed().get((endpoint, entity), Known())
        assert ours.dac == _table_of(endpoint, entity, fact), entity


def test_what_is_known_beyond_the_facts_is_in_the_list():
    for (endpoint, entity), dac in TABLES_BEYOND_THE_FACTS.items():
        assert known(endpoint, entity).dac == dac


LINES_BEYOND_THE_FACTS = {("Subcontract", "Details"), ("SalesTerritory", "Countries")}
PARENT_KEYS_BY_ANOTHER_NAME = ("OrderType", "PaymentMethod", "TaxCategory", "AttributeBOMID")


@pytest.mark.parametrize("endpoint", ["Default", "MANUFACTURING", "eCommerce"])
def test_the_known_keys_of_lines_are_those_of_the_collected_facts(endpoint):
    if not FACTS.exists():
        pytest.skip("NOT TESTED: entity-facts.json is not beside the repository")
    facts = json.loads(FACTS.read_text())[f"{endpoint}/24.200.001"]
    for (of, entity), ours in _parsed().items():
        for collection, keys in ours.line_keys.items():
            if of == endpoint and (entity, collection) not in LINES_BEYOND_THE_FACTS:
                theirs = set(facts[entity]["detail_keys"][collection]["keys"])
                assert set(keys) <= theirs, (entity, collection)
                # What the facts have more is the parent's own key, which a line's stream carries as _parent_*.
                assert theirs - set(keys) <= {*ours.keys, *PARENT_KEYS_BY_ANOTHER_NAME}, (entity, collection)
