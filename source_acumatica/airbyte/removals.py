"""The records of a table that are gone: what a stream asks for, and what it sends for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from source_acumatica.reading.progress import Progress
from source_acumatica.reading.table import StreamTable


@dataclass(frozen=True)
class Removal:
    """A record that is gone: its NoteID and since when, in UTC."""

    id: str
    at: str
    behind: str | None = None
    """Not earlier than any stamp that the record was sent with; None: ``at`` is not."""


@dataclass(frozen=True)
class Loss:
    """What a stream wants to know: which records one tenant's table has lost."""

    tenant: str
    sets: Sequence[str]
    """The names under which OData may have the table, the surest first."""
    where: str
    most_rows: int
    table: StreamTable | None
    """The table as OData describes it, where that is known and of use."""
    newest: str | None
    """The latest stamp that any row of the stream was sent with, as far as is known."""
    has_own_stamp: bool
    """Whether that is the table's own stamp."""
    sent_by: str | None
    """The latest stamp that a row was sent with before this sync, but for those of days to come."""
    was: Progress
    now: datetime | None
    may_have_flags: bool
    is_header_known: bool
    """Whether flagged rows of any table have come from this site."""


class RemovalReader(Protocol):
    """Reads what one tenant's table has lost."""

    is_listed: bool
    """Whether the ERP's list has been read to its end."""
    is_empty: bool
    """Whether nothing stood in it."""
    has_flags: bool | None
    """Whether the table has flags, as was found out now; None if nobody asked, or nobody could answer."""
    has_flagged: bool
    """Whether a row with the flag has come."""

    def removals(self, since: str | None) -> Iterator[Sequence[Removal]]:
        """All there are, of those that the ERP lists from ``since`` on; the log says what is not read, and why."""


class Removals(Protocol):
    """Where removed records are read, for the tables of every API; OData has them, and the source hands it in."""

    def expect(self, dac: str) -> None:
        """``described`` will be asked for this one: all are described by one download."""

    def described(self, tenant: str, dac: str) -> StreamTable | None:
        """A table that was expected, as the tenant's OData describes it; None if it does not, or cannot be asked."""

    def names_of(self, dac: str) -> Sequence[str]:
        """The names under which OData may have a table, the surest first."""

    def has_rows(self, tenant: str, sets: Sequence[str], where: str) -> bool | None:
        """Whether OData shows a row of the table with one of these names; None where it cannot be asked."""

    def has_any(self, tenant: str, sets: Sequence[str], where: str, ids: Sequence[str]) -> bool | None:
        """Whether any of the ids is a NoteID in the table as OData shows it; None where it cannot be asked."""

    def reader(self, loss: Loss) -> RemovalReader:
        """What reads the records that are gone."""
