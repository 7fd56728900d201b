"""How the catalog writes the fields of its entities, with those that many have."""

from __future__ import annotations

from collections.abc import Callable

from integration_tests.simulator.store.choices import Choices
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


def custom(
    view: str, name: str, kind: FieldKind, recipe: Recipe, choices: Choices | None = None, since: str = ""
) -> CustomField:
    retyped = None if choices is None else _retyped(choices)
    return CustomField(name, kind, recipe, view=view, choices=choices, retyped=retyped, since=since)


def chosen(name: str, recipe: Recipe, choices: Choices, since: str = "") -> Field:
    """A list on its screen: contract 4 has its label as a text, or its number; contract 5 id and label."""
    kind = FieldKind.INT if choices.keeps_ids else FieldKind.STRING
    return Field(name, kind, recipe, choices=choices, retyped=_retyped(choices), since=since)


def _retyped(choices: Choices) -> FieldKind:
    if choices.is_multiple:
        return FieldKind.STRING_MULTI_SELECT
    has_numbers = all(isinstance(each, int) for each in choices.label_by_id)
    return FieldKind.INT_SELECT if has_numbers else FieldKind.STRING_SELECT


def renamed(name: str, kind: FieldKind, recipe: Recipe, new: str, since: str = "") -> Field:
    """Known by another name since contract 5."""
    return Field(name, kind, recipe, renamed=new, since=since)


def dated(name: str, recipe: Recipe, since: str = "") -> Field:
    """Midnight in the zone of the site in contract 4, a date in contract 5, as some dates are and others are not."""
    return Field(name, FieldKind.DATE_TIME, recipe, retyped=FieldKind.DATE_ONLY, since=since)


def group_mask(view: str) -> CustomField:
    """Binary: listed among the custom fields, and an error as soon as it is asked for."""
    return CustomField("GroupMask", FieldKind.STRING, nothing, view=view, readable=False)


CREATED = instant("CreatedDateTime", created)
MODIFIED = instant("LastModifiedDateTime", modified)
NOTE_ID = unique("NoteID", own_id)
