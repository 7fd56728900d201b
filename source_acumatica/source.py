"""Answers the commands check, discover and read by putting the parts together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    FailureType,
    SyncMode,
)
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.concurrent_source.concurrent_source_adapter import ConcurrentSourceAdapter
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.messages import OrderedMessageRepository, RowQueue
from source_acumatica.airbyte.names import warn_of_look_alikes
from source_acumatica.airbyte.progress import ProgressLog
from source_acumatica.airbyte.records import BatchSource, NoCounts, incomplete, single_messages, with_meta
from source_acumatica.airbyte.signals import Signals
from source_acumatica.airbyte.states import UNREADABLE, cursors, manager_of, state_of
from source_acumatica.airbyte.stream import TableStream
from source_acumatica.airbyte.summary import summary
from source_acumatica.catalog_check import fitted, warn_of_lost_columns, warn_of_untracked
from source_acumatica.check import prove
from source_acumatica.config import Config, unknown_settings
from source_acumatica.configured import as_configured
from source_acumatica.contract.discovery import describe
from source_acumatica.contract.form_hints import parameter_errors, warn_of_forms
from source_acumatica.contract.forms import Forms
from source_acumatica.contract.tables import Table
from source_acumatica.deadline import OverdueError, within
from source_acumatica.earlier_state import reached_by, tenants_read_before
from source_acumatica.erp.client import Client, RetryPolicy
from source_acumatica.erp.errors import message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.discovery import ODataSurvey
from source_acumatica.odata.link_joins import LinkJoins
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.join import Join
from source_acumatica.reading.table import StreamTable
from source_acumatica.reading.window import State
from source_acumatica.row_filters import refuse_unmatched_filters
from source_acumatica.stream_maker import StreamMaker
from source_acumatica.tenant_tables import ODATA_PREFIXES, placeholder, tenant_tables_of

logger = logging.getLogger("airbyte")
_concurrent_logger = logging.getLogger("airbyte.concurrent")
_concurrent_logger.addFilter(NoCounts())

# How much may wait between the workers and standard output.
_QUEUED_BYTES = 2 * 1024**2
# One worker makes slices; another one shapes rows while all seats wait for answers.
_WORKERS_BESIDE_SEATS = 2
# A user waits for a check: including start-up and sign-outs it answers within 90 s, whatever the settings say and the
# instance does.
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
        # Held until all is logged: a thread that comes second may be about to end the process.
        self._summing_up, self._is_summed_up = threading.Lock(), True
        super().__init__(self._concurrent(seats=1))

    @property
    def message_repository(self) -> OrderedMessageRepository:
        """The path of all messages except records."""
        return self._messages

    @property
    def raise_exception_on_missing_stream(self) -> bool:
        """A stream that is gone must not look like a success."""
        return True

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any | None]:
        """Prove for each tenant: address, sign-in, endpoints and one cheap read.

        Raises:
            AirbyteTracedException: it names every tenant that fails, or what the check was waiting for when its time
                ended, and says what to do.
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

            has_files = settings.include_attachments
            site = describe(client, settings.tenants, settings.endpoints, prove=visit, forms=forms, has_files=has_files)
            site.raise_what_failed()
            survey.check_parameters()
            for error in parameter_errors(site.own, settings, survey.titles):
                logger.warning(f"{message_of(error)}. Until then, the form cannot be read.")
            survey.warn_of_unseen_keys()
            survey.refuse_unmatched(forms)
            tables = [table.tracked() if survey.has_note_id(table.dac) else table for table in site.tables]
            found: list[Table | ODataTable] = [*tables, *survey.tables.values()]
            refuse_unmatched_filters(settings, found, {feed for _tenant, feed in survey.failures})
            maker = StreamMaker.of(settings, client, service, self._progress_log)
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
        self._is_summed_up = False
        with self._connected(settings, RetryPolicy.of_a_read()) as client:
            self._progress_log = ProgressLog(Signals(self._messages.emit_message, client.hold_up))
            try:
                self._configured = self._configured_streams(settings, client, catalog, manager_of(state))
            except AirbyteTracedException:
                yield from incomplete(catalog)
                raise
            try:
                messages = with_meta(super().read(logger, config, catalog, state))
                with self._progress_log.logging():
                    yield from messages if self.sends_batches else single_messages(messages)
            finally:
                self._configured = None
                self.sum_up()

    def sum_up(self) -> None:
        """Log in numbers what was read, as far as it went; any thread may call it, and the first one does it."""
        with self._summing_up:
            is_summed_up, self._is_summed_up = self._is_summed_up, True
            if self._client and not is_summed_up:
                for line in summary(list(self._progress_log.lists.values()), self._client.tallies):
                    logger.info(line)

    def link_joins(
        self, config: Mapping[str, Any], tables: Iterable[StreamTable]
    ) -> tuple[Sequence[Join], Sequence[str]]:
        """The joins of tables (DACs) that the ERP links, and a sentence for each link by which none was found."""
        settings = Config.parse(config)
        links = LinkJoins([table for table in tables if isinstance(table, ODataTable) and table.type_name])
        if not links.tables:
            return (), ()
        with self._connected(settings, RetryPolicy.of_a_check()) as client:
            for tenant in settings.tenants:
                links.ask(ODataService(client), tenant)
                if not links.without_join:
                    break
        return [*links.joins], [*links.sentences]

    @classmethod
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        """The states in a file; a file without states of streams is passed on as such, for the read to refuse."""
        try:
            return super().read_state(state_path)
        except (ValueError, TypeError, AttributeError):
            # Not JSON, one object for all streams, or entries that are not messages: each raises one of these.
            return [UNREADABLE]

    def close(self, seconds: float | None = None) -> None:
        """Give every seat back, from any thread and also in the middle of a read; no command can follow.

        ``seconds`` bounds the time that it takes.
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
            [name for name in configured if not name.startswith(ODATA_PREFIXES)],
            prove=lambda tenant, _tables: survey.visit(tenant),
            forms=_forms(settings),
            # The catalog decides: what it has of files has been offered.
            has_files=True,
        )
        maker = StreamMaker.of(settings, client, service, self._progress_log)
        declared: dict[str, Table | ODataTable] = {table.name: table for table in site.tables} | survey.tables
        read_before = {name: tenants_read_before(states.get_stream_state(name, None)) for name in configured}
        # If one inquiry has been read in a tenant, all could be.
        inquiries = [name for name in configured if name.startswith(ODataFeed.INQUIRIES.prefix)]
        were_open = {tenant for name in inquiries for tenant in read_before[name]}
        streams, trackable = [], []
        for number, (name, one) in enumerate(configured.items()):
            # Every other stream starts with the last tenant: with few seats that saves half of the sign-ins.
            order = settings.tenants[:: -1 if number % 2 else 1]
            tenant_tables = tenant_tables_of(name, order, site, survey, read_before[name], were_open)
            found = declared.get(name) or placeholder(name)
            table, own = fitted(
                as_configured(found, one, settings),
                {tenant: _own(each, one, settings) for tenant, each in tenant_tables.items()},
                one,
                settings,
            )
            if settings.track_deletions and one.sync_mode is SyncMode.incremental:
                trackable.append((found, table))
            is_described = name in declared and not any(
                isinstance(each, AirbyteTracedException) for each in own.values()
            )
            state, refusal = state_of(states, one)
            if refusal:
                own = dict.fromkeys(own, refusal)
            stream = maker.stream(table, one, own)
            self._progress_log.expect(stream.name, stream.tenants)
            streams.append(self._made_concurrent(stream, states, one, state))
            if is_described:
                warn_of_lost_columns(table, one, stream.missed_columns)
            if stream.progress:
                maker.access.remember(
                    stream.progress, stream.tenants, table.family, has_clock=stream.is_stamped_by_the_database
                )
        warn_of_untracked(trackable)
        return streams

    def _made_concurrent(
        self,
        stream: TableStream,
        states: ConnectorStateManager,
        configured: ConfiguredAirbyteStream,
        state: State | None,
    ) -> Stream:
        """The stream for the CDK, with its progress; a state that was not understood stays as it is."""
        # If a failure hides the table, the catalog still names the cursor: the state has to be kept.
        known = next(cursors(configured, state), None)
        field = (stream.cursor_field or known) if stream.is_readable else (known or stream.cursor_field)
        if configured.sync_mode is SyncMode.incremental and isinstance(field, str):
            emit = partial(self._emit_state, states, stream.name) if state is not None else _keep
            given = reached_by(field, stream.name, state or {})
            stream.progress = TenantCursor(field, stream.tenants, given, emit)
        return self.convert_to_concurrent_stream(logger, stream, states, stream.progress)

    def _emit_state(self, states: ConnectorStateManager, stream: str, state: State) -> None:
        states.update_state_for_stream(stream, None, state)
        self._messages.emit_message(states.create_state_message(stream, None))


def _keep(_state: State) -> None:
    """Emit nothing: the platform keeps the state that it has."""


def _settings(config: Mapping[str, Any]) -> Config:
    """The settings; the log names unknown ones."""
    for warning in unknown_settings(config):
        logger.warning(warning)
    return Config.parse(config)


def _dacs(tables: Sequence[Table]) -> set[str]:
    return {table.dac for table in tables if not table.path}


def _forms(settings: Config) -> Forms:
    given = dict.fromkeys(one.inquiry for one in settings.inquiry_parameters)
    return Forms(settings.inquiry_forms, tuple(given), asked_in=settings.asked)


def _own(
    own: Table | ODataTable | AirbyteTracedException, configured: ConfiguredAirbyteStream, settings: Config
) -> Table | ODataTable | AirbyteTracedException:
    return own if isinstance(own, AirbyteTracedException) else as_configured(own, configured, settings)
