"""Reads which records were removed: those that the ERP keeps a list of, and those that it only flags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from source_acumatica.doors import Doors
from source_acumatica.entity import Record, Wire, just_after, utc_instant
from source_acumatica.errors import Next, RequestFailed
from source_acumatica.feeds import DELETED_FLAG, NOTE_ID, FeedDoor
from source_acumatica.odata import instant_literal
from source_acumatica.tables import DELETED_AT, StreamTable

_STAMP = "LastModifiedDateTime"
_NOT_FOUND = 404
_NO_SUCH_PROPERTY = "Could not find a property named"
TRACKING_FORM = "Tables to Track Deleted Records (SM207010)"
"""Where the customer says of which tables deletions are kept; 2025 R1 and later have it."""


@dataclass(frozen=True)
class Removal:
    """A record that is gone: its NoteID and since when, in UTC."""

    id: str
    at: str


@dataclass(frozen=True)
class Deletions:
    """What one tenant's table has lost (BEHAVIOR.md, "Deletions")."""

    tenant: str
    doors: Doors
    sets: Sequence[str]
    """The names under which the table may be found, the surest first."""
    where: str

    def listed(self, since: str | None) -> list[Removal] | None:
        """The records deleted from ``since`` on, as the ERP lists them; None if it does not track the table.

        Raises:
            RequestFailed: the door is closed, or does not answer.
        """
        condition = {"$filter": f"DeleteDate ge {instant_literal(since, 4)}"} if since else {}
        rows = self._rows("/px.GetDeletedRecords()", condition, {}, lambda _error: True)
        return None if rows is None else list(_removals(rows, "RefNoteID", "DeleteDate"))

    def flagged(self) -> list[Removal] | None:
        """The records that are there with the flag of deleted ones; None if the table has no such flag.

        The ERP does not say when it set the flag, so the time is that of the row's last change.

        Raises:
            RequestFailed: the door is closed, or does not answer.
        """
        options = {"$select": f"{NOTE_ID},{_STAMP},{DELETED_FLAG}", "$filter": f"{DELETED_FLAG} eq true"}
        rows = self._rows("", options, {"PX-ApiDeleted": "SHOW"}, lambda error: _NO_SUCH_PROPERTY in str(error))
        return None if rows is None else list(_removals(rows, NOTE_ID, _STAMP))

    def _rows(
        self,
        call: str,
        options: Mapping[str, str],
        headers: Mapping[str, str],
        means_none: Callable[[RequestFailed], bool],
    ) -> list[Wire] | None:
        for name in self.sets:
            try:
                return self.doors.all_rows(
                    self.tenant, FeedDoor.TABLES, f"{name}{call}", options, where=self.where, headers=headers
                )
            except RequestFailed as error:
                is_unknown = error.problem.status == _NOT_FOUND
                if is_unknown and name != self.sets[-1]:
                    continue
                if not (is_unknown or error.problem.next is Next.CLIMB_DOWN) or not means_none(error):
                    raise
        return None

    def untracked(self) -> str:
        """What to tell the user of a table that is not tracked."""
        table = self.sets[-1]
        return f"{self.where}: deleted records of {table} are not tracked: list the table on {TRACKING_FORM}"


def sets_of(dac: str) -> tuple[str, str]:
    """The names of the sets of a table: the one made of its full name is no other table's."""
    return dac.replace(".", "_"), dac.rpartition(".")[2]


def _removals(rows: Iterable[Wire], id_field: str, time_field: str) -> Iterator[Removal]:
    for row in rows:
        if row.get(id_field):
            yield Removal(str(row[id_field]), utc_instant(row.get(time_field)) or _LONG_AGO)


# A flagged row without a stamp: whatever the destination has of it has none either.
_LONG_AGO = "1900-01-01T00:00:00.000000Z"


def tombstones(table: StreamTable, tenant: str, removals: Iterable[Removal]) -> Iterator[Record]:
    """The records that make a destination drop the rows.

    Destinations keep the row with the newest cursor, so a removal is newer than the last change that it follows, and
    older than any change that may come after it: should the record be restored, that wins.
    """
    for removal in removals:
        record = {"_tenant": tenant, table.id_field: removal.id, DELETED_AT: removal.at}
        yield record | ({table.cursor_field: just_after(removal.at)} if table.cursor_field else {})
