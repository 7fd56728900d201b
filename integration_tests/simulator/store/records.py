"""A record: values computed from its number whenever they are asked for, under those that were changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from integration_tests.simulator.store.shapes import Part, Shape
from integration_tests.simulator.store.spots import Spot
from integration_tests.simulator.store.values import Value, as_instant

Given = Mapping[str, Any]


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
        return [Record(part.shape, self.spot.below(part.salt, number, self), row) for number, row in enumerate(given)]

    def linked(self, name: str) -> Record | None:
        part = self.shape.link_by_name[name]
        given = self.given.get(name, {})
        if given is None or (name not in self.given and self._is_missing(part)):
            return None
        return Record(part.shape, self.spot.below(part.salt, 0, self), given)

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
