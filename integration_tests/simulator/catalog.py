"""The endpoints and entities that the simulated site serves."""

from collections.abc import Callable

from .recipes import (
    CITIES,
    amount,
    block,
    choice,
    created,
    day,
    flag,
    guid,
    inherited,
    line_number,
    listed,
    long_decimal,
    modified,
    nothing,
    own_id,
    refer,
    serial,
    sometimes,
    text,
    whole,
)  # fmt: skip
from .shapes import CustomField, Endpoint, Entity, Field, FieldKind, Inquiry, Limits, Part, Shape
from .spots import Recipe


def _maker(kind: FieldKind) -> Callable[[str, Recipe], Field]:
    return lambda name, recipe: Field(name, kind, recipe)


string, decimal, boolean = _maker(FieldKind.STRING), _maker(FieldKind.DECIMAL), _maker(FieldKind.BOOLEAN)
instant, integer, short, long, unique = (
    _maker(kind) for kind in (FieldKind.DATE_TIME, FieldKind.INT, FieldKind.SHORT, FieldKind.LONG, FieldKind.GUID)
)


def custom(view: str, name: str, kind: FieldKind, recipe: Recipe) -> CustomField:
    return CustomField(name, kind, recipe, view=view)


def group_mask(view: str) -> CustomField:
    """Binary: listed among the custom fields, and an error as soon as it is asked for."""
    return CustomField("GroupMask", FieldKind.STRING, nothing, view=view, readable=False)


CREATED = instant("CreatedDateTime", created)
MODIFIED = instant("LastModifiedDateTime", modified)
NOTE_ID = unique("NoteID", own_id)

# ---------------------------------------------------------------------------------------------- shared parts

ADDRESS = Shape("Address", (
    string("AddressLine1", text("{0} Street {1}")),
    string("AddressLine2", sometimes(choice("Floor 2", "c/o Ärger"), 2)),
    string("City", choice(*CITIES)), string("Country", choice("US", "CH", "BR", "JP", "PL")),
    string("PostalCode", serial("{:05d}")), string("State", sometimes(choice("NY", "TX", "ON"))),
    boolean("Validated", flag),
))  # fmt: skip
CONTACT_LINK = Shape("DocContact", (
    string("BusinessName", text("{0}")), string("Email", sometimes(serial("post{:d}@example.com"), 5)),
    string("Attention", sometimes(text("{0}"))), string("Phone1", sometimes(serial("+1 555 {:07d}"))),
))  # fmt: skip
CONTACT = Shape("BusinessAccountMainContact", (
    integer("ContactID", whole(1, 9999)), string("DisplayName", text("{0}")),
    string("Email", sometimes(serial("info{:d}@example.com"), 4)),
    string("Phone1", sometimes(serial("+41 44 {:07d}"))),
), links=(Part("Address", ADDRESS),))  # fmt: skip
ATTRIBUTE = Shape("AttributeValue", (
    string("AttributeID", serial("ATTR{:02d}")), string("AttributeDescription", text("{0}")),
    boolean("Required", flag), string("Value", sometimes(choice("Large", "Small", "ja"))),
))  # fmt: skip

# ---------------------------------------------------------------------------------------------- master records

CUSTOMER = Entity(
    "Customer", (
        string("CustomerID", serial("C{:06d}")), string("CustomerName", text("{0} {1}")),
        string("CustomerClass", choice("LOCAL", "INTL", "KEY")),
        string("Status", choice("Active", "On Hold", "Inactive")),
        string("CurrencyID", choice("USD", "EUR", None)), decimal("CreditLimit", long_decimal),
        boolean("IsGuestCustomer", flag),
        short("CreditDaysPastDue", sometimes(whole(0, 90))), string("LegalName", sometimes(text("{0}"))),
        unique("ParentRecordNoteID", sometimes(guid, 2)), CREATED, MODIFIED, NOTE_ID,
    ),
    collections=(Part("Attributes", ATTRIBUTE), Part("Contacts", Shape("CustomerContact", (
        integer("ContactID", whole(1, 9999)), string("DisplayName", text("{0}")),
        string("JobTitle", sometimes(choice("CEO", "Buyer"))),
    )))),
    links=(Part("MainContact", CONTACT), Part("BillingContact", CONTACT), Part("PrimaryContact", CONTACT,
            missing_one_in=4)),
    customs=(
        custom("BAccount", "UsrRegion", FieldKind.STRING, sometimes(choice("Nord", "Süd"))),
        custom("CurrentCustomer", "UsrScore", FieldKind.DECIMAL, sometimes(amount(4))),
        custom("CurrentCustomer", "AttributeINDUSTRY", FieldKind.STRING, sometimes(choice("Food", "Steel"), 2)),
        custom("CurrentCustomer", "StatementType", FieldKind.STRING, choice("Open Item",
                "Balance Brought Forward")),
        group_mask("CurrentCustomer"),
    ),
    name="Customer", screen="AR303000", title="Customers", keys=("CustomerID",),
    cursors=("LastModifiedDateTime",),
)  # fmt: skip

VENDOR = Entity(
    "Vendor", (
        string("VendorID", serial("V{:06d}")), string("VendorName", text("{0} {1}")),
        string("VendorClass", choice("LOCAL", "1099")),
        string("Status", choice("Active", "Hold Payments")), boolean("F1099Vendor", flag),
        decimal("Balance", amount(4)), CREATED, MODIFIED,
    ),
    collections=(Part("Attributes", ATTRIBUTE),), links=(Part("MainContact", CONTACT), Part("RemittanceContact",
            CONTACT)),
    customs=(custom("BAccount", "UsrIban", FieldKind.STRING, sometimes(serial("CH93 {:012d}"))),),
    name="Vendor", screen="AP303000", title="Vendors", keys=("VendorID",), cursors=("LastModifiedDateTime",),
)  # fmt: skip

CONTACTS = Entity(
    "Contact", (
        integer("ContactID", lambda spot, salt: 100_000 + spot.number), string("DisplayName", text("{0} {1}")),
        string("Email", sometimes(serial("person{:d}@example.com"))), boolean("Active", flag),
        boolean("DoNotCall", flag),
        instant("DateOfBirth", sometimes(day, 2)), MODIFIED, NOTE_ID,
    ),
    collections=(Part("Attributes", ATTRIBUTE),), links=(Part("Address", ADDRESS),),
    name="Contact", screen="CR302000", title="Contacts", keys=("ContactID",), cursors=("LastModifiedDateTime",),
)  # fmt: skip

STOCK_ITEM = Entity(
    "StockItem", (
        string("InventoryID", serial("AAITEM{:07d}")), string("Description", text("{0} Größe {1}")),
        string("ItemClass", choice("AALL", "A/C")),
        string("ItemStatus", choice("Active", "No Purchases")), decimal("DefaultPrice", amount()),
        decimal("LastCost", long_decimal),
        decimal("Weight", sometimes(amount())), boolean("IsAKit", flag), string("BaseUOM", choice("EA", "KG")),
        Field("CountryOfOrigin", FieldKind.STRING, sometimes(choice("DE", "CN")), since="23.200.001"),
        instant("LastModified", modified), MODIFIED, NOTE_ID,
    ),
    collections=(
        Part("Attributes", ATTRIBUTE),
        Part("WarehouseDetails", Shape("StockItemWarehouseDetail", (
            string("WarehouseID", serial("WH{:02d}")), decimal("QtyOnHand", amount()),
            boolean("IsDefault", flag),
        ))),
        Part("UOMConversions", Shape("InventoryItemUOMConversion", (
            string("FromUOM", serial("BOX{:02d}")), string("ToUOM", choice("EA")),
            decimal("ConversionFactor", amount(6, 100)),
        ))),
    ),
    customs=(custom("ItemSettings", "UsrColour", FieldKind.STRING, sometimes(choice("rot", "grün"))),
        group_mask("Item")),
    name="StockItem", screen="IN202500", title="Stock Items", keys=("InventoryID",),
    cursors=("LastModified", "LastModifiedDateTime"),
)  # fmt: skip

ITEM_CLASS = Entity(
    "ItemClass", (
        string("ClassID", listed("AALL", "A/C", "BÄCKEREI", "ELEC PARTS", "SERVICE", "zubehör")),
        string("Description", text("{0}")),
        boolean("StockItem", flag), MODIFIED,
    ),
    collections=(Part("Attributes", ATTRIBUTE),),
    name="ItemClass", screen="IN201000", title="Item Classes", keys=("ClassID",),
    cursors=("LastModifiedDateTime",), small=6,
)  # fmt: skip

ACCOUNT = Entity(
    "Account", (
        string("AccountCD", lambda spot, salt: str(10_000 + spot.number * 10)),
        string("Description", text("{0}")),
        string("Type", choice("Asset", "Liability", "Income", "Expense")), boolean("Active", flag),
        integer("AccountID", line_number),
        Field("Secured", FieldKind.BOOLEAN, flag, served=False), CREATED, MODIFIED,
    ),
    customs=(group_mask("AccountRecords"),),
    name="Account", screen="GL202500", title="Chart of Accounts", keys=("AccountCD",),
    cursors=("LastModifiedDateTime",), small=40,
)  # fmt: skip

SUBACCOUNT = Entity(
    "Subaccount", (
        string("SubaccountCD", lambda spot, salt: f"000-{spot.number:03d}"),
        string("Description", sometimes(text("{0}"))),
        boolean("Active", flag), integer("SubaccountID", line_number),
    ),
    name="Subaccount", screen="GL203000", title="Subaccounts", keys=("SubaccountCD",), small=25,
)  # fmt: skip

SHIP_VIA = Entity(
    "ShipVia", (string("CarrierID", listed("DHL", "UPS", "POST")), string("Description", text("{0}")),
        string("CalculationMethod", choice("Per Unit"))),
    collections=(Part("FreightRates", Shape("ShipViaFreightRate", (
        integer("LineNbr", line_number), decimal("Rate", amount()),
        string("ZoneID", sometimes(choice("NORTH", "SOUTH"))),
    ))),),
    name="ShipVia", screen="CS207500", title="Ship via Codes", keys=("CarrierID",), small=3,
)  # fmt: skip

VENDOR_CLASS = Entity(
    "VendorClass", (
        string("ClassID", listed("1099", "LOCAL", "OVERSEAS", "STAFF")), string("Description", text("{0}")),
        string("Terms", choice("30D", "7D")), CREATED, MODIFIED,
    ),
    collections=(Part("Attributes", ATTRIBUTE),),
    name="VendorClass", screen="AP201000", title="Vendor Classes", keys=("ClassID",),
    cursors=("LastModifiedDateTime",), small=4,
    limits=Limits(delegate_view="Features"),
)  # fmt: skip

CURRENCY = Entity(
    "Currency", (
        string("CurrencyID", listed("CHF", "EUR", "GBP", "USD", "JPY")), string("Description", text("{0}")),
        string("CurrencySymbol", choice("$", "€", "¥", None)),
        short("DecimalPrecision", choice(0, 2)), boolean("Active", flag),
        string("RealGainAcctID", choice("49000", "49100")),
        string("RealLossAcctID", choice("69000")), CREATED, MODIFIED,
    ),
    name="Currency", screen="CM202000", title="Currencies", keys=("CurrencyID",),
    cursors=("LastModifiedDateTime",), small=5,
    limits=Limits(delegate_fields={"RealGainAcctID": "CuryRecords", "RealLossAcctID": "CuryRecords"}),
)  # fmt: skip

EMPLOYEE = Entity(
    "Employee", (string("EmployeeID", serial("EP{:08d}")), string("Status", choice("Active")), MODIFIED),
    name="Employee", screen="EP203000", title="Employees", keys=("EmployeeID",),
    cursors=("LastModifiedDateTime",), limits=Limits(forbidden=True),
)  # fmt: skip

PAY_GROUP = Entity(
    "PayGroup", (string("PayGroupID", serial("PG{:02d}")), string("Description", text("{0}")), MODIFIED),
    name="PayGroup", screen="PR205000", title="Pay Groups", keys=("PayGroupID",),
    cursors=("LastModifiedDateTime",), small=2,
    limits=Limits(setup_missing="Payroll Preferences"),
)  # fmt: skip

# ---------------------------------------------------------------------------------------------- documents

SALES_ORDER = Entity(
    "SalesOrder", (
        string("OrderType", block("QT", "RC", "SO", "SO", "SO", "SO", "SO", "TR")),
        string("OrderNbr", serial("{:06d}")),
        string("CustomerID", refer("C{:06d}")), string("Description", sometimes(text("{0}: Auftrag {1}"))),
        boolean("Hold", flag),
        string("Status", choice("Open", "Completed", "On Hold", "Back Order")), decimal("OrderTotal", amount()),
        decimal("OrderedQty", amount()),
        decimal("CurrencyRate", long_decimal), string("CurrencyID", choice("USD", "EUR")), instant("Date", day),
        instant("RequestedOn", sometimes(day)),
        string("ExternalRef", sometimes(serial("PO-{:d}"))), instant("CreatedDate", created),
        instant("LastModified", modified), NOTE_ID,
    ),
    collections=(
        Part("Details", Shape("SalesOrderDetail", (
            integer("LineNbr", line_number), string("InventoryID", refer("AAITEM{:07d}")),
            string("LineDescription", sometimes(text("{0}"))),
            decimal("OrderQty", amount(6, 100)), decimal("UnitPrice", amount()),
            decimal("UnbilledAmount", long_decimal), boolean("FreeItem", flag),
            string("WarehouseID", choice("WHOLESALE", "RETAIL", None)), instant("ShipOn", sometimes(day)),
            unique("NoteIDOfSource", sometimes(guid, 2)),
        ), customs=(
            custom("Transactions", "UsrEngraving", FieldKind.STRING, sometimes(text("für {0}"))),
            custom("Transactions", "UsrPromised", FieldKind.DATE_TIME, sometimes(day)),
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
        custom("Document", "AttributeCHANNEL", FieldKind.STRING, sometimes(choice("Web", "Telefon"), 2)),
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
        string("Type", block("Credit Memo", "Debit Memo", "Invoice", "Invoice", "Invoice")),
        string("ReferenceNbr", serial("AR{:06d}")),
        string("Customer", refer("C{:06d}")), string("Description", sometimes(text("{0}"))),
        string("Status", choice("Open", "Closed", "Balanced")),
        decimal("Amount", amount()), decimal("Balance", amount()), instant("Date", day),
        instant("DueDate", sometimes(day)), string("PostPeriod", choice("012025", "022025")),
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
        string("Type", block("Bill", "Bill", "Bill", "Credit Adj.", "Debit Adj.")),
        string("ReferenceNbr", serial("AP{:06d}")), string("Vendor", refer("V{:06d}")),
        string("VendorRef", sometimes(serial("RE-{:d}/24"))), decimal("Amount", amount()),
        decimal("Balance", amount()), instant("Date", day),
        string("Status", choice("Open", "Closed")), MODIFIED,
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
        string("Type", block("Credit Memo", "Payment", "Payment", "Prepayment", "Refund")),
        string("ReferenceNbr", serial("{:06d}")), string("CustomerID", refer("C{:06d}")),
        decimal("PaymentAmount", amount()), instant("ApplicationDate", day),
        string("Status", choice("Open", "Closed", "Voided")), boolean("Hold", flag), MODIFIED, NOTE_ID,
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
        string("LedgerID", choice("ACTUAL", "STAT")),
        string("BranchID", choice("HEAD", "WEST")), string("PostPeriod", choice("012025", "022025", "032025")),
        instant("TransactionDate", day),
        decimal("ControlTotal", long_decimal), string("Status", choice("Posted", "Unposted")),
        string("Description", sometimes(text("{0}"))), CREATED, MODIFIED,
    ),
    collections=(Part("Details", Shape("JournalTransactionDetail", (
        integer("LineNbr", line_number), string("Account", choice("10000", "10100", "40000")),
        string("Subaccount", choice("000-000", "000-001")),
        decimal("DebitAmount", amount(4)), decimal("CreditAmount", amount(4)),
        string("Description", sometimes(text("{0}"))), boolean("NonBillable", flag),
    ), customs=(custom("GLTranModuleBatNbr", "UsrVoucher", FieldKind.STRING, sometimes(serial("B{:d}"))),))),),
    name="JournalTransaction", screen="GL301000", title="Journal Transactions", keys=("Module", "BatchNbr"),
    cursors=("LastModifiedDateTime",),
)  # fmt: skip

SHIPMENT = Entity(
    "Shipment", (
        string("ShipmentNbr", serial("{:06d}")), string("CustomerID", refer("C{:06d}")),
        string("Type", choice("Shipment", "Transfer")), instant("ShipmentDate", day),
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

# ---------------------------------------------------------------------------------------------- inquiry forms

ACCOUNT_SUMMARY = Entity(
    "AccountSummaryInquiry", (string("Period", nothing), string("Ledger", nothing), string("Branch", nothing),
        string("Subaccount", nothing)),
    collections=(Part("Results", Shape("AccountSummaryRow", (
        string("Account", nothing), string("Description", nothing), string("Type", nothing),
        string("Branch", choice("HEAD")), string("LastActivity", choice("012025", "022025")),
        decimal("BeginningBalance", amount(4)), decimal("EndingBalance", amount(4)),
    ))),),
    name="AccountSummaryInquiry", screen="GL401000", title="Account Summary", small=1, stable_id=False,
    inquiry=Inquiry("Results", ("Period", "Ledger"), True, "Account", {"Account": "AccountCD",
            "Description": "Description", "Type": "Type"}),
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

# ---------------------------------------------------------------------------------------------- other endpoints

MATERIAL = Shape("MaterialDetail", (
    integer("LineNbr", line_number), string("InventoryID", refer("AAITEM{:07d}")),
    decimal("QtyRequired", amount()), decimal("UnitCost", amount()),
    string("MaterialType", choice("Regular", "Phantom")), boolean("Backflush", flag),
    instant("EffectiveDate", sometimes(day)),
))  # fmt: skip
BILL_OF_MATERIAL = Entity(
    "BillOfMaterial", (
        string("BOMID", serial("BOM{:07d}")), string("Revision", choice("A")),
        string("InventoryID", refer("AAITEM{:07d}")), string("Description", sometimes(text("{0}"))),
        boolean("Hold", flag), string("Status", choice("Active", "Archived")), instant("EffStartDate", day),
        instant("EffEndDate", sometimes(day)),
    ),
    collections=(Part("Operations", Shape("OperationDetail", (
        string("BOMID", inherited("BOMID")), string("Revision", inherited("Revision")),
        string("OperationNbr", lambda spot, salt: f"{(spot.number + 1) * 10:04d}"),
        string("WorkCenter", choice("WC10", "WC20")), integer("SetupTime", whole(0, 90)),
        decimal("RunUnits", amount(4)),
    ), collections=(Part("Material", MATERIAL), Part("Steps", Shape("StepDetail", (integer("LineNbr",
                    line_number), string("Description", text("{0}")))))))),),
    name="BillOfMaterial", screen="AM208000", title="Bill of Material", keys=("BOMID", "Revision"),
    limits=Limits(delegate_expands={"Operations/Material": "BomMatlRecords",
            "Operations/Steps": "BomStepRecords"}),
)  # fmt: skip
PRODUCTION_ORDER = Entity(
    "ProductionOrder", (
        string("OrderType", block("PL", "RO", "RO")), string("ProductionNbr", serial("AM{:06d}")),
        string("InventoryID", refer("AAITEM{:07d}")), string("Status", choice("Planned", "Released")),
        decimal("QtytoProduce", amount()), short("DispatchPriority", whole(1, 10)), instant("StartDate", day),
        instant("EndDate", sometimes(day)),
    ),
    collections=(Part("EventHistory", Shape("EventHistoryDetail", (
        integer("EventLineNumber", line_number), string("OrderType", inherited("OrderType")),
        string("ProductionNbr", inherited("ProductionNbr")), string("Description", text("{0}")),
    ))),),
    links=(Part("OrderTotals", Shape("ProductionOrderTotals", (decimal("PlanTotal", amount()),
                    decimal("VarianceTotal", sometimes(amount()))))),),
    name="ProductionOrder", screen="AM201500", title="Production Order Maintenance",
    keys=("OrderType", "ProductionNbr"),
)  # fmt: skip
WORK_CENTER = Entity(
    "WorkCenter", (string("WorkCenterID", serial("WC{:02d}0")), string("Description", text("{0}")),
        decimal("StandardCost", amount(4)), boolean("Active", flag)),
    collections=(Part("Shifts", Shape("ShiftDetail", (string("Shift", serial("{:04d}")), string("Description",
                        sometimes(text("{0}"))))),),),
    name="WorkCenter", screen="AM207000", title="Work Centers", keys=("WorkCenterID",), small=3,
)  # fmt: skip

EQUIPMENT = Entity(
    "Equipment", (
        string("SerialNbr", serial("EQ-{:05d}")), string("Model", text("{0}")), decimal("Hours", long_decimal),
        instant("LastModifiedOn", modified), NOTE_ID,
    ),
    collections=(Part("Readings", Shape("EquipmentReading", (instant("ReadAt", modified), decimal("Reading",
                        amount())))),),
    name="Equipment", screen="FB301000", title="Fabrikam Equipment", keys=("SerialNbr",),
    cursors=("LastModifiedOn",),
)  # fmt: skip
OPEN_ITEMS = Entity(
    "OpenItems", (string("Customer", refer("C{:06d}")), decimal("Balance", amount()), instant("DueDate",
            sometimes(day)), string("Comment", sometimes(text("{0}")))),
    name="OpenItems", screen="GI000123", title="Open Items", stable_id=False,
)  # fmt: skip

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
