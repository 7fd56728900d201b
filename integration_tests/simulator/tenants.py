"""The data of one tenant: its tables, and the truth about them for tests that change and compare it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from threading import RLock
from typing import Any
from zlib import crc32

from .catalog import ENDPOINTS
from .clock import Clock
from .columns import as_told
from .dacs import DAC_BY_NAME, DACS
from .edm import Access
from .inquiries import INQUIRY_BY_TITLE, inquiry_rows
from .journal import Journal, JournalSnapshot
from .records import Record, plain
from .row_store import RowStore
from .rows import truth
from .shapes import Entity, Inquiry
from .tables import Key, Sizes, Table, TableSnapshot
from .teller import Teller
from .values import Value

Snapshot = tuple[Mapping[tuple[str, str], TableSnapshot], JournalSnapshot]
# The newest version of an endpoint comes last, and has every field of the older ones.
ENTITIES = {(endpoint.name, entity.name): entity for endpoint in ENDPOINTS for entity in endpoint.entities}


class Tenant:
    """`id_seed` is shared by tenants that were copied from one another."""

    def __init__(
        self,
        name: str,
        seed: int,
        id_seed: int,
        sizes: Sizes,
        clock: Clock,
        zone: tzinfo,
        tracked: Collection[str] = (),
        teller: Teller | None = None,
    ) -> None:
        self.name = name
        self.lock = RLock()
        self.lacks: set[str] = set()  # see customizations.py
        self.journal = Journal(DACS, tracked, clock.now())
        self.store = RowStore(self.table, self.journal)
        self._seed, self._id_seed, self._sizes = seed, id_seed, sizes
        self._clock, self._zone = clock, zone
        self._teller = teller or Teller()
        self._tables: dict[tuple[str, str], Table] = {}

    def table(self, entity: str, endpoint: str = "Default") -> Table:
        with self.lock:
            name = (endpoint, entity)
            if name not in self._tables:
                salt = crc32("/".join(name).encode())
                seeds = hash((self._seed, salt)), hash((self._id_seed, salt))
                self._tables[name] = Table(ENTITIES[name], *seeds, self._sizes)
            return self._tables[name]

    def rows(self, entity: str, endpoint: str = "Default", archived: bool = False) -> list[dict[str, Any]]:
        with self.lock:
            table = self.table(entity, endpoint)
            records = [table.record(handle) for handle in table.handles(archived=archived)]
            return [_identity(record) | plain(record, self._zone) for record in records]

    def keys(self, entity: str, endpoint: str = "Default", archived: bool = False) -> list[Key]:
        """Business keys in order; the ids of an entity without any."""
        with self.lock:
            table = self.table(entity, endpoint)
            handles = table.handles(archived=archived)
            return [table.key(handle) or (table.record(handle).spot.id,) for handle in handles]

    def insert(
        self,
        entity: str,
        values: Mapping[str, Any] | None = None,
        stamp: datetime | None = None,
        endpoint: str = "Default",
    ) -> Key:
        with self.lock:
            table, moment = self.table(entity, endpoint), stamp or self._clock.database_now()
            key = table.insert(values or {}, moment)
            self.journal.inserted(table, table.existing(key), moment)
            return key

    def update(
        self,
        entity: str,
        key: Sequence[Any],
        values: Mapping[str, Any],
        stamp: datetime | None = None,
        endpoint: str = "Default",
    ) -> None:
        with self._changing(entity, key, stamp, endpoint) as (table, moment):
            table.update(key, values, moment)

    def rename(
        self,
        entity: str,
        key: Sequence[Any],
        new: Sequence[Any],
        stamp: datetime | None = None,
        endpoint: str = "Default",
    ) -> None:
        """Gives a record another key; it keeps its id."""
        with self._changing(entity, key, stamp, endpoint) as (table, moment):
            table.rename(key, new, moment)

    @contextmanager
    def _changing(
        self, entity: str, key: Sequence[Any], stamp: datetime | None, endpoint: str
    ) -> Iterator[tuple[Table, datetime]]:
        with self.lock:
            table, moment = self.table(entity, endpoint), stamp or self._clock.database_now()
            with self.journal.updating(table, table.existing(key), moment):
                yield table, moment

    def delete(self, entity: str, key: Sequence[Any], endpoint: str = "Default", stamp: datetime | None = None) -> None:
        """With it go the lines; the deletions are kept where the table is tracked, at `stamp` (late if it is past)."""
        with self.lock:
            table = self.table(entity, endpoint)
            self.journal.deleted(table, table.existing(key), stamp or self._clock.database_now())
            table.delete(key)

    def archive(self, entity: str, key: Sequence[Any], archived: bool = True, endpoint: str = "Default") -> None:
        """Moves a record into the archive or back; its stamp stays as it is."""
        with self.lock:
            table = self.table(entity, endpoint)
            table.archive(key, archived)
            self.journal.touched(table, table.existing(key))

    def dac_rows(self, dac: str, archived: bool = False, deleted: bool = False) -> list[dict[str, Any]]:
        """The truth of a table, in key order; binary columns as base64 text."""
        table = as_told(dac, DAC_BY_NAME[dac], self._teller.everywhere)
        columns = [each for each in table.column_by_name.values() if each.access is not Access.RESTRICTED]
        with self.lock:
            rows = self.store.of(table, self._zone, archived, deleted)
            return [truth(columns, row, self._zone) for row in rows]

    def gi_rows(self, title: str, **parameters: Value) -> list[dict[str, Any]]:
        """The truth of a generic inquiry; parameters that are not given have their defaults."""
        inquiry = INQUIRY_BY_TITLE[title]
        with self.lock:
            rows = inquiry_rows(inquiry, self.store, parameters)
            shown = as_told(title, inquiry.type, self._teller.everywhere).shown()
            return [truth(shown, row, UTC) for row in rows]

    def snapshot(self) -> Snapshot:
        """All records and what became of them, to be restored later."""
        with self.lock:
            return {name: table.snapshot() for name, table in self._tables.items()}, self.journal.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Puts a snapshot back: records, stamps, row versions and deletions are what they were."""
        with self.lock:
            tables, journal = snapshot
            self._tables = {name: each for name, each in self._tables.items() if name in tables}
            for name, table in tables.items():
                self._tables[name].restore(table)
            self.journal.restore(journal)
            self.store.forget()

    def track(self, dac: str) -> None:
        """Keeps the deletions of a table from now on, as the form Tables to Track Deleted Records does."""
        self.journal.track(dac, self._clock.now())

    def deleted(self, dac: str) -> list[dict[str, Any]]:
        """The truth of `px.GetDeletedRecords()`."""
        return [{"RefNoteID": each.note_id, "DeleteDate": each.at} for each in self.journal.deletions(dac) or ()]

    def results(self, entity: str, parameters: Mapping[str, Any], endpoint: str = "Default") -> list[dict[str, Any]]:
        """The truth of an inquiry form: the rows it computes for these parameters."""
        form = ENTITIES[endpoint, entity]
        assert form.inquiry is not None
        rows = self.inquiry(form, parameters, endpoint).details(form.inquiry.results)
        return [plain(row, self._zone) for row in rows]

    def inquiry(self, form: Entity, parameters: Mapping[str, Any], endpoint: str) -> Record:
        """The form as filled in; its other result columns depend on all the parameters."""
        assert form.inquiry is not None
        with self.lock:
            rows = self._result_rows(form.inquiry, parameters, endpoint)
        spot = self.table(form.name, endpoint).record(0).spot
        spot.seed = hash((spot.seed, *(crc32(f"{name}={parameters[name]}".encode()) for name in sorted(parameters))))
        return Record(form, spot, {**parameters, form.inquiry.results: rows})

    def _result_rows(self, inquiry: Inquiry, parameters: Mapping[str, Any], endpoint: str) -> list[dict[str, Any]]:
        """A parameter that is a column too picks the rows that have it; nothing is found without a mandatory one."""
        if any(parameters.get(name) is None for name in inquiry.mandatory):
            return []
        table = self.table(inquiry.source, endpoint)
        columns = inquiry.column_of_source.items()
        rows = ({name: table.record(each).value(field) for name, field in columns} for each in table.handles())
        return [row for row in rows if all(row.get(name, wanted) == wanted for name, wanted in parameters.items())]


def _identity(record: Record) -> dict[str, Any]:
    assert isinstance(record.shape, Entity)
    return {"id": record.spot.id} if record.shape.stable_id else {}
