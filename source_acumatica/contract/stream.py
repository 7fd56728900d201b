"""The streams of entities, and of the collections in them, read through the contract-based REST API."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import requests
from airbyte_cdk.models import AirbyteStream

from source_acumatica.airbyte.attached_files import AttachedFiles
from source_acumatica.airbyte.file_output import FileOutput, Memory
from source_acumatica.airbyte.keys import ListKeys
from source_acumatica.airbyte.output import Output
from source_acumatica.airbyte.staging import Staging
from source_acumatica.airbyte.stream import TableStream
from source_acumatica.contract.ad_hoc import AdHocSchemas
from source_acumatica.contract.codec import list_codec
from source_acumatica.contract.form_reader import FormReader
from source_acumatica.contract.forms import LOOKS_LIKE_A_FORM, form_names, is_blank
from source_acumatica.contract.key_reader import KeyReader
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import list_options
from source_acumatica.contract.reader import ListReader
from source_acumatica.contract.tables import Method, Table
from source_acumatica.erp.answers import NO_CONTENT, naming_feature, on_trial, or_no_content, read_answer
from source_acumatica.erp.errors import config_error
from source_acumatica.reading.codec import Codec, shared_codec
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.learnt import IDS_LOOKED_AT
from source_acumatica.reading.page_size import can_be_smaller
from source_acumatica.reading.read_with import ReadWith, read_with
from source_acumatica.reading.reader import Reader, where_of
from source_acumatica.reading.table import StreamTable
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# Enough that not all of them are gone, or hidden in OData; one short condition.
_IDS_TO_LOOK_AT = 5
_RECORDS_ASKED_AGAIN = 2
_MADE_UP = (
    "the ERP gives the same record another id in each answer, and with track_deletions records are known by their ids"
)
_DOUBLED = (
    ", so the destination would keep each change as a row of its own. Its records have no NoteID: turn track_deletions "
    "off and refresh the connection's schema and this stream, or leave this stream out."
)
_NOT_NOTE_IDS = (
    "none of the ids that were looked at is a NoteID in {table}, as OData shows that, and its list of deletions is "
    "read for this stream: records that are removed may stay in the destination. If the entity shows other records "
    "than those of that table, turn track_deletions off for it, by a connection of its own."
)


class ContractStream(TableStream):
    """One table, read through the contract-based REST API."""

    def __init__(
        self, table: Table, ad_hoc: AdHocSchemas, *args: Any, includes_files: bool = False, **more: Any
    ) -> None:
        """``includes_files``: of attached files, not only what is known of them comes, but the files as well."""
        self._table, self._ad_hoc, self._includes_files = table, ad_hoc, includes_files and table.is_files
        # Most tenants have the same table, and making a codec is expensive.
        self._codecs: list[tuple[Table, Codec]] = []
        self._blank_lists: set[str] = set()
        """Tenants whose list has begun with a blank record: a form ignores ``$skip``, and repeats it behind the end."""
        super().__init__(table, *args, **more)
        if table.is_tracked:
            self._access.removals.expect(table.dac)

    def _table_of(self, tenant: str) -> Table:
        own = self._tenant_tables.get(tenant)
        return own if isinstance(own, Table) else self._table

    def _read_with(self, tenant: str) -> ReadWith:
        table = self._table_of(tenant)
        return read_with(
            self._config,
            tenant,
            condition=self._table.condition,
            absent=self._catalog_columns.absent(tenant),
            present=self._catalog_columns.present(tenant),
            has_custom=not table.is_files,
            has_files=self._includes_files if table.is_files else None,
            has_ids=table.dialect.has_ids,
            has_ids_in_rows=table.rows_shape.has_ids
            or self._reads_custom(tenant)
            or table.has_choice_in(self._table.primary_key),
            has_ids_in_keys=table.has_choice_in(self._keys.names or self._table.primary_key),
            choices_named=table.choices_in_condition,
        )

    def _reads_custom(self, tenant: str) -> bool:
        columns, has_any = self._columns_of(tenant), not self._table.is_files
        return has_any and self._config.include_custom_fields and (columns is None or "custom" in columns)

    def as_airbyte_stream(self) -> AirbyteStream:
        """The stream in the catalog; the platform copies files of those that say that they have some."""
        stream = super().as_airbyte_stream()
        if self._table.is_files:
            stream.is_file_based = True
        return stream

    def _output_of(self, tenant: str) -> Output:
        if not self._includes_files:
            if self._table.is_files and self.progress and self.progress.progress(tenant).files:
                # Rows come without their files now: if the run dies at once, a later one must not take them for sent.
                self.progress.files_sent(tenant, {})
            return super()._output_of(tenant)
        own, where = self._table_of(tenant), where_of(tenant, self.name)
        files = AttachedFiles(
            self._client,
            tenant,
            where,
            own.files_path,
            self.request_headers(None),
            own.primary_key or ("_tenant", "_parent_id", *own.between_key, "id"),
            Staging(self.name, tenant),
            own.url_path,
        )
        progress, lookback, now = self.progress, self._config.lookback, self._access.now(tenant)
        memory = Memory.of(progress, tenant, lookback, now) if progress else None
        return FileOutput(files, memory, self.name, self._codec_of, self._rows_of)

    def _path(self, tenant: str) -> str:
        return self._table_of(tenant).url_path

    def _options(self, tenant: str, window: Window, token: Mapping[str, Any]) -> dict[str, str]:
        table = self._table_of(tenant)
        table = replace(table, condition="") if token.get("is_unconditional") else table
        options = list_options(table, token.get("plan", Plan()), self._columns_of(tenant), window)
        return {**options, **{f"${name}": str(token[name]) for name in ("skip", "top") if name in token}}

    def _made_codec(self, tenant: str) -> Codec:
        table = self._table_of(tenant)
        return shared_codec(self._codecs, table, lambda: list_codec(table, self._columns_of(tenant)))

    def _reader(self, tenant: str) -> Reader:
        headers, table, columns = self.request_headers(None), self._table_of(tenant), self._columns_of(tenant)
        if table.method is Method.INQUIRY:
            sets = self._config.parameter_sets(*form_names(table.endpoint, table.entity))
            readers = [
                (given, FormReader(tenant, self._config, table, columns, self._client, headers, given))
                for given in sets
            ]
            return self._repeated(tenant, readers, table.asked)
        return self._list_reader(tenant, ListReader)

    def _list_reader(self, tenant: str, kind: Callable[..., ListReader]) -> ListReader:
        return kind(
            tenant,
            self._config,
            self._table_of(tenant),
            self._columns_of(tenant),
            self._client,
            self.request_headers(None),
            partial(self._ask, tenant),
            self._facts(tenant),
            self._ad_hoc,
            is_incremental=self.progress is not None,
            is_ranked=self._is_ranked,
        )

    def key_reader(self, tenant: str, beside: str | None = None) -> Reader:
        """The reader of a tenant's keys: its rows have these, their ids, and the column ``beside`` them."""
        columns = [*filter(None, [beside])]
        shared = self._tenant_tables, self._client, self._config.with_archived, self._access
        configured: dict[str, Any] = {name: {} for name in (self._table.id_field, *columns)}
        twin = ContractStream(self._table, self._ad_hoc, *shared, configured)
        return twin._list_reader(tenant, partial(KeyReader, beside=tuple(columns)))

    def _key_list(self, reader: Reader) -> ListKeys:
        """The ERP chooses the order of the list: that its keys identify its rows is a claim, and checked."""
        table = self._table_of(reader.tenant)
        if not table.keys:
            return super()._key_list(reader)
        id_ = ("_parent_id" if table.path else "id") if table.has_note_id else None
        return self._keys.claimed_list(reader.where, table.own_key, id_)

    def _ask(self, tenant: str, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Raw], int]:
        """A page of the list, as ``Ask`` of the reader."""

        def read(response: requests.Response) -> tuple[Sequence[Raw], int]:
            body = response.content
            if response.status_code == NO_CONTENT:
                return [], 0
            codec = self._codec_of(tenant)
            decode = codec.decode_dicts if token.get("as_dicts") else codec.decode
            return decode(body, partial(self._warn, tenant)), len(body)

        rows, size_bytes = self._fetch_page(tenant, window, token, read)
        is_begin = not token.get("skip") or tenant in self._blank_lists
        if len(rows) == 1 and is_begin and not self._table_of(tenant).is_identified and is_blank(rows[0]):
            if token.get("top") == 1:
                # Others may follow it; a request for one row only asks whether there is any.
                return (rows if self._config.max_page_size == 1 else []), size_bytes
            # The list of an inquiry form gives this, so it is not a row; a preferences form would hold values.
            message = f"{where_of(tenant, self.name)}: {LOOKS_LIKE_A_FORM.format(self._table.entity)}."
            if self._table.path:
                # Its results were asked for, and an answer without rows would look as if there were none.
                raise config_error(message)
            if tenant not in self._blank_lists:
                self._blank_lists.add(tenant)
                logger.warning(message)
            return [], size_bytes
        if not token.get("skip"):
            self._blank_lists.discard(tenant)
        return rows, size_bytes

    def _fetch_page(
        self,
        tenant: str,
        window: Window,
        token: Mapping[str, Any],
        read: Callable[[requests.Response], tuple[Sequence[Raw], int]],
    ) -> tuple[Sequence[Raw], int]:
        judge = naming_feature(read_answer, self._table_of(tenant).off)
        return self._client.fetch(
            tenant,
            self._path(tenant),
            self._options(tenant, window, token),
            headers=self.request_headers(None),
            read=read,
            where=where_of(tenant, self.name),
            judge=or_no_content(on_trial(judge) if token.get("is_trial") else judge),
            is_page=can_be_smaller(token),
            # Where several answers make a page, the next one is asked for with what this one shows.
            is_kept=not token.get("as_dicts"),
        )

    def _look_at_ids(self, reader: Reader, rows: Sequence[Raw], facts: TenantFacts) -> None:
        """Check that ids are NoteIDs: that is known by the entity's name only, and others are made up for each answer.

        Raises:
            AirbyteTracedException: a ``config_error``, if each change would come as another row.
        """
        goes_by_ids = self._rows_table.is_tracked and (self.progress is not None or self._keys.deduplicates)
        if not goes_by_ids or not isinstance(reader, ListReader) or facts.knows(IDS_LOOKED_AT):
            return
        tenant, where, some = reader.tenant, reader.where, rows[:: max(len(rows) // _IDS_TO_LOOK_AT, 1)]
        ids = [str(row.get("id")) for row in some[:_IDS_TO_LOOK_AT]]
        sets = self._deletion_sets(tenant)
        found = self._access.removals.has_any(tenant, sets, where, ids)
        if found is None:
            return
        if not found and self._are_made_up(reader, some, ids):
            self._keys.refuse(where, f"{where}: {_MADE_UP}", _DOUBLED, "The rows are sent")
        elif not found:
            logger.warning(f"{where}: {_NOT_NOTE_IDS.format(table=sets[-1])}")
        facts.learn(IDS_LOOKED_AT)

    def _are_made_up(self, reader: ListReader, rows: Sequence[Raw], ids: Sequence[str]) -> bool:
        """Whether records that are asked for again have other ids; one may have been created again meanwhile."""
        pairs = [(id_, reader.id_again(row)) for row, id_ in zip(rows[:_RECORDS_ASKED_AGAIN], ids, strict=False)]
        return all(again is not None and again.lower() != id_.lower() for id_, again in pairs)

    def _asks_for_unstamped(self, tenant: str) -> bool:
        return self._table_of(tenant).cursor is not None

    def _deletion_sets(self, tenant: str) -> Sequence[str]:
        return self._access.removals.names_of(self._table.dac)

    def _linked_ids(self, tenant: str) -> Callable[[str], Sequence[str] | None] | None:
        table, linked = self._table_of(tenant), self._access.linked
        if not linked or not self._has_linked(table):
            return None
        return partial(linked.ids, tenant, table.dac, where=where_of(tenant, self.name))

    def _windows(self, tenant: str) -> list[Window]:
        windows, table, linked = super()._windows(tenant), self._table_of(tenant), self._access.linked
        since = self.progress.progress(tenant).linked_since(windows[-1]) if self.progress else None
        if linked and self._has_linked(table) and since:
            linked.expect(tenant, table.dac, since)
        return windows

    @staticmethod
    def _has_linked(table: Table) -> bool:
        """Whether changes of linked rows are looked for: they say nothing of the files that a record has."""
        return bool(table.dac and table.cursor and not table.is_files)

    def _described(self, tenant: str) -> StreamTable | None:
        return self._access.removals.described(tenant, self._table.dac)
