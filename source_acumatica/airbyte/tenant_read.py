"""Reads one tenant's rows of a stream: window by window, page by page, a state behind each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from airbyte_cdk.models import AirbyteMessage

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.clocks import StampClock
from source_acumatica.airbyte.columns import changed_since, ids_in
from source_acumatica.airbyte.dependent_rows import dependent_rows
from source_acumatica.airbyte.full_count import FullCount
from source_acumatica.airbyte.key_comparison import KeyComparison
from source_acumatica.airbyte.key_lists import KeyLists
from source_acumatica.airbyte.keys import KeyWatch, ListKeys
from source_acumatica.airbyte.known_keys import forget_keys
from source_acumatica.airbyte.linked_rows import LinkedRows
from source_acumatica.airbyte.output import Output
from source_acumatica.airbyte.preconditions import not_passed_over
from source_acumatica.airbyte.progress import RowCount
from source_acumatica.airbyte.records import Meta, meta_of
from source_acumatica.airbyte.removals import Removal
from source_acumatica.airbyte.rereading import Rereader
from source_acumatica.airbyte.restore_check import RestoreCheck
from source_acumatica.airbyte.stamps import Stamps
from source_acumatica.airbyte.tombstones import Deletions, tombstones
from source_acumatica.config import Config
from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import FURTHEST_OFF
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw, format_instant
from source_acumatica.reading.learnt import EMPTIES_PARTS, FILTER_WORKS, GIVES_ALL_AGAIN, GIVES_PAGES, SHOWS_DATES
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.paging import Page
from source_acumatica.reading.read_with import start_of
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.table import StreamTable
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")


@dataclass
class TenantRead:
    """One tenant's rows of a stream, on their way from the reader to Airbyte."""

    reader: Reader
    table: StreamTable
    """As the tenant has it."""
    cursor_field: str | None
    """The stream's, which the tenant's table may lack."""
    config: Config
    access: Access
    keys: KeyWatch
    key_list: Callable[[Reader], ListKeys]
    """The keys of a list, for ``keys`` to check."""
    has_unstamped: Callable[[Reader, TenantFacts], bool]
    """Whether rows without a stamp have to be asked for separately."""
    look_at_ids: Callable[[Reader, Sequence[Raw], TenantFacts], None]
    """Tries, on the first rows, whether their ids are those by which deleted records are known."""
    clock: StampClock
    facts: TenantFacts
    output: Output
    deletions: Deletions
    key_reader: Callable[[str | None], Reader]
    """Makes the reader of the keys alone, or of these and another column."""
    linked_ids: Callable[[str], Sequence[str] | None] | None
    """The NoteIDs of the records of which a linked row was changed since; None: they are not asked for."""
    progress: TenantCursor | None
    """None in a full refresh."""
    columns: frozenset[str]
    """Those that the catalog has and the ERP describes."""
    missed: Sequence[str]
    """Those that have come before and that the ERP does not describe now."""
    _count: RowCount = field(init=False)
    _latest: str = field(default="", init=False)
    """The latest stamp that has come in this run."""
    _has_looked_at_ids: bool = field(default=False, init=False)
    _keys: KeyComparison | None = field(default=None, init=False)
    """Where deleted rows are found by comparing keys."""
    _custom: Sequence[str] | None = field(default=None, init=False)
    """The custom fields that the rows of this run have had last."""
    _rereader: Rereader = field(init=False)
    _linked: LinkedRows | None = field(default=None, init=False)
    _start: str | None = field(init=False)

    def __post_init__(self) -> None:
        days, is_deduped = self.config.reread_days, self.keys.deduplicates
        self._start = start = start_of(self.config)
        self._rereader = Rereader(self.reader, self.facts, self.progress, days, start, is_deduped, self._now)
        if self.linked_ids and self.progress:
            found = self.linked_ids, self.table.record_id, self._linked_records_of
            self._linked = LinkedRows(self.reader, *found, start)

    def messages(self, windows: Sequence[Window], count: RowCount) -> Iterator[AirbyteMessage]:
        """The records of the ``windows``, then those that say what was deleted."""
        self._count, had_rows = count, self.facts.has_rows
        newest = self.progress.progress(self.reader.tenant).newest if self.progress else None
        self._say_what_is_missed()
        self._begin_comparing()
        if not (yield from self._changes(windows, count, newest)):
            return
        yield from dependent_rows(self.reader, self.table, self.progress, self.access.brought, self._records_of)
        if not count.rows and not had_rows and self.table.condition:
            # The user's condition may find none of the rows that there are.
            self.access.warn_if_blind(self.reader.tenant, self.table)
        has_deletions = yield from self._deleted(newest)
        if self._keys:
            yield from self._keys.compare()
        if self.progress and newest:
            restore_check = self._restore_check(self.progress)
            if restore_check.is_due(windows, newest, self._latest):
                restore_check.check(newest, is_explained=has_deletions)
        yield from self._read_again(count)

    def _read_again(self, count: RowCount) -> Iterator[AirbyteMessage]:
        """Send the part of all rows that is due; their stamps show nothing, and no position of the changes moves."""
        rows_before = count.rows
        # What is read again has been sent before, but for rows that were hidden; in a large table, nobody knows which.
        if self._keys and not self._keys.is_exact:
            self._keys = None
        self.output.begin_again()
        yield from self._rereader.messages(lambda: partial(self._send, self._begun_list(), count))
        if count.rows > rows_before:
            self._heal()

    def _begun_list(self) -> ListKeys:
        keys, begun = self.key_list(self.reader), self._now()
        keys.fresh = self.table.cursor_field, format_instant(begun) if begun else None
        return keys

    def _say_what_is_missed(self) -> None:
        """Warn of the missed columns, which come empty; records say so."""
        self.reader.missed = tuple(self.missed)
        if self.missed:
            logger.warning(
                f"{self.reader.where}: the columns {', '.join(self.missed)} have come before, and the ERP does not "
                "describe them now. Records come without them and say so; once they are back, all are read again. If "
                "they were removed for good, refresh the connection's schema."
            )

    def _changes(
        self, windows: Sequence[Window], count: RowCount, newest: str | None
    ) -> Generator[AirbyteMessage, None, bool]:
        """Send the rows of all windows; False where there is nothing to read."""
        reader, facts = self.reader, self.facts
        is_first, had_rows = facts.is_first, facts.has_rows
        try:
            yield from self._all_windows(windows, count)
            if newest and facts.shows_unstamped:
                self._warn_of_lost_stamps()
            if count.rows:
                # A later page may have shown what an earlier one left in doubt.
                facts.doubts_no_more(but=reader.unknown)
                self._heal()
            if reader.emptied:
                is_new = had_rows and not facts.remembers(EMPTIES_PARTS)
                facts.distrusts_list(reads_again=is_new or reader.is_misread)
        except RequestFailed as error:
            if reader.is_misread:
                facts.distrusts_list(reads_again=True)
            if error.problem.action is not Action.SKIP:
                raise
            if count.rows or not is_first or self._may_have_rows():
                raise not_passed_over(error, reader.where, has_state=self.progress is not None) from None
            # The state stays as it is: once the form is set up, its whole history is read.
            logger.warning(f"{reader.where}: {error.problem.sentence}. No rows are read.")
            count.remarks = (f"no rows are read: {error.problem.sentence}",)
            return False
        return True

    def _all_windows(self, windows: Sequence[Window], count: RowCount) -> Iterator[AirbyteMessage]:
        for window in windows:
            if not window.is_unstamped or self.has_unstamped(self.reader, self.facts):
                has_rows = yield from self._window(window, count)
                if window.start.offset and not has_rows:
                    # Of a window that was begun nothing came: the next one would move the state past the rest of it.
                    break

    def _window(self, window: Window, count: RowCount) -> Generator[AirbyteMessage, None, bool]:
        """Send the rows of a window; whether there were any, with those that were read of it before."""
        reader, keys, rows_before, is_stamped = self.reader, self._begun_list(), count.rows, False
        rows, full = window.start.offset, FullCount(self.progress, reader.tenant, window, self._start, count)
        if self._linked:
            self._linked.begin(window)
        for page in reader.pages(window):
            if self.progress and page.rows:
                self.progress.rows_begin(reader.tenant)
            stamps = yield from self._send(keys, count, page)
            rows = page.position.offset
            full.add(page.position, count)
            # A document has a stamp for its lines, though it has no lines.
            is_stamped = is_stamped or stamps.newest is not None or any(map(reader.is_stamped, page.rows))
            if self.progress:
                self._page_done(self.progress, window, page, stamps)
            del page  # or its rows lie in memory until the next page has come
        self.facts.saw_behind(reader.end_probes)
        if not self.progress:
            return True
        if self._linked:
            yield from self._linked_changes(self.progress, self._linked, window)
        self._rereader.read(window, rows)
        full.done()
        return self._window_done(self.progress, window, has_new=count.rows > rows_before, is_stamped=is_stamped)

    def _linked_changes(self, progress: TenantCursor, linked: LinkedRows, window: Window) -> Iterator[AirbyteMessage]:
        """Send what the window does not show; where that cannot be asked now, its position stays, and no other one."""
        tenant, was = self.reader.tenant, progress.progress(self.reader.tenant)
        is_done = yield from linked.messages(window, was.linked_since(window))
        if not window.is_unstamped:
            progress.note(tenant, linked=window.until if is_done else was.linked or was.reached)

    def _send(self, keys: ListKeys, count: RowCount, page: Page[Raw]) -> Generator[AirbyteMessage, None, Stamps]:
        """Send the records of a page, and keep what they lack; their stamps."""
        reader, facts, stamps = self.reader, self.facts, self._new_stamps()
        keys.begin_page(begins_as_last=page.begins_as_last)
        if reader.repeated_key:
            self.keys.complain_of(reader.where, reader.repeated_key)
            keys.distrust_own()
        if page.rows and not self._has_looked_at_ids:
            self._has_looked_at_ids = True
            self.look_at_ids(reader, page.rows, facts)
        for piece, lacking in self.output.pieces(reader, page.rows):
            records = keys.checked(piece)
            stamps.note(records)
            if self._keys:
                self._keys.note_sent(records, stamps.newest)
            if self._linked:
                self._linked.note_sent(records)
            count.records += len(records)
            yield from self.output.messages(records, self._meta(reader, lacking))
        count.rows += len(page.rows)
        if self.progress:
            facts.lacks((*reader.lacking, *reader.broken))
            facts.doubts(reader.unknown)
            if reader.custom != self._custom:
                self._custom = reader.custom
                facts.gives(self.columns, reader.custom)
        return stamps

    def _now(self) -> datetime | None:
        return self.access.now(self.reader.tenant)

    def _new_stamps(self) -> Stamps:
        by = format_instant(now + FURTHEST_OFF) if (now := self._now()) else None
        return Stamps(self.table.cursor_field, by, may_be_dates=not self.clock.is_shared)

    def _page_done(self, progress: TenantCursor, window: Window, page: Page[Raw], stamps: Stamps) -> None:
        """Keep what a page has shown of the ERP, and send the state behind it."""
        facts = self.facts
        self._latest = max(self._latest, stamps.newest or "")
        if stamps.has_none:
            facts.saw_unstamped()
        if stamps.shows_dates and not facts.remembers(SHOWS_DATES):
            facts.learn(SHOWS_DATES)
        if stamps.newest and self.reader.is_filtered(window) and not facts.knows(FILTER_WORKS):
            facts.learn(FILTER_WORKS)
        if len(page.rows) >= SMALLEST_PAGE_ROWS and not facts.knows(GIVES_PAGES):
            facts.learn(GIVES_PAGES)
        seen = self.clock.see(stamps, self._now())
        progress.page_done(self.reader.tenant, window, page.position, stamps=seen, clock=self.clock.last)

    def _window_done(self, progress: TenantCursor, window: Window, *, has_new: bool, is_stamped: bool) -> bool:
        """Send the state behind a window; whether it had rows.

        A list that is empty may be so by chance, be hidden from the user, or not be there yet; and rows without a stamp
        come for other reasons than the window's.
        """
        reader = self.reader
        has_rows = is_stamped if reader.is_filtered(window) else has_new
        # A window that is gone on with shows the last rows that came before.
        has_rows |= bool(window.start.offset and reader.end_probes.longest)
        if has_rows:
            progress.note(reader.tenant, unproven=reader.unproven)
        progress.window_done(
            reader.tenant,
            window,
            is_proven=has_rows,
            clock=self.clock.last,
            begin=self._start,
            is_blind=not self.clock.is_shown(),
        )
        return has_rows

    def _warn_of_lost_stamps(self) -> None:
        """Rows without a stamp have come beside others: one that had a stamp before is not kept as it is now.

        A row's own stamp stays; an inquiry may show that of another table, which is not always there.
        """
        if self.keys.deduplicates and not self.clock.is_shared:
            logger.warning(
                f"{self.reader.where}: there are rows without a stamp ({self.cursor_field}), and the "
                "destination keeps a row with one before a row without: a row that has lost its stamp stays there as "
                "it was. Choose Full Refresh | Overwrite, or for the cursor a column that is never empty."
            )

    def _heal(self) -> None:
        """Where columns have come that earlier records lack, have those come again; once a day, as they may go."""
        lacking = (*self.reader.lacking, *self.reader.broken, *self.reader.unknown)
        again = [column for column in self.facts.left_out or () if column not in lacking]
        if again and not self.facts.knows(GIVES_ALL_AGAIN):
            logger.info(
                f"{self.reader.where}: the ERP gives {', '.join(again)}, which earlier records lack. The next sync "
                "reads all rows again."
            )
            self.facts.begin_again(lacking)

    def _may_have_rows(self) -> bool:
        """Whether a form that is said not to be set up may have rows nevertheless.

        A state shows whether any have ever come. A full refresh has no state and would empty the destination's table:
        there OData has to show that the form's table is empty.
        """
        if self.progress:
            return self.facts.had_rows
        return self.access.removals.has_rows(self.reader.tenant, self.deletions.sets(), self.reader.where) is not False

    def _deleted(self, newest: str | None) -> Generator[AirbyteMessage, None, bool]:
        """Send the records that say what was deleted; whether there were any."""
        deleted, tenant = 0, self.reader.tenant
        if self.progress and self.deletions.is_tracked:
            tombstones = self.deletions.tombstones(
                tenant,
                self.reader.where,
                progress=self.progress,
                facts=self.facts,
                lookback=self.config.lookback + self.clock.lag(self.progress.progress(tenant).clock_lag),
                newest=newest,
                sent_before=self.clock.own.before,
                keys=self._keys,
            )
            for records in tombstones:
                self._count.deletions = deleted = deleted + len(records)
                if self._keys:
                    self._keys.note_removed(str(record[self.table.id_field]) for record in records)
                yield from self.output.messages(records)
            are_found = self._keys or self.progress.progress(tenant).deletions_asked
            self._count.deletions = deleted if are_found else None
            self._count.remarks += () if are_found else ("deletions are not found",)
        return deleted > 0

    def _begin_comparing(self) -> None:
        """Compare keys where rows are known by their ids, or keep them as long as the ERP keeps what is deleted."""
        tenant, progress, deletions = self.reader.tenant, self.progress, self.deletions
        every = timedelta(hours=self.config.compare_keys_hours)
        if not (progress and every and deletions.is_tracked and deletions.is_selected):
            forget_keys(progress, tenant)
            return
        self._keys = KeyComparison(
            self.reader,
            KeyLists(self.key_reader, self.table, Window(self._start)),
            self.table,
            progress,
            self.facts,
            every,
            self._now,
            self._records_of,
            self._removed,
            partial(self.access.brought.__setitem__, (tenant, self.table.family)),
            lambda was: self.access.removals.are_kept(tenant, deletions.sets(), was, self._now()),
        )
        self._keys.begin()

    def _removed(self, removals: Iterable[Removal]) -> Iterator[AirbyteMessage]:
        records = [*tombstones(self.table, self.reader.tenant, removals)]
        self._count.deletions = (self._count.deletions or 0) + len(records)
        return self.output.messages(records)

    def _records_of(
        self, reader: Reader, rows: Sequence[Raw], note: Callable[[Sequence[Any]], None] | None = None
    ) -> Generator[AirbyteMessage, None, Sequence[str]]:
        """The records of rows that were found by their ids, but not those of before the start date; the ids."""
        ids: list[str] = []
        for piece, lacking in self.output.pieces(reader, rows):
            if records := changed_since(piece, self.table.cursor_field, self._start):
                if note:
                    note(records)
                ids += map(str.lower, ids_in(records, self.table.id_field))
                self._count.records += len(records)
                self.facts.lacks((*reader.lacking, *reader.broken))
                yield from self.output.messages(records, self._meta(reader, lacking))
        return ids

    def _linked_records_of(self, reader: Reader, rows: Sequence[Raw]) -> Iterator[AirbyteMessage]:
        return self._records_of(reader, rows, self._keys.note_sent if self._keys else None)

    def _meta(self, reader: Reader, lacking: Sequence[str]) -> Meta | None:
        return meta_of((*reader.lacking, *lacking, *reader.unknown), reader.cut)

    def _restore_check(self, progress: TenantCursor) -> RestoreCheck:
        place = self.reader, self.facts, progress, self.config.lookback
        has_condition, is_shared = bool(self.table.condition), self.clock.is_shared
        return RestoreCheck(*place, has_condition=has_condition, is_stamped_by_the_database=is_shared, now=self._now)
