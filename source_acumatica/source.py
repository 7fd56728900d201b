"""Answers check, discover and read by putting the parts together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
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
from source_acumatica.deadline import OverdueError, within
from source_acumatica.discovery import Site, describe, together
from source_acumatica.doors import Doors
from source_acumatica.errors import Next, RequestFailed, config_error, or_no_content, read_answer
from source_acumatica.feed_discovery import FeedSurvey
from source_acumatica.feeds import FeedDoor, FeedTable
from source_acumatica.heartbeat import Heartbeat
from source_acumatica.lines import LinesSource, NoCounts, single_messages, with_meta
from source_acumatica.messages import OrderedMessageRepository, RowQueue
from source_acumatica.query import probe_options
from source_acumatica.sessions import PoolClosed
from source_acumatica.streams import Access, ContractStream, FeedStream, TableStream
from source_acumatica.tables import Door, Table
from source_acumatica.watches import KeyWatch

logger = logging.getLogger("airbyte")
_concurrent_logger = logging.getLogger("airbyte.concurrent")
_concurrent_logger.addFilter(NoCounts())

# What waits between the workers and standard output.
_QUEUED_BYTES = 4 * 1024**2
# One worker makes slices; one more than there are seats shapes rows while all seats wait for answers.
_WORKERS_BESIDE_SEATS = 2
# Light forms that nearly every role may see; check reads a row of the first that it may.
_CHEAP_ENTITIES = ("Ledger", "Salesperson", "Warehouse", "Customer", "StockItem", "Vendor", "Contact")
_MOST_PROBES = 5
# Somebody sits in front of a check: with the sign-outs behind it and the start before, it answers within 90 s, whatever
# the settings say and the instance does.
_CHECK_SECONDS = 65.0
_LAST_SIGN_OUT_SECONDS = 8.0
_OVERDUE = (
    "The check was broken off after {seconds:.0f} s. It was waiting for this: {what}. A sync waits longer, so it may "
    "work nevertheless; check the instance and the network in between"
)


class SourceAcumatica(ConcurrentSourceAdapter, LinesSource):
    """The connector. One object may be used for several commands in turn, each of which signs in and out."""

    def __init__(self) -> None:
        self._queue = RowQueue(_QUEUED_BYTES)
        self._messages = OrderedMessageRepository(self._queue)
        self._client: Client | None = None
        self._configured: list[Stream] | None = None
        self._heartbeat = Heartbeat()
        self._ending, self._is_closed = threading.Lock(), False
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
            AirbyteTracedException: it names every tenant that fails, or what could not be waited for any longer, and
                says what to do.
        """
        settings = Config.parse(config)
        with self._connected(settings, Patience.of_a_check()) as client:
            try:
                within(_CHECK_SECONDS, partial(_prove, client, settings))
            except OverdueError:
                what = client.waited_for or "nothing"
                raise config_error(_OVERDUE.format(seconds=_CHECK_SECONDS, what=what)) from None
            finally:
                client.close(_LAST_SIGN_OUT_SECONDS)
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """All streams, or during a read the configured ones."""
        if self._configured is not None:
            return self._configured
        settings = Config.parse(config)
        with self._connected(settings, Patience.of_a_check()) as client:
            survey = FeedSurvey(Doors(client), settings)

            def visit(tenant: str, tables: Sequence[Table]) -> None:
                survey.visit(tenant, _dacs(tables))
                survey.probe(tenant)

            site = describe(client, settings.tenants, settings.endpoints, prove=visit)
            if site.failures:
                raise together(site.failures)
            survey.refuse_unmatched()
            tables = [table.tracked() if survey.has_note_id(table.dac) else table for table in site.tables]
            found: list[Table | FeedTable] = [*tables, *survey.tables.values()]
            access = Access(Doors(client))
            return [_stream(table, settings, client, access) for table in sorted(found, key=lambda table: table.name)]

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
        self._heartbeat = Heartbeat()
        with self._connected(settings, Patience.of_a_read()) as client, self._heartbeat.beating():
            self._configured = self._configured_streams(settings, client, catalog, ConnectorStateManager(state))
            try:
                messages = with_meta(super().read(logger, config, catalog, state))
                yield from messages if self.sends_lines else single_messages(messages)
            finally:
                self._configured = None

    def close(self, seconds: float | None = None) -> None:
        """Give every seat back, from any thread and also in the middle of a read; no command can follow.

        ``seconds`` are left for that, where somebody waits.
        """
        with self._ending:
            self._is_closed = True
        if self._client:
            self._client.close(seconds)

    @contextmanager
    def _connected(self, settings: Config, patience: Patience) -> Iterator[Client]:
        with self._ending:
            if self._is_closed:
                raise PoolClosed(message="The run was ended.")
            self._client = client = Client(settings, patience)
        try:
            yield client
        finally:
            client.close()

    def _concurrent(self, seats: int) -> ConcurrentSource:
        return ConcurrentSource.create(
            seats + _WORKERS_BESIDE_SEATS, 1, _concurrent_logger, DebugSliceLogger(), self._messages, queue=self._queue
        )

    def _configured_streams(
        self, settings: Config, client: Client, catalog: ConfiguredAirbyteCatalog, states: ConnectorStateManager
    ) -> list[Stream]:
        configured = {one.stream.name: one for one in catalog.streams}
        doors = Doors(client)
        survey = FeedSurvey(doors, settings, configured.keys())
        site = describe(
            client,
            settings.tenants,
            settings.endpoints,
            [name for name in configured if not name.startswith(_FEED_PREFIXES)],
            prove=lambda tenant, _tables: survey.visit(tenant),
        )
        access = Access.of(client, settings.tenants, doors, site.failures, survey.failures, self._heartbeat)
        found: dict[str, Table | FeedTable] = {table.name: table for table in site.tables}
        found.update(survey.tables)
        found.update(_unknown_for_a_failure(configured.keys() - found.keys(), survey))
        for name in configured.keys() - found.keys():
            logger.error(f"The instance has no stream {name} any more: refresh the connection's schema.")
        streams = []
        for number, name in enumerate(name for name in configured if name in found):
            table = _as_configured(found[name], configured[name], settings)
            # Every other stream starts with the last tenant: with few seats that saves half of the sign-ins.
            order = settings.tenants[:: -1 if number % 2 else 1]
            tenants = [tenant for tenant in order if _holds(site, survey, tenant, table)]
            for tenant in (one for one in order if one not in tenants):
                logger.warning(f"Tenant '{tenant}' does not have what {name} shows: it is not read there.")
            stream = _stream(table, settings, client, access, configured[name], tenants)
            streams.append(self._made_concurrent(stream, states, configured[name]))
            if stream.progress and stream.is_stamped_by_the_database:
                access.note_lags(stream.progress, tenants)
        return streams

    def _made_concurrent(
        self, stream: TableStream, states: ConnectorStateManager, configured: ConfiguredAirbyteStream
    ) -> Stream:
        field = stream.cursor_field
        if configured.sync_mode is SyncMode.incremental and isinstance(field, str):
            state = states.get_stream_state(stream.name, None)
            stream.progress = TenantCursor(field, stream.tenants, state, partial(self._emit_state, states, stream.name))
        return self.convert_to_concurrent_stream(logger, stream, states, stream.progress)

    def _emit_state(self, states: ConnectorStateManager, stream: str, state: State) -> None:
        states.update_state_for_stream(stream, None, state)
        self._messages.emit_message(states.create_state_message(stream, None))


_FEED_PREFIXES = tuple(door.prefix for door in FeedDoor)


def _dacs(tables: Sequence[Table]) -> set[str]:
    return {table.dac for table in tables if not table.path}


def _holds(site: Site, survey: FeedSurvey, tenant: str, table: Table | FeedTable) -> bool:
    if isinstance(table, FeedTable):
        return tenant in site.failures or survey.holds(tenant, table)
    return site.holds(tenant, table)


def _unknown_for_a_failure(names: Collection[str], survey: FeedSurvey) -> Iterator[tuple[str, FeedTable]]:
    """Streams that are not found since their door failed in every tenant: reading them says so."""
    for door in {door for door, _tenant in survey.failures}:
        for name in (each for each in names if each.startswith(door.prefix)):
            short = name.removeprefix(door.prefix)
            yield name, FeedTable(door, short, short, {})


def _as_configured(
    table: Table | FeedTable, configured: ConfiguredAirbyteStream, settings: Config
) -> Table | FeedTable:
    """The table with what only the catalog knows: by what the rows are known in the destination."""
    keys = [".".join(path) for path in configured.stream.source_defined_primary_key or configured.primary_key or ()]
    if isinstance(table, FeedTable):
        is_tracked = table.is_tracked and keys == ["_tenant", table.id_field]
        return replace(table, is_tracked=is_tracked, are_keys_unique=is_tracked or bool(keys))
    if not settings.track_deletions or not table.dac or keys != ["_tenant", table.id_field]:
        return table
    return table.tracked()


def _stream(
    table: Table | FeedTable,
    settings: Config,
    client: Client,
    access: Access,
    configured: ConfiguredAirbyteStream | None = None,
    tenants: Sequence[str] = (),
) -> TableStream:
    selected = configured.stream.json_schema.get("properties") if configured else None
    keys = _key_watch(configured) if configured else None
    if isinstance(table, FeedTable):
        return FeedStream(table, tenants, client, settings, access, selected, keys)
    return ContractStream(table, tenants, client, settings, access, selected, keys)


def _key_watch(configured: ConfiguredAirbyteStream) -> KeyWatch:
    """The primary key that the destination goes by, where it is one of columns and not of what lies in them."""
    paths = configured.primary_key or configured.stream.source_defined_primary_key or []
    names = tuple(path[0] for path in paths) if all(len(path) == 1 for path in paths) else ()
    deduplicates = configured.destination_sync_mode is DestinationSyncMode.append_dedup
    return KeyWatch(names, deduplicates, is_the_tables=not configured.stream.name.startswith(FeedDoor.INQUIRIES.prefix))


def _prove(client: Client, settings: Config) -> None:
    survey = FeedSurvey(Doors(client), settings)

    def prove(tenant: str, tables: Sequence[Table]) -> None:
        _prove_readable(client, tenant, tables)
        survey.visit(tenant, _dacs(tables))
        if settings.track_deletions:
            survey.tell_tracking(tenant)

    site = describe(client, settings.tenants, settings.endpoints, prove=prove)
    if site.failures:
        raise together(site.failures)
    survey.refuse_unmatched()
    chosen = ", ".join(str(endpoint) for endpoint in site.endpoints)
    logger.info(f"{len(settings.tenants)} tenant(s) answer. Endpoints: {chosen}.")


def _prove_readable(client: Client, tenant: str, tables: Sequence[Table]) -> None:
    """Read a row of the first light entity that the user may read.

    Raises:
        AirbyteTracedException: none of them may be read, or the tenant does not answer.
    """
    probed = _probed(tables)
    for table in probed:
        try:
            where = f"Tenant '{tenant}', a first read of {table.entity}"
            client.fetch(
                tenant,
                table.url_path,
                probe_options(table),
                read=lambda _response: None,
                where=where,
                judge=or_no_content(read_answer),
            )
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
