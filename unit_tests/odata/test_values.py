"""Tests how values that OData sends become those of records, in both generations."""

from __future__ import annotations

import msgspec
import pytest

from source_acumatica.odata.values import odata_conversion
from source_acumatica.reading.fields import FieldKind


@pytest.mark.parametrize(
    ("name", "kind", "sent", "value"),
    [
        ("AcctCD", FieldKind.STRING, "C1   ", "C1"),
        ("NoteID", FieldKind.GUID, "a  ", "a"),
        ("Total", FieldKind.DECIMAL, "1.2300", msgspec.Raw(b"1.2300")),
        ("Total", FieldKind.DECIMAL, "NaN", None),
        ("Total", FieldKind.DOUBLE, "-INF", None),
        ("Total", FieldKind.DECIMAL, " 12.50  ", msgspec.Raw(b"12.50")),
        # What is no number is not lost, and is not written as one.
        ("Total", FieldKind.DECIMAL, "12\u0663", "12\u0663"),
        ("Total", FieldKind.DECIMAL, "007", "007"),
        ("Total", FieldKind.DECIMAL, "1,234.50", "1,234.50"),
        ("Total", FieldKind.DECIMAL, "", ""),
        ("Total", FieldKind.DOUBLE, 5, 5),
        ("At", FieldKind.DATE_TIME, "2026-01-05T01:02:03", "2026-01-05T01:02:03Z"),
        ("At", FieldKind.DATE_TIME, "2026-01-05T01:02:03-05:00", "2026-01-05T01:02:03-05:00"),
        ("DueDate", FieldKind.DATE_TIME, "2026-01-05T00:00:00-05:00", "2026-01-05T00:00:00+00:00"),
        ("DueDate", FieldKind.DATE_TIME, None, None),
    ],
)
def test_a_value_becomes_what_its_type_says(name, kind, sent, value):
    convert = odata_conversion(name, kind, is_cursor=False)
    assert convert is not None
    assert convert(sent) == value


def test_the_cursor_is_in_utc_with_a_fixed_width_and_flags_stay():
    cursor = odata_conversion("LastModifiedDateTime", FieldKind.DATE_TIME, is_cursor=True)
    assert cursor is not None
    assert cursor("2026-01-05T00:00:00-05:00") == "2026-01-05T05:00:00.000000Z"
    assert odata_conversion("Hold", FieldKind.BOOLEAN, is_cursor=False) is None
