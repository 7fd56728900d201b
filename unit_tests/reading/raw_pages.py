"""Random pages as the ERP sends them, and how they are decoded both ways."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import strategies as st

from source_acumatica.airbyte.records import filled
from source_acumatica.contract.entity_tables import tables
from source_acumatica.contract.known_entities import Known
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.codec import RawRow
from source_acumatica.reading.fields import FieldKind, Shape

STRING, DECIMAL, STAMP, UNKNOWN = FieldKind.STRING, FieldKind.DECIMAL, FieldKind.DATE_TIME, FieldKind.UNKNOWN
TENANT = "Company"
TAX = Shape({"TaxID": STRING, "Rate": DECIMAL})
LINE = Shape({"LineNbr": FieldKind.INTEGER, "Qty": DECIMAL, "DueDate": STAMP}, {"Site": Shape({"Name": STRING})})
ORDER = Shape(
    {"Type": STRING, "Nbr": STRING, "OrderDate": STAMP, "Odd": UNKNOWN, "LastModifiedDateTime": STAMP},
    {
        "Contact": Shape({"Email": STRING}, {"Address": Shape({"City": STRING})}),
        "Totals": Shape({}, {}, {"Taxes": TAX}),
    },
    {"Details": LINE, "Operations": Shape({"Nbr": STRING}, {}, {"Material": LINE})},
)
KNOWN = Known(("Type", "Nbr"), line_keys={"Details": ("LineNbr",), "Operations": ("Nbr",)})
TABLES = {table.name: table for table in tables("Default", "1", "Order", ORDER, KNOWN)}
CHOICE, COUNT, CHOICES = FieldKind.CHOICE, FieldKind.INTEGER_CHOICE, FieldKind.CHOICES
PICKED = Shape(
    {"Status": CHOICE, "Spent": COUNT, "Days": CHOICES, "ShipOn": FieldKind.DATE, "Status_Description": STRING}
)
TICKET = Shape(
    {"Type": CHOICE, "Nbr": STRING, **PICKED.fields, "LastModifiedDateTime": STAMP},
    {"Contact": PICKED},
    {"Details": PICKED, "Operations": Shape({"Nbr": COUNT}, {}, {"Material": PICKED})},
)


TABLES |= {
    f"{table.name} of contract 5": replace(table, contract="5")
    for table in tables("Default", "2", "Ticket", TICKET, KNOWN)
}


NUMBERS = st.sampled_from(["0", "1234.560000", "-0.010", "1E400", "9223372036854775808", "-7"]).map(msgspec.Raw)
EXACT = msgspec.json.Decoder(float_hook=msgspec.Raw)
STAMPS = st.sampled_from(
    ["2025-03-04T00:00:00-05:00", "2025-03-04T05:06:07.123+13:45", "0001-01-01T00:00:00", "2025-03-04T05:06:07.1Z", ""]
)


def picked(ids):
    """A choice: with its label, with none, or with more than is described; and as contract version 4 has it."""
    labels = st.sampled_from([{"description": "Open"}, {"description": None}, {}, {"description": "Open", "more": 1}])
    return st.builds(lambda id_, label: {"id": id_, **label}, ids, labels) | ids.map(str)


VALUES = {
    STRING: st.sampled_from(["", "x", 'Zürich ❤ "\\\n', "trailing   "]),
    DECIMAL: NUMBERS,
    FieldKind.INTEGER: NUMBERS,
    STAMP: STAMPS,
    UNKNOWN: st.sampled_from([True, "x", 5, {"a": [1]}]),
    FieldKind.DATE: st.sampled_from(["2026-03-01", "2026-03-01T00:00:00+01:00"]),
    CHOICE: picked(st.sampled_from(["", "N", "MO"])),
    COUNT: picked(st.sampled_from([0, 90])),
    CHOICES: st.lists(picked(st.sampled_from(["MO", "TU"])), max_size=3),
}
ODD = st.sampled_from([None, "bare", 7, [1], {"other": 1}, {"value": {"deep": [1, 2]}}])


def outcome(rows, records_of):
    """The text of all records, or the kind of error that the first broken one raises."""
    try:
        return msgspec.json.encode([filled(record) for row in rows for record in records_of(row)])
    except (AttributeError, TypeError, ValueError, LookupError):
        return "broken"


def read(codec, body, rows_in, table, columns):
    """The same page, decoded both ways."""
    slow = table.rows(TENANT, columns)

    def records(row):
        return codec.make_records(TENANT, row) if isinstance(row, RawRow) else slow(row)

    return outcome(rows_in(codec.decode(body)), records), outcome(rows_in(codec.decode_dicts(body)), slow)


FEED = ODataTable(
    ODataFeed.TABLES,
    "Order",
    "Order",
    {"Nbr": STRING, "Total": DECIMAL, "OrderDate": STAMP, "Seen": STAMP, "Odd": UNKNOWN, "LastModifiedDateTime": STAMP},
    keys=("Nbr",),
)
# Names that Python takes for something else, or for one another, or that are names of our own.
SPECIAL = [
    *("class", "None", "two words", "a.b", "a-b", "1st", "get", "attributes", "__class__", "__init__", "row", "tenant"),
    *("make", "v0", "f0", "f1", "common0", "x); y(", "{0}", "\u2028", "value", "error", "message", "odata.error", ""),
    *(
        "No",
        "N\u00ba",
        "Breite_\u00b5m",
        "Breite_\u03bcm",
        "Gro\u0308\u00dfe",
        "Gr\u00f6\u00dfe",
        "\uff21mount",
        "Amount",
    ),
    *("\ufb01nal", "final", "\u540d\u79f0", "_tenant", "_TENANT", "_line", "_line_count", "_parent_id", "_parent_Key"),
    *("_ab_cdc_deleted_at", "_airbyte_raw_id", "id", "note", "custom", "rowNumber", 'a"b', "a\\b", "a\nb"),
]
NAMES = st.sampled_from(SPECIAL) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ODATA_ERROR = {"error": {"code": "", "message": "Out of rows."}}
