"""A record: values computed from its number whenever they are asked for, under those that were changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Any

from .shapes import Part, Shape, Value

Given = Mapping[str, Any]


# An odd factor has an inverse modulo 2^64: ids look random, and the row number can be read back from one.
SPREAD = 0x9E3779B97F4A7C15
WORD = 1 << 64


def dashed(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def note_id(id_seed: int, number: int) -> str:
    return dashed(f"{id_seed % WORD:016x}{(number + 1) * SPREAD % WORD:016x}")


def number_of(id_seed: int, identity: str) -> int | None:
    digits = identity.replace("-", "").lower()
    if digits[:16] != f"{id_seed % WORD:016x}":
        return None
    return int(digits[16:], 16) * pow(SPREAD, -1, WORD) % WORD - 1


@dataclass(slots=True)  # not frozen: a filter over a million rows makes a million of these
class Spot:
    """Where a record stands: all that its computed values depend on."""

    seed: int
    number: int  # from 0; rows inserted later go on counting
    rows: int  # base rows of a large table
    count: int  # base rows of its own table
    lines: int  # most rows in a detail collection
    parent: Record | None = None
    id_seed: int = 0  # the same in every tenant copied from one another: a copy keeps its NoteIDs

    @property
    def id(self) -> str:
        return note_id(self.id_seed, self.number)

    def roll(self, salt: int, sides: int) -> int:
        """A number below `sides`; hashing integers gives the same in every process, and costs next to nothing."""
        return hash((self.seed, self.number, salt)) % sides

    def below(self, part: Part, number: int, parent: Record) -> Spot:
        seed = hash((self.seed, self.number, part.salt))
        return Spot(seed, number, self.rows, self.lines, self.lines, parent)


class Record:
    __slots__ = ("given", "shape", "spot")

    def __init__(self, shape: Shape, spot: Spot, given: Given) -> None:
        self.shape, self.spot, self.given = shape, spot, given

    def value(self, name: str) -> Value:
        if name in self.given:
            return self.given[name]  # type: ignore[no-any-return]
        field = self.shape.field_by_name[name]
        return field.recipe(self.spot, field.salt)

    def custom(self, path: str) -> Value:
        if path in self.given:
            return self.given[path]  # type: ignore[no-any-return]
        field = self.shape.custom_by_path[path]
        return field.recipe(self.spot, field.salt)

    def details(self, name: str) -> list[Record]:
        part = self.shape.collection_by_name[name]
        given: Sequence[Given] | None = self.given.get(name)
        if given is None:
            given = [{}] * self.spot.roll(part.salt, self.spot.lines + 1)
        return [Record(part.shape, self.spot.below(part, number, self), row) for number, row in enumerate(given)]

    def linked(self, name: str) -> Record | None:
        part = self.shape.link_by_name[name]
        given = self.given.get(name, {})
        if given is None or (name not in self.given and self._is_missing(part)):
            return None
        return Record(part.shape, self.spot.below(part, 0, self), given)

    def _is_missing(self, part: Part) -> bool:
        return part.missing_one_in > 0 and self.spot.roll(part.salt, part.missing_one_in) == 0


def flattened(values: Given) -> dict[str, Any]:
    """What a caller gives, with `custom` as one entry per `View.Field`, at every depth."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name == "custom":
            flat.update({f"{view}.{key}": each for view, fields in value.items() for key, each in fields.items()})
        elif isinstance(value, Mapping):
            flat[name] = flattened(value)
        else:
            flat[name] = [flattened(row) for row in value] if isinstance(value, list | tuple) else value
    return flat


def as_instant(value: Value, zone: tzinfo) -> Value:
    """A business date is midnight in the zone of the web server."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), zone)
    return value


def plain(record: Record, zone: tzinfo) -> dict[str, Any]:
    """The record as tests compare it: the truth, free of how the API wraps it."""
    shape = record.shape
    row: dict[str, Any] = {name: as_instant(record.value(name), zone) for name in shape.field_by_name}
    for name in shape.link_by_name:
        linked = record.linked(name)
        row[name] = None if linked is None else plain(linked, zone)
    for name in shape.collection_by_name:
        row[name] = [plain(each, zone) for each in record.details(name)]
    if shape.customs:
        row["custom"] = _customs(record, zone)
    return row


def _customs(record: Record, zone: tzinfo) -> dict[str, dict[str, Value]]:
    views: dict[str, dict[str, Value]] = {}
    for custom in record.shape.customs:
        if custom.readable:
            views.setdefault(custom.view, {})[custom.name] = as_instant(record.custom(custom.path), zone)
    return views
