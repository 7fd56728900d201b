"""The database tables that the site serves, as data access classes (DACs) over the records of the contract entities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from integration_tests.simulator.odata.edm import Access, Column, Edm, EntityType, Navigation, Read
from integration_tests.simulator.odata.rows import (
    coded,
    custom,
    is_deleted,
    is_posted,
    line,
    line_custom,
    line_stamp,
    note_id,
    numbered,
    of,
    own_number,
    padded,
    post_period,
    record_id,
    row_version,
    surrogate,
)


@dataclass(frozen=True)
class Dac(EntityType):
    """A table with a set of rows: the records of an entity, or the rows of a part of them (`MainContact/Address`)."""

    entity: str = ""
    part: str = ""
    caption: str = ""
    soft_deletes: bool = False  # a deleted row is flagged and stays
    forbidden: bool = False  # to everybody, whatever the role
    has_balances: bool = False  # rows of the ledger, which belong to no entity

    @property
    def aliases(self) -> tuple[str, str, str]:
        """Every set is served under three names."""
        return f"{self.namespace}.{self.name}".replace(".", "_"), self.caption.replace(" ", "_"), self.name


def _maker(edm: Edm) -> Callable[[str, Read], Column]:
    return lambda name, read: Column(name, edm, read)


text, decimal, boolean = _maker(Edm.STRING), _maker(Edm.DECIMAL), _maker(Edm.BOOLEAN)
instant, integer, short, long, unique = (
    _maker(edm) for edm in (Edm.DATE_TIME, Edm.INT32, Edm.INT16, Edm.INT64, Edm.GUID)
)
TAIL = (unique("NoteID", note_id), Column("Tstamp", Edm.BINARY, row_version))
LINE_TAIL = (instant("LastModifiedDateTime", line_stamp), *TAIL)
UNBOUND = Column("Selected", Edm.BOOLEAN, lambda row: False, Access.RESTRICTED)
DELETED = Column("DeletedDatabaseRecord", Edm.BOOLEAN, is_deleted, Access.ON_REQUEST)


def audit(created: str = "CreatedDateTime", modified: str = "LastModifiedDateTime") -> tuple[Column, ...]:
    columns = (instant("LastModifiedDateTime", of(modified)), *TAIL)
    return (instant("CreatedDateTime", of(created)), *columns) if created else columns


def _one(name: str, target: str, **on: str) -> Navigation:
    return Navigation(name, target, on, many=False)


def _many(name: str, target: str, *keys: str) -> Navigation:
    return Navigation(name, target, {key: key for key in keys}, many=True)


ORDER_STATUS = {"Open": "N", "Completed": "C", "On Hold": "H", "Back Order": "B"}
INVOICE_TYPE = {"Invoice": "INV", "Credit Memo": "CRM", "Debit Memo": "DRM"}
PAYMENT_TYPE = {"Payment": "PMT", "Credit Memo": "CRM", "Prepayment": "PPM", "Refund": "REF"}
DOCUMENT_STATUS = {"Open": "N", "Closed": "C", "Balanced": "B", "Voided": "V"}
ACCOUNT_STATUS = {"Active": "A", "On Hold": "H", "Inactive": "I", "Hold Payments": "P"}
ITEM_STATUS = {"Active": "AC", "No Purchases": "NP"}
BATCH_STATUS = {"Posted": "P", "Unposted": "U"}
SHIPMENT = {"Shipment": "I", "Transfer": "T", "Open": "N", "Confirmed": "F"}
CUSTOMER_LINK = _one("CustomerByCustomerID", "Customer", CustomerID="BAccountID")
ITEM_LINK = _one("InventoryItemByInventoryID", "InventoryItem", InventoryID="InventoryID")
ACCOUNT_LINK = _one("AccountByAccountID", "Account", AccountID="AccountID")
LEDGER_LINK = _one("LedgerByLedgerID", "Ledger", LedgerID="LedgerID")
BRANCH_LINK = _one("BranchByBranchID", "Branch", BranchID="BranchID")
BALANCES: Mapping[str, Read] = {
    "BegBalance": lambda row: row.begin,
    "PtdDebit": lambda row: row.debit,
    "PtdCredit": lambda row: row.credit,
    "YtdBalance": lambda row: row.end,
}
BILL_ADDRESS_ID, SHIP_ADDRESS_ID, BILL_CONTACT_ID, MAIN_ADDRESS_ID = map(numbered, (200_001, 400_001, 1, 600_001))

# ------------------------------------------------------------------------------------------- base types without sets

BACCOUNT = EntityType("PX.Objects.CR", "BAccount", ("AcctCD",), (
    text("AcctCD", of("CustomerID")), integer("BAccountID", own_number), text("AcctName", of("CustomerName")),
))  # fmt: skip
REGISTER = EntityType("PX.Objects.AR", "ARRegister", ("DocType", "RefNbr"), (
    text("DocType", coded(of("Type"), INVOICE_TYPE)), text("RefNbr", of("ReferenceNbr")),
    integer("CustomerID", surrogate("Customer", of("Customer"))), text("Status", coded(of("Status"), DOCUMENT_STATUS)),
    boolean("Hold", of("Hold")),
))  # fmt: skip
SO_ADDRESS = EntityType("PX.Objects.SO", "SOAddress", ("AddressID",), (
    integer("AddressID", BILL_ADDRESS_ID), text("AddressLine1", line("AddressLine1")), text("City", line("City")),
    text("CountryID", line("Country")), text("PostalCode", line("PostalCode")), *LINE_TAIL,
))  # fmt: skip

# ------------------------------------------------------------------------------------------------------ master records

CUSTOMER = Dac(
    "PX.Objects.AR", "Customer", (), (
        text("AcctCD", padded(of("CustomerID"), 10)), text("CustomerClassID", of("CustomerClass")),
        text("Status", coded(of("Status"), ACCOUNT_STATUS)), text("CuryID", of("CurrencyID")),
        decimal("CreditLimit", of("CreditLimit")), short("CreditDaysPastDue", of("CreditDaysPastDue")),
        text("LegalName", of("LegalName")), text("UsrRegion", custom("BAccount.UsrRegion")),
        decimal("UsrScore", custom("CurrentCustomer.UsrScore")),
        text("AttributeINDUSTRY", custom("CurrentCustomer.AttributeINDUSTRY")),
        integer("DefAddressID", MAIN_ADDRESS_ID),
        Column("GroupMask", Edm.BINARY, lambda row: None, Access.RESTRICTED), DELETED, *audit(),
    ),
    (_one("AddressByDefAddressID", "Address", DefAddressID="AddressID"),
     Navigation("CSAnswersCollection", "CSAnswers", {"NoteID": "RefNoteID"}, many=True)),
    base=BACCOUNT, entity="Customer", caption="Customers", soft_deletes=True,
)  # fmt: skip
ADDRESS = Dac(
    "PX.Objects.CR", "Address", ("AddressID",), (
        integer("AddressID", MAIN_ADDRESS_ID), text("AddressLine1", line("AddressLine1")), text("City", line("City")),
        text("CountryID", line("Country")), text("PostalCode", line("PostalCode")), *LINE_TAIL,
    ),
    entity="Customer", part="MainContact/Address", caption="Account Address",
)  # fmt: skip
CS_ANSWERS = Dac(
    "PX.Objects.CS", "CSAnswers", ("RefNoteID", "AttributeID"), (
        unique("RefNoteID", record_id), text("AttributeID", line("AttributeID")), text("Value", line("Value")),
        *LINE_TAIL,
    ),
    entity="Customer", part="Attributes", caption="Attribute Values",
)  # fmt: skip
VENDOR = Dac(
    "PX.Objects.AP", "Vendor", (), (
        text("AcctCD", padded(of("VendorID"), 10)), text("AcctName", of("VendorName")),
        text("VendorClassID", of("VendorClass")), text("VStatus", coded(of("Status"), ACCOUNT_STATUS)),
        boolean("Vendor1099", of("F1099Vendor")), text("UsrIban", custom("BAccount.UsrIban")), *audit(),
    ),
    base=BACCOUNT, entity="Vendor", caption="Vendors",
)  # fmt: skip
VENDOR_R = Dac("PX.Objects.AP", "VendorR", (), (), base=VENDOR, entity="Vendor", caption="Vendor Lookup")
CONTACT = Dac(
    "PX.Objects.CR", "Contact", ("ContactID",), (
        integer("ContactID", of("ContactID")), text("DisplayName", of("DisplayName")), text("EMail", of("Email")),
        boolean("IsActive", of("Active")), instant("DateOfBirth", of("DateOfBirth")), *audit(created=""),
    ),
    entity="Contact", caption="Contacts",
)  # fmt: skip
INVENTORY_ITEM = Dac(
    "PX.Objects.IN", "InventoryItem", ("InventoryCD",), (
        text("InventoryCD", padded(of("InventoryID"), 30)), integer("InventoryID", own_number),
        text("Descr", of("Description")), text("ItemStatus", coded(of("ItemStatus"), ITEM_STATUS)),
        text("BaseUnit", of("BaseUOM")), decimal("BasePrice", of("DefaultPrice")),
        decimal("BaseItemWeight", of("Weight")), boolean("KitItem", of("IsAKit")),
        text("UsrColour", custom("ItemSettings.UsrColour")), UNBOUND, *audit(created=""),
    ),
    entity="StockItem", caption="Inventory Item",
)  # fmt: skip
ACCOUNT = Dac(
    "PX.Objects.GL", "Account", ("AccountCD",), (
        text("AccountCD", of("AccountCD")), integer("AccountID", own_number), text("Description", of("Description")),
        text("Type", coded(of("Type"), {"Asset": "A", "Liability": "L", "Income": "I", "Expense": "E"})),
        boolean("Active", of("Active")), *audit(),
    ),
    entity="Account", caption="GL Account",
)  # fmt: skip
SUB = Dac(
    "PX.Objects.GL", "Sub", ("SubCD",), (
        text("SubCD", of("SubaccountCD")), integer("SubID", of("SubaccountID")), text("Description", of("Description")),
        boolean("Active", of("Active")), *TAIL,
    ),
    entity="Subaccount", caption="Subaccount",
)  # fmt: skip
USERS = Dac(
    "PX.SM", "Users", ("Username",), (text("Username", of("EmployeeID")), *TAIL), entity="Employee", caption="User",
    forbidden=True,
)  # fmt: skip

# -------------------------------------------------------------------------------------------- documents and their lines

SO_ORDER = Dac(
    "PX.Objects.SO", "SOOrder", ("OrderType", "OrderNbr"), (
        text("OrderType", of("OrderType")), text("OrderNbr", of("OrderNbr")),
        integer("CustomerID", surrogate("Customer", of("CustomerID"))), text("OrderDesc", of("Description")),
        boolean("Hold", of("Hold")), text("Status", coded(of("Status"), ORDER_STATUS)),
        decimal("CuryOrderTotal", of("OrderTotal")), decimal("OrderQty", of("OrderedQty")),
        text("CuryID", of("CurrencyID")), instant("OrderDate", of("Date")), instant("RequestDate", of("RequestedOn")),
        text("CustomerOrderNbr", of("ExternalRef")), text("AttributeCHANNEL", custom("Document.AttributeCHANNEL")),
        integer("UsrPriority", custom("Document.UsrPriority")),
        instant("UsrDeliveredOn", custom("Document.UsrDeliveredOn")),
        boolean("UsrInsured", custom("CurrentDocument.UsrInsured")), UNBOUND,
        integer("BillAddressID", BILL_ADDRESS_ID), integer("ShipAddressID", SHIP_ADDRESS_ID),
        integer("BillContactID", BILL_CONTACT_ID),
        *audit("CreatedDate", "LastModified"),
    ),
    (CUSTOMER_LINK, _many("SOLineCollection", "SOLine", "OrderType", "OrderNbr"),
     _many("SOTaxTranCollection", "SOTaxTran", "OrderType", "OrderNbr"),
     _one("SOBillingAddressByBillAddressID", "SOBillingAddress", BillAddressID="AddressID"),
     _one("SOShippingAddressByShipAddressID", "SOShippingAddress", ShipAddressID="AddressID"),
     _one("SOBillingContactByBillContactID", "SOBillingContact", BillContactID="ContactID")),
    entity="SalesOrder", caption="Sales Order",
)  # fmt: skip
SO_BILLING_ADDRESS = Dac(
    "PX.Objects.SO", "SOBillingAddress", (), (integer("AddressID", BILL_ADDRESS_ID),), base=SO_ADDRESS,
    entity="SalesOrder", part="BillToAddress", caption="SO Billing Address",
)  # fmt: skip
SO_SHIPPING_ADDRESS = Dac(
    "PX.Objects.SO", "SOShippingAddress", (), (integer("AddressID", SHIP_ADDRESS_ID),), base=SO_ADDRESS,
    entity="SalesOrder", part="ShipToAddress", caption="SO Shipping Address",
)  # fmt: skip
SO_BILLING_CONTACT = Dac(
    "PX.Objects.SO", "SOBillingContact", ("ContactID",), (
        integer("ContactID", BILL_CONTACT_ID), text("FullName", line("BusinessName")), text("Email", line("Email")),
        text("Attention", line("Attention")), text("Phone1", line("Phone1")), *LINE_TAIL,
    ),
    entity="SalesOrder", part="BillToContact", caption="SO Billing Contact",
)  # fmt: skip
SO_TAX_TRAN = Dac(
    "PX.Objects.SO", "SOTaxTran", ("OrderType", "OrderNbr", "LineNbr", "TaxID"), (
        text("OrderType", of("OrderType")), text("OrderNbr", of("OrderNbr")), integer("LineNbr", line("LineNbr")),
        text("TaxID", line("TaxID")), decimal("TaxRate", line("TaxRate")), decimal("CuryTaxAmt", line("TaxAmount")),
        *LINE_TAIL,
    ),
    entity="SalesOrder", part="TaxDetails", caption="SO Tax Details",
)  # fmt: skip
SO_LINE = Dac(
    "PX.Objects.SO", "SOLine", ("OrderType", "OrderNbr", "LineNbr"), (
        text("OrderType", of("OrderType")), text("OrderNbr", of("OrderNbr")), integer("LineNbr", line("LineNbr")),
        integer("InventoryID", surrogate("StockItem", line("InventoryID"))), text("TranDesc", line("LineDescription")),
        decimal("OrderQty", line("OrderQty")), decimal("CuryUnitPrice", line("UnitPrice")),
        decimal("CuryUnbilledAmt", line("UnbilledAmount")), boolean("IsFree", line("FreeItem")),
        instant("ShipDate", line("ShipOn")), text("UsrEngraving", line_custom("Transactions.UsrEngraving")),
        instant("UsrPromised", line_custom("Transactions.UsrPromised")), *LINE_TAIL,
    ),
    (ITEM_LINK, _one("SOOrderByOrderNbr", "SOOrder", OrderType="OrderType", OrderNbr="OrderNbr")),
    entity="SalesOrder", part="Details", caption="SO Line",
)  # fmt: skip
AR_INVOICE = Dac(
    "PX.Objects.AR", "ARInvoice", (), (
        text("DocDesc", of("Description")), decimal("CuryOrigDocAmt", of("Amount")),
        decimal("CuryDocBal", of("Balance")), instant("DocDate", of("Date")), instant("DueDate", of("DueDate")),
        text("FinPeriodID", of("PostPeriod")), integer("UsrDunningLevel", custom("Document.UsrDunningLevel")), *audit(),
    ),
    (CUSTOMER_LINK, Navigation("ARTranCollection", "ARTran", {"DocType": "TranType", "RefNbr": "RefNbr"}, many=True)),
    base=REGISTER, entity="Invoice", caption="AR Invoice",
)  # fmt: skip
AR_TRAN = Dac(
    "PX.Objects.AR", "ARTran", ("TranType", "RefNbr", "LineNbr"), (
        text("TranType", coded(of("Type"), INVOICE_TYPE)), text("RefNbr", of("ReferenceNbr")),
        integer("LineNbr", line("LineNbr")), integer("InventoryID", surrogate("StockItem", line("InventoryID"))),
        text("TranDesc", line("TransactionDescription")), decimal("CuryTranAmt", line("Amount")),
        decimal("Qty", line("Qty")), text("UsrCostObject", line_custom("Transactions.UsrCostObject")), *LINE_TAIL,
    ),
    (ITEM_LINK,), entity="Invoice", part="Details", caption="AR Transactions",
)  # fmt: skip
AR_PAYMENT = Dac(
    "PX.Objects.AR", "ARPayment", (), (
        text("DocType", coded(of("Type"), PAYMENT_TYPE)),
        integer("CustomerID", surrogate("Customer", of("CustomerID"))), decimal("CuryOrigDocAmt", of("PaymentAmount")),
        instant("AdjDate", of("ApplicationDate")), *audit(created=""),
    ),
    (CUSTOMER_LINK,), base=REGISTER, entity="Payment", caption="AR Payment",
)  # fmt: skip
POSTING = (
    integer("LedgerID", surrogate("Ledger", of("LedgerID"))), integer("BranchID", surrogate("Branch", of("BranchID"))),
    text("FinPeriodID", post_period), text("TranPeriodID", post_period), boolean("Released", is_posted),
    boolean("Posted", is_posted),
)  # fmt: skip
BATCH = Dac(
    "PX.Objects.GL", "Batch", ("Module", "BatchNbr"), (
        text("Module", of("Module")), text("BatchNbr", of("BatchNbr")),
        *POSTING, instant("DateEntered", of("TransactionDate")), decimal("CuryControlTotal", of("ControlTotal")),
        text("Status", coded(of("Status"), BATCH_STATUS)), text("Description", of("Description")), *audit(),
    ),
    (_many("GLTranCollection", "GLTran", "Module", "BatchNbr"),), entity="JournalTransaction", caption="GL Batch",
)  # fmt: skip
GL_TRAN = Dac(
    "PX.Objects.GL", "GLTran", ("Module", "BatchNbr", "LineNbr"), (
        text("Module", of("Module")), text("BatchNbr", of("BatchNbr")), integer("LineNbr", line("LineNbr")),
        *POSTING, integer("AccountID", surrogate("Account", line("Account"))),
        integer("SubID", surrogate("Subaccount", line("Subaccount"))),
        decimal("DebitAmt", line("DebitAmount")), decimal("CreditAmt", line("CreditAmount")),
        decimal("CuryDebitAmt", line("DebitAmount")), decimal("CuryCreditAmt", line("CreditAmount")),
        text("TranDesc", line("Description")),
        text("UsrVoucher", line_custom("GLTranModuleBatNbr.UsrVoucher")), *LINE_TAIL,
    ),
    (ACCOUNT_LINK, LEDGER_LINK, BRANCH_LINK,
     _one("BatchByBatchNbr", "Batch", Module="Module", BatchNbr="BatchNbr")),
    entity="JournalTransaction", part="Details", caption="GL Transaction",
)  # fmt: skip
GL_HISTORY = Dac(
    "PX.Objects.GL", "GLHistory", ("LedgerID", "BranchID", "AccountID", "SubID", "FinPeriodID"), (
        integer("LedgerID", surrogate("Ledger", lambda row: row.ledger)),
        integer("BranchID", surrogate("Branch", lambda row: row.branch)),
        integer("AccountID", surrogate("Account", lambda row: row.account)),
        integer("SubID", surrogate("Subaccount", lambda row: row.sub)), text("FinPeriodID", lambda row: row.period),
        text("BalanceType", lambda row: row.balance_type), text("FinYear", lambda row: row.period[:4]),
        *(decimal(prefix + name, read) for prefix in ("Fin", "Tran") for name, read in BALANCES.items()),
        boolean("DetDeleted", lambda row: False), instant("LastModifiedDateTime", lambda row: row.stamp),
        Column("Tstamp", Edm.BINARY, lambda row: row.version.to_bytes(8, "big")),
    ),
    (ACCOUNT_LINK, LEDGER_LINK, BRANCH_LINK), has_balances=True, caption="GL History",
)  # fmt: skip
LEDGER = Dac(
    "PX.Objects.GL", "Ledger", ("LedgerCD",), (
        text("LedgerCD", of("LedgerID")), integer("LedgerID", own_number), text("Descr", of("Description")),
        text("BalanceType", of("BalanceType")), *TAIL,
    ),
    entity="Ledger", caption="General Ledger",
)  # fmt: skip
BRANCH = Dac(
    "PX.Objects.GL", "Branch", ("BranchCD",), (
        text("BranchCD", of("BranchID")), integer("BranchID", own_number), text("AcctName", of("BranchName")), *TAIL,
    ),
    entity="Branch", caption="Company Branch",
)  # fmt: skip
SO_SHIPMENT = Dac(
    "PX.Objects.SO", "SOShipment", ("ShipmentNbr",), (
        text("ShipmentNbr", of("ShipmentNbr")), integer("CustomerID", surrogate("Customer", of("CustomerID"))),
        text("ShipmentType", coded(of("Type"), SHIPMENT)), instant("ShipDate", of("ShipmentDate")),
        decimal("ShipmentQty", of("ShippedQty")), text("Status", coded(of("Status"), SHIPMENT)), *audit(),
    ),
    (CUSTOMER_LINK, _many("SOShipLineCollection", "SOShipLine", "ShipmentNbr")),
    entity="Shipment", caption="Shipment",
)  # fmt: skip
SO_SHIP_LINE = Dac(
    "PX.Objects.SO", "SOShipLine", ("ShipmentNbr", "LineNbr"), (
        text("ShipmentNbr", of("ShipmentNbr")), integer("LineNbr", line("LineNbr")),
        integer("InventoryID", surrogate("StockItem", line("InventoryID"))),
        decimal("ShippedQty", line("ShippedQty")), *LINE_TAIL,
    ),
    (ITEM_LINK,), entity="Shipment", part="Details", caption="Shipment Line",
)  # fmt: skip

DACS = (
    CUSTOMER, VENDOR, VENDOR_R, CONTACT, INVENTORY_ITEM, ACCOUNT, SUB, USERS, SO_ORDER, SO_LINE, AR_INVOICE, AR_TRAN,
    AR_PAYMENT, BATCH, GL_TRAN, SO_SHIPMENT, SO_SHIP_LINE, ADDRESS, CS_ANSWERS, SO_BILLING_ADDRESS,
    SO_SHIPPING_ADDRESS, SO_BILLING_CONTACT, SO_TAX_TRAN, GL_HISTORY, LEDGER, BRANCH,
)  # fmt: skip
BASE_TYPES = (BACCOUNT, REGISTER, SO_ADDRESS)
# Tables of preferences have one row and no key: they are served as singletons.
SINGLETONS = (
    EntityType("PX.Objects.SO", "SOSetup", (), (
        text("DefaultOrderType", lambda row: "SO"), boolean("HoldShipments", lambda row: False),
    )),
    EntityType("PX.Objects.GL", "GLSetup", (), (
        text("RetEarnAccount", lambda row: "33000"), short("PerRetainTran", lambda row: 99),
    )),
)  # fmt: skip
DAC_BY_NAME: Mapping[str, Dac] = {each.name: each for each in DACS}
DAC_BY_ALIAS: Mapping[str, Dac] = {alias: each for each in DACS for alias in each.aliases}
assert len(DAC_BY_ALIAS) == 3 * len(DACS), "two tables share an alias"
