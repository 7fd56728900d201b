"""Answers check, discover and read by putting the parts together."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import MappingProxyType
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
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.client import Client, Patience
from source_acumatica.config import Config
from source_acumatica.cursor import State, TenantCursor
from source_acumatica.discovery import Site, describe, tell_forms, together
from source_acumatica.doors import Doors
from source_acumatica.entity import Shape
from source_acumatica.errors import Next, RequestFailed, config_error
from source_acumatica.feed_discovery import FeedSurvey
from source_acumatica.feeds import FeedDoor, FeedTable
from source_acumatica.forms import Forms
from source_acumatica.heartbeat import Heartbeat
from source_acumatica.lines import LinesSource, NoCounts, single_messages
from source_acumatica.messages import OrderedMessageRepository, RowQueue
from source_acumatica.names import warn_of_look_alikes
from source_acumatica.query import probe_options
from source_acumatica.streams import Access, ContractStream, FeedStream, Holding, TableStream
from source_acumatica.tables import MAIN_ENDPOINT, Door, Table

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


class SourceAcumatica(ConcurrentSourceAdapter, LinesSource):
    """The connector. One object may be used for several commands in turn, each of which signs in and out."""

    def __init__(self) -> None:
        self._queue = RowQueue(_QUEUED_BYTES)
        self._messages = OrderedMessageRepository(self._queue)
        self._client: Client | None = None
        self._configured: list[Stream] | None = None
        self._heartbeat = Heartbeat()
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
            survey, forms = FeedSurvey(Doors(client), settings), _forms(settings)

            def prove(tenant: str, tables: Sequence[Table]) -> None:
                _prove_readable(client, tenant, tables)
                tell_forms(client, tenant, tables)
                survey.visit(tenant, _dacs(tables))
                if settings.track_deletions:
                    survey.tell_tracking(tenant)

            site = describe(client, settings.tenants, settings.endpoints, prove=prove, forms=forms)
            site.raise_what_failed()
            if survey.complaints:
                raise together(survey.complaints)
            survey.refuse_unmatched(forms)
            chosen = ", ".join(str(endpoint) for endpoint in site.endpoints)
            logger.info(f"{len(settings.tenants)} tenant(s) answer. Endpoints: {chosen}.")
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """All streams, or during a read the configured ones."""
        if self._configured is not None:
            return self._configured
        settings = Config.parse(config)
        with self._connected(settings, Patience.of_a_check()) as client:
            survey, forms = FeedSurvey(Doors(client), settings), _forms(settings)

            def visit(tenant: str, tables: Sequence[Table]) -> None:
                tell_forms(client, tenant, tables)
                survey.visit(tenant, _dacs(tables))
                survey.probe(tenant)

            site = describe(client, settings.tenants, settings.endpoints, prove=visit, forms=forms)
            site.raise_what_failed()
            survey.refuse_unmatched(forms)
            tables = [table.tracked() if survey.has_note_id(table.dac) else table for table in site.tables]
            found: list[Table | FeedTable] = [*tables, *survey.tables.values()]
            access = Access(Doors(client))
            warn_of_look_alikes(found)
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
                messages = super().read(logger, config, catalog, state)
                yield from messages if self.sends_lines else single_messages(messages)
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
            forms=_forms(settings),
        )
        access = Access.of(client, settings.tenants, doors, self._heartbeat)
        declared: dict[str, Table | FeedTable] = {table.name: table for table in site.tables} | survey.tables
        streams = []
        for number, (name, one) in enumerate(configured.items()):
            # Every other stream starts with the last tenant: with few seats that saves half of the sign-ins.
            order = settings.tenants[:: -1 if number % 2 else 1]
            holding = _holding(name, order, site, survey, _read_before(states.get_stream_state(name, None)))
            table = _as_configured(declared.get(name) or _unknown(name), one, settings)
            complaint = _cursor_complaint(table, one)
            own = {tenant: complaint or _own(each, one, settings) for tenant, each in holding.items()}
            stream = _stream(table, settings, client, access, one, own)
            streams.append(self._made_concurrent(stream, states, one))
        return streams

    def _made_concurrent(
        self, stream: TableStream, states: ConnectorStateManager, configured: ConfiguredAirbyteStream
    ) -> Stream:
        # Of a stream that is unknown for a failure, the catalog knows the cursor: its state has to outlast this.
        fallback = [*(configured.cursor_field or ()), *(configured.stream.default_cursor_field or ())]
        field = stream.cursor_field or next(iter(fallback), None)
        if configured.sync_mode is SyncMode.incremental and isinstance(field, str):
            state: Mapping[str, Any] = states.get_stream_state(stream.name, None)
            if not stream.source_defined_cursor:
                state = _of_this_cursor(stream.name, state, field)
            stream.progress = TenantCursor(field, stream.tenants, state, partial(self._emit_state, states, stream.name))
        return self.convert_to_concurrent_stream(logger, stream, states, stream.progress)

    def _emit_state(self, states: ConnectorStateManager, stream: str, state: State) -> None:
        states.update_state_for_stream(stream, None, state)
        self._messages.emit_message(states.create_state_message(stream, None))


_FEED_PREFIXES = tuple(door.prefix for door in FeedDoor)


def _dacs(tables: Sequence[Table]) -> set[str]:
    return {table.dac for table in tables if not table.path}


def _forms(settings: Config) -> Forms:
    return Forms(
        settings.inquiry_forms, {one.inquiry: settings.asked(one.inquiry) for one in settings.inquiry_parameters}
    )


def _holding(
    name: str, tenants: Sequence[str], site: Site, survey: FeedSurvey, read_before: Collection[str]
) -> dict[str, Table | FeedTable | AirbyteTracedException]:
    """What a stream is in each tenant: its table there, or why it cannot be read.

    What a failure hides is unknown, and not absent; a tenant that had the stream and has it no more is not passed over.
    """
    found: dict[str, Table | FeedTable | AirbyteTracedException] = {}
    absent: list[str] = []
    for tenant in tenants:
        own = site.clashes.get(name) or _own_table(name, tenant, site, survey) or site.absence(name)
        if own:
            found[tenant] = own
        elif tenant in read_before:
            found[tenant] = config_error(
                f"Tenant '{tenant}' had the stream {name} and does not have it any more (was it removed, renamed, or "
                "taken from the user?): what was read before stays as it was. Bring it back, or take the tenant out of "
                "the settings or the stream out of the connection."
            )
        else:
            absent.append(tenant)
    if not found:
        msg = f"The instance has no stream {name} any more: refresh the connection's schema."
        logger.error(msg)
        return {absent[0]: config_error(msg)}
    for tenant in absent:
        logger.warning(f"Tenant '{tenant}' does not have what {name} shows: it is not read there.")
    return found


def _own_table(
    name: str, tenant: str, site: Site, survey: FeedSurvey
) -> Table | FeedTable | AirbyteTracedException | None:
    """The table as the tenant has it, or why it is unknown; None where the tenant is known not to have it."""
    if not name.startswith(_FEED_PREFIXES):
        return site.own.get(tenant, {}).get(name) or site.failure(tenant, site.owners(name))
    service = next(door for door in FeedDoor if name.startswith(door.prefix))
    own = survey.own.get(tenant, {}).get(name)
    return own or site.failure(tenant, ()) or survey.failures.get((tenant, service))


def _read_before(state: Mapping[str, Any] | None) -> set[str]:
    """The tenants of which a stream's state says that they have been read."""
    parts = (state or {}).get("states")
    return {
        str(part.get("partition", {}).get("tenant"))
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and (part.get("cursor") or part.get("reading"))
    }


def _chosen_cursor(configured: ConfiguredAirbyteStream) -> str | None:
    if configured.sync_mode is not SyncMode.incremental:
        return None
    return next(iter([*(configured.cursor_field or ()), *(configured.stream.default_cursor_field or ())]), None)


def _cursor_complaint(table: Table | FeedTable, configured: ConfiguredAirbyteStream) -> AirbyteTracedException | None:
    """What is wrong with the column that the user chose for the cursor; what is unknown for a failure says that."""
    if not table.is_cursor_chosen or not isinstance(table, FeedTable) or not table.fields:
        return None
    if configured.sync_mode is not SyncMode.incremental or table.cursor:
        return None
    msg = (
        f"{table.name}: {table.chosen or 'no column'} was chosen for the cursor, which has to be the column with the "
        f"time of a row's last change. Choose among {', '.join(table.stamps) or 'none'} in the connection's schema, or "
        "Full Refresh."
    )
    return config_error(msg)


def _of_this_cursor(stream: str, state: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The state without what was reached by another column: what that one did not show has to be read anew."""
    parts = state.get("states")
    if not isinstance(parts, list):
        return dict(state)
    kept = [
        part for part in parts if not isinstance(part, dict) or (part.get("cursor") or {field: ""}).keys() == {field}
    ]
    if len(kept) < len(parts):
        logger.warning(f"{stream}: {field} is its cursor now, and was not before: it is read anew.")
    return {**state, "states": kept}


def _unknown(name: str) -> Table | FeedTable:
    """In place of a table that no tenant could tell about: reading it says why."""
    for door in FeedDoor:
        if name.startswith(door.prefix):
            short = name.removeprefix(door.prefix)
            return FeedTable(door, short, short, {})
    return Table(MAIN_ENDPOINT, "", name, Door.LIST, Shape(), (), None)


def _own(
    own: Table | FeedTable | AirbyteTracedException, configured: ConfiguredAirbyteStream, settings: Config
) -> Table | FeedTable | AirbyteTracedException:
    return own if isinstance(own, AirbyteTracedException) else _as_configured(own, configured, settings)


def _as_configured(
    table: Table | FeedTable, configured: ConfiguredAirbyteStream, settings: Config
) -> Table | FeedTable:
    """The table with what only the catalog knows: by what the rows are known in the destination."""
    keys = [".".join(path) for path in configured.stream.source_defined_primary_key or configured.primary_key or ()]
    if isinstance(table, FeedTable):
        is_tracked = table.is_tracked and keys == ["_tenant", table.id_field]
        chosen = _chosen_cursor(configured) if table.is_cursor_chosen else None
        return replace(table, is_tracked=is_tracked, are_keys_unique=is_tracked or bool(keys), chosen=chosen)
    if not settings.track_deletions or not table.dac or keys != ["_tenant", table.id_field]:
        return table
    return table.tracked()


def _stream(
    table: Table | FeedTable,
    settings: Config,
    client: Client,
    access: Access,
    configured: ConfiguredAirbyteStream | None = None,
    holding: Holding = MappingProxyType({}),
) -> TableStream:
    selected = configured.stream.json_schema.get("properties") if configured else None
    if isinstance(table, FeedTable):
        return FeedStream(table, holding, client, settings, access, selected)
    return ContractStream(table, holding, client, settings, access, selected)


def _prove_readable(client: Client, tenant: str, tables: Sequence[Table]) -> None:
    """Read a row of the first light entity that the user may read.

    Raises:
        AirbyteTracedException: none of them may be read, or the tenant does not answer.
    """
    probed, is_answered = _probed(tables), False
    for table in probed:
        try:
            where = f"Tenant '{tenant}', a first read of {table.entity}"
            client.fetch(tenant, table.url_path, probe_options(table), read=lambda _response: None, where=where)
        except RequestFailed as error:
            if error.problem.next not in (Next.STOP, Next.SKIP, Next.CLIMB_DOWN):
                raise
            refusal = error.problem.sentence
            # What cannot be listed may be read all the same, as an inquiry form is.
            is_answered = is_answered or error.problem.next is Next.CLIMB_DOWN
        else:
            return
    if probed and not is_answered:
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
