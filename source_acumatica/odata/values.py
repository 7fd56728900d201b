"""Turns the values that OData sends into those of records."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from source_acumatica.reading.fields import Convert, FieldKind, calendar_date, day_in_utc, utc_instant

_NUMERIC = frozenset(
    {FieldKind.BYTE, FieldKind.SHORT, FieldKind.INTEGER, FieldKind.LONG, FieldKind.DECIMAL, FieldKind.DOUBLE}
)
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
# What stands for a number that JSON does not have.
_NO_NUMBER = frozenset({"NaN", "INF", "-INF", "Infinity", "-Infinity"})
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:")
_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


def odata_conversion(name: str, kind: FieldKind, *, is_cursor: bool) -> Convert | None:
    """The function from a value as it was sent to that of the record; None where both are the same."""
    if is_cursor:
        return utc_instant
    if kind is FieldKind.DATE_TIME:
        return (lambda value: calendar_date(zoned(value))) if name.endswith("Date") else zoned
    if kind in (FieldKind.STRING, FieldKind.GUID):
        return trimmed
    return number if kind in _NUMERIC else None


def trimmed(value: Any) -> Any:
    """Columns of a fixed width come padded with spaces (BEHAVIOR.md, "OData")."""
    return value.rstrip(" ") if isinstance(value, str) else value


def number(value: Any) -> Any:
    """Version 3 writes decimals as text; what JSON has no number for (``NaN``) becomes null, other text stays."""
    if isinstance(value, str):
        text = value.strip(" ")
        return msgspec.Raw(text) if _JSON_NUMBER.fullmatch(text) else None if text in _NO_NUMBER else value
    return value


def zoned(value: Any) -> Any:
    """Version 3 leaves the zone out, which is UTC (BEHAVIOR.md, "OData"); a text that is no time stays as it is."""
    if not isinstance(value, str) or _ZONED.search(value):
        return value
    return f"{value}Z" if _TIME.match(value) else day_in_utc(value)
