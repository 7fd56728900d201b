"""Decides which entities are inquiry forms: to those ``PUT`` is sent, which to any other form would write a record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from source_acumatica.contract.known_entities import is_known, known
from source_acumatica.reading.fields import Shape
from source_acumatica.reading.table import cursor_of


@dataclass(frozen=True)
class Forms:
    """Acumatica's own inquiry forms, and those that the settings name; nothing is one by its name or its shape."""

    patterns: tuple[str, ...] = ()
    """``inquiry_forms``: names or globs, ``Entity`` or ``Endpoint/Entity``."""
    asked: Collection[str] = ()
    """The names in ``inquiry_parameters``."""
    matched: set[str] = field(default_factory=set)
    """What of both stands for a form that was found."""
    asked_in: Callable[..., tuple[str, ...]] = lambda *_names: ()
    """The parameters whose values stand in the rows of what is called by any of some names."""

    def is_form(self, endpoint: str, entity: str, shape: Shape) -> bool:
        """Whether the entity is an inquiry form; one without results has nothing to be asked for."""
        facts = known(endpoint, entity)
        is_document = facts.keys or facts.is_single or facts.dac
        if is_document and (is_known(endpoint, entity) or f"{endpoint}/{entity}" not in self.patterns):
            # Whatever a glob stands for: only of an own endpoint can somebody know better, and has to say it in full.
            return False
        if self._is_named_by_globs_alone(endpoint, entity) and (cursor_of(shape.fields) or "NoteID" in shape.fields):
            # What has a stamp of its last change, or a NoteID, is kept by the ERP: no result of a question.
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
        """The parameters of a form whose values stand in its rows; values may be given under both of its names."""
        return self.asked_in(*form_names(endpoint, entity))

    def _is_named_by_globs_alone(self, endpoint: str, entity: str) -> bool:
        names = form_names(endpoint, entity)
        return names[-1] not in self.asked and {*names}.isdisjoint(self.patterns)

    def _naming(self, endpoint: str, entity: str) -> Iterator[str]:
        """What of the settings makes the entity a form; values under its bare name may be for a generic inquiry."""
        names = form_names(endpoint, entity)
        yield from (each for each in self.asked if each == names[-1])
        for pattern in self.patterns:
            if any(name == pattern or fnmatchcase(name, pattern) for name in names):
                yield pattern


def form_names(endpoint: str, entity: str) -> tuple[str, str]:
    """What an inquiry form may be called in the settings."""
    return entity, f"{endpoint}/{entity}"


def is_blank(value: Any) -> bool:
    """Whether a record, or a part of it, says nothing, as the one in the list of an inquiry form does."""
    match value:
        case {"value": inner}:
            return is_blank(inner)
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
