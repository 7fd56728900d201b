"""How a site treats what was deleted: what may be asked of the flag, and what it says of the lists that it keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from integration_tests.simulator.odata.dacs import DELETED, Dac
from integration_tests.simulator.odata.edm import Access, Column, Edm, EntityType


class Flag(Enum):
    """What may be done with the column that marks deleted rows."""

    FREE = auto()
    SELECTED = auto()  # not filtered by
    CLOSED = auto()  # neither


class Untracked(Enum):
    """What `px.GetDeletedRecords()` answers for a table that nobody has put on the form."""

    REFUSED = auto()
    EMPTY = auto()
    BROKEN = auto()  # 500 with a text of its own


@dataclass(frozen=True)
class DeletionRules:
    flag: Flag = Flag.FREE
    knows_header: bool = True  # `PX-ApiDeleted`; a proxy may strip it, too
    tells_flag: bool = True  # whether the description says what the flag may not be used for
    unfilterable: Collection[str] = ()  # tables whose own columns may not be asked for by name
    untracked: Untracked = Untracked.REFUSED
    retention_days: int | None = 10  # nobody may read it, if None
    removes_older: bool = False  # whether the service has run that takes older ones out of the lists
    shows_tracked: bool = True  # whether the list of tracked tables may be read

    # Each request asks for a table, and a description for all; a table is known by its identity.
    _tables: dict[int, tuple[Dac, Dac]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def set_up(self, table: Dac) -> Dac:
        if id(table) not in self._tables:
            columns = tuple(self._set_up(table, each) for each in table.columns)
            self._tables[id(table)] = table, replace(table, columns=columns)
        return self._tables[id(table)][1]

    def _set_up(self, table: Dac, column: Column) -> Column:
        if column is DELETED:
            return replace(column, access=FLAG_ACCESS[self.flag])
        inherited = table.base.column_by_name if table.base else {}
        is_own = column.name not in inherited and column.access is Access.FREE
        return replace(column, access=Access.UNNAMED) if is_own and table.name in self.unfilterable else column

    def is_annotated(self, column: Column) -> bool:
        """Whether the column stands in the description's list of those that are neither filtered nor selected."""
        is_flag = column.name == DELETED.name
        restricted = (Access.RESTRICTED, Access.UNFILTERABLE)
        return column.access in restricted and (self.tells_flag or not is_flag)

    def is_kept(self, at: datetime, now: datetime) -> bool:
        days = self.retention_days if self.removes_older else None
        return days is None or at > now - timedelta(days=days)


FLAG_ACCESS: Mapping[Flag, Access] = {
    Flag.FREE: Access.ON_REQUEST,
    Flag.SELECTED: Access.UNFILTERABLE,
    Flag.CLOSED: Access.RESTRICTED,
}
assert FLAG_ACCESS.keys() == set(Flag)


def _tracked(name: str, edm: Edm, place: int) -> Column:
    def read(row: Any) -> Any:
        return row[place]

    return Column(name, edm, read)


TRACKED_TABLES = EntityType("PX.Api.OData", "SMDeletedRecordsTrackingTables", ("TableID",), (
    _tracked("TableID", Edm.STRING, 0), _tracked("TableName", Edm.STRING, 1),
    _tracked("CreatedDateTime", Edm.DATE_TIME, 2),
))  # fmt: skip
PREFERENCES = EntityType("PX.Api.OData", "ODataPreferences", (), (
    Column("DaysRetentionHistoryDeletedRecords", Edm.INT32, lambda days: days),
))  # fmt: skip
