"""The lists that fields of the catalog choose from, each with its ids and labels."""

from __future__ import annotations

from integration_tests.simulator.store.choices import Choices, joined
from integration_tests.simulator.store.spots import Recipe, Spot

ORDER_STATUS = Choices({"N": "Open", "C": "Completed", "H": "On Hold", "B": "Back Order"})
INVOICE_TYPE = Choices({"CRM": "Credit Memo", "DRM": "Debit Memo", "INV": "Invoice"})
BILL_TYPE = Choices({"INV": "Bill", "ACR": "Credit Adj.", "ADR": "Debit Adj."})
PAYMENT_TYPE = Choices({"CRM": "Credit Memo", "PMT": "Payment", "PPM": "Prepayment", "REF": "Refund"})
PURCHASE_TYPE = Choices({"QCK": "Cash Purchase", "VQC": "Voided Cash Purchase"})
DOCUMENT_STATUS = Choices({"N": "Open", "C": "Closed", "B": "Balanced", "V": "Voided"})
CUSTOMER_STATUS = Choices({"A": "Active", "H": "On Hold", "I": "Inactive"})
ITEM_STATUS = Choices({"AC": "Active", "NP": "No Purchases"})
SHIPMENT_TYPE = Choices({"I": "Shipment", "T": "Transfer"})
ACCOUNT_TYPE = Choices({"A": "Asset", "L": "Liability", "I": "Income", "E": "Expense"})
CHANNEL = Choices({"WEB": "Web", "TEL": "Telefon"})
STATEMENT_TYPE = Choices({"O": "Open Item", "B": "Balance Brought Forward"})
URGENCY = Choices({1: "low", 2: "normal", 3: "hoch"}, keeps_ids=True)
DAYS = Choices({"MO": "Monday", "TU": "Tuesday", "WE": "Mittwoch", "TH": "Thursday"}, is_multiple=True)
# Minutes, shown as hours and minutes.
TIME_SPAN = Choices({minutes: f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in range(24 * 60)})


def time_span(spot: Spot, salt: int) -> str:
    return TIME_SPAN.label_by_id[15 * spot.roll(salt, 40)]


def some_of(choices: Choices) -> Recipe:
    """Any number of them; none is null."""

    def make(spot: Spot, salt: int) -> str | None:
        picked = spot.roll(salt, 1 << len(choices.label_by_id))
        labels = [label for at, label in enumerate(choices.label_by_id.values()) if picked >> at & 1]
        return joined(labels) or None

    return make
