"""The OData service of the database tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration_tests.simulator.odata.columns import as_shown
from integration_tests.simulator.odata.customizations import dac_by_alias, dacs_of
from integration_tests.simulator.odata.dacs import DACS, SINGLETONS, Dac
from integration_tests.simulator.odata.deletion_rules import PREFERENCES, TRACKED_TABLES, Untracked
from integration_tests.simulator.odata.dialects import Dialect, ODataError
from integration_tests.simulator.odata.edm import Column, Edm, EntityType
from integration_tests.simulator.odata.filters import read_literal
from integration_tests.simulator.odata.metadata import filler_sets, fillers, tables_metadata
from integration_tests.simulator.odata.queries import TABLE_OPTIONS, arguments
from integration_tests.simulator.odata.rows import comparable
from integration_tests.simulator.odata.service import Service, ServiceDocument, named, not_found
from integration_tests.simulator.store.values import Cell
from integration_tests.simulator.web.answers import HTML, Answer

DELETED_RECORD = EntityType("px", "DeletedRecordResult", (), (
    Column("RefNoteID", Edm.GUID, lambda each: each.note_id), Column("DeleteDate", Edm.DATE_TIME, lambda each: each.at),
))  # fmt: skip


class TableService(Service):
    role_needed = "OData4 User"

    @property
    def _dialect(self) -> Dialect:
        return Dialect(self.address.version, self.zone)

    def _metadata(self) -> Iterator[bytes]:
        rules, dacs = self.options.deletions, dacs_of(self.tenant.lacks)
        return tables_metadata(self.options.metadata_megabytes, rules, dacs, self.lies)

    def _services(self) -> ServiceDocument:
        names = [alias for each in DACS for alias in each.aliases]
        names += [alias for alias, _ in filler_sets(fillers(self.options.metadata_megabytes))]
        yield from ({"name": name, "kind": "EntitySet", "url": name} for name in names)
        yield from ({"name": each.name, "kind": "Singleton", "url": each.name} for each in SINGLETONS)
        yield {"name": "GetServerTime", "kind": "FunctionImport", "url": "GetServerTime"}

    def _resource(self, name: str, given: str | None, call: str | None) -> Answer:
        table = dac_by_alias(self.tenant.lacks).get(name)
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
                query = self._query(as_shown(table.name, table, self.lies), TABLE_OPTIONS)
                return self._writer.rows(query, query.page(self._rows(table), self.request.query), name)
        raise not_found(self.address.rest)

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
        return self._writer.rows(query, page, "Collection(px.DeletedRecordResult)")

    def _without_key(self, name: str) -> Answer:
        if name == "GetServerTime":
            return self._writer.value(self.now())
        if name in (TRACKED_TABLES.name, PREFERENCES.name):
            return self._settings(name)
        found = [each for each in SINGLETONS if each.name == name]
        if not found:
            raise not_found(self.address.rest)
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
            return self._writer.rows(query, query.page(rows, self.request.query), name)
        raise ODataError(f"You have insufficient rights to access the {name} table.", 403)


def _key(table: Dac, given: str) -> dict[str, str]:
    """All key columns by name, or the value alone where there is only one."""
    parts = arguments(given)
    if len(parts) == 1 and "=" not in parts[0]:
        parts = [f"{table.all_keys[0]}={parts[0]}"]
    wanted = dict(map(named, parts))
    if wanted.keys() != set(table.all_keys):
        raise ODataError(f"The key in the request URI is not valid for '{table.full_name}'.")
    return wanted
