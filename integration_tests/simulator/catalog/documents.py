"""Documents of the endpoint `Default`: orders, invoices, payments, batches, with their lines."""

from __future__ import annotations

from integration_tests.simulator.catalog.choices import (
    BILL_TYPE,
    CHANNEL,
    DAYS,
    DOCUMENT_STATUS,
    INVOICE_TYPE,
    ORDER_STATUS,
    PAYMENT_TYPE,
    SHIPMENT_TYPE,
    URGENCY,
    some_of,
)
from integration_tests.simulator.catalog.fields import (
    CREATED,
    MODIFIED,
    NOTE_ID,
    boolean,
    chosen,
    custom,
    dated,
    decimal,
    instant,
    integer,
    long,
    renamed,
    string,
    unique,
)
from integration_tests.simulator.catalog.parts import ADDRESS, CONTACT_LINK
from integration_tests.simulator.store.recipes import (
    amount,
    block,
    choice,
    created,
    day,
    entry,
    flag,
    guid,
    inherited,
    line_number,
    long_decimal,
    modified,
    of_base_rows,
    refer,
    serial,
    sometimes,
    text,
    whole,
)
from integration_tests.simulator.store.shapes import (
    Entity,
    Field,
    FieldKind,
    Limits,
    Part,
    Shape,
)

SALES_ORDER = Entity(
    "SalesOrder", (
        string("OrderType", block("QT", "RC", "SO", "SO", "SO", "SO", "SO", "TR")),
        string("OrderNbr", serial("{:06d}")),
        string("CustomerID", refer("C{:06d}")), string("Description", sometimes(text("{0}: Auftrag {1}"))),
        boolean("Hold", flag),
        chosen("Status", choice("Open", "Completed", "On Hold", "Back Order"), ORDER_STATUS),
        decimal("OrderTotal", amount()),
        decimal("OrderedQty", amount()),
        decimal("CurrencyRate", long_decimal), string("CurrencyID", choice("USD", "EUR")), instant("Date", day),
        instant("RequestedOn", sometimes(day)),
        string("ExternalRef", sometimes(serial("PO-{:d}"))), instant("CreatedDate", created),
        renamed("LastModified", FieldKind.DATE_TIME, modified, "LastModifiedDateTime"), NOTE_ID,
        renamed("UsrExternalOrderOriginal", FieldKind.STRING, sometimes(serial("X{:d}")), "ExternalOrderOriginal",
                since="25.200.001"),
        Field("ExternalQuoteNbr", FieldKind.STRING, sometimes(serial("Q{:d}")), since="26.200.001"),
    ),
    collections=(
        Part("Details", Shape("SalesOrderDetail", (
            integer("LineNbr", line_number), string("InventoryID", refer("AAITEM{:07d}")),
            string("LineDescription", sometimes(text("{0}"))),
            decimal("OrderQty", amount(6, 100)), decimal("UnitPrice", amount()),
            decimal("UnbilledAmount", long_decimal), boolean("FreeItem", flag),
            string("WarehouseID", choice("WHOLESALE", "RETAIL", None)), instant("ShipOn", sometimes(day)),
            unique("NoteIDOfSource", sometimes(guid, 2)),
            Field("Subitem", FieldKind.STRING, choice("0"), since="25.200.001", until="25.200.001"),
            Field("OrigOrderNbr", FieldKind.STRING, sometimes(refer("{:06d}")), since="26.200.001"),
        ), customs=(
            custom("Transactions", "UsrEngraving", FieldKind.STRING, sometimes(text("für {0}"))),
            custom("Transactions", "UsrPromised", FieldKind.DATE_TIME, sometimes(day)),
            custom("Transactions", "UsrChecked", FieldKind.STRING, sometimes(choice("Web", "Telefon")), CHANNEL,
                   "25.200.001"),
        ))),
        Part("TaxDetails", Shape("SalesOrderTaxDetail", (
            integer("LineNbr", line_number), string("OrderNbr", inherited("OrderNbr")),
            string("OrderType", inherited("OrderType")),
            string("TaxID", serial("TAX{:02d}")), decimal("TaxRate", amount(6, 20)),
            decimal("TaxAmount", amount()),
        ))),
        Part("Shipments", Shape("SalesOrderShipment", (string("ShipmentNbr", refer("{:06d}")),
                    decimal("ShippedQty", amount()), instant("ShipmentDate", day)))),
    ),
    links=(
        Part("BillToAddress", ADDRESS), Part("BillToContact", CONTACT_LINK), Part("ShipToAddress", ADDRESS),
        Part("Totals", Shape("SalesOrderTotals", (decimal("LineTotalAmount", amount()), decimal("TaxTotal",
                        amount()), long("OrderVolume", whole(0, 1 << 40))))),
    ),
    customs=(
        custom("Document", "AttributeCHANNEL", FieldKind.STRING, sometimes(choice("Web", "Telefon"), 2), CHANNEL),
        custom("Document", "UsrUrgency", FieldKind.INT, sometimes(whole(1, 3)), URGENCY, "25.200.001"),
        custom("Document", "UsrDays", FieldKind.STRING, some_of(DAYS), DAYS, "25.200.001"),
        custom("Document", "UsrPriority", FieldKind.INT, sometimes(whole(1, 5))),
        custom("Document", "UsrDeliveredOn", FieldKind.DATE_TIME, sometimes(day)),
        custom("CurrentDocument", "UsrInsured", FieldKind.BOOLEAN, sometimes(flag)),
        custom("Document", "CuryVatTaxableTotal", FieldKind.DECIMAL, amount(4)),
    ),
    name="SalesOrder", screen="SO301000", title="Sales Orders", keys=("OrderType", "OrderNbr"),
    cursors=("LastModified",), archivable=True,
)  # fmt: skip

INVOICE = Entity(
    "Invoice", (
        chosen("Type", block("Credit Memo", "Debit Memo", "Invoice", "Invoice", "Invoice"), INVOICE_TYPE),
        string("ReferenceNbr", serial("AR{:06d}")),
        string("Customer", refer("C{:06d}")), string("Description", sometimes(text("{0}"))),
        chosen("Status", choice("Open", "Closed", "Balanced"), DOCUMENT_STATUS),
        decimal("Amount", amount()), decimal("Balance", amount()), dated("Date", day),
        dated("DueDate", sometimes(day)), string("PostPeriod", choice("012025", "022025")),
        boolean("Hold", flag), CREATED, MODIFIED,
    ),
    collections=(
        Part("Details", Shape("InvoiceDetail", (
            integer("LineNbr", line_number), string("InventoryID", sometimes(refer("AAITEM{:07d}"))),
            string("TransactionDescription", text("{0}")),
            decimal("Amount", amount()), decimal("Qty", amount(6, 50)),
            string("Account", choice("40000", "40100")), string("Subaccount", choice("000-001")),
        ), customs=(custom("Transactions", "UsrCostObject", FieldKind.STRING, sometimes(serial("K{:03d}"))),))),
        Part("TaxDetails", Shape("InvoiceTaxDetail", (string("TaxID", serial("TAX{:02d}")),
                    decimal("TaxableAmount", amount())))),
    ),
    links=(Part("BillToContact", CONTACT_LINK),), customs=(custom("Document", "UsrDunningLevel", FieldKind.INT,
            sometimes(whole(0, 3))),),
    name="Invoice", screen="AR301000", title="Invoices and Memos", keys=("Type", "ReferenceNbr"),
    cursors=("LastModifiedDateTime",), archivable=True,
)  # fmt: skip

BILL = Entity(
    "Bill", (
        chosen("Type", block("Bill", "Bill", "Bill", "Credit Adj.", "Debit Adj."), BILL_TYPE),
        string("ReferenceNbr", serial("AP{:06d}")), string("Vendor", refer("V{:06d}")),
        string("VendorRef", sometimes(serial("RE-{:d}/24"))), decimal("Amount", amount()),
        decimal("Balance", amount()), dated("Date", day),
        chosen("Status", choice("Open", "Closed"), DOCUMENT_STATUS), MODIFIED,
    ),
    collections=(
        Part("Details", Shape("BillDetail", (string("InventoryID", refer("AAITEM{:07d}")), decimal("Amount",
                        amount()), decimal("Qty", amount()), string("UOM", choice("EA"))))),
        Part("TaxDetails", Shape("BillTaxDetail", (string("TaxID", serial("TAX{:02d}")), decimal("TaxAmount",
                        amount())))),
    ),
    name="Bill", screen="AP301000", title="Bills and Adjustments", keys=("Type", "ReferenceNbr"),
    cursors=("LastModifiedDateTime",),
)  # fmt: skip

PAYMENT = Entity(
    "Payment", (
        chosen("Type", block("Credit Memo", "Payment", "Payment", "Prepayment", "Refund"), PAYMENT_TYPE),
        string("ReferenceNbr", serial("{:06d}")), string("CustomerID", refer("C{:06d}")),
        decimal("PaymentAmount", amount()), dated("ApplicationDate", day),
        chosen("Status", choice("Open", "Closed", "Voided"), DOCUMENT_STATUS), boolean("Hold", flag), MODIFIED, NOTE_ID,
    ),
    collections=(
        Part("DocumentsToApply", Shape("PaymentDetail", (
            integer("DocLineNbr", line_number), string("DocType", choice("Invoice")),
            string("ReferenceNbr", refer("AR{:06d}")), decimal("AmountPaid", amount()),
        ))),
        Part("ApplicationHistory", Shape("PaymentApplicationHistoryDetail", (string("DisplayRefNbr",
                        refer("AR{:06d}")), decimal("AmountPaid", amount()), instant("Date", day)))),
    ),
    name="Payment", screen="AR302000", title="Payments and Applications", keys=("Type", "ReferenceNbr"),
    cursors=("LastModifiedDateTime",),
    limits=Limits(refuses_select=True, delegate_expands={"ApplicationHistory": "ARPost"}),
)  # fmt: skip

JOURNAL_TRANSACTION = Entity(
    "JournalTransaction", (
        string("Module", block("AP", "AR", "GL", "GL", "IN", "PR")), string("BatchNbr", serial("{:06d}")),
        string("LedgerID", choice("ACTUAL", "ACTUAL", "ACTUAL", "STAT")),
        string("BranchID", choice("HEAD", "WEST")),
        string("PostPeriod", choice("112024", "122024", "012025", "022025", "032025")),
        instant("TransactionDate", day),
        decimal("ControlTotal", long_decimal),
        string("Status", of_base_rows(choice("Posted", "Unposted"), later="Unposted")),
        string("Description", sometimes(text("{0}"))), CREATED, MODIFIED,
    ),
    collections=(Part("Details", Shape("JournalTransactionDetail", (
        integer("LineNbr", line_number), string("BranchID", inherited("BranchID")),
        string("Account", choice("10000", "10010", "10100", "10200", "10210", "10300", "10310")),
        string("Subaccount", choice("000-000", "000-001")),
        decimal("DebitAmount", entry(0)), decimal("CreditAmount", entry(1)),
        string("Description", sometimes(text("{0}"))), boolean("NonBillable", flag),
    ), customs=(custom("GLTranModuleBatNbr", "UsrVoucher", FieldKind.STRING, sometimes(serial("B{:d}"))),)),
        at_a_time=2),),
    name="JournalTransaction", screen="GL301000", title="Journal Transactions", keys=("Module", "BatchNbr"),
    cursors=("LastModifiedDateTime",),
)  # fmt: skip

SHIPMENT = Entity(
    "Shipment", (
        string("ShipmentNbr", serial("{:06d}")), string("CustomerID", refer("C{:06d}")),
        chosen("Type", choice("Shipment", "Transfer"), SHIPMENT_TYPE), instant("ShipmentDate", day),
        decimal("ShippedQty", amount()), string("Status", choice("Open", "Confirmed")), CREATED, MODIFIED,
        NOTE_ID,
    ),
    collections=(
        Part("Details", Shape("ShipmentDetail", (integer("LineNbr", line_number), string("InventoryID",
                        refer("AAITEM{:07d}")), decimal("ShippedQty", amount())))),
        Part("Packages", Shape("ShipmentPackage", (string("BoxID", choice("SMALL", "LARGE")), decimal("Weight",
                        sometimes(amount())), string("TrackingNbr", sometimes(serial("1Z{:010d}")))),)),
    ),
    links=(Part("ShippingSettings", Shape("ShipmentShippingSettings", (string("ShipVia", choice("DHL", "UPS",
                            None)), boolean("Insurance", flag)), links=(Part("ShipToAddress", ADDRESS),))),),
    name="Shipment", screen="SO302000", title="Shipments", keys=("ShipmentNbr",),
    cursors=("LastModifiedDateTime",), limits=Limits(filters_by_key_only=True),
)  # fmt: skip
