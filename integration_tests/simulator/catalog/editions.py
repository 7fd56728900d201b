"""What an entity has in one version of an endpoint, and what its records hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

from integration_tests.simulator.store.shapes import Entity, Field, Part, Shape

FieldT = TypeVar("FieldT", bound=Field)
ShapeT = TypeVar("ShapeT", bound=Shape)
NEWEST_OF_CONTRACT_4 = "25.200.001"


@dataclass(frozen=True)
class Edition:
    """A version of an endpoint; a shape that several entities have stays one shape in it."""

    version: str
    contract: int = 4
    _made: dict[int, Shape] = field(default_factory=dict)

    def entities(self, known: tuple[Entity, ...]) -> tuple[Entity, ...]:
        return tuple(self._shape(each) for each in known if each.since <= self.version)

    def _shape(self, shape: ShapeT) -> ShapeT:
        if id(shape) not in self._made:
            self._made[id(shape)] = self._changed(shape)
        return self._made[id(shape)]  # type: ignore[return-value]

    def _changed(self, shape: ShapeT) -> ShapeT:
        """The shape itself where nothing is other than in the catalog."""
        fields, customs = self._fields(shape.fields), self._fields(shape.customs)
        collections, links = self._parts(shape.collections), self._parts(shape.links)
        if (fields, customs, collections, links) == (shape.fields, shape.customs, shape.collections, shape.links):
            return shape
        changed = replace(shape, fields=fields, customs=customs, collections=collections, links=links)
        if not isinstance(changed, Entity):
            return changed
        names = {each.column: each.name for each in fields}
        return replace(changed, cursors=tuple(names[each] for each in changed.cursors if each in names))

    def _parts(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        shapes = [(each, self._shape(each.shape)) for each in parts]
        return tuple(each if each.shape is shape else replace(each, shape=shape) for each, shape in shapes)

    def _fields(self, fields: tuple[FieldT, ...]) -> tuple[FieldT, ...]:
        return tuple(self._field(each) for each in fields if self._has(each))

    def _has(self, each: Field) -> bool:
        return each.since <= self.version and (not each.until or self.version <= each.until)

    def _field(self, each: FieldT) -> FieldT:
        if self.contract < 5 or not (each.retyped or each.renamed):
            return each
        kind, name = each.retyped or each.kind, each.renamed or each.name
        return replace(each, kind=kind, name=name, held_as=each.column)


class Held(Edition):
    """What records hold: everything that any version up to this one shows, under its first name."""

    def _has(self, each: Field) -> bool:
        return each.since <= self.version

    def _field(self, each: FieldT) -> FieldT:
        """Where no version knows of choices, a label is nothing but a text."""
        is_plain = self.version <= NEWEST_OF_CONTRACT_4
        return replace(each, choices=None, renamed="") if is_plain and (each.choices or each.renamed) else each
