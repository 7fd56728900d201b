"""The endpoints that the simulated site serves, each with its versions and its entities."""

from __future__ import annotations

from integration_tests.simulator.catalog.documents import (
    BILL,
    INVOICE,
    JOURNAL_TRANSACTION,
    PAYMENT,
    SALES_ORDER,
    SHIPMENT,
)
from integration_tests.simulator.catalog.inquiry_forms import ACCOUNT_SUMMARY, INVENTORY_SUMMARY
from integration_tests.simulator.catalog.master_records import (
    ACCOUNT,
    CONTACTS,
    CURRENCY,
    CUSTOMER,
    EMPLOYEE,
    ITEM_CLASS,
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
    ACCOUNT, ACCOUNT_SUMMARY, BILL, CONTACTS, CURRENCY, CUSTOMER, EMPLOYEE, INVENTORY_SUMMARY, INVOICE,
    ITEM_CLASS, JOURNAL_TRANSACTION,
    PAY_GROUP, PAYMENT, SALES_ORDER, SHIP_VIA, SHIPMENT, STOCK_ITEM, SUBACCOUNT, VENDOR, VENDOR_CLASS,
)  # fmt: skip
DEFAULT_VERSIONS = ("20.200.001", "22.200.001", "23.200.001", "24.200.001")

ENDPOINTS = (
    *(Endpoint("Default", version, tuple(each.at(version) for each in DEFAULT)) for version in DEFAULT_VERSIONS),
    Endpoint("MANUFACTURING", "24.200.001", (BILL_OF_MATERIAL, PRODUCTION_ORDER, WORK_CENTER)),
    Endpoint("Fabrikam", "1.0", (EQUIPMENT, OPEN_ITEMS)),
)
