"""Makes the stream of each table, and hands it what it needs of the other API."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from airbyte_cdk.models import ConfiguredAirbyteStream

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.progress import ProgressLog
from source_acumatica.airbyte.stream import TableStream, TenantTables
from source_acumatica.config import Config
from source_acumatica.configured import key_watch
from source_acumatica.contract.ad_hoc import AdHocSchemas
from source_acumatica.contract.stream import ContractStream
from source_acumatica.contract.tables import Table
from source_acumatica.erp.client import Client
from source_acumatica.erp.http_session import SHOW_ARCHIVED
from source_acumatica.odata.linked_changes import LinkedChanges
from source_acumatica.odata.removals import TableRemovals
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.stream import ODataStream
from source_acumatica.odata.tables import ODataTable
from source_acumatica.row_filters import warn_if_blind


@dataclass(frozen=True)
class StreamMaker:
    """Makes the streams of one run."""

    settings: Config
    client: Client
    service: ODataService
    access: Access
    ad_hoc: AdHocSchemas = field(default_factory=AdHocSchemas)

    @classmethod
    def of(cls, settings: Config, client: Client, service: ODataService, progress_log: ProgressLog) -> StreamMaker:
        """For the settings' tenants, which have been signed in to."""
        log = partial(warn_if_blind, client, service, settings)
        headers = SHOW_ARCHIVED if settings.include_archived else {}
        changes = LinkedChanges(service, headers, settings.max_page_size) if settings.track_linked_changes else None
        access = Access.of(client, settings.tenants, TableRemovals(service), log, progress_log, changes)
        return cls(settings, client, service, access)

    def stream(
        self,
        table: Table | ODataTable,
        configured: ConfiguredAirbyteStream | None = None,
        tenant_tables: TenantTables = MappingProxyType({}),
    ) -> TableStream:
        """The stream of a table, with the columns and the key of the catalog."""
        selected = configured.stream.json_schema.get("properties") if configured else None
        keys = key_watch(configured) if configured else None
        shared = tenant_tables, self.client, self.settings, self.access, selected, keys
        if isinstance(table, ODataTable):
            return ODataStream(table, self.service, *shared)
        includes_files = bool(configured and configured.include_files)
        return ContractStream(table, self.ad_hoc, *shared, includes_files=includes_files)
