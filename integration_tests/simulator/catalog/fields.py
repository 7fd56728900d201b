"""How the catalog writes the fields of its entities, with those that many have."""

from __future__ import annotations

from collections.abc import Callable

from integration_tests.simulator.store.recipes import (
    created,
    modified,
    nothing,
    own_id,
)
from integration_tests.simulator.store.shapes import (
    CustomField,
    Field,
    FieldKind,
)
from integration_tests.simulator.store.spots import Recipe


def _maker(kind: FieldKind) -> Callable[[str, Recipe], Field]:
    return lambda name, recipe: Field(name, kind, recipe)


string, decimal, boolean = _maker(FieldKind.STRING), _maker(FieldKind.DECIMAL), _maker(FieldKind.BOOLEAN)
instant, integer, short, long, unique = (
    _maker(kind) for kind in (FieldKind.DATE_TIME, FieldKind.INT, FieldKind.SHORT, FieldKind.LONG, FieldKind.GUID)
)


def custom(view: str, name: str, kind: FieldKind, recipe: Recipe) -> CustomField:
    return CustomField(name, kind, recipe, view=view)


def group_mask(view: str) -> CustomField:
    """Binary: listed among the custom fields, and an error as soon as it is asked for."""
    return CustomField("GroupMask", FieldKind.STRING, nothing, view=view, readable=False)


CREATED = instant("CreatedDateTime", created)
MODIFIED = instant("LastModifiedDateTime", modified)
NOTE_ID = unique("NoteID", own_id)
