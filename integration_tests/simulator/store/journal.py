"""What became of a tenant's rows: their versions, the lines' own stamps and ids, and the deletions that are kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from zlib import crc32

from integration_tests.simulator.store.clock import as_stored
from integration_tests.simulator.store.recipes import created
from integration_tests.simulator.store.records import Record, plain
from integration_tests.simulator.store.spots import WORD, dashed
from integration_tests.simulator.store.tables import Table

# Base rows were written before everything else: their row versions lie below those of later changes.
FIRST_CHANGE = 1 << 32
Place = tuple[str, int]  # entity and handle
Line = tuple[str, int]  # the part that it is in, and its number there
Lines = Mapping[Line, Mapping[str, Any]]


class DatabaseTable(Protocol):
    """A table behind the forms, as far as its deletions go."""

    @property
    def name(self) -> str: ...

    @property
    def entity(self) -> str:
        """The one whose records, or whose lines, the table has."""

    @property
    def part(self) -> str:
        """The detail collection, or the path of the linked object, whose rows the table has, if it has no records."""

    @property
    def soft_deletes(self) -> bool:
        """A deleted row is flagged and stays."""


@dataclass(frozen=True)
class LineState:
    """A line that has changed since the base rows were made; one put back after its removal is another line."""

    generation: int
    stamp: datetime
    version: int


@dataclass(frozen=True)
class Deletion:
    note_id: str
    at: datetime


@dataclass(frozen=True)
class JournalSnapshot:
    changes: int
    last: Mapping[str, int]
    versions: Mapping[Place, int]
    lines: Mapping[tuple[str, int, Line], LineState]
    flagged: Mapping[str, Sequence[int]]
    deletions: Mapping[str, Sequence[Deletion]]
    tracked: Mapping[str, datetime]


class Journal:
    def __init__(self, tables: Sequence[DatabaseTable], tracked: Collection[str], now: datetime) -> None:
        self._tables = tables
        self._changes = FIRST_CHANGE
        self._last: dict[str, int] = {}
        self._versions: dict[Place, int] = {}
        self._lines: dict[tuple[str, int, Line], LineState] = {}
        self._flagged: dict[str, list[int]] = {}
        self._deletions: dict[str, list[Deletion]] = {}
        self.tracked: dict[str, datetime] = {}
        for name in tracked:
            self.track(name, now)

    def snapshot(self) -> JournalSnapshot:
        flagged = {name: tuple(each) for name, each in self._flagged.items()}
        deletions = {name: tuple(each) for name, each in self._deletions.items()}
        return JournalSnapshot(
            self._changes,
            dict(self._last),
            dict(self._versions),
            dict(self._lines),
            flagged,
            deletions,
            dict(self.tracked),
        )

    def restore(self, snapshot: JournalSnapshot) -> None:
        self._changes = snapshot.changes
        self._last, self._versions, self._lines = dict(snapshot.last), dict(snapshot.versions), dict(snapshot.lines)
        self._flagged = {name: list(each) for name, each in snapshot.flagged.items()}
        self._deletions = {name: list(each) for name, each in snapshot.deletions.items()}
        self.tracked = dict(snapshot.tracked)

    def track(self, dac: str, now: datetime) -> None:
        """From now on the deletions of this table are kept; those of before are lost."""
        self.tracked.setdefault(dac, as_stored(now))
        assert any(each.name == dac for each in self._tables), f"there is no DAC {dac}"
        self._deletions.setdefault(dac, [])

    def untrack(self, dac: str) -> None:
        """The table is taken off the form; what was kept of it is lost."""
        del self.tracked[dac], self._deletions[dac]

    def forget(self, is_kept: Callable[[datetime], bool]) -> None:
        """Drop the deletions of before, as the service does that keeps the lists short."""
        self._deletions = {dac: [each for each in kept if is_kept(each.at)] for dac, kept in self._deletions.items()}

    def deletions(self, dac: str) -> list[Deletion] | None:
        """Nothing for a table that is not tracked."""
        return self._deletions.get(dac)

    def keep(self, dac: str, deletions: Iterable[tuple[str, datetime]]) -> None:
        """As if rows of these ids had been deleted at these times."""
        self._deletions[dac] += [Deletion(note_id, as_stored(at)) for note_id, at in deletions]

    def flagged(self, entity: str) -> Sequence[int]:
        """Rows that are deleted and still there."""
        return self._flagged.get(entity, ())

    def state_of(self, entity: str) -> int:
        """A number that moves with every change of the entity's rows."""
        return self._last.get(entity, 0)

    def version(self, entity: str, handle: int) -> int:
        return self._versions.get((entity, handle), handle + 1)

    def line_version(self, entity: str, handle: int, line: Line) -> int:
        state = self._lines.get((entity, handle, line))
        return state.version if state else handle + 1

    def line_stamp(self, master: Record, entity: str, line: Line) -> datetime:
        """Lines of base rows have not moved since their document was made."""
        state = self._lines.get((entity, master.spot.number, line))
        return state.stamp if state else created(master.spot, 0)

    def line_id(self, master: Record, entity: str, line: Line) -> str:
        state = self._lines.get((entity, master.spot.number, line))
        generation = state.generation if state else 0
        part, place = line
        number = hash((master.spot.number, place, generation, crc32(part.encode())))
        return dashed(f"{hash((master.spot.id_seed, 1)) % WORD:016x}{number % WORD:016x}")

    def touched(self, table: Table, handle: int, silently: bool = False) -> None:
        """The row counts as written, its lines do not; `silently`: nothing but that something has changed."""
        self._changes += 1
        self._last[table.entity.name] = self._changes
        if not silently:
            self._versions[table.entity.name, handle] = self._changes

    def inserted(self, table: Table, handle: int, moment: datetime) -> None:
        same_key = [each for each in self.flagged(table.entity.name) if table.key(each) == table.key(handle)]
        for each in same_key:
            self._flagged[table.entity.name].remove(each)
        self._moved(table, handle, {}, moment)

    @contextmanager
    def updating(
        self, table: Table, handle: int, moment: datetime, silently: bool = False, writes_lines: bool = False
    ) -> Iterator[None]:
        """`writes_lines`: each line counts as written, whether its values change or not."""
        before = self._line_values(table, handle)
        yield
        if writes_lines:
            before = {line: {} for line in before}
        self._moved(table, handle, before, moment, silently)

    def deleted(self, table: Table, handle: int, moment: datetime) -> None:
        """Called before the row is gone.

        A document takes its lines with it; a row that is only flagged as deleted keeps its stamp, so that a reader of
        changes does not see it go.
        """
        entity = table.entity.name
        for line in self._line_values(table, handle):
            self._keep_line(table, handle, line, moment)
        for dac in self._dacs_of(entity, part=False):
            self._keep(dac, table.record(handle).spot.id, moment)
        if any(dac.soft_deletes for dac in self._dacs_of(entity, part=False)):
            self._flagged.setdefault(entity, []).append(handle)
        self.touched(table, handle)

    def _moved(self, table: Table, handle: int, before: Lines, moment: datetime, silently: bool = False) -> None:
        self.touched(table, handle, silently)
        after = self._line_values(table, handle)
        for line in before.keys() - after.keys():
            self._keep_line(table, handle, line, moment)
        for line in (each for each in after if before.get(each) != after[each]):
            place = (table.entity.name, handle, line)
            state = self._lines.get(place)
            generation = 0 if state is None else state.generation + (line not in before)
            self._lines[place] = LineState(generation, as_stored(moment), self._changes)

    def _line_values(self, table: Table, handle: int) -> dict[Line, Mapping[str, Any]]:
        parts = {dac.part for dac in self._dacs_of(table.entity.name, part=True)}
        record = table.record(handle)
        return {(part, number): plain(row, UTC) for part in sorted(parts) for number, row in record.rows_at(part)}

    def _keep_line(self, table: Table, handle: int, line: Line, moment: datetime) -> None:
        entity, record = table.entity.name, table.record(handle)
        for dac in self._dacs_of(entity, part=True):
            if dac.part == line[0]:
                self._keep(dac, self.line_id(record, entity, line), moment)
        place = (entity, handle, line)
        gone = LineState(0, as_stored(moment), self._changes)
        self._lines[place] = replace(self._lines.get(place, gone), stamp=gone.stamp)

    def _keep(self, dac: DatabaseTable, note_id: str, moment: datetime) -> None:
        if dac.name in self._deletions:
            self._deletions[dac.name].append(Deletion(note_id, as_stored(moment)))

    def _dacs_of(self, entity: str, part: bool) -> list[DatabaseTable]:
        return [each for each in self._tables if each.entity == entity and bool(each.part) == part]
