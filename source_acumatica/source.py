"""Answers check, discover and read by putting the parts together."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from queue import Queue
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    SyncMode,
)
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.concurrent_source.concurrent_source_adapter import ConcurrentSourceAdapter
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger

from source_acumatica.client import Client, Patience
from source_acumatica.config import Config
from source_acumatica.cursor import State, TenantCursor
from source_acumatica.discovery import describe, together
from source_acumatica.errors import Next, RequestFailed, config_error
from source_acumatica.messages import OrderedMessageRepository
from source_acumatica.query import probe_options
from source_acumatica.streams import Access, ContractStream
from source_acumatica.tables import Door, Table

logger = logging.getLogger("airbyte")

# Rows between the workers and standard output. Each is held as a dict, so this bounds memory.
_QUEUED_ROWS = 2_000
# One worker makes slices; one more than there are seats shapes rows while all seats wait for answers.
_WORKERS_BESIDE_SEATS = 2
# Light forms that nearly every role may see; check reads a row of the first that it may.
_CHEAP_ENTITIES = ("Ledger", "Salesperson", "Warehouse", "Customer", "StockItem", "Vendor", "Contact")
_MOST_PROBES = 5


class SourceAcumatica(ConcurrentSourceAdapter):
    """The connector. One object may be used for several commands in turn, each of which signs in and out."""

    def __init__(self) -> None:
        self._queue: Queue[Any] = Queue(maxsize=_QUEUED_ROWS)
        self._messages = OrderedMessageRepository(self._queue)
        self._client: Client | None = None
        self._configured: list[Stream] | None = None
        super().__init__(self._concurrent(seats=1))

    @property
    def message_repository(self) -> OrderedMessageRepository:
        """The one way of all messages but records."""
        return self._messages

    @property
    def raise_exception_on_missing_stream(self) -> bool:
        """A stream that is gone must not look like a success."""
        return True

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any | None]:
        """Prove for each tenant: address, sign-in, endpoints and one cheap read.

        Raises:
            AirbyteTracedException: it names every tenant that fails and says what to do.
        """
        settings = Config.parse(config)
        with self._connected(settings, Patience.of_a_check()) as client:
            site = describe(client, settings.tenants, settings.endpoints, prove=partial(_prove_readable, client))
            if site.failures:
                raise together(site.failures)
            chosen = ", ".join(str(endpoint) for endpoint in site.endpoints)
            logger.info(f"{len(settings.tenants)} tenant(s) answer. Endpoints: {chosen}.")
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """All streams, or during a read the configured ones."""
        if self._configured is not None:
            return self._configured
        settings = Config.parse(config)
        with self._connected(settings, Patience.of_a_check()) as client:
            site = describe(client, settings.tenants, settings.endpoints)
            if site.failures:
                raise together(site.failures)
            return [
                _stream(table, settings, client, Access({}, {}))
                for table in sorted(site.tables, key=lambda table: table.name)
            ]

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Read the configured streams of all tenants at once, as far as seats allow."""
        settings = Config.parse(config)
        self._messages.consume_here()
        self._concurrent_source = self._concurrent(settings.max_sessions)
        with self._connected(settings, Patience.of_a_read()) as client:
            self._configured = self._configured_streams(settings, client, catalog, ConnectorStateManager(state))
            try:
                yield from super().read(logger, config, catalog, state)
            finally:
                self._configured = None

    def close(self) -> None:
        """Give every seat back, from any thread and also in the middle of a read."""
        if self._client:
            self._client.close()

    @contextmanager
    def _connected(self, settings: Config, patience: Patience) -> Iterator[Client]:
        self._client = Client(settings, patience)
        try:
            yield self._client
        finally:
            self._client.close()

    def _concurrent(self, seats: int) -> ConcurrentSource:
        return ConcurrentSource.create(
            seats + _WORKERS_BESIDE_SEATS, 1, logger, DebugSliceLogger(), self._messages, queue=self._queue
        )

    def _configured_streams(
        self, settings: Config, client: Client, catalog: ConfiguredAirbyteCatalog, states: ConnectorStateManager
    ) -> list[Stream]:
        configured = {one.stream.name: one for one in catalog.streams}
        site = describe(client, settings.tenants, settings.endpoints, configured.keys())
        access = Access.of(client, settings.tenants, site.failures)
        found = {table.name: table for table in site.tables}
        for name in configured.keys() - found.keys():
            logger.error(f"The instance has no stream {name} any more: refresh the connection's schema.")
        streams = []
        for number, name in enumerate(name for name in configured if name in found):
            # Every other stream starts with the last tenant: with few seats that saves half of the sign-ins.
            order = settings.tenants[:: -1 if number % 2 else 1]
            tenants = [tenant for tenant in order if site.holds(tenant, found[name])]
            for tenant in (one for one in order if one not in tenants):
                logger.warning(f"Tenant '{tenant}' has no entity {found[name].entity}: {name} is not read there.")
            stream = _stream(found[name], settings, client, access, configured[name], tenants)
            streams.append(self._made_concurrent(stream, states, configured[name]))
        return streams

    def _made_concurrent(
        self, stream: ContractStream, states: ConnectorStateManager, configured: ConfiguredAirbyteStream
    ) -> Stream:
        field = stream.cursor_field
        if configured.sync_mode is SyncMode.incremental and isinstance(field, str):
            state = states.get_stream_state(stream.name, None)
            stream.progress = TenantCursor(field, stream.tenants, state, partial(self._emit_state, states, stream.name))
        return self.convert_to_concurrent_stream(logger, stream, states, stream.progress)

    def _emit_state(self, states: ConnectorStateManager, stream: str, state: State) -> None:
        states.update_state_for_stream(stream, None, state)
        self._messages.emit_message(states.create_state_message(stream, None))


def _stream(
    table: Table,
    settings: Config,
    client: Client,
    access: Access,
    configured: ConfiguredAirbyteStream | None = None,
    tenants: Sequence[str] = (),
) -> ContractStream:
    selected = configured.stream.json_schema.get("properties") if configured else None
    return ContractStream(table, tenants, client, settings, access, selected)


def _prove_readable(client: Client, tenant: str, tables: Sequence[Table]) -> None:
    """Read a row of the first light entity that the user may read.

    Raises:
        AirbyteTracedException: none of them may be read, or the tenant does not answer.
    """
    probed = _probed(tables)
    for table in probed:
        try:
            where = f"Tenant '{tenant}', a first read of {table.entity}"
            client.fetch(tenant, table.url_path, probe_options(table), read=lambda _response: None, where=where)
        except RequestFailed as error:
            if error.problem.next not in (Next.STOP, Next.SKIP, Next.CLIMB_DOWN):
                raise
            refusal = error.problem.sentence
        else:
            return
    if probed:
        names = ", ".join(table.entity for table in probed)
        msg = (
            f"Tenant '{tenant}': signing in works, but none of {names} may be read. Give the user a role with view "
            f"rights on the forms to sync. The last refusal: {refusal}"
        )
        raise config_error(msg)


def _probed(tables: Sequence[Table]) -> list[Table]:
    listed = [table for table in tables if table.door is Door.LIST and not table.path]
    preference = {name: rank for rank, name in enumerate(_CHEAP_ENTITIES)}
    return sorted(listed, key=lambda table: preference.get(table.entity, len(preference)))[:_MOST_PROBES]
