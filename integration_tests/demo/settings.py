"""What the demo's ERP is like, and what the connector is asked for."""

from __future__ import annotations

from integration_tests.harness import Key

# The stream and the key of a row.
Place = tuple[str, Key]
WIDTH = 110
FOODS, FREIGHT = TENANTS = ("Foods", "Freight Co")
# The licence of the simulated ERP, and how much of it the connector may use.
LICENSED_SEATS, MAX_SESSIONS = 4, 2
HALF_AN_HOUR_SECONDS, DAY_SECONDS = 1800, 86_400
ROWS, MOST_LINES = 300, 4
STREAMS = (
    "Customer",
    "StockItem",
    "SalesOrder",
    "SalesOrder__Details",
    "Invoice",
    "Payment",
    "Payment__ApplicationHistory",
    "JournalTransaction",
    "JournalTransaction__Details",
    "Currency",
    "Subaccount",
    "MANUFACTURING__BillOfMaterial",
    "MANUFACTURING__BillOfMaterial__Operations",
    "MANUFACTURING__BillOfMaterial__Operations__Material",
    "gi__Open Orders 2.0",
    "gi__BI-Customers",
    "dac__SOOrder",
    "dac__SOLine",
    "dac__ARTran",
)
SETTINGS = {
    "endpoints": ["Default", "MANUFACTURING"],
    "generic_inquiries": ["Open Orders*", "BI-*"],
    "dac_tables": ["SOOrder", "SOLine", "ARTran"],
    "dac_linked_columns": ["SOOrder.CustomerByCustomerID.AcctCD"],
    "track_deletions": True,
    "compare_keys_hours": 24,
    "track_linked_changes": True,
    "max_sessions": MAX_SESSIONS,
}
# What proves that the books balance: the form is asked for each period.
FORM, PERIODS = "AccountSummaryInquiry", ("112024", "122024", "012025", "022025", "032025")
BOOKS = {
    "dac_tables": ["GLTran", "GLHistory", "Account", "Branch", "Ledger"],
    "inquiry_parameters": [
        {"inquiry": FORM, "name": "Ledger", "value": "ACTUAL"},
        *({"inquiry": FORM, "name": "Period", "value": period} for period in PERIODS),
    ],
}
# What the ERP keeps the deletions of. Customers are not among them: those it only flags; journal batches just go.
TRACKED = ("SOOrder", "SOLine", "ARInvoice", "ARPayment", "InventoryItem")
# Lines as they are now are those that are not older than their order, and what is deleted says when.
OPEN_ORDERS = """\
SELECT customer.CustomerName AS customer, line._tenant AS tenant, head.OrderNbr, line.InventoryID AS item,
       CAST(line.OrderQty AS DECIMAL(18, 2)) AS quantity, CAST(line.UnitPrice AS DECIMAL(18, 2)) AS price,
       CAST(line.OrderQty * line.UnitPrice AS DECIMAL(18, 2)) AS amount
FROM SalesOrder AS head
JOIN Customer AS customer ON customer._tenant = head._tenant AND customer.CustomerID = head.CustomerID
JOIN SalesOrder__Details AS line
  ON line._tenant = head._tenant AND line._parent_id = head.id AND line._parent_modified >= head.LastModified
WHERE head.Status = 'Open' AND head._ab_cdc_deleted_at IS NULL
ORDER BY customer, tenant, head.OrderNbr, line._line
"""
MOST_SHOWN = 12
# What people call a row whose key is its NoteID.
NAMED_BY = {
    "Customer": ("CustomerID",),
    "StockItem": ("InventoryID",),
    "SalesOrder": ("OrderType", "OrderNbr"),
    "Invoice": ("Type", "ReferenceNbr"),
    "Payment": ("Type", "ReferenceNbr"),
    "JournalTransaction": ("Module", "BatchNbr"),
    "dac__SOOrder": ("OrderType", "OrderNbr"),
    "dac__SOLine": ("OrderType", "OrderNbr", "LineNbr"),
    "dac__ARTran": ("TranType", "RefNbr", "LineNbr"),
}
# What is told of a new row.
TOLD = {
    "SalesOrder": ("CustomerID", "OrderTotal"),
    "SalesOrder__Details": ("OrderQty", "UnitPrice"),
    "Invoice": ("Customer", "Amount"),
    "gi__Open Orders 2.0": ("Customer", "OrderTotal"),
    "dac__SOOrder": ("CustomerID", "CustomerByCustomerID", "CuryOrderTotal"),
    "dac__SOLine": ("OrderQty", "CuryUnitPrice"),
    "dac__ARTran": ("Qty", "CuryTranAmt"),
}
