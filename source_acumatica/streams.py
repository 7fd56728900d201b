"""The streams that Airbyte reads: a table of all tenants, as requests, records and state."""

from __future__ import annotations

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, cached_property, partial
from typing import Any

import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.ad_hoc import AdHocSchemas
from source_acumatica.client import Client
from source_acumatica.codec import Codec, FeedAnswer, WireRow, feed_codec, list_codec
from source_acumatica.config import Config
from source_acumatica.cursor import (
    ALL_STAMPED,
    EMPTIES_PARTS,
    FILTER_WORKS,
    GIVES_ALL_AGAIN,
    GIVES_PAGES,
    HAS_NO_FLAGS,
    REFUSES_NULL,
    STAMPS_STAND,
    TenantCursor,
    Window,
)
from source_acumatica.deletions import Deletions, RemovedReader, sets_of, tombstones
from source_acumatica.doors import Doors, FeedPage, inquiry_resource
from source_acumatica.entity import Wire, format_instant
from source_acumatica.errors import NO_CONTENT, Next, RequestFailed, broken_record, on_trial, or_no_content, read_answer
from source_acumatica.feed_reader import FeedReader
from source_acumatica.feeds import FeedDoor, FeedTable
from source_acumatica.heartbeat import Beat, Heartbeat
from source_acumatica.kept_names import missed, outermost, places, remembered
from source_acumatica.lines import RecordLines, in_pieces
from source_acumatica.list_reader import ListReader
from source_acumatica.odata import feed_options
from source_acumatica.paging import SMALLEST_PAGE_ROWS
from source_acumatica.query import Plan, list_options
from source_acumatica.reader import FormReader, Reader, where_of
from source_acumatica.tables import DELETED_AT, Door, StreamTable, Table
from source_acumatica.tracking import Tracking
from source_acumatica.watches import KeyWatch, Stamps

logger = logging.getLogger("airbyte")

# Filters compare what the database has, which is rounded where it is shown.
_ROUNDING = timedelta(seconds=1)
# So much of what the ERP sent is turned into lines at once.
_PIECE_BYTES = 512 * 1024


@dataclass(frozen=True)
class Access:
    """What is known of the tenants at the start of a run."""

    doors: Doors
    failures: Mapping[str, AirbyteTracedException] = field(default_factory=dict)
    """Tenants that could not be described, and why: their slices fail, the others' are read."""
    feed_failures: Mapping[tuple[FeedDoor, str], AirbyteTracedException] = field(default_factory=dict)
    """The same of the OData doors: of those, only the streams behind them fail."""
    server_times: Mapping[str, datetime] = field(default_factory=dict)
    lags: dict[str, timedelta] = field(default_factory=dict)
    """How far the clock of each tenant's database may differ from the server's, as far as any stream has seen."""
    _looks: dict[str, list[tuple[datetime, timedelta]]] = field(default_factory=dict)
    ad_hoc: AdHocSchemas = field(default_factory=AdHocSchemas)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    began_at: float = field(default_factory=time.monotonic)
    tracking: Tracking = field(init=False)
    """What deletions the ERP keeps."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tracking", Tracking(self.doors))

    def now(self, tenant: str) -> datetime | None:
        """The server's clock at this moment, as it has gone on since the sign-in."""
        then = self.server_times.get(tenant)
        return then and then + timedelta(seconds=time.monotonic() - self.began_at)

    def note_lags(self, progress: TenantCursor, tenants: Sequence[str]) -> None:
        """All tables of a tenant are stamped by one clock: what one stream has seen of it holds for the others.

        Of what was seen within a day of the last look, the least counts.
        """
        for tenant in tenants:
            was = progress.progress(tenant)
            if was.clock_lag is not None and was.lag_at:
                self._looks.setdefault(tenant, []).append((datetime.fromisoformat(was.lag_at), was.clock_lag))
                last = max(at for at, _ in self._looks[tenant])
                self.lags[tenant] = min(lag for at, lag in self._looks[tenant] if last - at <= timedelta(days=1))

    @classmethod
    def of(
        cls,
        client: Client,
        tenants: Sequence[str],
        doors: Doors,
        failures: Mapping[str, AirbyteTracedException],
        feed_failures: Mapping[tuple[FeedDoor, str], AirbyteTracedException],
        heartbeat: Heartbeat,
    ) -> Access:
        """With the tenants' clocks, read when they were signed in to."""
        times = {tenant: client.server_time(tenant) for tenant in tenants}
        known = {tenant: time for tenant, time in times.items() if time}
        return cls(doors, failures, feed_failures, known, heartbeat=heartbeat)


class TenantFacts:
    """What is known of one tenant's list: kept in the state of an incremental read, and nowhere in a full refresh."""

    def __init__(self, progress: TenantCursor | None, tenant: str, now: Callable[[], datetime | None]) -> None:
        self._progress, self._tenant, self._now = progress, tenant, now
        self._fresh: set[str] = set()

    @property
    def has_unstamped(self) -> bool:
        """Whether rows without a stamp have been seen."""
        return self._progress is not None and self._progress.progress(self._tenant).has_unstamped

    @property
    def left_out(self) -> Sequence[str] | None:
        """What the rows that an earlier sync brought lack; None where none did, or where nobody knows.

        States of old do not tell, and are known by the stamp that they lack.
        """
        was = self._progress.progress(self._tenant) if self._progress else None
        return was.left_out if was and (was.left_out or was.newest) else None

    def lacks(self, columns: Iterable[str]) -> None:
        """Rows have come without them."""
        known = self.left_out or ()
        if self._progress is not None and not {*columns} <= {*known}:
            self._progress.note(self._tenant, left_out=tuple(dict.fromkeys((*known, *columns))))

    def begin_anew(self, columns: Iterable[str]) -> None:
        """All rows are to come again, since those that lack what they did not, now lack these ``columns`` alone."""
        if self._progress is not None:
            self._progress.note(self._tenant, reached=None, reading=None, left_out=tuple(columns))
            self.learn(GIVES_ALL_AGAIN)

    def gives(self, columns: Iterable[str], custom: Iterable[str]) -> None:
        """Rows have come with these."""
        if self._progress is None:
            return
        was = self._progress.progress(self._tenant)
        now: dict[str, Any] = {
            "columns": remembered(was.columns, columns),
            "custom": remembered(was.custom, custom),
        }
        if now != {"columns": was.columns, "custom": was.custom}:
            self._progress.note(self._tenant, **now)

    def missed_columns(self, described: Iterable[str], configured: Iterable[str]) -> Sequence[str]:
        """The ``configured`` columns that have come before and are not described now."""
        configured = {*configured}
        known = self._progress.progress(self._tenant).columns if self._progress else ()
        return outermost([name for name in missed(known, described, configured, "") if name in configured])

    def missed_custom(self, names: Iterable[str]) -> Sequence[str]:
        """The custom fields that have come before and are not among ``names``, as columns; "custom" if unknown."""
        known = self._progress.progress(self._tenant).custom if self._progress else ()
        return missed(known, names, (), "custom")

    @property
    def has_rows(self) -> bool:
        """Whether rows have come in this sync or before."""
        was = self._progress.progress(self._tenant) if self._progress else None
        return was is not None and any((was.reached, was.reading, was.newest))

    def distrusts_list(self, *, is_anew: bool) -> None:
        """The list leaves empty what records have; ``is_anew``: rows that came before that was known come again."""
        if self._progress is None:
            return
        if is_anew:
            self._progress.note(self._tenant, reached=None, reading=None)
        self.learn(EMPTIES_PARTS)

    def remembers(self, name: str) -> bool:
        """Whether it was learnt at any time."""
        return self._progress is not None and name in self._progress.progress(self._tenant).learnt

    @property
    def is_first(self) -> bool:
        """Whether nothing was read before."""
        return self._progress is None or self._progress.progress(self._tenant).reached is None

    def knows(self, name: str) -> bool:
        """Whether it was learnt within the last day."""
        return self._progress is not None and self._progress.progress(self._tenant).knows(name, self._now())

    def is_fresh(self, name: str) -> bool:
        """Whether it was learnt in this very sync."""
        return name in self._fresh

    def learn(self, name: str) -> None:
        """Keep it for a day."""
        now = self._now()
        self._fresh.add(name)
        if self._progress is not None and now:
            self._progress.note(self._tenant, {name: format_instant(now)})

    def forget(self, name: str) -> None:
        """It is so no longer."""
        if self._progress is not None:
            self._progress.note(self._tenant, {name: None})

    def saw_unstamped(self) -> None:
        """A row without a stamp has come."""
        if self._progress is not None and not self.has_unstamped:
            self._progress.note(self._tenant, has_unstamped=True)


class TableStream(HttpStream, ABC):
    """One table, for all tenants; the subclasses differ in the door that its rows come through."""

    def __init__(
        self,
        table: StreamTable,
        tenants: Sequence[str],
        client: Client,
        config: Config,
        access: Access,
        configured: Mapping[str, Any] | None = None,
        keys: KeyWatch | None = None,
    ) -> None:
        # HttpStream's constructor asks for the name already.
        self._rows_table, self._client, self._config, self._access = table, client, config, access
        self._keys = keys or KeyWatch()
        self._name, self.tenants = table.name, tenants
        self._columns = table.wanted(configured)
        self._schema = table.json_schema()
        # What is added is not the ERP's; custom fields are missed one by one.
        own = {name for name in places(configured or {}) if name[0] != "_" and name.split(".")[0] != "custom"}
        self._configured_columns = frozenset(own)
        self._given_columns = frozenset(own & {*places(self._schema["properties"])})
        self._rows_of = cache(partial(table.rows, columns=self._columns))
        self._sends_removed = not configured or DELETED_AT in configured
        self.progress: TenantCursor | None = None
        """Set for an incremental read."""
        self._told: set[str] = set()
        self._facts_of: dict[str, TenantFacts] = {}
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
    ) -> Sequence[Wire]:
        """The rows of an answer, as the ERP sends them."""
        answer = self._codec.decode(response.content)
        return answer.value if isinstance(answer, FeedAnswer) else answer

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
            if self._asks_for_unstamped and any(window.since for window in windows):
                windows = [*windows, Window(is_unstamped=True)]
            yield {"tenant": tenant, "windows": [window.as_state() for window in windows]}

    def _windows(self, tenant: str) -> list[Window]:
        """A full refresh has no upper end, and nothing that was read before."""
        start, now = self._config.start_date, self._access.server_times.get(tenant)
        if self.progress is None:
            return [Window(format_instant(start) if start else None)]
        progress, lag = self.progress.progress(tenant), self._access.lags.get(tenant, timedelta())
        if progress.is_ahead_of(now):
            reached = progress.reading.until if progress.reading else progress.reached
            logger.warning(
                f"{where_of(tenant, self.name)}: what was read last reaches up to {reached}, which lies in the future "
                f"of the server's clock ({now}): one of both clocks is or was wrong. Reading again what may be missing."
            )
        return progress.windows(start, self._config.lookback, now, lag)

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
        failure = self._failure(tenant)
        if failure:
            raise failure
        reader = self._reader(tenant)
        if self.progress and self._rows_table.is_tracked:
            self.progress.expect_deletions(tenant, self._access.server_times.get(tenant))
        try:
            with self._client.reading(tenant), self._access.heartbeat.of(reader.where) as beat:
                yield from self._read_tenant(reader, slice_["windows"], beat)
                logger.info(f"{reader.where}: all is read, {beat.records:,} records.")
        except (AttributeError, TypeError, ValueError, LookupError) as error:
            # Whatever shape a record has that no description knows, its values go wrong in one of these ways.
            raise broken_record(reader.where, error) from error

    def _read_tenant(self, reader: Reader, windows: Iterable[Mapping[str, Any]], beat: Beat) -> Iterator[StreamData]:
        facts = self._facts(reader.tenant)
        newest = self.progress.progress(reader.tenant).newest if self.progress else None
        is_first, had_rows = facts.is_first, facts.has_rows
        self._miss_columns(reader, facts)
        try:
            for window in map(Window.of_state, windows):
                if not window.is_unstamped or self._has_unstamped(reader, facts):
                    yield from self._read_window(reader, window, beat, facts)
            if beat.rows:
                self._heal(reader, facts)
            if reader.emptied:
                is_new = had_rows and not facts.remembers(EMPTIES_PARTS)
                facts.distrusts_list(is_anew=is_new or reader.is_misread)
            if newest and not facts.knows(STAMPS_STAND):
                self._look_back(reader, newest, facts)
        except RequestFailed as error:
            if reader.is_misread:
                facts.distrusts_list(is_anew=True)
            # Where rows have come, now or before, the form is set up: then this is a failure like any other.
            if error.problem.next is not Next.SKIP or beat.rows or not is_first:
                raise
            # Without progress: once the form is set up, its whole history is read.
            logger.warning(f"{reader.where}: {error.problem.sentence}. No rows are read.")
            return
        if self.progress and self._rows_table.is_tracked:
            yield from self._removed(reader.tenant, self.progress)

    def _miss_columns(self, reader: Reader, facts: TenantFacts) -> None:
        """Columns that the catalog has and the ERP does not describe any more come empty: rows say so."""
        described = {*places(self._schema["properties"])}
        reader.missed = tuple(facts.missed_columns(described, self._configured_columns - described))
        if reader.missed:
            logger.warning(
                f"{reader.where}: the columns {', '.join(reader.missed)} have come before, and the ERP does not "
                "describe them now. Records come without them and say so; once they are back, all are read anew. If "
                "they were removed for good, refresh the connection's schema."
            )

    def _look_back(self, reader: Reader, newest: str, facts: TenantFacts) -> None:
        """Say if no row is stamped as late any more as one that came before; asked once a day."""
        if self.progress is None:
            return
        has_newer = (self.progress.progress(reader.tenant).newest or "") > newest
        since = format_instant(datetime.fromisoformat(newest) - self._config.lookback - _ROUNDING)
        if has_newer or reader.has_rows_since(since):
            facts.learn(STAMPS_STAND)
        else:
            logger.warning(
                f"{reader.where}: a row that was changed at {newest} has come before, and now none is there that was "
                "changed then or later. If an earlier state of the tenant was restored (a snapshot, a backup), refresh "
                "this stream: rows that are as they were before are not told by their stamps."
            )
            self.progress.note(reader.tenant, newest=None)

    def _read_window(self, reader: Reader, window: Window, beat: Beat, facts: TenantFacts) -> Iterator[AirbyteMessage]:
        keys, rows_before = self._keys.list(reader.where), beat.rows
        for page in reader.pages(window):
            stamps = Stamps(self._rows_table.cursor_field)
            keys.begin_page()
            if reader.repeated_key:
                self._keys.complain_of(reader.where, reader.repeated_key)
            for piece in self._pieces(reader, page.rows):
                records = keys.checked(piece)
                stamps.note(records)
                beat.records += len(records)
                yield from self._lines(records, reader.lacking)
            beat.rows += len(page.rows)
            if self.progress:
                facts.lacks(reader.lacking)
                facts.gives(self._given_columns, reader.custom)
                self._note_page(reader, window, stamps, facts)
                if len(page.rows) >= SMALLEST_PAGE_ROWS and not facts.knows(GIVES_PAGES):
                    facts.learn(GIVES_PAGES)
                now = self._access.now(reader.tenant)
                self.progress.page_done(reader.tenant, window, page.position, newest=stamps.newest, now=now)
        if self.progress:
            is_believed = beat.rows > rows_before or not reader.is_filtered(window) or facts.is_fresh(FILTER_WORKS)
            self.progress.window_done(reader.tenant, window, is_proven=is_believed)

    def _heal(self, reader: Reader, facts: TenantFacts) -> None:
        """Where rows have come with what earlier ones lack, have those come again; once a day, lest it come and go."""
        again = [column for column in facts.left_out or () if column not in reader.lacking]
        if again and not facts.knows(GIVES_ALL_AGAIN):
            logger.info(f"{reader.where}: the ERP gives {', '.join(again)} again. The next sync reads all rows anew.")
            facts.begin_anew(reader.lacking)

    def _note_page(self, reader: Reader, window: Window, stamps: Stamps, facts: TenantFacts) -> None:
        """Keep what a page's stamps tell of the ERP."""
        if stamps.has_none:
            facts.saw_unstamped()
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

    def _facts(self, tenant: str) -> TenantFacts:
        if tenant not in self._facts_of:
            self._facts_of[tenant] = TenantFacts(self.progress, tenant, partial(self._access.now, tenant))
        return self._facts_of[tenant]

    @property
    def _asks_for_unstamped(self) -> bool:
        """Whether rows without a stamp have to be asked for apart from the others."""
        return False

    def _pieces(self, reader: Reader, rows: Sequence[Wire]) -> Iterator[Sequence[Any]]:
        """The rows' records, as many at a time as make a piece; a form's results are all in one row."""
        row_bytes = max(reader.record_bytes, 1.0)
        for some in in_pieces(rows, max(int(_PIECE_BYTES / row_bytes), 1)):
            records = [record for row in some for record in self._records_of(reader.tenant, row)]
            pieces = math.ceil(row_bytes * len(some) / (2 * _PIECE_BYTES))
            yield from in_pieces(records, max(math.ceil(len(records) / pieces), 1))

    def _records_of(self, tenant: str, row: Wire) -> Iterable[Any]:
        """A row's records, the way that its page was decoded."""
        make = self._codec.make_records
        if make and isinstance(row, WireRow):
            return make(tenant, row)
        return self._rows_of(tenant)(row)

    def _tell(self, tenant: str, sentence: str) -> None:
        """Log once what is strange in a tenant's answers."""
        warning = f"{where_of(tenant, self.name)}: {sentence}."
        if warning not in self._told:
            self._told.add(warning)
            logger.warning(warning)

    def _removed(self, tenant: str, progress: TenantCursor) -> Iterator[AirbyteMessage]:
        """The records that were removed; where that cannot be read, the log says so and the rest goes on."""
        where, was = where_of(tenant, self.name), progress.progress(tenant)
        if not self._sends_removed:
            logger.warning(f"{where}: deleted records are not sent, since the column {DELETED_AT} is not selected.")
            return
        access, now = self._access, self._access.server_times.get(tenant)
        lookback = self._config.lookback + access.lags.get(tenant, timedelta())
        may_have_flags = self._may_have_flags() and not was.knows(HAS_NO_FLAGS, access.now(tenant))
        table = self._described(tenant) if may_have_flags else None
        deletions = Deletions(tenant, access.doors, self._deletion_sets(), where, self._config.max_page_size, table)
        reader = RemovedReader(deletions, access.tracking.history(tenant), was, now, may_have_flags)
        for removals in reader.removals(was.deletions_since(lookback, now)):
            yield from self._lines(list(tombstones(self._rows_table, tenant, removals)))
        has_no_flags = None if reader.has_flags is None else not reader.has_flags
        until = now if reader.is_listed else None
        progress.deletions_done(tenant, until, has_no_flags=has_no_flags, now=access.now(tenant))

    def _lines(self, records: Sequence[Any], left_out: Sequence[str] = ()) -> Iterator[AirbyteMessage]:
        if records:
            lines = RecordLines.of(self.name, records, left_out)
            yield from [lines] if self._is_running else lines.first_apart()
            self._is_running = True

    @abstractmethod
    def _path(self, tenant: str) -> str: ...

    @abstractmethod
    def _options(self, tenant: str, window: Window, token: Mapping[str, Any]) -> dict[str, str]: ...

    @cached_property
    @abstractmethod
    def _codec(self) -> Codec: ...

    @abstractmethod
    def _failure(self, tenant: str) -> AirbyteTracedException | None:
        """Why the tenant cannot be read at all."""

    @abstractmethod
    def _reader(self, tenant: str) -> Reader: ...

    @abstractmethod
    def _deletion_sets(self) -> Sequence[str]:
        """The names under which OData may have the table."""

    def _may_have_flags(self) -> bool:
        """Whether the table may keep removed rows with a flag."""
        return True

    @abstractmethod
    def _described(self, tenant: str) -> FeedTable | None:
        """The table as OData describes it, where that is known."""


class ContractStream(TableStream):
    """One table, read through the contract-based REST API."""

    def __init__(self, table: Table, *args: Any, **more: Any) -> None:
        self._table = table
        super().__init__(table, *args, **more)
        if table.is_tracked:
            self._access.tracking.expect(table.dac)

    def _path(self, tenant: str) -> str:
        return self._table.url_path

    def _options(self, tenant: str, window: Window, token: Mapping[str, Any]) -> dict[str, str]:
        options = list_options(self._table, token.get("plan", Plan()), self._columns, window)
        return {**options, **{f"${name}": str(token[name]) for name in ("skip", "top") if name in token}}

    @cached_property
    def _codec(self) -> Codec:
        return list_codec(self._table, self._columns)

    def _failure(self, tenant: str) -> AirbyteTracedException | None:
        return self._access.failures.get(tenant)

    def _reader(self, tenant: str) -> Reader:
        headers = self.request_headers(None)
        if self._table.door is Door.INQUIRY:
            return FormReader(tenant, self._config, self._table, self._columns, self._client, headers)
        return ListReader(
            tenant,
            self._config,
            self._table,
            self._columns,
            self._client,
            headers,
            partial(self._ask, tenant),
            self._facts(tenant),
            self._access.ad_hoc,
            is_incremental=self.progress is not None,
        )

    def _ask(self, tenant: str, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Wire], int]:
        """A page of the list, as ``Ask`` of the reader."""

        def read(response: requests.Response) -> tuple[Sequence[Wire], int]:
            body = response.content
            if response.status_code == NO_CONTENT:
                return [], 0
            decode = self._codec.decode_dicts if token.get("as_dicts") else self._codec.decode
            return decode(body, partial(self._tell, tenant)), len(body)

        return self._client.fetch(
            tenant,
            self._path(tenant),
            self._options(tenant, window, token),
            headers=self.request_headers(None),
            read=read,
            where=where_of(tenant, self.name),
            judge=or_no_content(on_trial(read_answer) if token.get("is_trial") else read_answer),
            is_page=_can_be_smaller(token),
        )

    @property
    def _asks_for_unstamped(self) -> bool:
        return self._table.cursor is not None

    def _deletion_sets(self) -> Sequence[str]:
        return sets_of(self._table.dac)

    def _described(self, tenant: str) -> FeedTable | None:
        return self._access.tracking.table(tenant, self._table.dac)


class FeedStream(TableStream):
    """One generic inquiry or table, read through OData."""

    def __init__(self, table: FeedTable, *args: Any, **more: Any) -> None:
        self._table = table
        super().__init__(table, *args, **more)

    def _path(self, tenant: str) -> str:
        return f"{self._access.doors.root(self._table.door, tenant)}/{self._resource(tenant)[0]}"

    def _options(self, tenant: str, window: Window, token: Mapping[str, Any]) -> dict[str, str]:
        token = {"version": self._access.doors.version(self._table.door, tenant), **token}
        options = feed_options(self._table, token["plan"], self._columns, window, token)
        return {**self._resource(tenant)[1], **options}

    @cached_property
    def _codec(self) -> Codec:
        return feed_codec(self._table, self._columns)

    def _failure(self, tenant: str) -> AirbyteTracedException | None:
        return self._access.failures.get(tenant) or self._access.feed_failures.get((self._table.door, tenant))

    def _reader(self, tenant: str) -> Reader:
        self._resource(tenant)
        return FeedReader(
            tenant,
            self._config,
            self._table,
            partial(self._ask, tenant),
            self._client.helpers,
            self._facts(tenant),
            self._client.pause,
            is_incremental=self.progress is not None,
        )

    def _resource(self, tenant: str) -> tuple[str, dict[str, str]]:
        """What is asked below the feed's root, and an inquiry's parameters."""
        version = self._access.doors.version(self._table.door, tenant)
        return inquiry_resource(self._table, self._config.parameters(self._table.title), version)

    def _ask(self, tenant: str, window: Window, token: Mapping[str, Any]) -> FeedPage:
        """A page, as ``AskFeed`` of the reader."""
        door, resource = self._table.door, self._resource(tenant)[0]
        options = self._options(tenant, window, token)
        request: dict[str, Any] = {"where": where_of(tenant, self.name), "headers": self.request_headers(None)}
        request["is_unbounded"] = "top" not in token
        request["decode"] = partial(self._codec.decode, tell=partial(self._tell, tenant))
        if "link" in token:
            return self._access.doors.follow(tenant, door, token["link"], **request)
        # Once a page has come in this way, an empty body does not speak against its filter or its order.
        is_query = not token.get("is_proven") and not {"$filter", "$orderby"}.isdisjoint(options)
        is_query &= door is FeedDoor.INQUIRIES
        request |= {"is_query": is_query, "is_page": _can_be_smaller(token)}
        return self._access.doors.rows(tenant, door, resource, options, **request)

    def _deletion_sets(self) -> Sequence[str]:
        return (self._table.title,)

    def _may_have_flags(self) -> bool:
        return self._table.has_flags

    def _described(self, tenant: str) -> FeedTable | None:
        return self._table


def _can_be_smaller(token: Mapping[str, Any]) -> bool:
    """Whether a request could be sent with fewer rows, were they too many; otherwise it is repeated as it is."""
    top: int = token.get("top", 0)
    return top > SMALLEST_PAGE_ROWS
