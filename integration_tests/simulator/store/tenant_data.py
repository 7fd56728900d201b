"""The records of one tenant: its tables, which are changed one at a time, and what became of their rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from threading import RLock
from typing import Any
from zlib import crc32

from integration_tests.simulator.store.attachments import AttachedFile, Attachments
from integration_tests.simulator.store.clock import Clock
from integration_tests.simulator.store.journal import DatabaseTable, Journal, JournalSnapshot
from integration_tests.simulator.store.ledger import Ledger
from integration_tests.simulator.store.records import Record
from integration_tests.simulator.store.shapes import Endpoint, Entity
from integration_tests.simulator.store.tables import Key, Sizes, Table, TableSnapshot

Snapshot = tuple[Mapping[tuple[str, str], TableSnapshot], JournalSnapshot]


class TenantData:
    """`id_seed` is shared by tenants that were copied from one another; `entities` by endpoint and name.

    `endpoints`: the versions that show the records, the newest of each last.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        id_seed: int,
        sizes: Sizes,
        clock: Clock,
        zone: tzinfo,
        entities: Mapping[tuple[str, str], Entity],
        database_tables: Sequence[DatabaseTable],
        tracked: Collection[str] = (),
        endpoints: Sequence[Endpoint] = (),
    ) -> None:
        self.name = name
        self.lock = RLock()
        self.lacks: set[str] = set()  # see the customizations.py of both APIs
        self.attachments = Attachments()
        self.journal = Journal(database_tables, tracked, clock.now())
        self._seed, self._id_seed, self._sizes = seed, id_seed, sizes
        self._clock, self._zone = clock, zone
        self._entities = entities
        self._homes = {each.name: each.records_of for each in endpoints if each.records_of}
        self._shown = {(each.name, one.name, each.contract): one for each in endpoints for one in each.entities}
        self._tables: dict[tuple[str, str], Table] = {}
        self.ledger = Ledger(self.table, self.journal)

    def table(self, entity: str, endpoint: str = "Default") -> Table:
        with self.lock:
            name = (self._homes.get(endpoint, endpoint), entity)
            if name not in self._tables:
                salt = crc32("/".join(name).encode())
                seeds = hash((self._seed, salt)), hash((self._id_seed, salt))
                self._tables[name] = Table(self._entities[name], *seeds, self._sizes)
            return self._tables[name]

    def rows(
        self, entity: str, endpoint: str = "Default", archived: bool = False, contract: int | None = None
    ) -> list[dict[str, Any]]:
        """As the newest version of the endpoint in a contract shows them; in 4 and before, if none is named."""
        with self.lock:
            table, shown = self.table(entity, endpoint), self._entity_shown(entity, endpoint, contract)
            handles = table.handles(archived=archived)
            return [_identity(table.record(each)) | table.plain(each, self._zone, shown) for each in handles]

    def _entity_shown(self, entity: str, endpoint: str, contract: int | None) -> Entity | None:
        wanted = (4, 3, 5) if contract is None else (contract,)
        found = [each for one in wanted if (each := self._shown.get((endpoint, entity, one)))]
        assert found or contract is None, f"there is no {entity} of {endpoint} in contract {contract}"
        return found[0] if found else None

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

    def update_silently(
        self,
        entity: str,
        key: Sequence[Any],
        values: Mapping[str, Any],
        stamp: datetime | None = None,
        endpoint: str = "Default",
    ) -> None:
        """Changes lines or linked objects; their rows get the stamp, and the record keeps its own and its version."""
        with self._changing(entity, key, stamp, endpoint, silently=True) as (table, _moment):
            table.update(key, values, None)

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
        self,
        entity: str,
        key: Sequence[Any],
        stamp: datetime | None,
        endpoint: str,
        silently: bool = False,
        writes_lines: bool = False,
    ) -> Iterator[tuple[Table, datetime]]:
        with self.lock:
            table, moment = self.table(entity, endpoint), stamp or self._clock.database_now()
            with self.journal.updating(table, table.existing(key), moment, silently, writes_lines):
                yield table, moment

    def delete(self, entity: str, key: Sequence[Any], endpoint: str = "Default", stamp: datetime | None = None) -> None:
        """With it go the lines; the deletions are kept where the table is tracked, at `stamp` (late if it is past)."""
        with self.lock:
            table = self.table(entity, endpoint)
            self.journal.deleted(table, table.existing(key), stamp or self._clock.database_now())
            table.delete(key)

    def attach(
        self,
        entity: str,
        key: Sequence[Any],
        filename: str,
        size: int = 1000,
        comment: str | None = None,
        line: tuple[str, int] = ("", 0),
        endpoint: str = "Default",
    ) -> str:
        """Attaches a file to a record, or to the line at a place of a collection, from 1; the stamp stays. Its id."""
        with self.lock:
            record = self._record(entity, key, endpoint)
            file = AttachedFile(self.attachments.new_id([record.spot.id, filename, *line]), filename, size, comment)
            self.attachments.attach(record, line, file)
            return file.id

    def detach(
        self,
        entity: str,
        key: Sequence[Any],
        file: str,
        line: tuple[str, int] = ("", 0),
        endpoint: str = "Default",
    ) -> None:
        with self.lock:
            self.attachments.detach(self._record(entity, key, endpoint), line, file)

    def revise(self, file: str, size: int | None = None, *, lost: bool = False) -> None:
        """Puts a new revision in the place of a file, or takes its content away; no stamp shows it."""
        with self.lock:
            was = self.attachments.find(file)
            assert was, f"there is no file {file}"
            new = was.size if size is None else size
            self.attachments.change(file, size=new, revision=was.revision + 1, is_lost=lost)

    def files(
        self, entity: str, collection: str = "", endpoint: str = "Default", contract: int | None = None
    ) -> list[tuple[dict[str, Any], int, AttachedFile]]:
        """The truth: of each file its record as ``rows`` shows it, the place of its line, and the file."""
        with self.lock:
            table, found = self.table(entity, endpoint), []
            rows = self.rows(entity, endpoint, contract=contract)
            for handle, row in zip(table.handles(archived=False), rows, strict=True):
                record = table.record(handle)
                places = range(1, len(row[collection]) + 1) if collection else [0]
                for place in places:
                    found += [(row, place, each) for each in self.attachments.of(record, collection, place)]
            return found

    def _record(self, entity: str, key: Sequence[Any], endpoint: str) -> Record:
        table = self.table(entity, endpoint)
        return table.record(table.existing(key))

    def archive(self, entity: str, key: Sequence[Any], archived: bool = True, endpoint: str = "Default") -> None:
        """Moves a record into the archive or back; its stamp stays as it is."""
        with self.lock:
            table = self.table(entity, endpoint)
            table.archive(key, archived)
            self.journal.touched(table, table.existing(key))

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
            self.ledger.forget()


def _identity(record: Record) -> dict[str, Any]:
    assert isinstance(record.shape, Entity)
    return {"id": record.spot.id} if record.shape.stable_id else {}
