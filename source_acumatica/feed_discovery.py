"""Asks each tenant what inquiries and tables OData has of those that the settings name, and makes streams of them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.config import Config
from source_acumatica.cursor import Window
from source_acumatica.deletions import Deletions, NotTrackedError, sets_of
from source_acumatica.doors import Doors, inquiry_resource
from source_acumatica.edmx import Feed, Metadata
from source_acumatica.errors import Next, RequestFailed, config_error
from source_acumatica.feeds import DELETED_FLAG, NOTE_ID, FeedDoor, FeedTable, dac_table, inquiry_table
from source_acumatica.odata import FUNCTION_SUFFIX, FeedPlan, feed_options, plain_value
from source_acumatica.reader import where_of
from source_acumatica.tables import explain_left_out
from source_acumatica.tracking import TRACKING_FORM, History, Tracking

logger = logging.getLogger("airbyte")

_ALL = ("*",)
# Rows of an inquiry that are looked at to see whether its keys tell them apart; only their keys are asked for.
_PROBED_ROWS = 1_000
# A check asks for no more tables than this whether their deletions are tracked: each costs a request.
_MOST_TRACKING_PROBES = 25


class FeedSurvey:
    """What the OData doors have, collected tenant by tenant.

    For ``streams`` only those are looked for, as a read needs them, and failures are kept for when these are read.
    Without, all that the settings name is, and a door that they name has to be open.
    """

    def __init__(self, doors: Doors, config: Config, streams: Collection[str] | None = None) -> None:
        self._doors, self._config, self._streams = doors, config, streams
        self.tables: dict[str, FeedTable] = {}
        self.holders: dict[str, set[str]] = {}
        """The tenants that have a stream, by its name."""
        self.failures: dict[tuple[FeedDoor, str], AirbyteTracedException] = {}
        self._matched: set[str] = set()
        self._incomplete: set[str] = set()
        self._behind_forms: dict[str, dict[str, Feed]] = {}

    def visit(self, tenant: str, dacs: Collection[str] = ()) -> None:
        """Ask ``tenant``; ``dacs`` are the tables behind its forms, of which deletions may be wanted.

        Raises:
            AirbyteTracedException: a door is closed that has to be open.
        """
        tracked = (
            frozenset(filter(None, dacs)) if self._config.track_deletions and self._streams is None else frozenset()
        )
        if self._config.generic_inquiries and self._reads(FeedDoor.INQUIRIES):
            self._visit_door(FeedDoor.INQUIRIES, tenant, tracked)
        if (self._config.dac_tables and self._reads(FeedDoor.TABLES)) or tracked:
            self._visit_door(FeedDoor.TABLES, tenant, tracked)

    def has_note_id(self, dac: str) -> bool:
        """Whether the rows of a table behind a form have NoteIDs, in all tenants that could be asked."""
        found = [feeds.get(dac) for feeds in self._behind_forms.values()]
        return bool(found) and all(feed is not None and NOTE_ID in feed.fields for feed in found)

    def holds(self, tenant: str, table: FeedTable) -> bool:
        """Whether ``tenant`` is known to have the table, or failed to say so."""
        return (table.door, tenant) in self.failures or tenant in self.holders.get(table.name, ())

    def refuse_unmatched(self) -> None:
        """Refuse names and patterns that stand for nothing.

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

    def probe(self, tenant: str) -> None:
        """Read the keys of some rows of each inquiry: whether the user may read it, and whether its keys are unique."""
        for table in [each for each in self.tables.values() if each.door is FeedDoor.INQUIRIES]:
            if table.keys and tenant in self.holders[table.name] and table.name not in self._incomplete:
                is_unique = table.are_keys_unique and self._are_keys_unique(tenant, table)
                self.tables[table.name] = replace(table, are_keys_unique=is_unique)

    def tell_tracking(self, tenant: str) -> None:
        """Log which of the tables whose deletions are wanted are tracked, since when, and for how long."""
        wanted, where = self._trackable(tenant), f"Tenant '{tenant}', deleted records"
        history = Tracking(self._doors).history(tenant)
        # Where the ERP does not list them, each costs a request.
        asked = wanted if history.added is not None else wanted[-_MOST_TRACKING_PROBES:]
        tracked: list[str] = []
        untracked: list[str] = []
        doubtful: list[str] = []
        for sets in asked:
            is_tracked = history.lists(sets)
            if is_tracked is None:
                is_tracked = _is_tracked(Deletions(tenant, self._doors, sets, where))
            (doubtful if is_tracked is None else tracked if is_tracked else untracked).append(sets[-1])
        if untracked:
            names = ", ".join(untracked)
            logger.warning(f"{where}: not tracked: {names}. To have those read too, list them on {TRACKING_FORM}.")
        if doubtful:
            logger.warning(
                f"{where}: the ERP lists no deletions of these, and they may not be tracked: {', '.join(doubtful)}. "
                f"See whether they are on {TRACKING_FORM}."
            )
        rest = len(wanted) - len(asked)
        more = f" {rest} more tables were not asked." if rest else ""
        logger.info(f"{where}: tracked: {', '.join(tracked) or 'none'}.{more}")
        _tell_limits(where, history, wanted)

    def _reads(self, door: FeedDoor) -> bool:
        return self._streams is None or any(stream.startswith(door.prefix) for stream in self._streams)

    def _visit_door(self, door: FeedDoor, tenant: str, tracked: Collection[str]) -> None:
        is_optional = door is FeedDoor.INQUIRIES and self._config.generic_inquiries == _ALL
        try:
            if door is FeedDoor.INQUIRIES:
                self._add(tenant, self._inquiries(tenant))
            else:
                self._add(tenant, self._dacs(tenant, tracked))
        except AirbyteTracedException as error:
            self.failures[door, tenant] = error
            if self._streams is None and not is_optional:
                raise
            logger.warning(f"{error.message}. Going on without.")

    def _add(self, tenant: str, tables: Iterator[FeedTable]) -> None:
        for table in tables:
            if table.left_out:
                logger.warning(explain_left_out(table.name, table.left_out))
            if self._streams is None or table.name in self._streams:
                known = self.tables.get(table.name)
                self.tables[table.name] = known.joined(table) if known else table
                self.holders.setdefault(table.name, set()).add(tenant)

    # ----------------------------------------------------------------------------------------------------- inquiries

    def _inquiries(self, tenant: str) -> Iterator[FeedTable]:
        metadata = self._doors.describe(tenant, FeedDoor.INQUIRIES, lambda title, _type: self._wants_inquiry(title))
        for feed in metadata.feeds:
            for title in filter(self._wants_inquiry, feed.names):
                _warn_of_unknown_types(tenant, title, feed)
                table = inquiry_table(feed, title, _parameters(metadata, title))
                self._check_parameters(table, metadata.version)
                yield table

    def _wants_inquiry(self, title: str) -> bool:
        patterns = self._matching(self._config.generic_inquiries, title)
        self._matched.update(patterns)
        return bool(patterns)

    def _check_parameters(self, table: FeedTable, version: int) -> None:
        """Say that values are missing; an inquiry that the settings name has to be readable."""
        given = self._config.parameters(table.title)
        try:
            inquiry_resource(table, given, version)
        except AirbyteTracedException as error:
            # A read says so when it comes to the stream.
            if self._streams is not None:
                return
            if given or self._matching(self._config.generic_inquiries, table.title) != set(_ALL):
                raise
            if table.name not in self._incomplete:
                logger.warning(f"{error.message} Until then, {table.name} cannot be read.")
            self._incomplete.add(table.name)

    def _are_keys_unique(self, tenant: str, table: FeedTable) -> bool:
        version = self._doors.version(table.door, tenant)
        where = where_of(tenant, table.name)
        resource, parameters = inquiry_resource(table, self._config.parameters(table.title), version)
        token = {"version": version, "top": _PROBED_ROWS}
        options = {**parameters, **feed_options(table, FeedPlan(table.keys), frozenset(table.keys), Window(), token)}
        try:
            page = self._doors.rows(tenant, table.door, resource, options, where=where, is_query=True, is_page=True)
        except RequestFailed as error:
            logger.warning(f"{error.message}. As long as this is so, reading it fails.")
            # Whoever may not read it does not know; what fails otherwise is not to be relied on.
            return error.problem.status == _FORBIDDEN
        keys = [tuple(str(plain_value(row.get(name))) for name in table.keys) for row in page.rows]
        if len(set(keys)) < len(keys):
            logger.info(f"{where}: {', '.join(table.keys)} do not identify its rows, so it has no primary key.")
        return len(set(keys)) == len(keys)

    # -------------------------------------------------------------------------------------------------------- tables

    def _dacs(self, tenant: str, tracked: Collection[str]) -> Iterator[FeedTable]:
        metadata = self._doors.describe(
            tenant, FeedDoor.TABLES, lambda _set, dac: dac in tracked or self._may_read(dac)
        )
        self._behind_forms[tenant] = {feed.type_name: feed for feed in metadata.feeds if feed.type_name in tracked}
        for feed in metadata.feeds:
            if self._wants_dac(feed.type_name):
                _warn_of_unknown_types(tenant, feed.type_name, feed)
                yield dac_table(feed, track_deletions=self._config.track_deletions)

    def _wants_dac(self, dac: str) -> bool:
        patterns = self._matching(self._config.dac_tables, dac, dac.rpartition(".")[2])
        self._matched.update(patterns)
        return bool(patterns)

    def _may_read(self, dac: str) -> bool:
        """Whether the table's description is needed: in a read, that of the streams only."""
        names = {FeedDoor.TABLES.prefix + name for name in (dac.replace(".", "_"), dac.rpartition(".")[2])}
        return self._wants_dac(dac) and (self._streams is None or not names.isdisjoint(self._streams))

    def _trackable(self, tenant: str) -> list[tuple[str, ...]]:
        """The names of the sets of tables whose deletions have to be tracked to be read."""
        own: list[tuple[str, ...]] = [
            (table.title,) for table in self.tables.values() if table.is_tracked and not table.has_flags
        ]
        behind = [
            sets_of(dac)
            for dac, feed in self._behind_forms.get(tenant, {}).items()
            if NOTE_ID in feed.fields and DELETED_FLAG not in {*feed.fields, *feed.restricted}
        ]
        told: dict[str, tuple[str, ...]] = {sets[-1]: sets for sets in [*behind, *own]}
        return list(told.values())

    @staticmethod
    def _matching(patterns: Sequence[str], *names: str) -> set[str]:
        return {each for each in patterns for name in names if name == each or fnmatchcase(name, each)}


def _is_tracked(deletions: Deletions) -> bool | None:
    """Whether the deletions can be read: a table may be closed to everybody. None: an empty list says nothing."""
    try:
        return deletions.has_entries() or None
    except NotTrackedError:
        return False
    except RequestFailed as error:
        if error.problem.next is not Next.STOP:
            raise
        return False


def _tell_limits(where: str, history: History, wanted: Sequence[Sequence[str]]) -> None:
    """Since when, and for how long: a connection that pauses for longer misses deletions."""
    since = [f"{sets[-1]} since {at}" for sets in wanted if (at := history.added_at(sets))]
    known = f" Deletions are kept of {', '.join(since)}." if since else ""
    logger.info(
        f"{where}: the ERP lists them for {history.kept} ({TRACKING_FORM}).{known} After a longer pause between two "
        "syncs, refresh the streams."
    )


_FORBIDDEN = 403
_UNMATCHED_HINTS: Mapping[str, str] = {
    "generic_inquiries": (
        "Check the names, which are those of the form Generic Inquiry (SM208000), and that Expose via OData is ticked "
        "there."
    ),
    "dac_tables": "Give the names of data access classes, such as SOOrder or PX.Objects.SO.SOOrder.",
}


def _parameters(metadata: Metadata, title: str) -> Mapping[str, str]:
    function = metadata.functions.get(title + FUNCTION_SUFFIX)
    return function.parameters if function else {}


def _warn_of_unknown_types(tenant: str, name: str, feed: Feed) -> None:
    for column, kind in feed.unknown.items():
        logger.warning(f"Tenant '{tenant}', {name}: {column} is of the unknown type {kind}; it comes as it is.")
