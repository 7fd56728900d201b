"""The OData doors of the site: generic inquiries and database tables."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

from .answers import HTML, Answer
from .columns import as_told
from .csdl import filler_sets, fillers, inquiries_metadata, tables_metadata
from .customizations import dacs_of, inquiries_of
from .dacs import DACS, SINGLETONS, Dac
from .deletion_rules import PREFERENCES, TRACKED_TABLES, DeletionRules, Untracked
from .dialects import Dialect, ODataError, Version
from .edm import Column, Edm, EntityType
from .feeds import ATOM, FeedWriter
from .inquiries import INQUIRIES, GenericInquiry, Parameter, inquiry_rows
from .lies import TRUTH, Lies
from .odata_filters import read_literal
from .odata_queries import INQUIRY_OPTIONS, TABLE_OPTIONS, Query, arguments
from .places import Place
from .relations import Relations
from .requests import Request
from .rows import Row, comparable
from .tenants import Tenant
from .values import Cell

XML = "application/xml; charset=utf-8"
# A set or a function, the key or arguments in parentheses, and what is asked of it.
RESOURCE = re.compile(r"(?P<name>[^(/]+)(?:\((?P<given>.*?)\))?(?:/(?P<call>[^/]+))?/?$")
DELETED_RECORD = EntityType("px", "DeletedRecordResult", (), (
    Column("RefNoteID", Edm.GUID, lambda each: each.note_id), Column("DeleteDate", Edm.DATE_TIME, lambda each: each.at),
))  # fmt: skip
Services = Iterator[Mapping[str, Cell]]


@dataclass(frozen=True)
class ODataOptions:
    page_rows: int | None = None
    relative_links: bool = False
    legacy_inquiries: Version | None = None
    metadata_megabytes: float = 0.0
    deletions: DeletionRules = field(default_factory=DeletionRules)


@dataclass(frozen=True)
class Door(ABC):
    """One request to a feed."""

    role_needed: ClassVar[str] = ""
    place: Place
    tenant: Tenant
    request: Request
    options: ODataOptions
    site_url: str
    zone: tzinfo
    roles: Collection[str]
    now: Callable[[], datetime]
    lies: Lies = TRUTH
    turn: int = 0  # where equal rows come in another order in each request: its number

    def answer(self) -> Answer:
        try:
            return self._route()
        except ODataError as refused:
            return self._dialect.error(refused)

    @property
    @abstractmethod
    def _dialect(self) -> Dialect: ...

    @abstractmethod
    def _metadata(self) -> Iterator[bytes]: ...

    @abstractmethod
    def _services(self) -> Services: ...

    @abstractmethod
    def _resource(self, name: str, given: str | None, call: str | None) -> Answer: ...

    def _route(self) -> Answer:
        if self.request.method != "GET":
            raise ODataError("The feed is read-only.", 405)
        if self.role_needed not in {"", *self.roles}:
            raise ODataError(f"You need the {self.role_needed} role to access the data.", 403)
        match self.place.rest.rstrip("/"):
            case "":
                return self._writer.services(self._services())
            case "$metadata":
                return Answer(200, content_type=XML, stream=self._metadata())
        match = RESOURCE.match(self.place.rest)
        if match is None:
            raise _not_found(self.place.rest)
        with self.tenant.lock:
            return self._resource(match["name"], match["given"], match["call"])

    @cached_property
    def _writer(self) -> FeedWriter:
        root_url = self.site_url + self.place.root
        links = self.options.relative_links
        return FeedWriter(self._dialect, root_url, self.place.rest, self.request.query, links)

    @cached_property
    def _relations(self) -> Relations:
        return Relations(self._rows, self.zone)

    def _rows(self, table: Dac) -> list[Row]:
        archived, deleted = (self._shows(each) for each in ("px-apiarchive", "px-apideleted"))
        deleted = deleted and self.options.deletions.knows_header
        return self.tenant.store.of(table, self.zone, archived, deleted)

    def _shows(self, header: str) -> bool:
        return self.request.headers.get(header, "").upper() == "SHOW"

    def _query(self, table: EntityType, allowed: frozenset[str], shuffles: bool = False) -> Query:
        shuffles = shuffles or bool(self.turn)
        return Query(
            table, self._dialect, self._relations, allowed, shuffles, self.options.page_rows, self.lies, self.turn
        )


class InquiryDoor(Door):
    @property
    def _dialect(self) -> Dialect:
        """Inquiries are sent in UTC, whatever the zone of the web server."""
        return Dialect(self.place.version, UTC)

    def _metadata(self) -> Iterator[bytes]:
        return inquiries_metadata(self.place.version, inquiries_of(self.tenant.lacks))

    def _services(self) -> Services:
        """All that is exposed, also what this user may not read."""
        kind: dict[str, Cell] = {} if self.place.version is Version.V3 else {"kind": "EntitySet"}
        yield from ({"name": each.title, **kind, "url": quote(each.title)} for each in INQUIRIES)

    def _resource(self, name: str, given: str | None, call: str | None) -> Answer:
        known = {each.title: each for each in inquiries_of(self.tenant.lacks)}
        inquiry = known.get(name) if given is None else None
        if inquiry is None and (given is not None or self.place.version is Version.V3):
            inquiry = next((each for each in known.values() if each.parameters and each.function == name), None)
            given = given or ""
        if inquiry is None or call:
            raise _not_found(self.place.rest)
        if inquiry.forbidden:
            raise ODataError("You have insufficient rights to access the inquiry.", 403)
        if self.place.version is Version.V3 and not self._asks_for_json():
            return ATOM
        query = self._query(as_told(inquiry.title, inquiry.type, self.lies), INQUIRY_OPTIONS, shuffles=True)
        options, parameters = self.request.query, self._parameters(inquiry, given)
        if not inquiry.filters_below:
            rows = inquiry_rows(inquiry, self.tenant.store, parameters)
            return self._writer.feed(query, query.page(rows, options), name)
        rows = inquiry_rows(inquiry, self.tenant.store, parameters, lambda groups: query.filtered(groups, options))
        unfiltered = {option: value for option, value in options.items() if option != "$filter"}
        return self._writer.feed(query, query.page(rows, unfiltered), name)

    def _parameters(self, inquiry: GenericInquiry, given: str | None) -> dict[str, Any]:
        """Version 4 names them in parentheses, version 3 among the query options; the set itself takes none."""
        if given is None:
            return {}
        if self.place.version is Version.V3:
            return {each.name: self._bare(each) for each in inquiry.parameters if each.name in self.request.query}
        values = {name: self._value(text) for name, text in map(_named, arguments(given))}
        if unknown := values.keys() - {each.name for each in inquiry.parameters}:
            raise ODataError(f"The inquiry has no parameters {sorted(unknown)}.")
        return values

    def _bare(self, parameter: Parameter) -> Cell:
        """A text may stand without its quotes."""
        text = self.request.query[parameter.name]
        return text if parameter.type is Edm.STRING and not text.startswith("'") else read_literal(text, self._dialect)

    def _value(self, text: str) -> Cell:
        """A literal, or the alias of one that stands among the query options."""
        literal = self.request.query.get(text) if text.startswith("@") else text
        if literal is None:
            raise ODataError(f"The parameter alias '{text}' has no value.")
        return read_literal(literal, self._dialect)

    def _asks_for_json(self) -> bool:
        """Version 3 answers with Atom unless it is told otherwise."""
        return self.request.query.get("$format") == "json" or "json" in self.request.headers.get("accept", "")


class TableDoor(Door):
    role_needed = "OData4 User"

    @property
    def _dialect(self) -> Dialect:
        return Dialect(self.place.version, self.zone)

    def _metadata(self) -> Iterator[bytes]:
        rules, dacs = self.options.deletions, dacs_of(self.tenant.lacks)
        return tables_metadata(self.options.metadata_megabytes, rules, dacs)

    def _services(self) -> Services:
        names = [alias for each in DACS for alias in each.aliases]
        names += [alias for alias, _ in filler_sets(fillers(self.options.metadata_megabytes))]
        yield from ({"name": name, "kind": "EntitySet", "url": name} for name in names)
        yield from ({"name": each.name, "kind": "Singleton", "url": each.name} for each in SINGLETONS)
        yield {"name": "GetServerTime", "kind": "FunctionImport", "url": "GetServerTime"}

    def _resource(self, name: str, given: str | None, call: str | None) -> Answer:
        table = {alias: each for each in dacs_of(self.tenant.lacks) for alias in each.aliases}.get(name)
        if table is None:
            return self._without_key(name)
        if table.forbidden:
            raise ODataError(f"You have insufficient rights to access the {table.name} table.", 403)
        table = self.options.deletions.set_up(table)
        match call:
            case "px.GetDeletedRecords()":
                return self._deletions(table)
            case None if given is not None:
                return self._one(table, name, given)
            case None:
                query = self._query(as_told(table.name, table, self.lies), TABLE_OPTIONS)
                return self._writer.feed(query, query.page(self._rows(table), self.request.query), name)
        raise _not_found(self.place.rest)

    def _one(self, table: Dac, name: str, given: str) -> Answer:
        wanted = {key: self._compared(read_literal(text, self._dialect)) for key, text in _key(table, given).items()}
        reads = {key: table.column_by_name[key].read for key in wanted}
        rows = self._rows(table)
        found = [row for row in rows if all(self._compared(reads[key](row)) == wanted[key] for key in wanted)]
        if not found:
            return Answer(404, content_type=HTML)
        query = self._query(table, frozenset({"$select", "$expand"}))
        return self._writer.single(query, query.page(found, self.request.query), f"{name}/$entity")

    def _compared(self, cell: Cell) -> Any:
        return comparable(cell, self.zone)

    def _deletions(self, table: Dac) -> Answer:
        """A table that nobody has put on the form is refused: an empty list would say that nothing was deleted."""
        rules, deletions = self.options.deletions, self.tenant.journal.deletions(table.name)
        if deletions is None and rules.untracked is not Untracked.EMPTY:
            status = 500 if rules.untracked is Untracked.BROKEN else 400
            raise ODataError(f"Deleted records of the {table.full_name} table are not tracked.", status)
        query = self._query(DELETED_RECORD, TABLE_OPTIONS - {"$expand"})
        kept = [each for each in deletions or () if rules.is_kept(each.at, self.now())]
        page = query.page(kept, self.request.query)
        return self._writer.feed(query, page, "Collection(px.DeletedRecordResult)")

    def _without_key(self, name: str) -> Answer:
        if name == "GetServerTime":
            return self._writer.value(self.now())
        if name in (TRACKED_TABLES.name, PREFERENCES.name):
            return self._settings(name)
        found = [each for each in SINGLETONS if each.name == name]
        if not found:
            raise _not_found(self.place.rest)
        query = self._query(found[0], frozenset({"$select"}))
        return self._writer.single(query, query.page([None], self.request.query), name)

    def _settings(self, name: str) -> Answer:
        """What the form Tables to Track Deleted Records says."""
        rules, tracked = self.options.deletions, self.tenant.journal.tracked
        if name == PREFERENCES.name and rules.retention_days is not None:
            query = self._query(PREFERENCES, frozenset({"$select"}))
            return self._writer.single(query, query.page([rules.retention_days], self.request.query), name)
        if name == TRACKED_TABLES.name and rules.shows_tracked:
            rows = [(each.full_name, each.name, tracked[each.name]) for each in DACS if each.name in tracked]
            query = self._query(TRACKED_TABLES, TABLE_OPTIONS)
            return self._writer.feed(query, query.page(rows, self.request.query), name)
        raise ODataError(f"You have insufficient rights to access the {name} table.", 403)


def _key(table: Dac, given: str) -> dict[str, str]:
    """All key columns by name, or the value alone where there is only one."""
    parts = arguments(given)
    if len(parts) == 1 and "=" not in parts[0]:
        parts = [f"{table.all_keys[0]}={parts[0]}"]
    wanted = dict(map(_named, parts))
    if wanted.keys() != set(table.all_keys):
        raise ODataError(f"The key in the request URI is not valid for '{table.full_name}'.")
    return wanted


def _named(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _not_found(segment: str) -> ODataError:
    return ODataError(f"Resource not found for the segment '{segment}'.", 404)
