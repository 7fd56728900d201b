"""Rows of database tables, read from the records that the contract entities show of them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from integration_tests.simulator.odata.edm import Column, Read
from integration_tests.simulator.store.journal import Journal
from integration_tests.simulator.store.ledger import POSTED, period_of
from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.tables import Table
from integration_tests.simulator.store.values import Cell, Value, as_instant, sortable

# Surrogate ids: first one, and the distance from one to the next. Customers and vendors share one row of numbers.
SURROGATES = {
    "Customer": (7001, 2), "Vendor": (7002, 2), "StockItem": (10_001, 1), "Account": (1, 1), "Subaccount": (1, 1),
    "Ledger": (1, 1), "Branch": (16, 1),
}  # fmt: skip
Find = Callable[[str], Table]


@dataclass(slots=True)
class Row:
    """A record, or one line of it; a linked object counts as a line."""

    find: Find
    journal: Journal
    record: Record
    entity: str
    line: Record | None = None
    archived: bool = False
    deleted: bool = False
    part: str = ""
    line_number: int = 0

    @property
    def handle(self) -> int:
        return self.record.spot.number

    @property
    def place(self) -> tuple[str, int]:
        """Where the line stands in its record."""
        return self.part, self.line_number


def of(name: str) -> Read:
    """A field of the record; of a line's document too."""
    return lambda row: row.record.value(name)


def custom(path: str) -> Read:
    return lambda row: row.record.custom(path)


def line(name: str) -> Read:
    return lambda row: row.line.value(name)


def line_custom(path: str) -> Read:
    return lambda row: row.line.custom(path)


def coded(read: Read, codes: Mapping[str, str]) -> Read:
    """What the table stores of a label; a label without a code is stored as it is."""

    def stored(row: Row) -> Cell:
        label = read(row)
        return codes.get(label, label) if isinstance(label, str) else label

    return stored


def padded(read: Read, width: int) -> Read:
    """Columns of a fixed width are filled up with spaces."""

    def filled(row: Row) -> Cell:
        text = read(row)
        return text.ljust(width) if isinstance(text, str) else text

    return filled


def surrogate(entity: str, read: Read) -> Read:
    """The number behind a readable code; that of a record which is gone stays as it was."""

    def number(row: Row) -> Cell:
        code = read(row)
        return _surrogate(row.find(entity), code) if isinstance(code, str) else None

    return number


def post_period(row: Row) -> Cell:
    """Of a batch, as tables hold it: forms show the month in front."""
    return period_of(row.record) if row.record.value("PostPeriod") else None


def is_posted(row: Row) -> Cell:
    return row.record.value("Status") == POSTED


def own_number(row: Row) -> Cell:
    first, step = SURROGATES[row.entity]
    return first + step * row.handle


def record_id(row: Row) -> Cell:
    return row.record.spot.id


def numbered(first: int) -> Read:
    """The number of a row that each record has one of: in that row and in the record."""
    return lambda row: first + row.handle


def note_id(row: Row) -> Cell:
    if row.line is None:
        return row.record.spot.id
    return row.journal.line_id(row.record, row.entity, row.place)


def line_stamp(row: Row) -> Cell:
    return row.journal.line_stamp(row.record, row.entity, row.place)


def row_version(row: Row) -> Cell:
    """SQL Server's `rowversion`: eight bytes that grow with every change in the database."""
    if row.line is None:
        return row.journal.version(row.entity, row.handle).to_bytes(8, "big")
    return row.journal.line_version(row.entity, row.handle, row.place).to_bytes(8, "big")


def is_deleted(row: Row) -> Cell:
    return row.deleted


def _surrogate(table: Table, code: str) -> int:
    first, step = SURROGATES[table.entity.name]
    handle = table.find((code.rstrip(),))
    digits = "".join(each for each in code if each.isdecimal())
    return first + step * (handle if handle is not None else int(digits or 0) - 1)


def comparable(cell: Cell, zone: tzinfo) -> Any:
    """SQL Server compares text without regard to letter case and to spaces at the end."""
    if isinstance(cell, str):
        return cell.rstrip(" ").casefold()
    return cell if isinstance(cell, bytes) else sortable(as_instant(cell, zone))


def truth(columns: Sequence[Column], row: Any, zone: tzinfo) -> dict[str, Any]:
    """A row as tests compare it; binary columns as the base64 text that is sent of them."""
    return {each.name: _plain(each.read(row), zone) for each in columns}


def _plain(cell: Cell, zone: tzinfo) -> Value:
    return urlsafe_b64encode(cell).decode() if isinstance(cell, bytes) else as_instant(cell, zone)


def latest(moments: Sequence[Cell]) -> datetime | None:
    return max((each for each in moments if isinstance(each, datetime)), default=None)
