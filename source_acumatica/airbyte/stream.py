"""A stream as the CDK sees it: one table of all tenants."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import cache, partial
from typing import Any

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.catalog_columns import CatalogColumns
from source_acumatica.airbyte.clocks import StampClock
from source_acumatica.airbyte.full_count import expected
from source_acumatica.airbyte.keys import KeyWatch, ListKeys
from source_acumatica.airbyte.output import Output
from source_acumatica.airbyte.preconditions import begin, refuse_lost_columns, warn_of_future
from source_acumatica.airbyte.progress import RowCount
from source_acumatica.airbyte.stamps import lag_of_dates
from source_acumatica.airbyte.tenant_read import TenantRead
from source_acumatica.airbyte.tombstones import Deletions
from source_acumatica.airbyte.unstamped import has_unstamped
from source_acumatica.config import Config
from source_acumatica.erp.client import Client
from source_acumatica.erp.errors import broken_record
from source_acumatica.erp.http_session import SHOW_ARCHIVED
from source_acumatica.erp.network import let_go
from source_acumatica.reading.codec import Codec
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import DatabaseClock
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.read_with import ReadWith, start_of
from source_acumatica.reading.reader import Reader, where_of
from source_acumatica.reading.repeated import RepeatedReader
from source_acumatica.reading.table import DELETED_AT, StreamTable
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

TenantTables = Mapping[str, StreamTable | AirbyteTracedException]
"""By tenant, in the order of reading: the table as the tenant has it, or why it cannot be read there."""


class TableStream(HttpStream, ABC):
    """One table of all tenants; each API has a subclass."""

    def __init__(
        self,
        table: StreamTable,
        tenant_tables: TenantTables,
        client: Client,
        config: Config,
        access: Access,
        configured: Mapping[str, Any] | None = None,
        keys: KeyWatch | None = None,
    ) -> None:
        self.table = table
        """What the stream shows, in all tenants together."""
        # HttpStream's constructor asks for the name already.
        self._rows_table, self._client, self._config, self._access = table, client, config, access
        self._name, self.tenants, self._tenant_tables = table.name, tuple(tenant_tables), tenant_tables
        self._keys = keys or KeyWatch()
        self._schema = table.json_schema()
        self._rows_of = cache(lambda tenant: self._table_of(tenant).rows(tenant, self._columns_of(tenant)))
        self._columns_of = cache(lambda tenant: self._table_of(tenant).wanted(configured))
        self._codec_of = cache(self._made_codec)
        if any(self._columns_of(tenant) is not None for tenant in self.tenants):
            # Rows that are the same in these columns may differ in others.
            self._keys.is_the_tables = False
        # Only the cursor of a generic inquiry is chosen by the user.
        self.source_defined_cursor = not table.is_cursor_chosen
        self._catalog_columns = CatalogColumns(configured, self._table_of, self._facts)
        self._sends_removed = not configured or DELETED_AT in configured
        self.progress: TenantCursor | None = None
        """Set for an incremental read."""
        self._logged: set[str] = set()
        self._facts_of: dict[str, TenantFacts] = {}
        self._clocks: dict[str, StampClock] = {}
        self._start = start_of(config)
        self._output = Output(self._name, self._codec_of, self._rows_of)
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
    def is_readable(self) -> bool:
        """Whether any tenant has a table to read, and not only an error that says why it cannot be read."""
        return not all(isinstance(own, AirbyteTracedException) for own in self._tenant_tables.values())

    @property
    def is_resumable(self) -> bool:
        """False: a full refresh sends no state before its end, so a second attempt replaces what the first sent."""
        return False

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
        return SHOW_ARCHIVED if self._config.include_archived else {}

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
        """The query options, which depend on the slice's window and the page token alone."""
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
        """None: the answers do not say what follows; the reader knows."""
        return None

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """One slice for each tenant, with the windows to read in it, fixed here once and for all."""
        windows_of = {tenant: self._windows(tenant) for tenant in self.tenants}
        self._say_what_to_expect(windows_of)
        for tenant, windows in windows_of.items():
            if self._asks_for_unstamped(tenant) and any(window.since for window in windows):
                windows = [*windows, Window(is_unstamped=True)]
            yield {"tenant": tenant, "windows": [window.as_state() for window in windows]}

    def _say_what_to_expect(self, windows_of: Mapping[str, Sequence[Window]]) -> None:
        progress, signals = self.progress, self._access.progress_log.signals
        if progress and signals:
            reads = [(self._begun(progress, tenant), windows) for tenant, windows in windows_of.items()]
            if rows := expected(reads, self._start):
                signals.estimate(self.name, rows)

    def _begun(self, progress: TenantCursor, tenant: str) -> Progress:
        return progress.progress(tenant).begun_with(self._read_with(tenant))

    def _windows(self, tenant: str) -> list[Window]:
        """The windows to read; a full refresh has a single one, without an upper end."""
        start, now = self._config.start_date, self._access.server_times.get(tenant)
        if self.progress is None:
            return [Window(self._start)]
        progress = self._begun(self.progress, tenant)
        lag = self._clock(tenant).lag(progress.clock_lag)
        lag = lag_of_dates(lag, progress, has_times=self.is_stamped_by_the_database)
        warn_of_future(where_of(tenant, self.name), progress, now)
        return progress.windows(start, self._config.lookback, now, lag)

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[StreamData]:
        """A tenant's records; in an incremental read, a state behind those of each page."""
        slice_ = stream_slice or {}
        tenant, windows = slice_["tenant"], [Window.of_state(window) for window in slice_["windows"]]
        try:
            with self._access.progress_log.of(where_of(tenant, self.name), tenant, self.name) as count:
                yield from self._records(tenant, windows, count)
        except AirbyteTracedException as error:
            # The CDK keeps the error to the end of the run, and with it the pages that were being read.
            let_go(error)
            raise

    def _records(self, tenant: str, windows: Sequence[Window], count: RowCount) -> Iterator[StreamData]:
        if isinstance(failure := self._tenant_tables.get(tenant), AirbyteTracedException):
            raise failure
        was = self.progress.progress(tenant) if self.progress else None
        cursor, where = self._rows_table.cursor_field, where_of(tenant, self.name)
        refuse_lost_columns(where, self._table_of(tenant), cursor, self._keys, was)
        reader = self._reader(tenant)
        if self.progress:
            begin(self.progress, tenant, self._read_with(tenant), reader.where)
            if self._rows_table.is_tracked:
                self.progress.expect_deletions(tenant, self._access.server_times.get(tenant))
        if absent := self._catalog_columns.absent(tenant):
            logger.info(f"{where}: the ERP does not have the columns {', '.join(absent)} here, so they come empty.")
        try:
            with self._client.reading(tenant):
                yield from self._tenant_read(reader).messages(windows, count)
                logger.info(f"{reader.where}: all is read, {count.records:,} records.")
        except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
            # A record of a shape that no description knows fails in one of these ways.
            raise broken_record(reader.where, error) from error
        finally:
            count.remarks = (*count.remarks, *reader.remarks)

    def _tenant_read(self, reader: Reader) -> TenantRead:
        tenant = reader.tenant
        return TenantRead(
            reader,
            table=self._table_of(tenant),
            cursor_field=self._rows_table.cursor_field,
            config=self._config,
            access=self._access,
            keys=self._keys,
            key_list=self._key_list,
            has_unstamped=self._has_unstamped,
            look_at_ids=self._look_at_ids,
            clock=self._clock(tenant),
            facts=self._facts(tenant),
            output=self._output_of(tenant),
            deletions=self._deletions(tenant),
            key_reader=partial(self.key_reader, tenant),
            linked_ids=self._linked_ids(tenant),
            progress=self.progress,
            columns=self._catalog_columns.present(tenant),
            missed=self._catalog_columns.missed(tenant),
        )

    def _clock(self, tenant: str) -> StampClock:
        if tenant not in self._clocks:
            own = self.progress.progress(tenant).own_clock if self.progress else DatabaseClock()
            shared, is_shown = self._access.clocks[tenant], partial(self._shows_the_clock, tenant)
            self._clocks[tenant] = StampClock(shared, own, self.is_stamped_by_the_database, is_shown)
        return self._clocks[tenant]

    def _deletions(self, tenant: str) -> Deletions:
        return Deletions(
            self._rows_table,
            self._access,
            is_tracked=self._rows_table.is_tracked,
            is_selected=self._sends_removed,
            sets=partial(self._deletion_sets, tenant),
            described=partial(self._described, tenant),
            may_have_flags=partial(self._may_have_flags, tenant),
            has_own_stamp=self._has_own_stamp,
            max_rows=self._config.max_page_size,
        )

    def _key_list(self, reader: Reader) -> ListKeys:
        return self._keys.list(reader.where, self._table_of(reader.tenant).own_key)

    @property
    def _is_ranked(self) -> bool:
        """Whether the destination keeps, of the rows with one key, the one with the latest stamp."""
        return self.progress is not None and self._keys.deduplicates

    @property
    def missed_columns(self) -> frozenset[str]:
        """The columns that reading warns of as missed, of any tenant."""
        return frozenset(column for tenant in self.tenants for column in self._catalog_columns.missed(tenant))

    def _has_unstamped(self, reader: Reader, facts: TenantFacts) -> bool:
        """Whether rows without a stamp have to be asked for; where none were seen, that is tried once a day."""
        return has_unstamped(reader, facts, self._rows_table.cursor_field)

    def _repeated(
        self, tenant: str, readers: Sequence[tuple[Mapping[str, Any], Reader]], asked: Sequence[str]
    ) -> Reader:
        """The reader of an inquiry that is asked with one combination of values, or with several."""
        facts, cursor = self._facts(tenant), self._table_of(tenant).cursor_field
        several = RepeatedReader(tenant, self._config, readers, asked, lambda: facts.unproven, cursor)
        return several if asked else readers[0][1]

    def _output_of(self, tenant: str) -> Output:
        return self._output

    def _facts(self, tenant: str) -> TenantFacts:
        if tenant not in self._facts_of:
            self._facts_of[tenant] = TenantFacts(self.progress, tenant, partial(self._access.now, tenant))
        return self._facts_of[tenant]

    def _look_at_ids(self, reader: Reader, rows: Sequence[Raw], facts: TenantFacts) -> None:
        """Try, on the first rows of a run, whether their ids are those by which deleted records are known."""

    @property
    def is_stamped_by_the_database(self) -> bool:
        """Whether the database stamps the rows, as it does those of all tables of a tenant."""
        return True

    def _asks_for_unstamped(self, tenant: str) -> bool:
        """Whether rows without a stamp have to be asked for separately."""
        return False

    def _shows_the_clock(self, tenant: str) -> bool:
        """Whether the stamps are instants of a clock, so that they show how far it is behind."""
        return True

    def _warn(self, tenant: str, sentence: str) -> None:
        """Warn, once, of something strange in a tenant's answers."""
        warning = f"{where_of(tenant, self.name)}: {sentence}."
        if warning not in self._logged:
            self._logged.add(warning)
            logger.warning(warning)

    @abstractmethod
    def _read_with(self, tenant: str) -> ReadWith:
        """The settings that decide which rows and columns of the tenant arrive."""

    @abstractmethod
    def _path(self, tenant: str) -> str: ...

    @abstractmethod
    def _options(self, tenant: str, window: Window, token: Mapping[str, Any]) -> dict[str, str]: ...

    @abstractmethod
    def _table_of(self, tenant: str) -> StreamTable:
        """The table as the tenant has it; where that is not known, as all tenants have it."""

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
    def key_reader(self, tenant: str, beside: str | None = None) -> Reader:
        """The reader of a tenant's rows with their ids, and with the column ``beside`` these, but few others."""

    @abstractmethod
    def _deletion_sets(self, tenant: str) -> Sequence[str]:
        """The names under which OData may have the table."""

    def _linked_ids(self, tenant: str) -> Callable[[str], Sequence[str] | None] | None:
        """What finds the records of which a linked row was changed since; None where a table has rows of its own."""
        return None

    def _may_have_flags(self, tenant: str) -> bool:
        """Whether the table may keep deleted rows with a flag."""
        return True

    @abstractmethod
    def _described(self, tenant: str) -> StreamTable | None:
        """The table as OData describes it, where that is known."""

    @property
    def _has_own_stamp(self) -> bool:
        """Whether the cursor is the stamp of the table itself."""
        return False
