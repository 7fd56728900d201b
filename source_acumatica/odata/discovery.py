"""Asks each tenant what inquiries and tables OData has of those that the settings name, and makes streams of them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.erp.errors import RequestFailed, config_error
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.designs import read_designs, warn_of_incomplete, with_times
from source_acumatica.odata.inquiry_keys import InquiryKeys
from source_acumatica.odata.linked_columns import LinkedColumns
from source_acumatica.odata.metadata import EntitySet
from source_acumatica.odata.query import ParameterError, parameterized
from source_acumatica.odata.service import CLOSED, ODataService
from source_acumatica.odata.tables import (
    NOTE_ID,
    ODataFeed,
    ODataTable,
    dac_table,
    function_of,
    inquiry_table,
    meant,
    stream_names,
)
from source_acumatica.odata.tracking_report import report_tracking, trackable
from source_acumatica.odata.wanted import ALL, NamedForms, WantedTables
from source_acumatica.reading.credentials import credentials_in, left_out
from source_acumatica.reading.table import explain_left_out

logger = logging.getLogger("airbyte")


class ODataSurvey:
    """What the OData services have, collected tenant by tenant.

    With ``streams``, for a read, only those are looked for, and failures are kept until the streams are read. Without,
    all that the settings name is looked for, and failures are raised; only a service that is closed (401, 403, 404)
    counts as empty, and only where the settings name nothing of it. ``may_hint`` says whether there is time for a
    request whose result is only logged.
    """

    def __init__(
        self,
        service: ODataService,
        config: Config,
        streams: Collection[str] | None = None,
        may_hint: Callable[[], bool] = lambda: True,
    ) -> None:
        self._service, self._config, self._streams, self._may_hint = service, config, streams, may_hint
        self.failures: dict[tuple[str, ODataFeed], AirbyteTracedException] = {}
        """By tenant and service: what these have is unknown."""
        self.complaints: list[AirbyteTracedException] = []
        """Errors about the values for parameters of single inquiries; the other inquiries can be read."""
        self._own: dict[str, list[ODataTable]] = {}
        self._wanted = WantedTables(config)
        self._linked = LinkedColumns(config.dac_linked_columns)
        self._keys = InquiryKeys(service, config)
        self._logged: set[str] = set()
        self._behind_forms: dict[str, dict[str, EntitySet | None]] = {}
        """By tenant, the tables behind its forms; None for one that OData does not show."""

    @cached_property
    def own(self) -> Mapping[str, Mapping[str, ODataTable]]:
        """By tenant and stream, once all tenants have been asked: the tenant's own table, named as the stream."""
        self._note_others_parameters()
        return {tenant: dict(self._named(tables)) for tenant, tables in self._own.items()}

    @property
    def titles(self) -> set[str]:
        """The names of the entity sets that any tenant has."""
        return {table.title for tables in self.own.values() for table in tables.values()}

    @property
    def tables(self) -> dict[str, ODataTable]:
        """By stream: the table with the columns of all tenants, as the stream declares it."""
        joined: dict[str, ODataTable] = {}
        for tables in self.own.values():
            for name, table in tables.items():
                joined[name] = joined[name].joined(table) if name in joined else table
        # Keys that no tenant could confirm are not used; where one could, they count in the others as well.
        for name in joined.keys() & self._keys.untried:
            joined[name] = replace(joined[name], are_keys_unique=False)
        return joined

    def _note_others_parameters(self) -> None:
        """Note in each inquiry which parameters it has only in other tenants.

        The inquiries of a tenant that could not be asked are unknown: they may have any parameter with a given value.
        """
        if {*self._config.tenants} != self._own.keys() or ODataFeed.INQUIRIES in {
            feed for _tenant, feed in self.failures
        }:
            return
        names: dict[str, set[str]] = {}
        for table in itertools.chain.from_iterable(self._own.values()):
            names.setdefault(table.name, set()).update(table.parameters)
        for tenant, tables in self._own.items():
            self._own[tenant] = [
                replace(each, others_parameters=frozenset(names[each.name] - each.parameters.keys())) for each in tables
            ]

    def _named(self, tables: Sequence[ODataTable]) -> Iterator[tuple[str, ODataTable]]:
        dacs = [each for some in self._own.values() for each in some if each.feed is ODataFeed.TABLES]
        names = stream_names(dacs)
        streams = [each for each in self._streams or () if each.startswith(ODataFeed.TABLES.prefix)]
        meanings = {stream: meant(stream, dacs) for stream in streams}
        for table in tables:
            if table.feed is ODataFeed.INQUIRIES:
                if self._streams is None or table.name in self._streams:
                    yield table.name, table
            elif self._streams is None:
                named = replace(table, short_name=names[table.type_name])
                yield named.name, named
            else:
                for stream in (each for each, type_name in meanings.items() if type_name == table.type_name):
                    yield stream, replace(table, short_name=stream.removeprefix(ODataFeed.TABLES.prefix))

    def visit(self, tenant: str, dacs: Collection[str] = ()) -> None:
        """Ask ``tenant``; ``dacs`` are the tables behind its forms, whose deletions may be wanted.

        Raises:
            AirbyteTracedException: a service does not answer, or is closed although the settings name something of it.
        """
        tracked = (
            frozenset(filter(None, dacs)) if self._config.track_deletions and self._streams is None else frozenset()
        )
        self._own[tenant] = []
        if self._config.generic_inquiries and self._reads(ODataFeed.INQUIRIES):
            self._visit_feed(ODataFeed.INQUIRIES, tenant, tracked)
            self._note_designs(tenant)
        if (self._config.dac_tables and self._reads(ODataFeed.TABLES)) or tracked:
            self._visit_feed(ODataFeed.TABLES, tenant, tracked)

    def has_note_id(self, dac: str) -> bool:
        """Whether a table behind a form has NoteIDs in all tenants with that form that could be asked."""
        found = [entity_sets[dac] for entity_sets in self._behind_forms.values() if dac in entity_sets]
        return bool(found) and all(entity_set is not None and NOTE_ID in entity_set.fields for entity_set in found)

    def does_without(self, error: AirbyteTracedException) -> bool:
        """Whether the error is that of a closed service which the settings do not need."""
        is_of_inquiries = any(each is error for (_, feed), each in self.failures.items() if feed is ODataFeed.INQUIRIES)
        return is_of_inquiries and self._config.generic_inquiries == ALL and is_closed(error)

    def able(self, tenant: str) -> list[ODataTable]:
        """The tenant's tables, without the inquiries that lack values for parameters; those were warned of."""
        return [each for each in self._own[tenant] if not self._values_complaint(tenant, each)]

    def named(self, tenant: str) -> Iterator[list[ODataTable]]:
        """The tenant's tables that each name or pattern of the settings stands for."""
        return self._wanted.named(self.able(tenant))

    def unnamed(self, stream: str) -> str | None:
        """The sentence for a stream that the settings leave out, whether it exists or not."""
        return self._wanted.unnamed(stream)

    def refuse_unmatched(self, forms: NamedForms) -> None:
        """Refuse names and patterns that stand for nothing; ``forms`` are those of all tenants.

        Raises:
            AirbyteTracedException: a ``config_error`` that names them.
        """
        self._wanted.refuse_unmatched(forms, {feed for _tenant, feed in self.failures})
        self._linked.refuse_unmatched()

    def probe(self, tenant: str) -> None:
        """Read the keys of some rows of each inquiry, to see whether they are unique.

        Raises:
            RequestFailed: a passing failure; whether the keys identify rows stays unknown.
        """
        for number, table in enumerate(self._own[tenant]):
            if table.feed is ODataFeed.INQUIRIES and table.keys:
                can_be_asked = self._values_complaint(tenant, table) is None
                may_be_unique = self._keys.may_be_unique(tenant, table, can_be_asked=can_be_asked)
                self._own[tenant][number] = replace(table, are_keys_unique=may_be_unique)

    def warn_of_unseen_keys(self) -> None:
        """Warn, when all tenants have been asked, of the keys that no row has confirmed."""
        self._keys.warn_of_unseen(self.tables)

    def report_tracking(self, tenant: str) -> None:
        """Log which of the tables whose deletions are wanted are tracked, since when, and for how long."""
        wanted = trackable(self._own.get(tenant, ()), self._behind_forms.get(tenant, {}))
        report_tracking(self._service, tenant, wanted, self._may_hint)

    def _reads(self, feed: ODataFeed) -> bool:
        return self._streams is None or any(stream.startswith(feed.prefix) for stream in self._streams)

    def _visit_feed(self, feed: ODataFeed, tenant: str, tracked: Collection[str]) -> None:
        try:
            found = self._inquiries(tenant) if feed is ODataFeed.INQUIRIES else self._dacs(tenant, tracked)
            for table in found:
                self._own[tenant].append(table)
                if table.left_out:
                    self._warn_once(explain_left_out(table.name, table.left_out))
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            self.failures[tenant, feed] = error
            is_named = feed is not ODataFeed.INQUIRIES or self._config.generic_inquiries != ALL
            if self._streams is None and (is_named or not is_closed(error)):
                raise
            logger.warning(f"{error.message}. Going on without.")

    # ----------------------------------------------------------------------------------------------------- inquiries

    def _inquiries(self, tenant: str) -> Iterator[ODataTable]:
        metadata = self._service.describe(
            tenant, ODataFeed.INQUIRIES, lambda title, _type: self._wanted.wants_inquiry(title)
        )
        for entity_set in metadata.entity_sets:
            for title in filter(self._wanted.wants_inquiry, entity_set.names):
                entity_set = _without_credentials(tenant, title, entity_set)
                _warn_of_unknown_types(tenant, title, entity_set)
                function = function_of(metadata, title, entity_set.type_name)
                called, parameters = (function.name, function.parameters) if function else ("", {})
                table = inquiry_table(entity_set, title, parameters, called, self._config.asked(title))
                given = self._config.parameter_sets(title)[0].keys()
                yield replace(table, others_parameters=frozenset(given - parameters.keys()))

    def _note_designs(self, tenant: str) -> None:
        """Keep when each inquiry was changed, and log which do not show all rows, where their designs can be read."""
        streams = {
            each.title: each.name for each in self._own[tenant] if self._streams is None or each.name in self._streams
        }
        if streams and self._may_hint() and (designs := read_designs(self._service, tenant)):
            self._own[tenant] = with_times(self._own[tenant], designs)
            warn_of_incomplete(tenant, streams, designs)

    def check_parameters(self) -> None:
        """Warn, when all tenants have been asked, of missing or wrong values, each once, for the first tenant.

        An inquiry that the settings name, or that values are given for, has to be readable.
        """
        for tenant, tables in self.own.items():
            for table in tables.values():
                if (complaint := self._values_complaint(tenant, table)) and complaint not in self._logged:
                    is_named = self._wanted.is_inquiry_named(table.title)
                    error = config_error(f"Tenant '{tenant}': {complaint}.")
                    if is_named or any(self._config.parameter_sets(table.title)):
                        self.complaints.append(error)
                    self._warn_once(f"{error.message} Until then, {table.name} cannot be read.", complaint)

    def _values_complaint(self, tenant: str, table: ODataTable) -> str | None:
        """What is wrong with the values that are given for an inquiry."""
        if table.feed is not ODataFeed.INQUIRIES:
            return None
        try:
            for given in self._config.parameter_sets(table.title):
                parameterized(table, given, self._service.version(table.feed, tenant))
        except ParameterError as error:
            return str(error)
        return None

    # -------------------------------------------------------------------------------------------------------- tables

    def _dacs(self, tenant: str, tracked: Collection[str]) -> Iterator[ODataTable]:
        metadata = self._service.describe(
            tenant,
            ODataFeed.TABLES,
            lambda _set, dac: dac in tracked or self._wanted.needs_description(dac, self._streams),
            keeps_links=bool(self._linked),
        )
        shown = {entity_set.type_name: entity_set for entity_set in metadata.entity_sets}
        self._behind_forms[tenant] = {dac: shown.get(dac) for dac in tracked}
        for entity_set in metadata.entity_sets:
            if self._wanted.wants_dac(entity_set.type_name):
                entity_set = _without_credentials(tenant, entity_set.type_name, entity_set)
                _warn_of_unknown_types(tenant, entity_set.type_name, entity_set)
                links = self._linked.of(tenant, entity_set, metadata.links_of)
                yield replace(dac_table(entity_set, track_deletions=self._config.track_deletions), links=links)

    def _warn_once(self, warning: str, what: str | None = None) -> None:
        """Log a warning, unless ``what`` it is about was logged before, for any tenant."""
        if (what or warning) not in self._logged:
            self._logged.add(what or warning)
            logger.warning(warning)


def is_closed(error: AirbyteTracedException) -> bool:
    """Whether a service does not exist or is closed to this user; any other failure may pass."""
    return isinstance(error, RequestFailed) and error.problem.status in CLOSED


def _without_credentials(tenant: str, name: str, entity_set: EntitySet) -> EntitySet:
    """The entity set without columns that hold credentials of other systems; the log names those."""
    hidden = credentials_in(entity_set.fields, entity_set.type_name.rpartition(".")[2], entity_set.keys)
    if not hidden:
        return entity_set
    logger.info(left_out(f"Tenant '{tenant}', {name}", hidden))
    fields = {each: kind for each, kind in entity_set.fields.items() if each not in hidden}
    return replace(
        entity_set,
        fields=fields,
        unknown={each: entity_set.unknown[each] for each in entity_set.unknown if each in fields},
    )


def _warn_of_unknown_types(tenant: str, name: str, entity_set: EntitySet) -> None:
    for column, kind in entity_set.unknown.items():
        logger.warning(f"Tenant '{tenant}', {name}: {column} is of the unknown type {kind}; it comes as it is.")
