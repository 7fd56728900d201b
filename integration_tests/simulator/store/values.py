"""What a field or a column of the database holds."""

from __future__ import annotations

from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any

Value = str | int | bool | Decimal | datetime | date | None
# A column of a table may be binary as well.
Cell = Value | bytes


def as_instant(value: Value, zone: tzinfo) -> Value:
    """A business date is midnight in the zone of the web server."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value


def as_day(value: Value, zone: tzinfo) -> Value:
    """The day that an instant falls on in the zone of the web server."""
    return value.astimezone(zone).date() if isinstance(value, datetime) else value


def sortable(value: Value) -> Any:
    return value.casefold() if isinstance(value, str) else value
