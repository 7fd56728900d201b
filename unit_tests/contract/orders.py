"""An entity as tests of requests ask for it: with lines, lines of lines, and linked objects."""

from __future__ import annotations

from dataclasses import replace

from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.reading.fields import FieldKind, Shape
from source_acumatica.reading.window import Window

STRING, INTEGER, STAMP = FieldKind.STRING, FieldKind.INTEGER, FieldKind.DATE_TIME

ORDER = Shape(
    {"OrderType": STRING, "OrderNbr": STRING, "Total": FieldKind.DECIMAL, "LastModified": STAMP},
    {"Contact": Shape({"Email": STRING}, {"Address": Shape({"City": STRING})}), "Totals": Shape({"Sum": STRING})},
    {
        "Details": Shape({"LineNbr": INTEGER, "Qty": STRING}, {"Item": Shape({"Code": STRING})}),
        "Operations": Shape({"OperationNbr": STRING}, {}, {"Material": Shape({"LineNbr": INTEGER, "Qty": STRING})}),
    },
)
NOTED = replace(ORDER, fields={**ORDER.fields, "NoteID": FieldKind.GUID})
UNKEYED = Shape({"Subject": STRING, "Body": STRING, "LastModified": STAMP}, {}, {"Details": Shape({"A": STRING})})
FACTS = Known(("OrderType", "OrderNbr"), line_keys={"Details": ("LineNbr",), "Operations": ("OperationNbr",)})
ALL = Window()
SOME = Window("2026-11-22T09:45:00.000000Z", "2026-11-22T12:00:00.123456Z")


def table(name="Order", shape=ORDER, facts=FACTS):
    entity = name.split("__")[0]
    return {one.name: one for one in tables("Default", "24.200.001", entity, shape, facts)}[name]
