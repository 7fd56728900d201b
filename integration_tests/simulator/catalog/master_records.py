"""Master records of the endpoint `Default`: customers, items, accounts, and the classes and codes they refer to."""

from __future__ import annotations

from integration_tests.simulator.catalog.choices import (
    ACCOUNT_TYPE,
    CUSTOMER_STATUS,
    DAYS,
    ITEM_STATUS,
    STATEMENT_TYPE,
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
    group_mask,
    integer,
    short,
    string,
    unique,
)
from integration_tests.simulator.catalog.parts import ADDRESS, ATTRIBUTE, CONTACT
from integration_tests.simulator.store.recipes import (
    amount,
    block,
    choice,
    day,
    flag,
    guid,
    line_number,
    listed,
    long_decimal,
    modified,
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

CUSTOMER = Entity(
    "Customer", (
        string("CustomerID", serial("C{:06d}")), string("CustomerName", text("{0} {1}")),
        string("CustomerClass", choice("LOCAL", "INTL", "KEY")),
        chosen("Status", choice("Active", "On Hold", "Inactive"), CUSTOMER_STATUS),
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
                "Balance Brought Forward"), STATEMENT_TYPE),
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
        Field("LegalName", FieldKind.STRING, sometimes(text("{0}")), since="26.200.001"),
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
        dated("DateOfBirth", sometimes(day, 2)), MODIFIED, NOTE_ID,
    ),
    collections=(Part("Attributes", ATTRIBUTE),), links=(Part("Address", ADDRESS),),
    name="Contact", screen="CR302000", title="Contacts", keys=("ContactID",), cursors=("LastModifiedDateTime",),
)  # fmt: skip

STOCK_ITEM = Entity(
    "StockItem", (
        string("InventoryID", serial("AAITEM{:07d}")), string("Description", text("{0} Größe {1}")),
        string("ItemClass", choice("AALL", "A/C")),
        chosen("ItemStatus", choice("Active", "No Purchases"), ITEM_STATUS), decimal("DefaultPrice", amount()),
        decimal("LastCost", long_decimal),
        decimal("Weight", sometimes(amount())), boolean("IsAKit", flag), string("BaseUOM", choice("EA", "KG")),
        Field("CountryOfOrigin", FieldKind.STRING, sometimes(choice("DE", "CN")), since="23.200.001"),
        Field("LastModified", FieldKind.DATE_TIME, modified, until="25.200.001"), MODIFIED, NOTE_ID,
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
        chosen("Type", block("Asset", "Liability", "Income", "Expense"), ACCOUNT_TYPE), boolean("Active", flag),
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

LEDGER = Entity(
    "Ledger", (
        string("LedgerID", listed("ACTUAL", "STAT")), string("Description", text("{0}")),
        string("BalanceType", lambda spot, salt: "AS"[spot.number % 2]),
    ),
    name="Ledger", screen="GL201500", title="Ledgers", keys=("LedgerID",), small=2,
)  # fmt: skip

BRANCH = Entity(
    "Branch", (string("BranchID", listed("HEAD", "WEST")), string("BranchName", text("{0}"))),
    name="Branch", screen="CS102000", title="Branches", keys=("BranchID",), small=2,
)  # fmt: skip

SHIP_VIA = Entity(
    "ShipVia", (string("CarrierID", listed("DHL", "UPS", "POST")), string("Description", text("{0}")),
        string("CalculationMethod", choice("Per Unit")),
        chosen("DeliveryDays", some_of(DAYS), DAYS, "25.200.001")),
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
