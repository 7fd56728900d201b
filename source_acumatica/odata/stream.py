"""The streams of generic inquiries and of tables, read through OData."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from source_acumatica.airbyte.stream import TableStream
from source_acumatica.odata.codec import odata_codec
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.query import UNKNOWN_ZONE, odata_options, of_ids, own_values, widened
from source_acumatica.odata.reader import ODataReader
from source_acumatica.odata.resources import inquiry_resource
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.codec import Codec, shared_codec
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.learnt import GIVES_UNSTAMPED, LOSES_UNSTAMPED
from source_acumatica.reading.page_size import can_be_smaller
from source_acumatica.reading.read_with import ReadWith, read_with
from source_acumatica.reading.reader import Reader, where_of
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")


class ODataStream(TableStream):
    """One generic inquiry or table, read through OData."""

    def __init__(self, table: ODataTable, service: ODataService, *args: Any, **more: Any) -> None:
        self._table, self._service = table, service
        self._codecs: list[tuple[ODataTable, Codec]] = []
        super().__init__(table, *args, **more)

    def _table_of(self, tenant: str) -> ODataTable:
        own = self._tenant_tables.get(tenant)
        return own if isinstance(own, ODataTable) else self._table

    def _read_with(self, tenant: str) -> ReadWith:
        is_inquiry = self._table.feed is ODataFeed.INQUIRIES
        return read_with(
            self._config,
            tenant,
            condition=self._table.condition,
            absent=self._catalog_columns.absent(tenant),
            present=self._catalog_columns.present(tenant),
            parameters=self._parameter_sets(tenant) if is_inquiry else (),
            has_custom=False,
            odata_version=self._service.version(self._table.feed, tenant) if is_inquiry else None,
            designed_at=self._table_of(tenant).designed_at,
        )

    def _path(self, tenant: str) -> str:
        return f"{self._service.root(self._table.feed, tenant)}/{self._resource(tenant)[0]}"

    def _options(self, tenant: str, window: Window, token: Mapping[str, Any]) -> dict[str, str]:
        token = {"version": self._service.version(self._table.feed, tenant), **token}
        window = widened(window) if self._has_unknown_zone(tenant) else window
        table = self._table_of(tenant)
        table = replace(table, condition="") if token.get("is_unconditional") else table
        if "ids" in token:
            conditions = [*filter(None, [table.condition]), f"({of_ids(token['ids'])})"]
            table = replace(table, condition=" and ".join(conditions))
        options = odata_options(table, token["plan"], self._columns_of(tenant), window, token)
        return {**self._resource(tenant)[1], **options}

    def _rows_in(self, answer: Any) -> Sequence[Raw]:
        rows: Sequence[Raw] = answer.value
        return rows

    def _made_codec(self, tenant: str) -> Codec:
        table = self._table_of(tenant)
        return shared_codec(self._codecs, table, lambda: odata_codec(table, self._columns_of(tenant)))

    def _reader(self, tenant: str) -> Reader:
        if self._has_unknown_zone(tenant) and self._table.stamps:
            logger.info(f"{where_of(tenant, self.name)}: {UNKNOWN_ZONE}.")
        readers = [(given, self._reader_of(tenant, given)) for given in self._parameter_sets(tenant)]
        return self._repeated(tenant, readers, self._table_of(tenant).asked)

    def _reader_of(self, tenant: str, given: Mapping[str, Any]) -> Reader:
        # Checked before anything is asked: parameters that do not fit have a sentence of their own.
        self._resource(tenant, given)
        return ODataReader(
            tenant,
            self._config,
            self._table_of(tenant),
            partial(self._ask, tenant, given),
            self._client.helpers,
            self._facts(tenant),
            self._client.pause,
            is_incremental=self.progress is not None,
            columns=self._columns_of(tenant),
            is_ranked=self._is_ranked,
        )

    def key_reader(self, tenant: str, beside: str | None = None) -> Reader:
        """The reader of a tenant's rows with their ids, keys, stamps and the column ``beside`` these."""
        columns = filter(None, [self._table.id_field, beside])
        shared = self._tenant_tables, self._client, self._config.with_archived, self._access
        return ODataStream(self._table, self._service, *shared, {name: {} for name in columns})._reader(tenant)

    def _has_unknown_zone(self, tenant: str) -> bool:
        """Version 3 does not say in which zone its times are; it may be that of the user's profile."""
        return self._service.version(self._table.feed, tenant) == 3

    def _parameter_sets(self, tenant: str) -> list[dict[str, Any]]:
        """The combinations of parameters that the tenant's own inquiry can be asked with."""
        table, version = self._table_of(tenant), self._service.version(self._table.feed, tenant)
        own: list[dict[str, Any]] = []
        for given in self._config.parameter_sets(table.title):
            if (values := own_values(table, given, version)) not in own:
                own.append(values)
        return own

    def _resource(self, tenant: str, given: Mapping[str, Any] | None = None) -> tuple[str, dict[str, str]]:
        """The resource below the service's root, and the options with an inquiry's parameters."""
        version = self._service.version(self._table.feed, tenant)
        table = self._table_of(tenant)
        return inquiry_resource(tenant, table, self._parameter_sets(tenant)[0] if given is None else given, version)

    def _ask(self, tenant: str, given: Mapping[str, Any], window: Window, token: Mapping[str, Any]) -> ODataPage:
        """A page of the table or of the inquiry with these parameters: the ``AskOData`` of the reader."""
        feed, (resource, parameters) = self._table.feed, self._resource(tenant, given)
        options = {**self._options(tenant, window, token), **parameters}
        request: dict[str, Any] = {"where": where_of(tenant, self.name), "headers": self.request_headers(None)}
        request["is_unbounded"] = "top" not in token
        request["decode"] = partial(self._codec_of(tenant).decode, log=partial(self._warn, tenant))
        wanted, table = self._columns_of(tenant), self._table_of(tenant)
        # Some builds never give restricted columns.
        expected = [name for name in table.fields if name not in table.restricted]
        request["columns"] = [name for name in expected if wanted is None or name in wanted]
        request["links"] = {name: table.links[name] for name in token.get("links", ())}
        if "link" in token:
            return self._service.follow(tenant, feed, token["link"], resource, **request)
        # Once a page has come by this plan, an empty body is not a refusal of its filter or its order.
        is_query = not token.get("is_proven") and not {"$filter", "$orderby"}.isdisjoint(options)
        is_query &= feed is ODataFeed.INQUIRIES
        # The reader repeats requests for pages itself, and a search for columns to sort by has enough requests.
        asks_again = not {"is_proven", "is_search"} & token.keys()
        request |= {"is_query": is_query, "asks_again": asks_again, "is_page": can_be_smaller(token)}
        return self._service.rows(tenant, feed, resource, options, **request)

    def _asks_for_unstamped(self, tenant: str) -> bool:
        table = self._table_of(tenant)
        return table.cursor is not None and table.cursor not in table.restricted

    def _has_unstamped(self, reader: Reader, facts: TenantFacts) -> bool:
        """Whether rows without a stamp have to be asked for separately, since the server ignores half of the filter.

        Where there may be such rows and none came with the changed ones, that is checked once a day.
        """
        if reader.leaves_unstamped:
            return True
        may_be_some = facts.has_unstamped or self._config.start_date is not None
        if not may_be_some or facts.is_fresh(LOSES_UNSTAMPED) or facts.knows(GIVES_UNSTAMPED):
            return False
        found = reader.has_unstamped()
        if not found:
            facts.learn(GIVES_UNSTAMPED)
        else:
            facts.learn(LOSES_UNSTAMPED)
            logger.warning(
                f"{reader.where}: the ERP leaves out the rows without a stamp ({self._table.cursor}) when it is asked "
                "for them together with the changed ones. They are asked for separately."
            )
        return bool(found)

    def _shows_the_clock(self, tenant: str) -> bool:
        is_named = self._table_of(tenant).is_stamped_by_name
        return self.is_stamped_by_the_database or (is_named and not self._has_unknown_zone(tenant))

    @property
    def is_stamped_by_the_database(self) -> bool:
        """An inquiry may show a time in another zone, or one that it computes."""
        return self._table.feed is ODataFeed.TABLES

    def _deletion_sets(self, tenant: str) -> Sequence[str]:
        return (self._table_of(tenant).title,)

    def _may_have_flags(self, tenant: str) -> bool:
        return self._table_of(tenant).has_flags

    def _described(self, tenant: str) -> ODataTable | None:
        return self._table_of(tenant)

    @property
    def _has_own_stamp(self) -> bool:
        return True
