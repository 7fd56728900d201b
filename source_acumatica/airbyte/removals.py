"""How a stream asks which records were deleted; the source hands in what can answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from source_acumatica.reading.progress import Progress
from source_acumatica.reading.table import StreamTable


@dataclass(frozen=True)
class Removal:
    """A deleted record: its NoteID and the time, in UTC."""

    id: str
    at: str
    behind: str | None = None
    """A time not earlier than any stamp that the record was sent with; None where ``at`` is such a time."""


@dataclass(frozen=True)
class RemovalQuery:
    """What a stream asks: which records one tenant's table has lost."""

    tenant: str
    sets: Sequence[str]
    """The names under which OData may have the table, the surest first."""
    where: str
    most_rows: int
    table: StreamTable | None
    """The table as OData describes it, where that is known and needed."""
    newest: str | None
    """The latest stamp, as far as is known, that a row of the stream was sent with."""
    has_own_stamp: bool
    """Whether that is the table's own stamp."""
    sent_by: str | None
    """The latest stamp that a row was sent with before this sync; stamps far in the future do not count."""
    was: Progress
    now: datetime | None
    may_have_flags: bool
    is_compared: bool
    """Whether deleted rows are found by comparing keys, too."""
    closes_gap: bool
    """Whether that finds also what the ERP's list lacks since it was last read."""
    is_header_known: bool
    """Whether this site has ever sent rows flagged as deleted, of any table."""


class RemovalReader(Protocol):
    """Reads what one tenant's table has lost."""

    is_listed: bool
    """Whether the ERP's list of deletions was read to its end."""
    is_empty: bool
    """Whether that list was empty."""
    has_flags: bool | None
    """Whether the table flags deleted rows; None if that was not asked, or could not be found out."""
    has_flagged: bool
    """Whether a flagged row has come."""

    @property
    def kept_days(self) -> int | None:
        """How long the ERP keeps an entry of its list; None where it does not say."""

    def removals(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """All deleted records, those that the ERP lists from ``since`` on; the log says what is not read, and why."""


class Removals(Protocol):
    """Where deleted records are read, for the tables of both APIs: through OData, which the source hands in."""

    def expect(self, dac: str) -> None:
        """Announce that ``described`` will be asked for this table: one download describes all."""

    def described(self, tenant: str, dac: str) -> StreamTable | None:
        """An announced table, as the tenant's OData describes it; None if it does not, or cannot be asked."""

    def names_of(self, dac: str) -> Sequence[str]:
        """The names under which OData may have a table, the surest first."""

    def has_rows(self, tenant: str, sets: Sequence[str], where: str) -> bool | None:
        """Whether OData shows a row of the table with one of these names; None where it cannot be asked."""

    def has_any(self, tenant: str, sets: Sequence[str], where: str, ids: Sequence[str]) -> bool | None:
        """Whether any of the ids is a NoteID in the table as OData shows it; None where it cannot be asked."""

    def are_kept(self, tenant: str, sets: Sequence[str], was: Progress, now: datetime | None) -> bool:
        """Whether the ERP is known to keep all deletions of the table since they were read last."""

    def reader(self, query: RemovalQuery) -> RemovalReader:
        """What reads the records that the table has lost."""
