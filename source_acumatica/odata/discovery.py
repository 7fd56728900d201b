"""Asks each tenant what inquiries and tables OData has of those that the settings name, and makes streams of them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config, composed, stands_for
from source_acumatica.erp.errors import Action, RequestFailed, config_error
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.deletions import Deletions, NotTrackedError, sets_of
from source_acumatica.odata.key_probe import KeyProbe
from source_acumatica.odata.metadata import EntitySet
from source_acumatica.odata.query import ParameterError, parameterized, plain_value
from source_acumatica.odata.service import CLOSED, ODataService
from source_acumatica.odata.tables import (
    DELETED_FLAG,
    NOTE_ID,
    ODataFeed,
    ODataTable,
    dac_table,
    function_of,
    inquiry_table,
    meant,
    stream_names,
)
from source_acumatica.odata.tracking import TRACKING_FORM, History, Tracking
from source_acumatica.reading.credentials import credentials_in, left_out
from source_acumatica.reading.fields import Raw, utc_instant
from source_acumatica.reading.reader import where_of
from source_acumatica.reading.table import explain_left_out, left_out_by

logger = logging.getLogger("airbyte")

_ALL = ("*",)
# A check asks for no more tables than this whether their deletions are tracked: each costs a request.
_MOST_TRACKING_PROBES = 25
# The keys of an inquiry are looked at with so many combinations of values for its parameters at most.
_MOST_PROBED_SETS = 20
DESIGNS = "GIDesign"
"""The set with a row for each generic inquiry."""


class NamedForms(Protocol):
    """The inquiry forms of the contract-based API that the settings name."""

    @property
    def patterns(self) -> Collection[str]:
        """The names and globs that were given for forms."""

    @property
    def matched(self) -> Collection[str]:
        """What of the settings stands for a form that was found."""


class ODataSurvey:
    """What the OData services have, collected tenant by tenant.

    For ``streams`` only those are looked for, as a read needs them, and failures are kept for when these are read.
    Without, all that the settings name is, and what fails is raised: only a service that is closed (401, 403, 404) has
    nothing, and that only where the settings name nothing of it. ``may_hint`` says whether there is time for a request
    of which only the log tells.
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
        """By tenant and service; what they have is unknown."""
        self.complaints: list[AirbyteTracedException] = []
        """About values for parameters: each is about one inquiry, and the others are as they are."""
        self._own: dict[str, list[ODataTable]] = {}
        self._matched: set[str] = set()
        self._titles: set[str] = set()
        self._tried: set[str] = set()
        self._untried: set[str] = set()
        """Streams of inquiries whose keys could, and could not, be looked at in some tenant."""
        self._shown: set[str] = set()
        """Those of them that have shown rows."""
        self._unnamed: set[str] = set()
        """What the services have under these names of streams, and the settings do not name."""
        self._logged: set[str] = set()
        self._behind_forms: dict[str, dict[str, EntitySet | None]] = {}
        """The tables behind the forms that a tenant has; None of one that OData does not show."""

    @cached_property
    def own(self) -> Mapping[str, Mapping[str, ODataTable]]:
        """By tenant and stream, when all have been asked: the table as the tenant has it, under the stream's name."""
        self._warn_of_tenants_that_differ()
        return {tenant: dict(self._named(tables)) for tenant, tables in self._own.items()}

    @property
    def tables(self) -> dict[str, ODataTable]:
        """By stream: the table as all tenants have it together, which is what the stream declares."""
        joined: dict[str, ODataTable] = {}
        for tables in self.own.values():
            for name, table in tables.items():
                joined[name] = joined[name].joined(table) if name in joined else table
        # A claim is none: in a tenant that cannot be read the keys are as in the others, and nowhere without any.
        for name in joined.keys() & (self._untried - self._tried):
            joined[name] = replace(joined[name], are_keys_unique=False)
        return joined

    def _warn_of_tenants_that_differ(self) -> None:
        """Have each inquiry know which parameters it has in other tenants only.

        What a tenant that could not be asked has is unknown: then it may have whatever a value is given for.
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
        """Ask ``tenant``; ``dacs`` are the tables behind its forms, of which deletions may be wanted.

        Raises:
            AirbyteTracedException: a service does not answer, or is closed and has to be open.
        """
        tracked = (
            frozenset(filter(None, dacs)) if self._config.track_deletions and self._streams is None else frozenset()
        )
        self._own[tenant] = []
        if self._config.generic_inquiries and self._reads(ODataFeed.INQUIRIES):
            self._visit_feed(ODataFeed.INQUIRIES, tenant, tracked)
            self._read_designs(tenant)
        if (self._config.dac_tables and self._reads(ODataFeed.TABLES)) or tracked:
            self._visit_feed(ODataFeed.TABLES, tenant, tracked)

    def has_note_id(self, dac: str) -> bool:
        """Whether the rows of a table behind a form have NoteIDs, in all tenants with that form that could be asked."""
        found = [entity_sets[dac] for entity_sets in self._behind_forms.values() if dac in entity_sets]
        return bool(found) and all(entity_set is not None and NOTE_ID in entity_set.fields for entity_set in found)

    def does_without(self, error: AirbyteTracedException) -> bool:
        """Whether a service is only closed, and by the settings need not be there."""
        is_of_inquiries = any(each is error for (_, feed), each in self.failures.items() if feed is ODataFeed.INQUIRIES)
        return is_of_inquiries and self._config.generic_inquiries == _ALL and is_closed(error)

    def able(self, tenant: str) -> list[ODataTable]:
        """The tables that may be asked for, without those that lack values for parameters, which is told already."""
        return [each for each in self._own[tenant] if not self._values_complaint(tenant, each)]

    def named(self, tenant: str) -> Iterator[list[ODataTable]]:
        """The tables that each name or pattern of the settings stands for; ``*`` is nobody's wish."""
        able = self.able(tenant)
        for feed, setting in _SETTINGS.items():
            for pattern in (each for each in getattr(self._config, setting) if each != _ALL[0]):
                yield [each for each in able if each.feed is feed and self._matching([pattern], *_names(each))]

    def unnamed(self, stream: str) -> str | None:
        """The sentence for a stream that the settings leave out, whether it is there or not."""
        feed = next(each for each in ODataFeed if stream.startswith(each.prefix))
        setting = _SETTINGS[feed]
        if getattr(self._config, setting) and stream not in self._unnamed:
            return None
        return left_out_by(setting, stream)

    def refuse_unmatched(self, forms: NamedForms) -> None:
        """Refuse names and patterns that stand for nothing; ``forms`` are those of all tenants.

        Raises:
            AirbyteTracedException: a ``config_error`` that names them.
        """
        for setting, hint in _UNMATCHED_HINTS.items():
            unmatched = [
                each for each in getattr(self._config, setting) if (each,) != _ALL and each not in self._matched
            ]
            if unmatched:
                msg = f"{setting}: no tenant has {', '.join(unmatched)}. {hint}"
                raise config_error(msg)
        if unmatched := [each for each in forms.patterns if each not in forms.matched]:
            msg = f"inquiry_forms: no tenant has an inquiry form {', '.join(unmatched)}. {_FORMS_HINT}"
            raise config_error(msg)
        # What a service that failed might have is unknown.
        is_known = ODataFeed.INQUIRIES not in {feed for _tenant, feed in self.failures}
        given = dict.fromkeys(one.inquiry for one in self._config.inquiry_parameters if is_known)
        unmatched = [each for each in given if composed(each) not in self._titles and each not in forms.matched]
        if unmatched and not self._config.generic_inquiries:
            logger.warning(
                f"inquiry_parameters: no inquiry form is called {', '.join(unmatched)}, and generic_inquiries names no "
                "inquiries, so these values have no effect."
            )
        elif unmatched:
            msg = f"inquiry_parameters: no tenant has an inquiry {', '.join(unmatched)}. {_PARAMETERS_HINT}"
            raise config_error(msg)

    def probe(self, tenant: str) -> None:
        """Read the keys of some rows of each inquiry: whether the user may read it, and whether its keys are unique.

        Raises:
            RequestFailed: something passing was in the way: without an answer nobody knows what its keys are worth.
        """
        for number, table in enumerate(self._own[tenant]):
            if table.feed is ODataFeed.INQUIRIES and table.keys:
                is_asked = self._values_complaint(tenant, table) is None
                are_unique = self._are_keys_unique(tenant, table) if is_asked else None
                (self._untried if are_unique is None else self._tried).add(table.name)
                self._own[tenant][number] = replace(table, are_keys_unique=are_unique is not False)

    def report_tracking(self, tenant: str) -> None:
        """Log which of the tables whose deletions are wanted are tracked, since when, and for how long."""
        wanted, where = self._trackable(tenant), f"Tenant '{tenant}', deleted records"
        history = Tracking(self._service).history(tenant)
        # Where the ERP does not list them, each costs a request.
        asked = wanted if history.added is not None else wanted[-_MOST_TRACKING_PROBES:]
        rest = len(wanted) - len(asked)
        tracked: list[str] = []
        untracked: list[str] = []
        doubtful: list[str] = []
        for sets in asked:
            is_tracked = history.lists(sets)
            if is_tracked is None and not self._may_hint():
                rest += 1
                continue
            if is_tracked is None:
                is_tracked = _is_tracked(Deletions(tenant, self._service, sets, where))
            (doubtful if is_tracked is None else tracked if is_tracked else untracked).append(sets[-1])
        if untracked:
            names = ", ".join(untracked)
            logger.warning(f"{where}: not tracked: {names}. To have those read too, list them on {TRACKING_FORM}.")
        if doubtful:
            logger.warning(
                f"{where}: the ERP lists no deletions of these, and they may not be tracked: {', '.join(doubtful)}. "
                f"See whether they are on {TRACKING_FORM}."
            )
        more = f" {rest} more tables were not asked." if rest else ""
        logger.info(f"{where}: tracked: {', '.join(tracked) or 'none'}.{more}")
        _log_limits(where, history, wanted)

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
            is_named = feed is not ODataFeed.INQUIRIES or self._config.generic_inquiries != _ALL
            if self._streams is None and (is_named or not is_closed(error)):
                raise
            logger.warning(f"{error.message}. Going on without.")

    # ----------------------------------------------------------------------------------------------------- inquiries

    def _inquiries(self, tenant: str) -> Iterator[ODataTable]:
        metadata = self._service.describe(tenant, ODataFeed.INQUIRIES, lambda title, _type: self._wants_inquiry(title))
        for entity_set in metadata.entity_sets:
            for title in filter(self._wants_inquiry, entity_set.names):
                entity_set = _without_credentials(tenant, title, entity_set)
                _warn_of_unknown_types(tenant, title, entity_set)
                function = function_of(metadata, title, entity_set.type_name)
                called, parameters = (function.name, function.parameters) if function else ("", {})
                table = inquiry_table(entity_set, title, parameters, called, self._config.asked(title))
                given = self._config.parameter_sets(title)[0].keys()
                yield replace(table, others_parameters=frozenset(given - parameters.keys()))

    def _read_designs(self, tenant: str) -> None:
        """Log which inquiries are cut or stored, where the table of their designs can be read: both look complete."""
        names = {
            each.title: each.name for each in self._own[tenant] if self._streams is None or each.name in self._streams
        }
        if not names or not self._may_hint():
            return
        where = f"Tenant '{tenant}', designs of the inquiries"
        try:
            rows = self._service.all_rows(tenant, ODataFeed.TABLES, DESIGNS, {}, where=where, is_hint=True)
        except PoolClosed:
            raise
        except AirbyteTracedException:
            # It takes a role that few users have, and another service; what cannot be told is not told.
            return
        self._note_designs(tenant, rows)
        for row in rows:
            if (name := names.get(str(row.get("Name")))) and row.get("SelectTop"):
                most = plain_value(row.get("SelectTop"))
                logger.warning(
                    f"Tenant '{tenant}', {name}: the inquiry is cut to {most} rows (Select Top on Generic Inquiry, "
                    "SM208000); further rows do not come."
                )
            if name and row.get("UseDataWarehouse"):
                logger.warning(
                    f"Tenant '{tenant}', {name}: the inquiry shows a stored result (Store Result in Data Warehouse on "
                    "Generic Inquiry, SM208000), which is as old as its last update."
                )

    def _note_designs(self, tenant: str, rows: Sequence[Raw]) -> None:
        """Keep with the inquiries when each was changed: one with other conditions shows rows of any age."""
        times = {str(row.get("Name")): _instant(row.get("LastModifiedDateTime")) for row in rows}
        self._own[tenant] = [replace(each, designed_at=times.get(each.title)) for each in self._own[tenant]]

    def _wants_inquiry(self, title: str) -> bool:
        self._titles.add(composed(title))
        patterns = self._matching(self._config.generic_inquiries, title)
        self._matched.update(patterns)
        if not patterns:
            self._unnamed.add(ODataFeed.INQUIRIES.prefix + title)
        return bool(patterns)

    def check_parameters(self) -> None:
        """Say, when all tenants have been asked, that values are missing or wrong, each once for the first tenant.

        An inquiry that the settings name, or that values are given for, has to be readable.
        """
        for tenant, tables in self.own.items():
            for table in tables.values():
                if (complaint := self._values_complaint(tenant, table)) and complaint not in self._logged:
                    is_named = self._matching(self._config.generic_inquiries, table.title) != set(_ALL)
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

    def _are_keys_unique(self, tenant: str, table: ODataTable) -> bool | None:
        """None: its rows cannot be looked at.

        What may pass is asked for once more, as soon as the service has answered something else: then it is this
        inquiry alone that fails, and not the weather.
        """
        try:
            return self._do_keys_identify(tenant, table)
        except RequestFailed as error:
            first = error
        if first.problem.action is Action.THROTTLED:
            raise first
        if first.problem.failure_type is not FailureType.transient_error:
            # Reading it says the same.
            logger.warning(f"{first.message}. As long as this is so, reading it fails, and its keys are not known.")
            return None
        self._service.describe(tenant, table.feed, lambda _title, _type: False)
        try:
            # A time-out takes eleven minutes.
            if first.problem.status or first.problem.action is not Action.FEWER_ROWS:
                return self._do_keys_identify(tenant, table)
        except RequestFailed as error:
            if error.problem.action is Action.THROTTLED:
                raise
        logger.warning(
            f"{first.message}, and the service answers other requests meanwhile. Its keys are not known, and reading "
            "it may fail. To leave it out, name the others in generic_inquiries."
        )
        return None

    def _do_keys_identify(self, tenant: str, table: ODataTable) -> bool:
        """Whether the keys identify the rows that were looked at, for each of the first values.

        Raises:
            RequestFailed: they cannot be looked at.
        """
        sets = self._config.parameter_sets(table.title)[:_MOST_PROBED_SETS]
        doubts = (self._doubt_of(KeyProbe(self._service, tenant, table, given)) for given in sets)
        doubt = next(filter(None, doubts), "")
        if doubt:
            keys = ", ".join(table.keys)
            logger.info(
                f"{where_of(tenant, table.name)}: {keys} do not identify its rows ({doubt}), so it has no primary key."
            )
        return not doubt

    def _doubt_of(self, probe: KeyProbe) -> str:
        doubt = probe.doubt()
        if probe.has_rows:
            self._shown.add(probe.table.name)
        return doubt

    def warn_of_unseen_keys(self) -> None:
        """Say, when all tenants have been asked, which keys nobody has seen rows of: they are a claim.

        They stand all the same: a list of what is left to do is empty now and then, and its key is not to come and go.
        """
        tables = self.tables
        for name in sorted(self._tried - self._shown):
            if tables[name].primary_key:
                logger.warning(
                    f"{name}: it shows no rows today, so whether its primary key identifies them is only what its "
                    "description says. Each sync holds the key against the rows that come."
                )

    # -------------------------------------------------------------------------------------------------------- tables

    def _dacs(self, tenant: str, tracked: Collection[str]) -> Iterator[ODataTable]:
        metadata = self._service.describe(
            tenant, ODataFeed.TABLES, lambda _set, dac: dac in tracked or self._may_read(dac)
        )
        shown = {entity_set.type_name: entity_set for entity_set in metadata.entity_sets}
        self._behind_forms[tenant] = {dac: shown.get(dac) for dac in tracked}
        for entity_set in metadata.entity_sets:
            if self._wants_dac(entity_set.type_name):
                entity_set = _without_credentials(tenant, entity_set.type_name, entity_set)
                _warn_of_unknown_types(tenant, entity_set.type_name, entity_set)
                yield dac_table(entity_set, track_deletions=self._config.track_deletions)

    def _wants_dac(self, dac: str) -> bool:
        patterns = self._matching(self._config.dac_tables, dac, dac.rpartition(".")[2])
        self._matched.update(patterns)
        return bool(patterns)

    def _may_read(self, dac: str) -> bool:
        """Whether the table's description is needed: in a read, that of the streams only."""
        names = {ODataFeed.TABLES.prefix + name for name in (dac.replace(".", "_"), dac.rpartition(".")[2])}
        if not self._wants_dac(dac):
            self._unnamed |= names
            return False
        return self._streams is None or not names.isdisjoint(self._streams)

    def _trackable(self, tenant: str) -> list[tuple[str, ...]]:
        """The names of the sets of tables whose deletions have to be tracked to be read."""
        own: list[tuple[str, ...]] = [
            (table.title,) for table in self._own.get(tenant, ()) if table.is_tracked and not table.has_flags
        ]
        behind = [
            sets_of(dac)
            for dac, entity_set in self._behind_forms.get(tenant, {}).items()
            if entity_set is not None
            and NOTE_ID in entity_set.fields
            and DELETED_FLAG not in {*entity_set.fields, *entity_set.restricted}
        ]
        told: dict[str, tuple[str, ...]] = {sets[-1]: sets for sets in [*behind, *own]}
        return list(told.values())

    def _warn_once(self, warning: str, what: str | None = None) -> None:
        """Log it, unless ``what`` it is about has been said already, of whatever tenant."""
        if (what or warning) not in self._logged:
            self._logged.add(what or warning)
            logger.warning(warning)

    @staticmethod
    def _matching(patterns: Sequence[str], *names: str) -> set[str]:
        return {each for each in patterns for name in names if stands_for(each, name)}


def _names(table: ODataTable) -> tuple[str, ...]:
    """What the settings may call a table, or an inquiry."""
    return (table.type_name, table.short_type) if table.feed is ODataFeed.TABLES else (table.title,)


def _is_tracked(deletions: Deletions) -> bool | None:
    """Whether the deletions can be read: a table may be closed to everybody. None: an empty list says nothing."""
    try:
        return deletions.has_entries() or None
    except NotTrackedError:
        return False
    except RequestFailed as error:
        if error.problem.action is not Action.STOP:
            raise
        return False


def _log_limits(where: str, history: History, wanted: Sequence[Sequence[str]]) -> None:
    """Since when, and for how long: a connection that pauses for longer misses deletions."""
    since = [f"{sets[-1]} since {at}" for sets in wanted if (at := history.added_at(sets))]
    known = f" Deletions are kept of {', '.join(since)}." if since else ""
    logger.info(
        f"{where}: the ERP lists them for {history.kept} ({TRACKING_FORM}).{known} After a longer pause between two "
        "syncs, refresh the streams."
    )


_SETTINGS = {ODataFeed.INQUIRIES: "generic_inquiries", ODataFeed.TABLES: "dac_tables"}
_UNMATCHED_HINTS: Mapping[str, str] = {
    "generic_inquiries": (
        "Check the names, which are those of the form Generic Inquiry (SM208000), and that Expose via OData is ticked "
        "there."
    ),
    "dac_tables": "Give the names of data access classes, such as SOOrder or PX.Objects.SO.SOOrder.",
}


_FORMS_HINT = (
    "Write Entity or Endpoint/Entity, as on the form Web Service Endpoints (SM207060). The entity needs a collection "
    "for its results, and what is known to be a document or a master record is none: it would be written to."
)
_PARAMETERS_HINT = (
    "Write the title of a generic inquiry, or the name of an inquiry form without the part behind '__' in the stream's "
    "name; a form of an own endpoint as Endpoint/Entity."
)


def is_closed(error: AirbyteTracedException) -> bool:
    """Whether a service is not there or not for this user; whatever else fails may pass."""
    return isinstance(error, RequestFailed) and error.problem.status in CLOSED


def _instant(value: Any) -> str | None:
    """The time in UTC; None where it is none."""
    try:
        return utc_instant(value)
    except (TypeError, ValueError):
        return None


def _without_credentials(tenant: str, name: str, entity_set: EntitySet) -> EntitySet:
    """The feed without the columns that hold credentials of other systems, which the log names."""
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
