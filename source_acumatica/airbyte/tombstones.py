"""Sends a record for each row that was deleted in the ERP, which makes the destination drop it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.key_comparison import KeyComparison
from source_acumatica.airbyte.removals import Removal, RemovalQuery
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import ClockReading
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Record, format_instant, just_after
from source_acumatica.reading.learnt import HAS_FLAGGED, HAS_NO_FLAGS
from source_acumatica.reading.table import DELETED_AT, StreamTable

logger = logging.getLogger("airbyte")


def tombstones(table: StreamTable, tenant: str, removals: Iterable[Removal]) -> Iterator[Record]:
    """The records that make a destination drop the rows.

    Destinations keep the row with the newest cursor, so a removal is newer than any change that it follows, and older
    than any change that may come after it: should the record be restored, that wins.
    """
    for removal in removals:
        record = {"_tenant": tenant, table.id_field: removal.id, DELETED_AT: removal.at}
        yield record | ({table.cursor_field: just_after(removal.behind or removal.at)} if table.cursor_field else {})


@dataclass(frozen=True)
class Deletions:
    """What one tenant's stream asks OData for, to learn which of its records were deleted."""

    table: StreamTable
    """The stream's, as all tenants have it."""
    access: Access
    is_tracked: bool
    """Whether the stream asks at all."""
    is_selected: bool
    """Whether the catalog has the column that marks a record as deleted."""
    sets: Callable[[], Sequence[str]]
    """The names under which OData may have the table, the surest first."""
    described: Callable[[], StreamTable | None]
    """The table as OData describes it, where that is known."""
    may_have_flags: Callable[[], bool]
    """Whether the table may keep deleted rows with a flag."""
    has_own_stamp: bool
    """Whether the cursor is the stamp of the table itself."""
    max_rows: int

    def tombstones(
        self,
        tenant: str,
        where: str,
        *,
        progress: TenantCursor,
        facts: TenantFacts,
        lookback: timedelta,
        newest: str | None,
        sent_before: ClockReading | None,
        keys: KeyComparison | None,
    ) -> Iterator[list[Record]]:
        """The tombstones; where deletions cannot be read, the log says so and the rest goes on.

        ``newest`` is the latest stamp that had come before this sync, also where it is doubted by now; ``sent_before``
        is the last reading of the clock before this sync. ``keys`` are compared, too, or kept for a gap.
        """
        if not self.is_selected:
            logger.warning(f"{where}: deleted records are not sent, since the column {DELETED_AT} is not selected.")
            return
        access = self.access
        was, now = progress.progress(tenant), access.server_times.get(tenant)
        may_have_flags = self.may_have_flags() and not was.knows(HAS_NO_FLAGS, access.now(tenant))
        query = RemovalQuery(
            tenant,
            self.sets(),
            where,
            self.max_rows,
            self.described() if may_have_flags else None,
            max(filter(None, (newest, was.latest_sent)), default=None),
            has_own_stamp=self.has_own_stamp,
            sent_by=format_instant(sent_before.latest) if sent_before else None,
            was=was,
            # Entries are dropped also while rows are read.
            now=access.now(tenant),
            may_have_flags=may_have_flags,
            is_compared=keys is not None and not keys.is_kept,
            closes_gap=keys is not None and keys.closes_gap,
            is_header_known=bool(access.have_flagged),
        )
        reader = access.removals.reader(query)
        for removals in reader.removals(was.deletions_since(lookback, now)):
            yield list(tombstones(self.table, tenant, removals))
        if reader.has_flagged:
            access.have_flagged.add(tenant)
            facts.learn(HAS_FLAGGED)
        has_no_flags = None if reader.has_flags is None else not reader.has_flags
        until = now if reader.is_listed else None
        progress.deletions_done(
            tenant,
            until,
            is_empty=reader.is_empty,
            has_no_flags=has_no_flags,
            now=access.now(tenant),
            kept_days=reader.kept_days,
        )
