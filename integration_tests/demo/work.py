"""A day of work in the simulated ERP: each function changes something in it, and returns what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from .settings import FOODS, FREIGHT
from .sides import Erp


def _new_order(erp: Erp, _: datetime) -> str:
    lines = [
        {"LineNbr": 1, "InventoryID": "AAITEM0000001", "OrderQty": Decimal("10.000000"), "UnitPrice": Decimal("12.50")},
        {"LineNbr": 2, "InventoryID": "AAITEM0000002", "OrderQty": Decimal("4.000000"), "UnitPrice": Decimal("31.25")},
    ]
    order = {"OrderType": "SO", "OrderNbr": "900001", "CustomerID": "C000001", "Status": "Open"}
    erp.add(FOODS, "SalesOrder", {**order, "OrderTotal": Decimal("250.00"), "Details": lines})
    return f"{FOODS}: a new sales order, SO 900001, with two lines."


def _customer_on_hold(erp: Erp, _: datetime) -> str:
    key = next(erp.find(FOODS, "Customer", Status="Active"))["CustomerID"]
    erp.change(FOODS, "Customer", [key], Status="On Hold", CreditLimit=Decimal("5000.000000"))
    return f"{FOODS}: the customer {key} is put on hold, its credit limit lowered to 5,000."


def _posted_batch(erp: Erp, _: datetime) -> str:
    batch = next(erp.find(FOODS, "JournalTransaction", Status="Unposted", Module="GL"))
    key = [batch["Module"], batch["BatchNbr"]]
    erp.post(FOODS, key)
    return f"{FOODS}: the journal batch {' '.join(key)} is posted."


def _late_invoice(erp: Erp, first_read_at: datetime) -> str:
    invoice = {"Type": "Invoice", "ReferenceNbr": "AR900001", "Customer": "C000002", "Status": "Open"}
    erp.add(FOODS, "Invoice", {**invoice, "Amount": Decimal("80.25")}, stamp=first_read_at - timedelta(minutes=9))
    return (
        f"{FOODS}: the invoice AR900001 appears only now, but is stamped nine minutes before the first read: a long "
        "release was still saving it then."
    )


def _fewer_lines(erp: Erp, _: datetime) -> str:
    key = _order_with_lines(erp, FREIGHT, 3)
    erp.change(FREIGHT, "SalesOrder", key, Details=[{"OrderQty": Decimal("7.000000")}, {}])
    return f"{FREIGHT}: in the order {' '.join(key)} the quantity of line 1 becomes 7, and line 3 is removed."


def _no_lines(erp: Erp, _: datetime) -> str:
    key = _order_with_lines(erp, FREIGHT, 2)
    erp.change(FREIGHT, "SalesOrder", key, Details=[], Status="Completed")
    return f"{FREIGHT}: the order {' '.join(key)} loses both of its lines and is completed."


def _order_with_lines(erp: Erp, tenant: str, lines: int) -> list[str]:
    order = next(one for one in erp.find(tenant, "SalesOrder", Status="Open") if len(one["Details"]) == lines)
    return [order["OrderType"], order["OrderNbr"]]


def _deleted_order(erp: Erp, _: datetime) -> str:
    key = _order_with_lines(erp, FOODS, 3)
    erp.delete(FOODS, "SalesOrder", key)
    return f"{FOODS}: the order {' '.join(key)} is deleted, and with it its three lines."


def _deleted_customer(erp: Erp, _: datetime) -> str:
    key = next(erp.find(FREIGHT, "Customer", Status="Inactive"))["CustomerID"]
    erp.delete(FREIGHT, "Customer", [key])
    return f"{FREIGHT}: the customer {key} is deleted. The ERP keeps it, with a flag that hides it."


def _deleted_batch(erp: Erp, _: datetime) -> str:
    batches = erp.find(FOODS, "JournalTransaction", Status="Unposted", Module="GL")
    batch = next(one for one in batches if not one["Details"])
    key = [batch["Module"], batch["BatchNbr"]]
    erp.delete(FOODS, "JournalTransaction", key)
    return (
        f"{FOODS}: the journal batch {' '.join(key)}, still without lines, is deleted. The ERP keeps no trace of it: "
        "its table is not tracked, and has no flag."
    )


def _changed_address(erp: Erp, _: datetime) -> str:
    key = _order_with_lines(erp, FOODS, 1)
    erp.change_silently(FOODS, "SalesOrder", key, BillToAddress={"City": "Bern"})
    return (
        f"{FOODS}: the billing address of the order {' '.join(key)} is now in Bern. The ERP stamps the address, and "
        "not the order."
    )


def _voided_payment(erp: Erp, _: datetime) -> str:
    payment = next(one for one in erp.find(FREIGHT, "Payment", Status="Open") if one["ApplicationHistory"])
    key = [payment["Type"], payment["ReferenceNbr"]]
    erp.change(FREIGHT, "Payment", key, Status="Voided")
    return f"{FREIGHT}: the payment {' '.join(key)} is voided."


def _new_price(erp: Erp, _: datetime) -> str:
    erp.change(FREIGHT, "StockItem", ["AAITEM0000003"], DefaultPrice=Decimal("19.900000"))
    return f"{FREIGHT}: the item AAITEM0000003 gets the price 19.90."


CHANGES = (
    _new_order,
    _customer_on_hold,
    _posted_batch,
    _late_invoice,
    _no_lines,
    _fewer_lines,
    _voided_payment,
    _new_price,
    _deleted_order,
    _deleted_customer,
    _deleted_batch,
    _changed_address,
)
EXPECTED = Counter(
    {
        ("SalesOrder", "new"): 1,
        ("SalesOrder__Details", "new"): 2,
        ("gi__Open Orders 2.0", "new"): 1,
        ("dac__SOOrder", "new"): 1,
        ("dac__SOLine", "new"): 2,
        ("Customer", "changed"): 1,
        ("gi__BI-Customers", "changed"): 1,
        ("JournalTransaction", "changed"): 1,
        ("Invoice", "new"): 1,
        ("dac__ARTran", "new"): 2,
        # The order that was completed, and the one with another address.
        ("SalesOrder", "changed"): 1 + 1,
        ("dac__SOOrder", "changed"): 1,
        ("SalesOrder__Details", "changed"): 1,
        ("dac__SOLine", "changed"): 1,
        ("Payment", "changed"): 1,
        ("StockItem", "changed"): 1,
        # The order that was deleted, the one that was completed, and the lines of these and of a third.
        ("SalesOrder", "deleted"): 1,
        ("dac__SOOrder", "deleted"): 1,
        ("gi__Open Orders 2.0", "left out"): 1 + 1,
        ("SalesOrder__Details", "left out"): 3 + 2 + 1,
        ("dac__SOLine", "deleted"): 3 + 2 + 1,
        ("Customer", "deleted"): 1,
        ("JournalTransaction", "deleted"): 1,
        ("gi__BI-Customers", "left out"): 1,
    }
)


def open_lines(erp: Erp, tenant: str) -> Iterator[Decimal]:
    """The amount of each line of the open orders of customers that exist."""
    names = {row["CustomerID"] for row in erp.find(tenant, "Customer")}
    for order in erp.find(tenant, "SalesOrder", Status="Open"):
        if order["CustomerID"] in names:
            for line in order["Details"]:
                amount = Decimal(str(line["OrderQty"] or 0)) * Decimal(str(line["UnitPrice"] or 0))
                yield amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
