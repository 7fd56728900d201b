"""A table: base rows that exist by their number alone, under an overlay of what was inserted, changed and deleted."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any

from integration_tests.simulator.store.clock import as_stored
from integration_tests.simulator.store.recipes import created, modified, own_id
from integration_tests.simulator.store.records import Record, flattened, held, plain
from integration_tests.simulator.store.shapes import Entity
from integration_tests.simulator.store.spots import Recipe, Spot, number_of
from integration_tests.simulator.store.values import Value, sortable

Predicate = Callable[[Record], bool]
Key = tuple[Value, ...]

# One row in so many of an archivable table is archived.
ARCHIVED_ONE_IN = 13
ARCHIVE_SALT = 31
# A sync pages through a few filters at a time; a list of matches of a million rows takes 8 MB.
REMEMBERED_FILTERS = 4


@dataclass(frozen=True)
class Sizes:
    rows: int
    lines: int


class Matches:
    """The rows that pass a filter, found as far as someone has asked: paging through them tests each row once."""

    def __init__(self, rows: Iterator[int]) -> None:
        self._found, self._rest = array("q"), rows

    def __getitem__(self, window: slice) -> Sequence[int]:
        wanted = None if window.stop is None else max(window.stop - len(self._found), 0)
        self._found.extend(islice(self._rest, wanted))
        return self._found[window]


@dataclass(frozen=True)
class TableSnapshot:
    next: int
    order: tuple[int, ...]
    given: Mapping[int, dict[str, Any]]
    archived: Mapping[int, bool]


class Table:
    """A handle identifies a row: the number of a base row, and the numbers after those for rows inserted later."""

    def __init__(self, entity: Entity, seed: int, id_seed: int, sizes: Sizes) -> None:
        self.entity = entity
        self._seed, self._id_seed, self._sizes = seed, id_seed, sizes
        self._count = entity.small or sizes.rows
        self._next = self._count
        self._order: Sequence[int] = range(self._count)
        self._given: dict[int, dict[str, Any]] = {}
        self._archived: dict[int, bool] = {}
        self._matches: OrderedDict[tuple[str, bool], Matches] = OrderedDict()
        self._plain: dict[tuple[int, int], tuple[dict[str, Any] | None, dict[str, Any]]] = {}

    def snapshot(self) -> TableSnapshot:
        return TableSnapshot(self._next, tuple(self._order), dict(self._given), dict(self._archived))

    def restore(self, snapshot: TableSnapshot) -> None:
        self._next, self._order = snapshot.next, array("q", snapshot.order)
        self._given, self._archived = dict(snapshot.given), dict(snapshot.archived)
        self._matches.clear()

    def record(self, handle: int) -> Record:
        spot = Spot(self._seed, handle, self._sizes.rows, self._count, self._sizes.lines, None, self._id_seed)
        return Record(self.entity, spot, self._given.get(handle, {}))

    def plain(self, handle: int, zone: tzinfo, shown: Entity | None) -> dict[str, Any]:
        """`plain` of a record, made once for as long as nobody changes it: a change puts other values in its place."""
        place, given = (handle, id(shown)), self._given.get(handle)
        kept = self._plain.get(place)
        if kept is None or kept[0] is not given:
            kept = self._plain[place] = given, plain(self.record(handle), zone, shown)
        return dict(kept[1])

    def key(self, handle: int) -> Key:
        record = self.record(handle)
        return tuple(record.value(name) for name in self.entity.keys)

    def handles(self, archived: bool = False) -> Sequence[int]:
        """All rows in key order."""
        return self.matching("", None, archived)[:]

    def matching(self, text: str, predicate: Predicate | None, archived: bool = False) -> Sequence[int] | Matches:
        """What passes a filter, in key order; it is remembered under the filter's text until the next change."""
        hides = self.entity.archivable and not archived
        if predicate is None and not hides:
            return self._order
        if (text, hides) not in self._matches:
            kept = (each for each in self._order if not (hides and self.is_archived(each)))
            self._remember((text, hides), (each for each in kept if predicate is None or predicate(self.record(each))))
        return self._matches[text, hides]

    def find(self, key: Sequence[Value]) -> int | None:
        place, wanted = self._place(key), tuple(map(sortable, key))
        if place < len(self._order) and self._sort_key(self._order[place]) == wanted:
            return self._order[place]
        return None

    def find_id(self, identity: str) -> int | None:
        number = number_of(self._id_seed, identity) if self.entity.stable_id else None
        if number is None or not 0 <= number < self._next:
            return None
        place = bisect_left(self._order, self._sort_key(number), key=self._sort_key)
        return number if place < len(self._order) and self._order[place] == number else None

    def insert(self, values: Mapping[str, Any], stamp: datetime) -> Key:
        handle, self._next = self._next, self._next + 1
        self._given[handle] = self._stamps(stamp, created, modified) | self._owned(values)
        key = self.key(handle)
        if key and self.find(key) is not None:
            raise KeyError(f"{self.entity.name} {key} exists already")
        self._writable().insert(bisect_left(self._order, self._sort_key(handle), key=self._sort_key), handle)
        return key or (self.record(handle).spot.id,)

    def update(self, key: Sequence[Value], values: Mapping[str, Any], stamp: datetime | None) -> None:
        """Without a stamp, the record's own stays as it is."""
        handle = self.existing(key)
        given = self._owned(values)
        assert not set(given) & set(self.entity.keys), "keys do not change"
        stamps = self._stamps(stamp, modified) if stamp else {}
        self._given[handle] = self._given.get(handle, {}) | stamps | given
        self._matches.clear()

    def rename(self, key: Sequence[Value], new: Sequence[Value], stamp: datetime) -> None:
        """The action Change ID: the same record under another key."""
        handle = self.existing(key)
        if self.find(new) is not None:
            raise KeyError(f"{self.entity.name} {tuple(new)} exists already")
        order = self._writable()
        order.remove(handle)
        keys = dict(zip(self.entity.keys, new, strict=True))
        self._given[handle] = self._given.get(handle, {}) | self._stamps(stamp, modified) | keys
        order.insert(bisect_left(order, self._sort_key(handle), key=self._sort_key), handle)

    def delete(self, key: Sequence[Value]) -> None:
        handle = self.existing(key)
        self._writable().remove(handle)

    def archive(self, key: Sequence[Value], archived: bool = True) -> None:
        self._archived[self.existing(key)] = archived
        self._matches.clear()

    def is_archived(self, handle: int) -> bool:
        by_number = handle < self._count and self.record(handle).spot.roll(ARCHIVE_SALT, ARCHIVED_ONE_IN) == 0
        return self.entity.archivable and self._archived.get(handle, by_number)

    def existing(self, key: Sequence[Value]) -> int:
        """By business key, or by id where an entity has no keys."""
        handle = self.find(self.held_key(key)) if self.entity.keys else self._handle_of_id(str(key[0]))
        if handle is None:
            raise KeyError(f"no {self.entity.name} {tuple(key)}")
        return handle

    def held_key(self, key: Sequence[Value]) -> Sequence[Value]:
        """A key whose choices are given by their ids, as records hold it."""
        fields = [self.entity.field_by_name[name] for name in self.entity.keys]
        if not any(each.choices for each in fields) or len(key) != len(fields):
            return key
        return [each.choices.held(value) if each.choices else value for each, value in zip(fields, key, strict=True)]

    def _handle_of_id(self, identity: str) -> int | None:
        number = number_of(self._id_seed, identity)
        return number if number in self._order else None

    def _place(self, key: Sequence[Value]) -> int:
        return bisect_left(self._order, tuple(map(sortable, key)), key=self._sort_key)

    def _sort_key(self, handle: int) -> tuple[Any, ...]:
        return tuple(map(sortable, self.key(handle))) or (handle,)

    def _writable(self) -> array[int]:
        """The order of the rows as a list of its own, from the first change on."""
        if not isinstance(self._order, array):
            self._order = array("q", self._order)
        self._matches.clear()
        return self._order

    def _owned(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What a caller may set: the id, and the field that repeats it, stay the record's own."""
        own = {each.name for each in self.entity.fields if each.recipe is own_id} | {"id"}
        given = {name: each for name, each in held(self.entity, flattened(values)).items() if name not in own}
        known = {*self.entity.field_by_name, *self.entity.part_by_name, *self.entity.custom_by_path}
        if unknown := set(given) - known:
            raise KeyError(f"{self.entity.name} has no {sorted(unknown)}")
        return given

    def _stamps(self, stamp: datetime, *recipes: Recipe) -> dict[str, datetime]:
        return {each.name: as_stored(stamp) for each in self.entity.fields if each.served and each.recipe in recipes}

    def _remember(self, name: tuple[str, bool], rows: Iterator[int]) -> None:
        self._matches[name] = Matches(rows)
        if len(self._matches) > REMEMBERED_FILTERS:
            self._matches.popitem(last=False)
