"""A record: values computed from its number whenever they are asked for, under those that were changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from integration_tests.simulator.store.choices import joined, split
from integration_tests.simulator.store.shapes import SELECTS, Field, FieldKind, Part, Shape
from integration_tests.simulator.store.spots import Spot
from integration_tests.simulator.store.values import Value, as_day, as_instant

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
            count = self.spot.roll(part.salt, self.spot.lines + 1)
            given = [{}] * (count - count % part.at_a_time)
        return [Record(part.shape, self.spot.below(part.salt, number, self), row) for number, row in enumerate(given)]

    def linked(self, name: str) -> Record | None:
        part = self.shape.link_by_name[name]
        given = self.given.get(name, {})
        if given is None or (name not in self.given and self._is_missing(part)):
            return None
        return Record(part.shape, self.spot.below(part.salt, 0, self), given)

    def rows_at(self, path: str) -> list[tuple[int, Record]]:
        """What a collection has, or a linked object by its path, each with its number; one that is missing has none."""
        name, _, rest = path.partition("/")
        if name in self.shape.collection_by_name:
            return [(_line_number(row, place), row) for place, row in enumerate(self.details(name), start=1)]
        linked = self.linked(name)
        if linked is None:
            return []
        return linked.rows_at(rest) if rest else [(1, linked)]

    def _is_missing(self, part: Part) -> bool:
        return part.missing_one_in > 0 and self.spot.roll(part.salt, part.missing_one_in) == 0


def _line_number(row: Record, place: int) -> int:
    number = row.value("LineNbr") if "LineNbr" in row.shape.field_by_name else place
    assert isinstance(number, int)
    return number


def flattened(values: Given) -> dict[str, Any]:
    """What a caller gives, with `custom` as one entry per `View.Field`, at every depth."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name == "custom":
            flat.update({f"{view}.{key}": each for view, fields in value.items() for key, each in fields.items()})
        elif isinstance(value, Mapping):
            flat[name] = flattened(value)
        else:
            flat[name] = [_flat(row) for row in value] if isinstance(value, list | tuple) else value
    return flat


def _flat(row: Any) -> Any:
    """A line, or one of the choices of a field."""
    return flattened(row) if isinstance(row, Mapping) else row


def held(shape: Shape, values: Given) -> dict[str, Any]:
    """What a caller gives, as records hold it: by its name in them, and a choice given by its id by its label."""
    by_name = {**shape.custom_by_path, **{each.renamed: each for each in shape.fields if each.renamed}}
    by_name |= shape.field_by_name
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name in shape.part_by_name and value is not None:
            inner = shape.part_by_name[name].shape
            given[name] = held(inner, value) if isinstance(value, Mapping) else [held(inner, row) for row in value]
        elif (field := by_name.get(name)) is None:
            given[name] = value
        else:
            key = name if name in shape.custom_by_path else field.name
            given[key] = _held(field, value)
    return given


def _held(field: Field, value: Any) -> Any:
    if field.choices is None or value is None:
        return value
    if field.choices.is_multiple:
        return joined([str(field.choices.held(each)) for each in (split(value) if isinstance(value, str) else value)])
    return field.choices.held(value)


def plain(record: Record, zone: tzinfo, shown: Shape | None = None) -> dict[str, Any]:
    """The record as tests compare it: the truth, as a version of an endpoint shows it, free of how the API wraps it."""
    shape = shown or record.shape
    row: dict[str, Any] = {
        name: truth_of(field, record.value(field.column), zone) for name, field in shape.field_by_name.items()
    }
    for name, part in shape.link_by_name.items():
        linked = record.linked(name)
        row[name] = None if linked is None else plain(linked, zone, part.shape)
    for name, part in shape.collection_by_name.items():
        row[name] = [plain(each, zone, part.shape) for each in record.details(name)]
    if shape.customs:
        row["custom"] = _customs(record, zone, shape)
    return row


def _customs(record: Record, zone: tzinfo, shape: Shape) -> dict[str, dict[str, Any]]:
    views: dict[str, dict[str, Any]] = {}
    for custom in shape.customs:
        if custom.readable:
            views.setdefault(custom.view, {})[custom.name] = truth_of(custom, record.custom(custom.path), zone)
    return views


def truth_of(field: Field, held: Value, zone: tzinfo) -> Any:
    """A choice as its id and its label, a multiple choice as a list of them, a date without a time."""
    if held is None:
        return None
    if field.kind is FieldKind.STRING_MULTI_SELECT:
        return [_choice(field, label) for label in split(held)]
    if field.kind in SELECTS:
        return _choice(field, held)
    return as_day(held, zone) if field.kind is FieldKind.DATE_ONLY else as_instant(held, zone)


def _choice(field: Field, held: Value) -> dict[str, Any]:
    assert field.choices is not None
    return {"id": field.choices.id_of(held), "description": field.choices.label_of(held)}
