"""The streams that Airbyte reads: a table of all tenants, as requests, records and state."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from typing import Any

import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.progress import RowCount
from source_acumatica.airbyte.records import Meta, RecordBatch, in_pieces, meta_of
from source_acumatica.airbyte.removals import Loss, tombstones
from source_acumatica.airbyte.watches import KeyWatch, ListKeys, Stamps, looks_like_a_date
from source_acumatica.config import Config
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import Action, RequestFailed, broken_record, config_error
from source_acumatica.reading.codec import Codec, RawRow
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import FURTHEST_OFF, DatabaseClock, Look, allowance
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw, format_instant, moved
from source_acumatica.reading.kept_names import places
from source_acumatica.reading.learnt import (
    ALL_STAMPED,
    EMPTIES_PARTS,
    FILTER_WORKS,
    GIVES_ALL_AGAIN,
    GIVES_PAGES,
    HAS_FLAGGED,
    HAS_NO_FLAGS,
    REFUSES_NULL,
    SHOWS_DATES,
    STAMPS_STAND,
)
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.progress import Progress, StampsSeen
from source_acumatica.reading.read_with import ReadWith, asks_for_more, explain_mixture
from source_acumatica.reading.reader import Reader, where_of
from source_acumatica.reading.repeated import RepeatedReader
from source_acumatica.reading.table import DELETED_AT, StreamTable
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

_A_DAY_SECONDS = 86_400
# A day, and one more for the zone in which it begins.
_STEP_OF_DATES = timedelta(days=2)
# Filters compare what the database has, which is rounded where it is shown.
_ROUNDING = timedelta(seconds=1)
_NOT_EMPTIED = (
    "a full refresh would empty the destination's table on that word alone, and OData does not show that there are no "
    "rows: fill in the preferences that are named, read the stream incrementally, or leave it out"
)
# So much of what the ERP sent is turned into lines at once.
_PIECE_BYTES = 512 * 1024


Holding = Mapping[str, StreamTable | AirbyteTracedException]
"""By tenant, in the order of reading: the table as the tenant has it, or why it cannot be read there."""


class TableStream(HttpStream, ABC):
    """One table, for all tenants; the subclasses differ in the door that its rows come through."""

    def __init__(
        self,
        table: StreamTable,
        holding: Holding,
        client: Client,
        config: Config,
        access: Access,
        configured: Mapping[str, Any] | None = None,
        keys: KeyWatch | None = None,
    ) -> None:
        # HttpStream's constructor asks for the name already.
        self._rows_table, self._client, self._config, self._access = table, client, config, access
        self._name, self.tenants, self._holding = table.name, tuple(holding), holding
        self._keys = keys or KeyWatch()
        self._schema = table.json_schema()
        self._rows_of = cache(lambda tenant: self._table_of(tenant).rows(tenant, self._columns_of(tenant)))
        self._columns_of = cache(lambda tenant: self._table_of(tenant).wanted(configured))
        self._codec_of = cache(self._made_codec)
        if any(self._columns_of(tenant) is not None for tenant in self.tenants):
            # Rows that are the same in these columns may differ in others.
            self._keys.is_the_tables = False
        # It goes without saying but for a generic inquiry, of which the user knows it.
        self.source_defined_cursor = not table.is_cursor_chosen
        # What is added is not the ERP's; custom fields are missed one by one.
        own = {name for name in places(configured or {}) if name[0] != "_" and name.split(".")[0] != "custom"}
        self._configured_columns = frozenset(own)
        self._described_of = cache(lambda tenant: frozenset(places(self._table_of(tenant).json_schema()["properties"])))
        self._sends_removed = not configured or DELETED_AT in configured
        self.progress: TenantCursor | None = None
        """Set for an incremental read."""
        self._logged: set[str] = set()
        self._facts_of: dict[str, TenantFacts] = {}
        self._own_clocks: dict[str, DatabaseClock] = {}
        self._latest: dict[str, str] = {}
        """The latest stamp that has come in this run, by tenant."""
        self._looked_at: set[str] = set()
        """The tenants whose first rows have been looked at."""
        self._is_running = False
        """Whether the CDK has got a record and knows that the stream is running."""
        super().__init__()

    @property
    def name(self) -> str:
        """The stream's name; asked for with every record, so made once."""
        return self._name

    @property
    def primary_key(self) -> list[str]:
        """The tenant first."""
        return self._rows_table.primary_key

    @property
    def cursor_field(self) -> str | list[str]:
        """The cursor's column, or an empty list."""
        return self._rows_table.cursor_field or []

    @property
    def is_resumable(self) -> bool:
        """Only a stream with a cursor keeps a position."""
        return self.supports_incremental

    @property
    def url_base(self) -> str:
        """The instance."""
        return self._config.instance_url

    @property
    def supports_incremental(self) -> bool:
        """Whether the stream may be read by what has changed."""
        return self._rows_table.supports_incremental

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is an lru_cache object
        """The table's columns; asked for with every record, so made once."""
        return self._schema

    def request_headers(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Archived records are hidden unless they are asked for."""
        return {"PX-ApiArchive": "SHOW"} if self._config.include_archived else {}

    def path(
        self,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> str:
        """The address of a slice's rows below the instance."""
        return self._path((stream_slice or {}).get("tenant", ""))

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        """The query options: they depend on the slice's window and the page token alone."""
        slice_ = stream_slice or {}
        window = Window.of_state(slice_.get("window", {}))
        return self._options(slice_.get("tenant", ""), window, next_page_token or {})

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any],
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Sequence[Raw]:
        """The rows of an answer, as the ERP sends them."""
        return self._rows_in(self._codec_of((stream_slice or {}).get("tenant", "")).decode(response.content))

    def next_page_token(self, response: requests.Response) -> Mapping[str, Any] | None:
        """None: the answers do not tell; the reader does."""
        return None

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """One slice for each tenant, with the windows to read in it, fixed here once and for all."""
        for tenant in self.tenants:
            windows = self._windows(tenant)
            if self._asks_for_unstamped(tenant) and any(window.since for window in windows):
                windows = [*windows, Window(is_unstamped=True)]
            yield {"tenant": tenant, "windows": [window.as_state() for window in windows]}

    def _windows(self, tenant: str) -> list[Window]:
        """A full refresh has no upper end, and nothing that was read before."""
        start, now = self._config.start_date, self._access.server_times.get(tenant)
        if self.progress is None:
            return [Window(format_instant(start) if start else None)]
        progress = self.progress.progress(tenant).begun_with(self._read_with(tenant))
        lag = self._lag(tenant, progress)
        may_be_a_date = not self.is_stamped_by_the_database and looks_like_a_date(progress.newest or "")
        if may_be_a_date or SHOWS_DATES in progress.learnt:
            # What changes later that day has the same date, also where the stamps of other rows have a time.
            lag = max(lag, _STEP_OF_DATES)
        if progress.is_ahead_of(now):
            logger.warning(
                f"{where_of(tenant, self.name)}: what was read last reaches up to {progress.last_end}, which lies in "
                f"the future of the server's clock ({now}): one of both clocks is or was wrong. Reading again what may "
                "be missing."
            )
        return progress.windows(start, self._config.lookback, now, lag)

    def _lag(self, tenant: str, progress: Progress) -> timedelta:
        """How far the clocks may differ: as the stream has seen it when it was read last, or any other since.

        That a table is stamped by the clock of the others is a claim: one of a customization may keep local time. So
        its own rows count, too, as far as they were behind.
        """
        shared, own = self._access.clocks[tenant].last, self._own_clock(tenant).last
        seen = [allowance(shared.lag)] if shared else []
        seen += [allowance(max(own.lag, 0))] if own else []
        return max(*seen, progress.clock_lag or timedelta(), timedelta())

    def _clock(self, tenant: str) -> DatabaseClock:
        """The clock that stamps the rows: the database's, or one that only this stream shows."""
        return self._access.clocks[tenant] if self.is_stamped_by_the_database else self._own_clock(tenant)

    def _own_clock(self, tenant: str) -> DatabaseClock:
        """The clock as this stream shows it."""
        if tenant not in self._own_clocks:
            self._own_clocks[tenant] = self.progress.progress(tenant).own_clock if self.progress else DatabaseClock()
        return self._own_clocks[tenant]

    def _look(self, tenant: str) -> Look | None:
        """The last look at the clock that stamps the rows; at the database's where they do not tell."""
        return (self._clock(tenant) if self._shows_the_clock(tenant) else self._access.clocks[tenant]).last

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[StreamData]:
        """A tenant's rows; behind those of each page the state, when reading incrementally."""
        slice_ = stream_slice or {}
        tenant = slice_["tenant"]
        if isinstance(failure := self._holding.get(tenant), AirbyteTracedException):
            raise failure
        self._refuse_lost_columns(tenant)
        reader = self._reader(tenant)
        self._begin(tenant, reader.where)
        if self.progress and self._rows_table.is_tracked:
            self.progress.expect_deletions(tenant, self._access.server_times.get(tenant))
        try:
            with self._client.reading(tenant), self._access.progress_log.of(reader.where) as count:
                yield from self._read_tenant(reader, slice_["windows"], count)
                logger.info(f"{reader.where}: all is read, {count.records:,} records.")
        except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
            # Whatever shape a record has that no description knows, its values go wrong in one of these ways.
            raise broken_record(reader.where, error) from error

    def _read_tenant(
        self, reader: Reader, windows: Iterable[Mapping[str, Any]], count: RowCount
    ) -> Iterator[StreamData]:
        facts, asked = self._facts(reader.tenant), [Window.of_state(window) for window in windows]
        newest = self.progress.progress(reader.tenant).newest if self.progress else None
        is_first, had_rows = facts.is_first, facts.has_rows
        self._miss_columns(reader)
        try:
            for window in asked:
                if not window.is_unstamped or self._has_unstamped(reader, facts):
                    is_there = yield from self._read_window(reader, window, count, facts)
                    if window.start.offset and not is_there:
                        # Nothing of what had been read of it: what follows would move the state past the rest of it.
                        break
            if newest and facts.shows_unstamped:
                self._warn_of_lost_stamps(reader)
            if count.rows:
                # A later page may have told.
                facts.doubts_no_more(but=reader.unknown)
                self._heal(reader, facts)
            if reader.emptied:
                is_new = had_rows and not facts.remembers(EMPTIES_PARTS)
                facts.distrusts_list(is_anew=is_new or reader.is_misread)
        except RequestFailed as error:
            if reader.is_misread:
                facts.distrusts_list(is_anew=True)
            if error.problem.action is not Action.SKIP:
                raise
            if count.rows or not is_first or self._may_have_rows(reader, facts):
                raise self._not_passed_over(reader, error) from None
            # Without progress: once the form is set up, its whole history is read.
            logger.warning(f"{reader.where}: {error.problem.sentence}. No rows are read.")
            return
        if not count.rows and not had_rows:
            self._warn_of_blind_filter(reader.tenant)
        has_removals = False
        if self.progress and self._rows_table.is_tracked:
            for message in self._removed(reader.tenant, self.progress, newest):
                has_removals = True
                yield message
        if newest and self._may_have_gone_back(reader.tenant, asked, newest, facts):
            self._look_back(reader, newest, facts, is_explained=has_removals)

    def _warn_of_lost_stamps(self, reader: Reader) -> None:
        """Rows without a stamp have come beside others, and one that had a stamp before is not kept as it is now.

        A row's own stamp stays; an inquiry may show that of another table, which is not always there.
        """
        if self._keys.deduplicates and not self.is_stamped_by_the_database:
            logger.warning(
                f"{reader.where}: there are rows without a stamp ({self._rows_table.cursor_field}), and the "
                "destination keeps a row with one before a row without: a row that has lost its stamp stays there as "
                "it was. Choose Full Refresh | Overwrite, or for the cursor a column that is never empty."
            )

    def _may_have_rows(self, reader: Reader, facts: TenantFacts) -> bool:
        """Whether a form that is said not to be set up may have rows nevertheless.

        A state tells whether any have ever come. A full refresh has none, and its table would be emptied: there the
        form's table has to be seen to be empty.
        """
        if self.progress:
            return facts.had_rows
        sets = self._deletion_sets(reader.tenant)
        return self._access.removals.has_rows(reader.tenant, sets, reader.where) is not False

    def _not_passed_over(self, reader: Reader, error: RequestFailed) -> RequestFailed:
        """The failure of a form that is said not to be set up, and may have rows."""
        remedy = "rows have come before, so it is not passed over" if self.progress else _NOT_EMPTIED
        sentence = f"{error.problem.sentence}; {remedy}"
        return RequestFailed(replace(error.problem, action=Action.STOP, sentence=sentence), reader.where)

    def _warn_of_blind_filter(self, tenant: str) -> None:
        """No row has ever come: the user's condition may find none of those that there are."""
        table = self._table_of(tenant)
        if table.condition:
            self._access.warn_if_blind(tenant, table)

    def _begin(self, tenant: str, where: str) -> None:
        """The tenant answers: only now may what follows from other settings find its way into the state.

        Raises:
            AirbyteTracedException: a ``config_error``, where the destination would mix what is of another instance.
        """
        if self.progress:
            was, now = self.progress.progress(tenant).read_with, self._read_with(tenant)
            if reason := explain_mixture(was, now):
                msg = f"{where}: {reason}."
                raise config_error(msg)
            for reason in asks_for_more(was, now):
                logger.warning(f"{where}: {reason}, so it is read anew.")
            self.progress.begin(tenant, now)

    def _refuse_lost_columns(self, tenant: str) -> None:
        """A destination that deduplicates goes by the key, and by the stamp: without them it drops what is sent.

        Raises:
            AirbyteTracedException: a ``config_error`` that names the column.
        """
        where, described = where_of(tenant, self.name), self._table_of(tenant).json_schema()["properties"]
        self._keys.refuse_lost(where, described)
        cursor, was = self._rows_table.cursor_field, self.progress and self.progress.progress(tenant)
        if not (was and self._keys.deduplicates):
            return
        # A tenant that never had the stamp has no row with a later one, and lines have it from their document.
        is_lost = bool(was.newest) and self._table_of(tenant).cursor_field is None
        if is_lost or (cursor not in described and cursor in was.columns):
            msg = (
                f"{where}: the cursor {cursor or 'column'} has come before, and the ERP does not describe it now: "
                "the destination keeps rows that have it before those without, so no change would arrive. Bring it "
                "back under its name; if it was removed for good, refresh the connection's schema and the stream."
            )
            raise config_error(msg)

    @property
    def _is_ranked(self) -> bool:
        """Whether the destination keeps, of the rows with one key, the one with the latest stamp."""
        return self.progress is not None and self._keys.deduplicates

    @property
    def missed_columns(self) -> frozenset[str]:
        """The columns that reading warns of as missed, of any tenant."""
        return frozenset(column for tenant in self.tenants for column in self._missed_columns(tenant))

    def _missed_columns(self, tenant: str) -> Sequence[str]:
        described = self._described_of(tenant)
        return self._facts(tenant).missed_columns(described, self._configured_columns - described)

    def _miss_columns(self, reader: Reader) -> None:
        """Columns that the catalog has and the ERP does not describe any more come empty: rows say so."""
        reader.missed = tuple(self._missed_columns(reader.tenant))
        if reader.missed:
            logger.warning(
                f"{reader.where}: the columns {', '.join(reader.missed)} have come before, and the ERP does not "
                "describe them now. Records come without them and say so; once they are back, all are read anew. If "
                "they were removed for good, refresh the connection's schema."
            )

    def _look_back(self, reader: Reader, newest: str, facts: TenantFacts, *, is_explained: bool) -> None:
        """Say if no row is stamped as late any more as one that came before, unless rows were removed in this sync."""
        if self.progress is None:
            return
        if reader.has_rows_since(self._shortly_before(newest)):
            facts.learn(STAMPS_STAND)
            return
        if self._has_left_a_condition(reader, newest, facts):
            return
        now = self._access.now(reader.tenant)
        if is_explained:
            if now and newest > format_instant(now + FURTHEST_OFF):
                logger.warning(
                    f"{reader.where}: a row that was stamped with a time to come ({newest}) is not there any more. In "
                    "the destination, whatever happened to it since loses against that stamp, also a deletion: refresh "
                    "this stream."
                )
            self.progress.note(reader.tenant, newest=None)
            return
        logger.warning(
            f"{reader.where}: a row that was changed at {newest} has come before, and now the ERP finds none that was "
            "changed then or later. Either it was deleted, or an earlier state of the tenant was restored (a snapshot, "
            "a backup): then refresh this stream, since rows that are as they were before are not told by their "
            "stamps. Or the ERP compares times otherwise than it shows them: from now on a day more is read again."
        )
        self.progress.note(reader.tenant, newest=None, lag=_A_DAY_SECONDS)

    def _shortly_before(self, stamp: str) -> str:
        return moved(stamp, -self._config.lookback - _ROUNDING)

    def _has_left_a_condition(self, reader: Reader, newest: str, facts: TenantFacts) -> bool:
        """Whether the latest row may be gone since it was changed: it does not fulfil what rows are chosen by any more.

        An inquiry has conditions of its own, of which nobody knows; its filter is right if it finds the row that is the
        latest now.
        """
        table = self._table_of(reader.tenant)
        if table.condition and reader.has_rows_since(self._shortly_before(newest), is_unconditional=True):
            facts.learn(STAMPS_STAND)
            return True
        latest = None if self.is_stamped_by_the_database else reader.latest()
        if not latest or latest >= newest or not reader.has_rows_since(self._shortly_before(latest)):
            return False
        logger.info(
            f"{reader.where}: a row that was changed at {newest} has come before, and the latest is of {latest} now. "
            "It was deleted, or does not fulfil the inquiry's conditions any more; if an earlier state of the tenant "
            "was restored (a snapshot, a backup), refresh this stream."
        )
        if self.progress:
            self.progress.note(reader.tenant, newest=latest)
        return True

    def _may_have_gone_back(
        self, tenant: str, windows: Sequence[Window], newest: str | None, facts: TenantFacts
    ) -> bool:
        """Whether a row should have come that has not, or nobody has looked for a day."""
        if self.progress is None or newest is None or self._latest.get(tenant, "") >= newest:
            return False
        is_covered = any(not window.is_unstamped and (window.since or "") <= newest for window in windows)
        return is_covered or not facts.knows(STAMPS_STAND)

    def _read_window(
        self, reader: Reader, window: Window, count: RowCount, facts: TenantFacts
    ) -> Generator[AirbyteMessage, None, bool]:
        """Send the rows of a window; whether there were any, with those that had been read of it before."""
        keys, rows_before, is_stamped = self._key_list(reader), count.rows, False
        cursor, begun = self._table_of(reader.tenant).cursor_field, self._access.now(reader.tenant)
        keys.fresh = cursor, format_instant(begun) if begun else None
        given: Sequence[str] | None = None
        for page in reader.pages(window):
            now = self._access.now(reader.tenant)
            by = format_instant(now + FURTHEST_OFF) if now else None
            stamps = Stamps(cursor, by, may_be_dates=not self.is_stamped_by_the_database)
            keys.begin_page(begins_as_last=page.begins_as_last)
            if reader.repeated_key:
                self._keys.complain_of(reader.where, reader.repeated_key)
                keys.distrust_own()
            if page.rows and reader.tenant not in self._looked_at:
                self._looked_at.add(reader.tenant)
                self._look_at_ids(reader, page.rows, facts)
            for piece, lacking in self._pieces(reader, page.rows):
                records = keys.checked(piece)
                stamps.note(records)
                count.records += len(records)
                yield from self._lines(records, meta_of((*reader.lacking, *lacking, *reader.unknown), reader.cut))
            count.rows += len(page.rows)
            # A document says it for its lines, though it has none.
            is_stamped = is_stamped or stamps.newest is not None or any(map(reader.is_stamped, page.rows))
            if self.progress:
                facts.lacks((*reader.lacking, *reader.broken))
                facts.doubts(reader.unknown)
                if reader.custom != given:
                    given = reader.custom
                    facts.gives(self._configured_columns & self._described_of(reader.tenant), given)
                self._note_page(reader, window, stamps, facts)
                if len(page.rows) >= SMALLEST_PAGE_ROWS and not facts.knows(GIVES_PAGES):
                    facts.learn(GIVES_PAGES)
                look, seen = self._looked(reader.tenant, stamps)
                self.progress.page_done(reader.tenant, window, page.position, stamps=seen, look=look)
        facts.saw_behind(reader.looks)
        if self.progress:
            # A list that is empty may be so by chance, be hidden from the user, or not be there yet; and rows without a
            # stamp come for other reasons than the window's.
            has_rows = is_stamped if reader.is_filtered(window) else count.rows > rows_before
            # One that is gone on with shows the last rows that came before.
            has_rows |= bool(window.start.offset and reader.looks.longest)
            if has_rows:
                self.progress.note(reader.tenant, unproven=reader.unproven)
            self.progress.window_done(
                reader.tenant,
                window,
                is_proven=has_rows,
                look=self._look(reader.tenant),
                begin=format_instant(self._config.start_date) if self._config.start_date else None,
                is_blind=not self._shows_the_clock(reader.tenant),
            )
            return has_rows
        return True

    def _looked(self, tenant: str, stamps: Stamps) -> tuple[Look | None, StampsSeen]:
        """The last look at the clock, after a page with these stamps, and what they have shown."""
        if not self._shows_the_clock(tenant):
            return self._look(tenant), StampsSeen(stamps.newest)
        now, own = self._access.now(tenant), self._own_clock(tenant)
        own.see(stamps.believable, now)
        if self.is_stamped_by_the_database:
            self._clock(tenant).see(stamps.believable, now)
        return self._look(tenant), StampsSeen(stamps.newest, stamps.believable, own.last and own.last.lag)

    def _key_list(self, reader: Reader) -> ListKeys:
        return self._keys.list(reader.where, self._table_of(reader.tenant).own_key)

    def _heal(self, reader: Reader, facts: TenantFacts) -> None:
        """Where rows have come with what earlier ones lack, have those come again; once a day, lest it come and go."""
        lacking = (*reader.lacking, *reader.broken, *reader.unknown)
        again = [column for column in facts.left_out or () if column not in lacking]
        if again and not facts.knows(GIVES_ALL_AGAIN):
            logger.info(
                f"{reader.where}: the ERP gives {', '.join(again)}, which earlier records lack. The next sync reads "
                "all rows anew."
            )
            facts.begin_anew(lacking)

    def _note_page(self, reader: Reader, window: Window, stamps: Stamps, facts: TenantFacts) -> None:
        """Keep what a page's stamps tell of the ERP."""
        self._latest[reader.tenant] = max(self._latest.get(reader.tenant, ""), stamps.newest or "")
        if stamps.has_none:
            facts.saw_unstamped()
        if stamps.shows_dates and not facts.remembers(SHOWS_DATES):
            facts.learn(SHOWS_DATES)
        if stamps.newest and reader.is_filtered(window) and not facts.knows(FILTER_WORKS):
            facts.learn(FILTER_WORKS)

    def _has_unstamped(self, reader: Reader, facts: TenantFacts) -> bool:
        """Whether there are rows without a stamp to be asked for; where none were seen, once a day is enough."""
        if facts.knows(REFUSES_NULL) or (facts.knows(ALL_STAMPED) and not facts.has_unstamped):
            return False
        found = reader.has_unstamped()
        if found is None:
            facts.learn(REFUSES_NULL)
            # Behind a start date none can have been seen.
            if facts.has_unstamped or (self._config.start_date and facts.is_first):
                logger.warning(
                    f"{reader.where}: there are rows without a stamp ({self._rows_table.cursor_field}), and the ERP "
                    "cannot be asked for them: such rows that are new or changed do not arrive but with a full refresh."
                )
        elif not found:
            facts.learn(ALL_STAMPED)
        return bool(found)

    def _repeated(
        self, tenant: str, readers: Sequence[tuple[Mapping[str, Any], Reader]], asked: Sequence[str]
    ) -> Reader:
        """The reader of an inquiry that is asked with one combination of values, or with several."""
        if not asked:
            return readers[0][1]
        facts, cursor = self._facts(tenant), self._table_of(tenant).cursor_field
        return RepeatedReader(tenant, self._config, readers, asked, lambda: facts.unproven, cursor)

    def _facts(self, tenant: str) -> TenantFacts:
        if tenant not in self._facts_of:
            self._facts_of[tenant] = TenantFacts(self.progress, tenant, partial(self._access.now, tenant))
        return self._facts_of[tenant]

    def _look_at_ids(self, reader: Reader, rows: Sequence[Raw], facts: TenantFacts) -> None:
        """Try on the first rows of a run whether the ids that they are known by are those of removed records, too."""

    @property
    def is_stamped_by_the_database(self) -> bool:
        """Whether stamps are those of the rows themselves, by the clock that all tables of a tenant share."""
        return True

    def _asks_for_unstamped(self, tenant: str) -> bool:
        """Whether rows without a stamp have to be asked for apart from the others."""
        return False

    def _shows_the_clock(self, tenant: str) -> bool:
        """Whether the stamps are instants of the database's clock, so that they show how far it is off."""
        return True

    def _pieces(self, reader: Reader, rows: Sequence[Raw]) -> Iterator[tuple[Sequence[Any], Sequence[str]]]:
        """The rows' records, as many at a time as make a piece, with what these lack beside what all do."""
        for some, lacking in reader.runs(rows):
            yield from ((piece, lacking) for piece in self._pieces_of(reader, some))

    def _pieces_of(self, reader: Reader, rows: Sequence[Raw]) -> Iterator[Sequence[Any]]:
        """A form's results are all in one row."""
        row_bytes = max(reader.record_bytes, 1.0)
        for some in in_pieces(rows, max(int(_PIECE_BYTES / row_bytes), 1)):
            records = [record for row in some for record in self._records_of(reader.tenant, row)]
            pieces = math.ceil(row_bytes * len(some) / (2 * _PIECE_BYTES))
            yield from in_pieces(records, max(math.ceil(len(records) / pieces), 1))

    def _records_of(self, tenant: str, row: Raw) -> Iterable[Any]:
        """A row's records, the way that its page was decoded."""
        make = self._codec_of(tenant).make_records
        if make and isinstance(row, RawRow):
            return make(tenant, row)
        return self._rows_of(tenant)(row)

    def _warn(self, tenant: str, sentence: str) -> None:
        """Log once what is strange in a tenant's answers."""
        warning = f"{where_of(tenant, self.name)}: {sentence}."
        if warning not in self._logged:
            self._logged.add(warning)
            logger.warning(warning)

    def _removed(self, tenant: str, progress: TenantCursor, newest: str | None) -> Iterator[AirbyteMessage]:
        """The records that were removed; where that cannot be read, the log says so and the rest goes on.

        ``newest`` is the latest stamp that had come before this sync, also where it is doubted by now.
        """
        where, was = where_of(tenant, self.name), progress.progress(tenant)
        if not self._sends_removed:
            logger.warning(f"{where}: deleted records are not sent, since the column {DELETED_AT} is not selected.")
            return
        access, now = self._access, self._access.server_times.get(tenant)
        lookback = self._config.lookback + self._lag(tenant, was)
        may_have_flags = self._may_have_flags(tenant) and not was.knows(HAS_NO_FLAGS, access.now(tenant))
        table = self._described(tenant) if may_have_flags else None
        newest = max(filter(None, (newest, was.newest)), default=None)
        sent = self._own_clock(tenant).before
        loss = Loss(
            tenant,
            self._deletion_sets(tenant),
            where,
            self._config.max_page_size,
            table,
            newest,
            has_own_stamp=self._has_own_stamp,
            sent_by=format_instant(sent.latest) if sent else None,
            was=was,
            now=now,
            may_have_flags=may_have_flags,
            is_header_known=bool(access.have_flagged),
        )
        reader = access.removals.reader(loss)
        for removals in reader.removals(was.deletions_since(lookback, now)):
            yield from self._lines(list(tombstones(self._rows_table, tenant, removals)))
        if reader.has_flagged:
            access.have_flagged.add(tenant)
            self._facts(tenant).learn(HAS_FLAGGED)
        has_no_flags = None if reader.has_flags is None else not reader.has_flags
        until = now if reader.is_listed else None
        progress.deletions_done(
            tenant, until, is_empty=reader.is_empty, has_no_flags=has_no_flags, now=access.now(tenant)
        )

    def _lines(self, records: Sequence[Any], meta: Meta | None = None) -> Iterator[AirbyteMessage]:
        if records:
            lines = RecordBatch.of(self.name, records, meta)
            yield from [lines] if self._is_running else lines.first_apart()
            self._is_running = True

    @abstractmethod
    def _read_with(self, tenant: str) -> ReadWith:
        """The settings that decide what arrives of the tenant."""

    @abstractmethod
    def _path(self, tenant: str) -> str: ...

    @abstractmethod
    def _options(self, tenant: str, window: Window, token: Mapping[str, Any]) -> dict[str, str]: ...

    @abstractmethod
    def _table_of(self, tenant: str) -> StreamTable:
        """The table as the tenant has it; where it is not known, as all have it."""

    @abstractmethod
    def _made_codec(self, tenant: str) -> Codec:
        """The codec of the table as the tenant has it."""

    def _rows_in(self, answer: Any) -> Sequence[Raw]:
        """The rows of a decoded answer."""
        rows: Sequence[Raw] = answer
        return rows

    @abstractmethod
    def _reader(self, tenant: str) -> Reader: ...

    @abstractmethod
    def _deletion_sets(self, tenant: str) -> Sequence[str]:
        """The names under which OData may have the table."""

    def _may_have_flags(self, tenant: str) -> bool:
        """Whether the table may keep removed rows with a flag."""
        return True

    @abstractmethod
    def _described(self, tenant: str) -> StreamTable | None:
        """The table as OData describes it, where that is known."""

    @property
    def _has_own_stamp(self) -> bool:
        """Whether the cursor is the stamp of the table itself."""
        return False


def shared_codec(codecs: list[tuple[Any, Codec]], table: StreamTable, make: Callable[[], Codec]) -> Codec:
    """The codec of a table, made once for all tenants that have the same."""
    found = next((codec for known, codec in codecs if known == table), None)
    if found is None:
        found = make()
        codecs.append((table, found))
    return found


def can_be_smaller(token: Mapping[str, Any]) -> bool:
    """Whether a request could be sent with fewer rows, were they too many; otherwise it is repeated as it is."""
    top: int = token.get("top", 0)
    return top > SMALLEST_PAGE_ROWS
