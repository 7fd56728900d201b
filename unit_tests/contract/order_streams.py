"""Orders with lines, lines of lines and linked objects, as the streams that they give."""

from __future__ import annotations

from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.reading.fields import FieldKind, Shape

STRING, INTEGER, DECIMAL = FieldKind.STRING, FieldKind.INTEGER, FieldKind.DECIMAL
STAMP, GUID = FieldKind.DATE_TIME, FieldKind.GUID
MATERIAL = Shape({"LineNbr": INTEGER, "InventoryID": STRING})
OPERATIONS = Shape({"OperationNbr": STRING, "Active": FieldKind.BOOLEAN}, {}, {"Material": MATERIAL})
TAX = Shape({"TaxID": STRING, "Rate": DECIMAL})
ORDER = Shape(
    {"OrderType": STRING, "OrderNbr": STRING, "Total": DECIMAL, "LastModified": STAMP},
    {"Contact": Shape({"Email": STRING}), "Totals": Shape({"Sum": DECIMAL}, {}, {"Taxes": TAX})},
    {"Details": Shape({"LineNbr": INTEGER, "Qty": DECIMAL}), "Operations": OPERATIONS},
)
ORDER_KNOWN = Known(("OrderType", "OrderNbr"), line_keys={"Details": ("LineNbr",), "Operations": ("OperationNbr",)})


def streams(shape=ORDER, facts=ORDER_KNOWN, entity="Order", endpoint="Default"):
    return {table.name: table for table in tables(endpoint, "24.200.001", entity, shape, facts)}


INQUIRY = Shape(
    {"Period": STRING, "LastModifiedDateTime": STAMP}, {}, {"Results": Shape({"Account": STRING}), "Other": TAX}
)
