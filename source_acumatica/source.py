"""Answers check, discover and read by putting the parts together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    FailureType,
    SyncMode,
)
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.concurrent_source.concurrent_source_adapter import ConcurrentSourceAdapter
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.access import Access
from source_acumatica.airbyte.keys import KeyWatch
from source_acumatica.airbyte.messages import OrderedMessageRepository, RowQueue
from source_acumatica.airbyte.names import warn_of_look_alikes
from source_acumatica.airbyte.progress import ProgressLog
from source_acumatica.airbyte.records import BatchSource, NoCounts, incomplete, single_messages, with_meta
from source_acumatica.airbyte.states import UNREADABLE, cursors, manager_of, state_of
from source_acumatica.airbyte.stream import Holding, TableStream
from source_acumatica.check import prove
from source_acumatica.config import Config, unknown_settings
from source_acumatica.contract.ad_hoc import AdHocSchemas
from source_acumatica.contract.discovery import PROOF, Site, describe, warn_of_forms
from source_acumatica.contract.forms import Forms, form_names
from source_acumatica.contract.stream import ContractStream
from source_acumatica.contract.tables import MAIN_ENDPOINT, Method, Table
from source_acumatica.deadline import OverdueError, within
from source_acumatica.erp.client import Client, RetryPolicy
from source_acumatica.erp.errors import RequestFailed, config_error
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.discovery import ODataSurvey
from source_acumatica.odata.removals import TableRemovals
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.stream import ODataStream
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.credentials import is_credential
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.fields import Shape
from source_acumatica.reading.window import State
from source_acumatica.row_filters import refuse_unmatched_filters, warn_if_blind

logger = logging.getLogger("airbyte")
_concurrent_logger = logging.getLogger("airbyte.concurrent")
_concurrent_logger.addFilter(NoCounts())

# What waits between the workers and standard output.
_QUEUED_BYTES = 4 * 1024**2
# One worker makes slices; one more than there are seats shapes rows while all seats wait for answers.
_WORKERS_BESIDE_SEATS = 2
# Somebody sits in front of a check: with the sign-outs behind it and the start before, it answers within 90 s, whatever
# the settings say and the instance does.
_CHECK_SECONDS = 65.0
_LAST_SIGN_OUT_SECONDS = 8.0
_OVERDUE = (
    "The check was broken off after {seconds:.0f} s. It was waiting for this: {what}. A sync waits longer, so it may "
    "work nevertheless; check the instance and the network in between"
)


class SourceAcumatica(ConcurrentSourceAdapter, BatchSource):
    """The connector. One object may be used for several commands in turn, each of which signs in and out."""

    def __init__(self) -> None:
        self._queue = RowQueue(_QUEUED_BYTES)
        self._messages = OrderedMessageRepository(self._queue)
        self._client: Client | None = None
        self._configured: list[Stream] | None = None
        self._progress_log = ProgressLog()
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
        settings = _settings(config)
        with self._connected(settings, RetryPolicy.of_a_check()) as client:
            try:
                within(_CHECK_SECONDS, partial(prove, client, settings, _forms(settings), _CHECK_SECONDS))
            except OverdueError:
                sentence = _OVERDUE.format(seconds=_CHECK_SECONDS, what=client.waited_for or "nothing")
                raise AirbyteTracedException(
                    message=sentence, internal_message=sentence, failure_type=FailureType.transient_error
                ) from None
            finally:
                client.close(_LAST_SIGN_OUT_SECONDS)
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """All streams, or during a read the configured ones."""
        if self._configured is not None:
            return self._configured
        settings = Config.parse(config)
        with self._connected(settings, RetryPolicy.of_a_check()) as client:
            service, forms = ODataService(client), _forms(settings)
            survey = ODataSurvey(service, settings)

            def visit(tenant: str, tables: Sequence[Table]) -> None:
                warn_of_forms(client, tenant, tables)
                survey.visit(tenant, _dacs(tables))
                survey.probe(tenant)

            site = describe(client, settings.tenants, settings.endpoints, prove=visit, forms=forms)
            site.raise_what_failed()
            survey.check_parameters()
            survey.warn_of_unseen_keys()
            survey.refuse_unmatched(forms)
            tables = [table.tracked() if survey.has_note_id(table.dac) else table for table in site.tables]
            found: list[Table | ODataTable] = [*tables, *survey.tables.values()]
            refuse_unmatched_filters(settings, found, {feed for _tenant, feed in survey.failures})
            maker = _StreamMaker.of(settings, client, service, self._progress_log)
            warn_of_look_alikes(found)
            return [maker.stream(table) for table in sorted(found, key=lambda table: table.name)]

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Read the configured streams of all tenants at once, as far as seats allow."""
        settings = _settings(config)
        self._messages.consume_here()
        self._concurrent_source = self._concurrent(settings.max_sessions)
        self._progress_log = ProgressLog()
        with self._connected(settings, RetryPolicy.of_a_read()) as client, self._progress_log.logging():
            try:
                self._configured = self._configured_streams(settings, client, catalog, manager_of(state))
            except AirbyteTracedException:
                yield from incomplete(catalog)
                raise
            try:
                messages = with_meta(super().read(logger, config, catalog, state))
                yield from messages if self.sends_batches else single_messages(messages)
            finally:
                self._configured = None

    @classmethod
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        """The states of a file; what is none of streams is handed on as such, for the read to refuse."""
        try:
            return super().read_state(state_path)
        except (ValueError, TypeError, AttributeError):
            # Not JSON, an object of all streams, or parts that are no messages: each goes wrong in one of these ways.
            return [UNREADABLE]

    def close(self, seconds: float | None = None) -> None:
        """Give every seat back, from any thread and also in the middle of a read; no command can follow.

        ``seconds`` are left for that, where somebody waits.
        """
        with self._ending:
            self._is_closed = True
        if self._client:
            self._client.close(seconds)

    @contextmanager
    def _connected(self, settings: Config, retry_policy: RetryPolicy) -> Iterator[Client]:
        with self._ending:
            if self._is_closed:
                raise PoolClosed(message="The run was ended.")
            self._client = client = Client(settings, retry_policy)
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
        service = ODataService(client)
        survey = ODataSurvey(service, settings, configured.keys())
        site = describe(
            client,
            settings.tenants,
            settings.endpoints,
            [name for name in configured if not name.startswith(_ODATA_PREFIXES)],
            prove=lambda tenant, _tables: survey.visit(tenant),
            forms=_forms(settings),
        )
        maker = _StreamMaker.of(settings, client, service, self._progress_log)
        declared: dict[str, Table | ODataTable] = {table.name: table for table in site.tables} | survey.tables
        read_before = {name: _read_before(states.get_stream_state(name, None)) for name in configured}
        # Where one inquiry has been read, all could be.
        inquiries = [name for name in configured if name.startswith(ODataFeed.INQUIRIES.prefix)]
        were_open = {tenant for name in inquiries for tenant in read_before[name]}
        streams = []
        for number, (name, one) in enumerate(configured.items()):
            # Every other stream starts with the last tenant: with few seats that saves half of the sign-ins.
            order = settings.tenants[:: -1 if number % 2 else 1]
            holding = _holding(name, order, site, survey, read_before[name], were_open)
            table = _as_configured(declared.get(name) or _unknown(name), one, settings)
            complaint = (
                _cursor_complaint(table, one)
                or _values_complaint(table, one, settings)
                or _tenant_complaint(one, settings)
            )
            own = {tenant: complaint or _own(each, one, settings) for tenant, each in holding.items()}
            is_described = name in declared and not any(
                isinstance(each, AirbyteTracedException) for each in own.values()
            )
            state, refusal = state_of(states, one)
            if refusal:
                own = dict.fromkeys(own, refusal)
            stream = maker.stream(table, one, own)
            streams.append(self._made_concurrent(stream, states, one, state))
            if is_described:
                _warn_of_lost_columns(table, one, stream.missed_columns)
            if stream.progress:
                maker.access.remember(stream.progress, stream.tenants, has_clock=stream.is_stamped_by_the_database)
        return streams

    def _made_concurrent(
        self,
        stream: TableStream,
        states: ConnectorStateManager,
        configured: ConfiguredAirbyteStream,
        state: State | None,
    ) -> Stream:
        """Without a state that is understood nothing is read, and what there is outlasts the run as it is."""
        # Of a stream that is unknown for a failure, the catalog knows the cursor: its state has to outlast this.
        field = stream.cursor_field or next(cursors(configured, state), None)
        if configured.sync_mode is SyncMode.incremental and isinstance(field, str):
            emit = partial(self._emit_state, states, stream.name) if state is not None else _keep
            given = state or {}
            if not stream.source_defined_cursor:
                given = _of_this_cursor(stream.name, given, field)
            stream.progress = TenantCursor(field, stream.tenants, given, emit)
        return self.convert_to_concurrent_stream(logger, stream, states, stream.progress)

    def _emit_state(self, states: ConnectorStateManager, stream: str, state: State) -> None:
        states.update_state_for_stream(stream, None, state)
        self._messages.emit_message(states.create_state_message(stream, None))


def _warn_of_lost_columns(
    table: Table | ODataTable, configured: ConfiguredAirbyteStream, told: Collection[str] = ()
) -> None:
    """Columns that the catalog has and no tenant describes come empty, which looks like data; but ``told`` already."""
    selected = configured.stream.json_schema.get("properties", {}).keys() - table.json_schema()["properties"].keys()
    lost = sorted(name for name in selected - {*told} if not name.startswith("_ab_") and not is_credential(name))
    if lost:
        logger.warning(
            f"Stream {table.name}: the ERP does not describe the columns {', '.join(lost)} (any more), so they come "
            "empty: refresh the connection's schema."
        )


def _keep(_state: State) -> None:
    """Nothing is emitted: the platform keeps the state that it has."""


def _settings(config: Mapping[str, Any]) -> Config:
    """The settings; names that nobody reads are told."""
    for warning in unknown_settings(config):
        logger.warning(warning)
    return Config.parse(config)


_ODATA_PREFIXES = tuple(feed.prefix for feed in ODataFeed)


def _dacs(tables: Sequence[Table]) -> set[str]:
    return {table.dac for table in tables if not table.path}


def _forms(settings: Config) -> Forms:
    given = dict.fromkeys(one.inquiry for one in settings.inquiry_parameters)
    return Forms(settings.inquiry_forms, tuple(given), asked_in=settings.asked)


def _holding(
    name: str,
    tenants: Sequence[str],
    site: Site,
    survey: ODataSurvey,
    read_before: Collection[str],
    were_open: Collection[str],
) -> dict[str, Table | ODataTable | AirbyteTracedException]:
    """What a stream is in each tenant: its table there, or why it cannot be read.

    What a failure hides is unknown, and not absent; a tenant that had the stream and has it no more is not passed over.
    A service that a tenant keeps closed is passed over, as when the schema was made, unless it was open before.
    """
    found: dict[str, Table | ODataTable | AirbyteTracedException] = {}
    closed: dict[str, Table | ODataTable | AirbyteTracedException] = {}
    absent: list[str] = []
    unnamed = survey.unnamed(name) if name.startswith(_ODATA_PREFIXES) else site.unnamed(name)
    for tenant in tenants:
        own = site.clashes.get(name) or _own_table(name, tenant, site, survey) or site.absence(name)
        if tenant not in were_open and isinstance(own, RequestFailed) and survey.does_without(own):
            closed[tenant] = own
        elif own:
            found[tenant] = own
        elif tenant in read_before:
            found[tenant] = config_error(unnamed or _HAD_IT.format(tenant=tenant, name=name))
        else:
            absent.append(tenant)
    if not found and closed:
        return closed
    if not found:
        msg = unnamed or f"The instance has no stream {name} any more: refresh the connection's schema."
        logger.error(msg)
        return {absent[0]: config_error(msg)}
    for tenant in () if unnamed else absent:
        logger.warning(f"Tenant '{tenant}' does not have what {name} shows: it is not read there.")
    return found


_HAD_IT = (
    "Tenant '{tenant}' had the stream {name} and does not have it any more (was it removed, renamed, or taken from the "
    "user?): what was read before stays as it was. Bring it back, or take the tenant out of the settings or the stream "
    "out of the connection."
)


def _own_table(
    name: str, tenant: str, site: Site, survey: ODataSurvey
) -> Table | ODataTable | AirbyteTracedException | None:
    """The table as the tenant has it, or why it is unknown; None where the tenant is known not to have it."""
    if not name.startswith(_ODATA_PREFIXES):
        return site.own.get(tenant, {}).get(name) or site.failure(tenant, site.owners(name))
    service = next(feed for feed in ODataFeed if name.startswith(feed.prefix))
    own = survey.own.get(tenant, {}).get(name)
    return own or site.failure(tenant, (PROOF,)) or survey.failures.get((tenant, service))


def _read_before(state: Mapping[str, Any] | None) -> set[str]:
    """The tenants of which a stream's state says that they have been read."""
    parts = (state or {}).get("states")
    return {
        str(part.get("partition", {}).get("tenant"))
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and any(map(part.get, ("cursor", "reading", "newest")))
    }


def _is_deduplicated(configured: ConfiguredAirbyteStream) -> bool:
    """Whether the destination keeps one of the records with one key."""
    return configured.destination_sync_mode is DestinationSyncMode.append_dedup


def _chosen_cursor(configured: ConfiguredAirbyteStream) -> str | None:
    if configured.sync_mode is not SyncMode.incremental:
        return None
    return _catalogs_cursor(configured)


def _catalogs_cursor(configured: ConfiguredAirbyteStream) -> str | None:
    """The column by which the destination ranks the records of one key."""
    return next(iter([*(configured.cursor_field or ()), *(configured.stream.default_cursor_field or ())]), None)


def _cursor_complaint(table: Table | ODataTable, configured: ConfiguredAirbyteStream) -> AirbyteTracedException | None:
    """What is wrong with the column that the user chose for the cursor; what is unknown for a failure says that."""
    if configured.sync_mode is not SyncMode.incremental:
        return None
    if isinstance(table, Table):
        return _lost_cursor(table, configured)
    if not table.is_cursor_chosen or not table.fields or table.cursor:
        return None
    msg = (
        f"{table.name}: {table.chosen or 'no column'} was chosen for the cursor, which has to be the column with the "
        f"time of a row's last change. Choose among {', '.join(table.stamps) or 'none'} in the connection's schema, or "
        "Full Refresh."
    )
    return config_error(msg)


def _lost_cursor(table: Table, configured: ConfiguredAirbyteStream) -> AirbyteTracedException | None:
    """What is wrong where a form has another stamp than the one that a catalog of before knows."""
    known = _catalogs_cursor(configured)
    if not (known and _is_deduplicated(configured) and table.cursor_field) or known == table.cursor_field:
        return None
    return config_error(
        f"Stream {table.name}: its cursor is {known} in the connection's schema and {table.cursor_field} in the ERP: "
        "the destination cannot tell which of two records is the later one. Refresh the connection's schema."
    )


def _names_of(table: Table | ODataTable) -> tuple[str, ...]:
    """What an inquiry may be called in the settings."""
    return (table.title,) if isinstance(table, ODataTable) else form_names(table.endpoint, table.entity)


def _values_complaint(
    table: Table | ODataTable, configured: ConfiguredAirbyteStream, settings: Config
) -> AirbyteTracedException | None:
    """What is wrong where a catalog from before does not tell the rows of several values apart; a warning or more."""
    columns = [f"_param_{name}" for name in settings.varied(*_names_of(table)) if name in table.asked]
    keys = {path[0] for path in configured.primary_key or configured.stream.source_defined_primary_key or ()}
    where = f"Stream {table.name}: inquiry_parameters has several values, and"
    if _is_deduplicated(configured):
        if not keys or not (missing := [name for name in columns if name not in keys]):
            return None
        return config_error(
            f"{where} {', '.join(missing)} is not part of the primary key, so the destination would keep the rows of "
            "one value only. Refresh the connection's schema; where you choose the key yourself, add it."
        )
    properties = configured.stream.json_schema.get("properties")
    if properties and (missing := [name for name in columns if name not in properties]):
        logger.warning(
            f"{where} the connection's schema does not have {', '.join(missing)}, so nobody can tell whose rows they "
            "are: refresh it."
        )
    return None


def _tenant_complaint(configured: ConfiguredAirbyteStream, settings: Config) -> AirbyteTracedException | None:
    """What is wrong with a key of the user's own that several tenants' rows may share."""
    keys = {path[0] for path in configured.primary_key or ()}
    if not (_is_deduplicated(configured) and keys) or "_tenant" in keys or len(settings.tenants) == 1:
        return None
    return config_error(
        f"Stream {configured.stream.name}: _tenant is not part of the primary key, and rows of several tenants with "
        "the same key would overwrite one another. Add _tenant to it."
    )


def _of_this_cursor(stream: str, state: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The state without what was reached by another column: what that one did not show has to be read anew."""
    parts = state.get("states")
    if not isinstance(parts, list):
        return dict(state)
    kept = [part for part in parts if not isinstance(part, dict) or _cursor_of(part, field) == {field}]
    if len(kept) < len(parts):
        logger.warning(f"{stream}: {field} is its cursor now, and was not before: it is read anew.")
    return {**state, "states": kept}


def _cursor_of(part: Mapping[str, Any], field: str) -> set[str]:
    """The column by which a part of the state was read; ``field``, where it does not say."""
    reading = part.get("reading")
    by = reading.get("by", field) if isinstance(reading, dict) else field
    return {*(part.get("cursor") or (by,))}


def _unknown(name: str) -> Table | ODataTable:
    """In place of a table that no tenant could tell about: reading it says why."""
    for feed in ODataFeed:
        if name.startswith(feed.prefix):
            short = name.removeprefix(feed.prefix)
            return ODataTable(feed, short, short, {})
    return Table(MAIN_ENDPOINT, "", name, Method.LIST, Shape(), (), None)


def _own(
    own: Table | ODataTable | AirbyteTracedException, configured: ConfiguredAirbyteStream, settings: Config
) -> Table | ODataTable | AirbyteTracedException:
    return own if isinstance(own, AirbyteTracedException) else _as_configured(own, configured, settings)


def _as_configured(
    table: Table | ODataTable, configured: ConfiguredAirbyteStream, settings: Config
) -> Table | ODataTable:
    """The table with what only the catalog and the settings know: by what its rows are known, and which are wanted."""
    given, columns = settings.parameter_sets(*_names_of(table))[0], configured.stream.json_schema.get("properties", {})
    # Of a catalog from when there were several values, the rows of the one that is left are known by it, too.
    asked = table.asked or tuple(name for name in given if f"_param_{name}" in columns)
    table = replace(table, condition=settings.condition(table.name), asked=asked)
    keys = [".".join(path) for path in configured.stream.source_defined_primary_key or configured.primary_key or ()]
    if isinstance(table, ODataTable):
        is_tracked = table.is_tracked and keys == ["_tenant", table.id_field]
        chosen = _chosen_cursor(configured) if table.is_cursor_chosen else None
        # Another key of the user's says nothing about the described ones, by which rows are ordered and asked for.
        columns = {name for name in keys if name != "_tenant" and not name.startswith("_param_")}
        are_unique = is_tracked or (bool(columns) and columns <= set(table.keys))
        return replace(table, is_tracked=is_tracked, are_keys_unique=are_unique, chosen=chosen)
    led = table.led_by(_catalogs_cursor(configured) or "")
    if not settings.track_deletions or not led.dac or keys != ["_tenant", led.id_field]:
        return led
    return led.tracked()


@dataclass(frozen=True)
class _StreamMaker:
    """Makes the streams of a run, and hands each what it needs of the other API."""

    settings: Config
    client: Client
    service: ODataService
    access: Access
    ad_hoc: AdHocSchemas = field(default_factory=AdHocSchemas)

    @classmethod
    def of(cls, settings: Config, client: Client, service: ODataService, progress_log: ProgressLog) -> _StreamMaker:
        """For the tenants, which have been signed in to."""
        log = partial(warn_if_blind, client, service, settings)
        access = Access.of(client, settings.tenants, TableRemovals(service), log, progress_log)
        return cls(settings, client, service, access)

    def stream(
        self,
        table: Table | ODataTable,
        configured: ConfiguredAirbyteStream | None = None,
        holding: Holding = MappingProxyType({}),
    ) -> TableStream:
        """The stream of a table, as the catalog has it."""
        selected = configured.stream.json_schema.get("properties") if configured else None
        keys = _key_watch(configured) if configured else None
        shared = holding, self.client, self.settings, self.access, selected, keys
        if isinstance(table, ODataTable):
            return ODataStream(table, self.service, *shared)
        return ContractStream(table, self.ad_hoc, *shared)


def _key_watch(configured: ConfiguredAirbyteStream) -> KeyWatch:
    """The primary key that the destination goes by, where it is one of columns and not of what lies in them."""
    paths = configured.primary_key or configured.stream.source_defined_primary_key or []
    names = tuple(path[0] for path in paths) if all(len(path) == 1 for path in paths) else ()
    return KeyWatch(
        names,
        _is_deduplicated(configured),
        is_the_tables=not configured.stream.name.startswith(ODataFeed.INQUIRIES.prefix),
        is_chosen=not configured.stream.source_defined_primary_key,
    )
