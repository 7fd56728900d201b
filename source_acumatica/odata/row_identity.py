"""Identifies the rows of a list by the columns that it is ordered by, or by all that they contain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from source_acumatica.odata.query import ODataPlan
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.codec import plain_value
from source_acumatica.reading.fields import FieldKind, Raw, utc_instant
from source_acumatica.reading.sent_rows import Identity, content_of

Place = tuple[Any, ...]


@dataclass(frozen=True)
class RowIdentity:
    """How rows of a table are identified while they are read by a plan."""

    table: ODataTable
    plan: ODataPlan

    def place_of(self, row: Raw) -> Place:
        """The values that order the row, in a form that a state can hold."""
        get, fields = row.get, self.table.fields
        values = [(name, get(name)) for name in self.plan.order]
        return tuple(
            [
                utc_instant(value) if fields[name] is FieldKind.DATE_TIME and value else plain_value(value)
                for name, value in values
            ]
        )

    def content_of(self, row: Raw) -> str:
        """A digest of all that is in the row."""
        return content_of([row.get(name) for name in self.table.fields])

    def identify(self, row: Raw) -> Identity:
        """By what the list is ordered by, or, where rows are equal in that, by all that is in the row."""
        if self.plan.is_by_row:
            return (self.content_of(row),)
        return ("\x1f".join(map(repr, self.place_of(row))),)


def key_of(table: ODataTable, row: Raw) -> Place:
    """The values of the row's keys."""
    return tuple(plain_value(row.get(name)) for name in table.keys)
