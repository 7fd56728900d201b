"""The joins between streams that are known without any rows: lines and records, tables behind forms, known keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from source_acumatica.contract.tables import Method, Table
from source_acumatica.odata.tables import NOTE_ID, ODataTable
from source_acumatica.reading.join import Join
from source_acumatica.reading.table import StreamTable

_LINES = "lines and their record"
_FORM = "the id of a record is the NoteID of its table's row"
_KEY = "known key"

# Each line: a stream and a column > the stream that has the column as its key. Only what each value of the column leads
# to one row by (BEHAVIOR.md, "Keys"); an item, for instance, may be a stock item or not.
_KNOWN = """
AccountSummaryInquiry__Results Account > Account AccountCD
AccountSummaryInquiry__Results Account > dac__Account AccountCD
AccountSummaryInquiry__Results Branch > dac__Branch BranchCD
AccountSummaryInquiry__Results _param_Ledger > dac__Ledger LedgerCD
Bill Vendor > Vendor VendorID
Invoice Customer > Customer CustomerID
JournalTransaction LedgerID > Ledger LedgerID
JournalTransaction__Details Account > Account AccountCD
Payment CustomerID > Customer CustomerID
PurchaseOrder VendorID > Vendor VendorID
SalesOrder CustomerID > Customer CustomerID
Shipment CustomerID > Customer CustomerID
dac__GLHistory AccountID > dac__Account AccountID
dac__GLHistory BranchID > dac__Branch BranchID
dac__GLHistory LedgerID > dac__Ledger LedgerID
dac__GLHistory SubID > dac__Sub SubID
dac__GLTran AccountID > dac__Account AccountID
dac__GLTran BranchID > dac__Branch BranchID
dac__GLTran LedgerID > dac__Ledger LedgerID
dac__GLTran SubID > dac__Sub SubID
"""


def known_joins(tables: Mapping[str, StreamTable]) -> Iterator[Join]:
    """The joins between these streams whose columns both of them have."""
    columns = {name: {*table.json_schema()["properties"]} for name, table in tables.items()}
    for join in _all(tables):
        is_there = join.stream in columns and join.other in columns
        if is_there and {*join.columns} <= columns[join.stream] and {*join.others_columns} <= columns[join.other]:
            yield join


def _all(tables: Mapping[str, StreamTable]) -> Iterator[Join]:
    entities = [table for table in tables.values() if isinstance(table, Table)]
    for line in entities:
        if line.path and line.method is Method.LIST:
            yield from _to_record(line, entities)
    yield from _to_tables(entities, [table for table in tables.values() if isinstance(table, ODataTable)])
    for text in _KNOWN.strip().splitlines():
        (stream, column), (other, key) = (side.split() for side in text.split(" > "))
        yield Join(stream, (column,), other, (key,), _KEY)


def _to_record(line: Table, entities: Iterable[Table]) -> Iterator[Join]:
    """The join of a detail stream with the nearest record or line above it that is among the streams."""
    same = [each for each in entities if (each.endpoint, each.entity) == (line.endpoint, line.entity)]
    above = [each for each in same if len(each.path) < len(line.path) and each.path == line.path[: len(each.path)]]
    for each in sorted(above, key=lambda one: -len(one.path)):
        if own := each.primary_key[1:]:
            yield Join(line.name, tuple(_below(each, name) for name in own), each.name, tuple(own), _LINES)
            return
        if each.is_single:
            yield Join(line.name, (), each.name, (), _LINES)
            return


def _below(above: Table, column: str) -> str:
    """What the key column of a record, or of a line, is called in the lines below it."""
    if not above.path:
        return f"_parent_{column}"
    is_kept = column.startswith("_parent_") or column in _between(above)
    return column if is_kept else f"_{above.path[-1]}_{column.lstrip('_')}"


def _between(line: Table) -> set[str]:
    """The columns of a line that stand for the lines between it and its record."""
    starts = tuple(f"_{part}_" for part in line.path[:-1])
    return {name for name in line.primary_key if starts and name.startswith(starts)}


def _to_tables(entities: Iterable[Table], tables: Iterable[ODataTable]) -> Iterator[Join]:
    """The joins of records with the rows of the tables behind their forms; the id has to be known to be the NoteID."""
    by_type = {table.type_name: table for table in tables if NOTE_ID in table.fields}
    for entity in entities:
        table = by_type.get(entity.dac) if entity.dac and not entity.path else None
        if table and entity.has_note_id and entity.method is Method.LIST:
            yield Join(entity.name, ("id",), table.name, (NOTE_ID,), _FORM, is_one_to_one=True)
