"""The rows of a tenant's tables, made of its records once and kept until those change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from integration_tests.simulator.odata.dacs import Dac
from integration_tests.simulator.odata.rows import Find, Row, comparable
from integration_tests.simulator.store.journal import Journal
from integration_tests.simulator.store.ledger import Ledger
from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.tables import Table


class RowStore:
    """A table or an inquiry is made again when the journal says that its entity has changed."""

    def __init__(self, find: Find, journal: Journal, ledger: Ledger) -> None:
        self._find, self._journal, self._ledger = find, journal, ledger
        self._kept: dict[tuple[str, str], tuple[int, list[Row]]] = {}

    def of(self, dac: Dac, zone: tzinfo, archived: bool = False, deleted: bool = False) -> list[Row]:
        """A table in the order of its keys."""
        if dac.has_balances:
            return self._in_key_order(dac, zone, self._ledger.balances())
        rows = self._once(dac.name, dac.entity, lambda: self._sorted(dac, zone))
        return [row for row in rows if (archived or not row.archived) and (deleted or not row.deleted)]

    def records(self, entity: str, part: str = "") -> list[Row]:
        """What is neither archived nor deleted: all that an inquiry shows."""
        rows = self._once(f"{entity}/{part}", entity, lambda: self._read(entity, part))
        return [row for row in rows if not (row.archived or row.deleted)]

    def forget(self) -> None:
        self._kept.clear()

    def _once(self, name: str, entity: str, make: Callable[[], list[Row]]) -> list[Row]:
        state = self._journal.state_of(entity)
        if self._kept.get((name, entity), (-1,))[0] != state:
            self._kept[name, entity] = state, make()
        return self._kept[name, entity][1]

    def _sorted(self, dac: Dac, zone: tzinfo) -> list[Row]:
        return self._in_key_order(dac, zone, self._read(dac.entity, dac.part))

    def _in_key_order(self, dac: Dac, zone: tzinfo, rows: list[Any]) -> list[Any]:
        reads = [dac.column_by_name[name].read for name in dac.all_keys]
        return sorted(rows, key=lambda row: [comparable(read(row), zone) for read in reads])

    def _read(self, entity: str, part: str) -> list[Row]:
        table = self._find(entity)
        alive = [self._row(table, each, table.is_archived(each)) for each in table.handles(archived=True)]
        flagged = [self._row(table, each, deleted=True) for each in self._journal.flagged(entity)]
        rows = alive + flagged
        if not part:
            return rows
        return [self._line(row, part, number, each) for row in rows for number, each in row.record.rows_at(part)]

    def _row(self, table: Table, handle: int, archived: bool = False, deleted: bool = False) -> Row:
        entity = table.entity.name
        return Row(self._find, self._journal, table.record(handle), entity, archived=archived, deleted=deleted)

    def _line(self, row: Row, part: str, number: int, line: Record) -> Row:
        return Row(row.find, row.journal, row.record, row.entity, line, row.archived, row.deleted, part, number)
