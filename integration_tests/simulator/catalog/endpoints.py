"""The endpoints that the simulated site serves, each with its versions and its entities."""

from __future__ import annotations

from functools import cache

from integration_tests.simulator.catalog.documents import (
    BILL,
    INVOICE,
    JOURNAL_TRANSACTION,
    PAYMENT,
    SALES_ORDER,
    SHIPMENT,
)
from integration_tests.simulator.catalog.editions import Edition
from integration_tests.simulator.catalog.inquiry_forms import ACCOUNT_SUMMARY, INVENTORY_SUMMARY
from integration_tests.simulator.catalog.later_entities import CASH_PURCHASE, INVOICE_MEMO_PRINT_FORM, TIME_ENTRY
from integration_tests.simulator.catalog.master_records import (
    ACCOUNT,
    BRANCH,
    CONTACTS,
    CURRENCY,
    CUSTOMER,
    EMPLOYEE,
    ITEM_CLASS,
    LEDGER,
    PAY_GROUP,
    SHIP_VIA,
    STOCK_ITEM,
    SUBACCOUNT,
    VENDOR,
    VENDOR_CLASS,
)
from integration_tests.simulator.catalog.other_endpoints import (
    BILL_OF_MATERIAL,
    EQUIPMENT,
    OPEN_ITEMS,
    PRODUCTION_ORDER,
    WORK_CENTER,
)
from integration_tests.simulator.store.shapes import Endpoint

DEFAULT = (
    ACCOUNT, ACCOUNT_SUMMARY, BILL, CASH_PURCHASE, CONTACTS, CURRENCY, CUSTOMER, EMPLOYEE, INVENTORY_SUMMARY, INVOICE,
    INVOICE_MEMO_PRINT_FORM, ITEM_CLASS, JOURNAL_TRANSACTION,
    PAY_GROUP, PAYMENT, SALES_ORDER, SHIP_VIA, SHIPMENT, STOCK_ITEM, SUBACCOUNT, TIME_ENTRY, VENDOR, VENDOR_CLASS,
)  # fmt: skip
# Records that tables show, and none of the endpoints.
BEHIND = (BRANCH, LEDGER)
MANUFACTURING = (BILL_OF_MATERIAL, PRODUCTION_ORDER, WORK_CENTER)
FABRIKAM = (EQUIPMENT, OPEN_ITEMS)
EXTRACT = (CUSTOMER, SALES_ORDER, STOCK_ITEM)
# In the order that a site lists them in.
VERSIONS_OF_DEFAULT = (
    "17.200.001", "18.200.001", "20.200.001", "22.200.001", "23.200.001", "24.200.001", "25.200.001", "26.200.001",
)  # fmt: skip
FIRST_OF_CONTRACT_4, FIRST_OF_CONTRACT_5 = "20.200.001", "26.200.001"


def contract_of(version: str) -> int:
    """Of an endpoint of the system."""
    return 3 if version < FIRST_OF_CONTRACT_4 else 5 if version >= FIRST_OF_CONTRACT_5 else 4


@cache  # an endpoint is known by its identity
def default(version: str) -> Endpoint:
    contract = contract_of(version)
    return Endpoint("Default", version, Edition(version, contract).entities(DEFAULT), contract)


@cache
def manufacturing(version: str) -> Endpoint:
    return Endpoint("MANUFACTURING", version, MANUFACTURING, contract_of(version))


FABRIKAM_1 = Endpoint("Fabrikam", "1.0", FABRIKAM, is_own=True)
# Made from scratch on 26R2: contract 5 and no other.
EXTRACT_1 = Endpoint(
    "Extract", "1.0", Edition(FIRST_OF_CONTRACT_5, 5).entities(EXTRACT), 5, records_of="Default", is_own=True
)

# Those of 24R2.
ENDPOINTS = (*map(default, VERSIONS_OF_DEFAULT[2:6]), manufacturing("24.200.001"), FABRIKAM_1)
