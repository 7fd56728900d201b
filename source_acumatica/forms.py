"""Decides which entities are inquiry forms: to those ``PUT`` is sent, which to any other form would write a record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from source_acumatica.entity import Shape
from source_acumatica.known_entities import is_known, known


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
        named = set(self._naming(endpoint, entity)) if shape.collections else set()
        self.matched.update(named)
        if not facts.is_inquiry:
            return bool(named)
        # An entity of somebody's own endpoint may have the name of a known form, and be something else.
        is_the_same = is_known(endpoint, entity) or facts.is_seen_in(shape.fields, shape.collections)
        if is_the_same:
            self.matched.update(self._naming(endpoint, entity))
        return is_the_same or bool(named)

    def asked_of(self, endpoint: str, entity: str) -> tuple[str, ...]:
        """The parameters of a form whose values stand in its rows; values may be given under both of its names."""
        return self.asked_in(*form_names(endpoint, entity))

    def _naming(self, endpoint: str, entity: str) -> Iterator[str]:
        """What of the settings stands for the entity."""
        names = form_names(endpoint, entity)
        yield from (each for each in self.asked if each in names)
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
