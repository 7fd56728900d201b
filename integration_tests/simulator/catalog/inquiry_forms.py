"""Inquiry forms of the endpoint `Default`: they compute rows from parameters."""

from __future__ import annotations

from integration_tests.simulator.catalog.choices import ACCOUNT_TYPE
from integration_tests.simulator.catalog.fields import (
    chosen,
    decimal,
    integer,
    string,
)
from integration_tests.simulator.store.recipes import (
    amount,
    choice,
    nothing,
)
from integration_tests.simulator.store.shapes import (
    Entity,
    Inquiry,
    Limits,
    Part,
    Shape,
)

ACCOUNT_SUMMARY = Entity(
    "AccountSummaryInquiry", (string("Period", nothing), string("Ledger", nothing), string("Branch", nothing),
        string("Subaccount", nothing), chosen("Type", nothing, ACCOUNT_TYPE, "25.200.001")),
    collections=(Part("Results", Shape("AccountSummaryRow", (
        string("Account", nothing), string("Description", nothing),
        chosen("Type", nothing, ACCOUNT_TYPE),
        string("Branch", choice("HEAD")), string("LastActivity", choice("012025", "022025")),
        integer("LedgerID", nothing), decimal("BeginningBalance", amount(4)), decimal("EndingBalance", amount(4)),
        decimal("DebitTotal", nothing), decimal("CreditTotal", nothing), decimal("PtdTotal", nothing),
    ))),),
    name="AccountSummaryInquiry", screen="GL401000", title="Account Summary", small=1, stable_id=False,
    inquiry=Inquiry("Results", ("Period", "Ledger"), True, "Account", {"Account": "AccountCD",
            "Description": "Description", "Type": "Type"}, is_of_the_ledger=True),
    limits=Limits(delegate_view="Filter"),
)  # fmt: skip

INVENTORY_SUMMARY = Entity(
    "InventorySummaryInquiry", (string("InventoryID", nothing), string("WarehouseID", nothing)),
    collections=(Part("Results", Shape("InventorySummaryRow", (
        string("InventoryID", nothing), string("BaseUOM", nothing),
        string("WarehouseID", choice("WHOLESALE", "RETAIL")), decimal("OnHand", amount()),
        decimal("EstimatedTotalCost", amount()),
    ))),),
    name="InventorySummaryInquiry", screen="IN401000", title="Inventory Summary", small=1, stable_id=False,
    inquiry=Inquiry("Results", ("InventoryID",), False, "StockItem", {"InventoryID": "InventoryID",
            "BaseUOM": "BaseUOM"}),
    limits=Limits(delegate_view="Filter"),
)  # fmt: skip
