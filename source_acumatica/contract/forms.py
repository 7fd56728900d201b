"""Decides which entities are inquiry forms: those are read by ``PUT``, which on any other form writes a record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from source_acumatica.contract.known_entities import is_known, known
from source_acumatica.reading.fields import Shape, id_of
from source_acumatica.reading.table import cursor_of


@dataclass(frozen=True)
class Forms:
    """Acumatica's own inquiry forms, and those that the settings name; a name or a shape alone proves nothing."""

    patterns: tuple[str, ...] = ()
    """``inquiry_forms``: names or globs, ``Entity`` or ``Endpoint/Entity``."""
    asked: Collection[str] = ()
    """The names in ``inquiry_parameters``."""
    matched: set[str] = field(default_factory=set)
    """Those of both that have matched a form."""
    asked_in: Callable[..., tuple[str, ...]] = lambda *_names: ()
    """The parameters whose values come in the rows of a form that has one of these names."""

    def is_form(self, endpoint: str, entity: str, shape: Shape) -> bool:
        """Whether the entity is an inquiry form; one without results cannot be read."""
        facts = known(endpoint, entity)
        is_document = facts.keys or facts.is_single or facts.dac
        if is_document and (is_known(endpoint, entity) or f"{endpoint}/{entity}" not in self.patterns):
            # No glob makes a known document a form. For an own endpoint, users may know better, and name it in full.
            return False
        if self._is_named_by_globs_alone(endpoint, entity) and (cursor_of(shape.fields) or "NoteID" in shape.fields):
            # What has the time of its last change, or a NoteID, is stored in the ERP, and not the result of an inquiry.
            return False
        is_named = any(self._naming(endpoint, entity)) and bool(shape.collections)
        # An entity of somebody's own endpoint may have the name of a known form, and be something else.
        is_the_same = is_known(endpoint, entity) or facts.is_seen_in(shape.fields, shape.collections)
        if is_named or (facts.is_inquiry and is_the_same):
            values = (name for name in form_names(endpoint, entity) if name in self.asked)
            self.matched.update(self._naming(endpoint, entity), values)
            return True
        return False

    def asked_of(self, endpoint: str, entity: str) -> tuple[str, ...]:
        """The parameters of a form whose values come in its rows; they may be given under both of its names."""
        return self.asked_in(*form_names(endpoint, entity))

    def _is_named_by_globs_alone(self, endpoint: str, entity: str) -> bool:
        names = form_names(endpoint, entity)
        return names[-1] not in self.asked and {*names}.isdisjoint(self.patterns)

    def _naming(self, endpoint: str, entity: str) -> Iterator[str]:
        """The settings that make the entity a form; not values for its bare name: a generic inquiry may have it."""
        names = form_names(endpoint, entity)
        yield from (each for each in self.asked if each == names[-1])
        for pattern in self.patterns:
            if any(name == pattern or fnmatchcase(name, pattern) for name in names):
                yield pattern


def form_names(endpoint: str, entity: str) -> tuple[str, str]:
    """What an inquiry form may be called in the settings."""
    return entity, f"{endpoint}/{entity}"


def is_blank(value: Any) -> bool:
    """Whether a record, or a part of it, holds no value, like the one record in the list of an inquiry form."""
    match value:
        case {"value": inner}:
            return is_blank(id_of(inner))
        case dict():
            return all(is_blank(inner) for name, inner in value.items() if name not in _OF_EVERY_RECORD)
        case list():
            return all(map(is_blank, value))
        case msgspec.Raw():
            return float(bytes(value)) == 0
        case _:
            return not value


LOOKS_LIKE_A_FORM = (
    "it looks like an inquiry form: the ERP cannot list it, or its list is one blank record, which is no row. If it is "
    "one, name {} in inquiry_forms, and its results are read"
)
_OF_EVERY_RECORD = frozenset({"id", "rowNumber", "_links", "files"})
