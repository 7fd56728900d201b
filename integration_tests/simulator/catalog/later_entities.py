"""Entities of the endpoint `Default` that came with its versions 25.200.001 and 26.200.001."""

from __future__ import annotations

from integration_tests.simulator.catalog.choices import DOCUMENT_STATUS, PURCHASE_TYPE, TIME_SPAN, time_span
from integration_tests.simulator.catalog.fields import (
    MODIFIED,
    boolean,
    chosen,
    dated,
    decimal,
    instant,
    string,
    unique,
)
from integration_tests.simulator.store.recipes import (
    amount,
    block,
    choice,
    day,
    flag,
    own_id,
    refer,
    serial,
    sometimes,
    text,
)
from integration_tests.simulator.store.shapes import Entity, Part, Shape

TIME_ENTRY = Entity(
    "TimeEntry", (
        unique("TimeEntryID", own_id), string("Employee", refer("EP{:08d}")), string("Summary", text("{0}")),
        instant("Date", day), chosen("TimeSpent", time_span, TIME_SPAN),
        chosen("BillableTime", sometimes(time_span), TIME_SPAN), boolean("Billable", flag), MODIFIED,
    ),
    name="TimeEntry", screen="EP307000", title="Employee Time Activities", cursors=("LastModifiedDateTime",),
    since="25.200.001",
)  # fmt: skip

CASH_PURCHASE = Entity(
    "CashPurchase", (
        chosen("Type", block("Cash Purchase", "Cash Purchase", "Voided Cash Purchase"), PURCHASE_TYPE),
        string("ReferenceNbr", serial("CP{:06d}")), string("Vendor", refer("V{:06d}")), decimal("Amount", amount()),
        chosen("Status", choice("Open", "Closed"), DOCUMENT_STATUS), dated("Date", day),
    ),
    collections=(Part("Details", Shape("CashPurchaseDetail", (
        string("InventoryID", refer("AAITEM{:07d}")), decimal("Amount", amount()),
    ))),),
    name="CashPurchase", screen="AP304000", title="Cash Purchases", keys=("Type", "ReferenceNbr"), since="26.200.001",
)  # fmt: skip

INVOICE_MEMO_PRINT_FORM = Entity(
    "InvoiceMemoPrintForm", (string("DocumentType", choice("INV")), string("ReferenceNbr", serial("AR{:06d}"))),
    name="InvoiceMemoPrintForm", screen="AR641000", title="Invoice/Memo", small=1, stable_id=False, is_report=True,
    since="26.200.001",
)  # fmt: skip
