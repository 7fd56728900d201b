"""The streams that Airbyte reads: a table of all tenants, as requests, records and state."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.client import Client
from source_acumatica.config import Config
from source_acumatica.cursor import Progress, TenantCursor, Window
from source_acumatica.entity import Wire
from source_acumatica.errors import Next, RequestFailed
from source_acumatica.query import Plan, list_options
from source_acumatica.reader import AdHocSchemas, FormReader, ListReader, Reader, read_rows, where_of
from source_acumatica.tables import Door, Table

logger = logging.getLogger("airbyte")


@dataclass(frozen=True)
class Access:
    """What is known of the tenants at the start of a run."""

    failures: Mapping[str, AirbyteTracedException]
    """Tenants that could not be described, and why: their slices fail, the others' are read."""
    server_times: Mapping[str, datetime]
    ad_hoc: AdHocSchemas = field(default_factory=AdHocSchemas)

    @classmethod
    def of(cls, client: Client, tenants: Sequence[str], failures: Mapping[str, AirbyteTracedException]) -> Access:
        """The tenants' clocks, read when they were signed in to."""
        times = {tenant: client.server_time(tenant) for tenant in tenants}
        return cls(failures, {tenant: time for tenant, time in times.items() if time})


class ContractStream(HttpStream):
    """One table, read through the contract-based REST API, for all tenants."""

    def __init__(
        self,
        table: Table,
        tenants: Sequence[str],
        client: Client,
        config: Config,
        access: Access,
        configured: Mapping[str, Any] | None = None,
    ) -> None:
        # HttpStream's constructor asks for the name already.
        self._table, self._client, self._config, self._access = table, client, config, access
        self._name, self.tenants = table.name, tenants
        self._columns = table.wanted(configured)
        self._schema = table.json_schema()
        self.progress: TenantCursor | None = None
        """Set for an incremental read."""
        super().__init__()

    @property
    def name(self) -> str:
        """The stream's name; asked for with every record, so made once."""
        return self._name

    @property
    def primary_key(self) -> list[str]:
        """The tenant first."""
        return self._table.primary_key

    @property
    def cursor_field(self) -> str | list[str]:
        """The cursor's column, or an empty list."""
        return self._table.cursor_field or []

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

    def path(
        self,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> str:
        """The entity's address below the instance."""
        return self._table.url_path

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        """The query options: they depend on the slice's window and the page token alone."""
        token = next_page_token or {}
        window = Window.of_state((stream_slice or {}).get("window", {}))
        options = list_options(self._table, token.get("plan", Plan()), self._columns, window)
        return {**options, **{f"${name}": str(token[name]) for name in ("skip", "top") if name in token}}

    def request_headers(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Archived records are hidden unless they are asked for."""
        return {"PX-ApiArchive": "SHOW"} if self._config.include_archived else {}

    def next_page_token(self, response: requests.Response) -> Mapping[str, Any] | None:
        """None: the answers do not tell; ``anchored_pages`` does."""
        return None

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any],
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> list[Wire]:
        """The wire records of an answer."""
        return read_rows(response)

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """One slice for each tenant, with the windows to read in it, fixed here once and for all."""
        for tenant in self.tenants:
            progress = self.progress.progress(tenant) if self.progress else Progress()
            now = self._access.server_times.get(tenant)
            windows = progress.windows(self._config.start_date, self._config.lookback, now)
            yield {"tenant": tenant, "windows": [window.as_state() for window in windows]}

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """A tenant's rows; behind those of each page the state, when reading incrementally."""
        slice_ = stream_slice or {}
        tenant = slice_["tenant"]
        if tenant in self._access.failures:
            raise self._access.failures[tenant]
        reader = self._reader(tenant)
        try:
            with self._client.reading(tenant):
                for window in map(Window.of_state, slice_["windows"]):
                    yield from self._read_window(reader, window)
        except RequestFailed as error:
            if error.problem.next is not Next.SKIP:
                raise
            # Without progress: once the form is set up, its whole history is read.
            logger.warning(f"{reader.where}: {error.problem.sentence}. No rows are read.")

    def _read_window(self, reader: Reader, window: Window) -> Iterator[Mapping[str, Any]]:
        rows_of = self._table.rows(reader.tenant, self._columns)
        for page in reader.pages(window):
            for wire in page.rows:
                yield from rows_of(wire)
            if self.progress:
                is_filtered = reader.is_filtered(window)
                self.progress.page_done(reader.tenant, window, page.position, is_filtered=is_filtered)
        if self.progress:
            self.progress.window_done(reader.tenant, window)

    def _reader(self, tenant: str) -> Reader:
        headers = self.request_headers(None)
        if self._table.door is Door.INQUIRY:
            return FormReader(self._table, self._columns, tenant, self._client, self._config, headers)
        ask, is_proven = partial(self._ask, tenant), partial(self._is_filter_proven, tenant)
        return ListReader(
            self._table, self._columns, tenant, self._client, self._config, headers, ask, is_proven, self._access.ad_hoc
        )

    def _ask(self, tenant: str, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Wire], int]:
        """A page of the list, as ``Ask`` of the reader."""

        def read(response: requests.Response) -> tuple[Sequence[Wire], int]:
            return self.parse_response(response, stream_state={}), len(response.content)

        return self._client.fetch(
            tenant,
            self.path(),
            self.request_params(None, {"tenant": tenant, "window": window.as_state()}, token),
            headers=self.request_headers(None),
            read=read,
            where=where_of(tenant, self._table),
            is_page=True,
        )

    def _is_filter_proven(self, tenant: str) -> bool:
        return self.progress is not None and self.progress.progress(tenant).filter_works
