"""Decides which entities are inquiry forms: to those ``PUT`` is sent, which to any other form would write a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from source_acumatica.entity import Shape
from source_acumatica.known_entities import is_known, known


@dataclass(frozen=True)
class Forms:
    """Acumatica's own inquiry forms, and those that the settings name; nothing is one by its name or its shape."""

    patterns: tuple[str, ...] = ()
    """``inquiry_forms``: names or globs, ``Entity`` or ``Endpoint/Entity``."""
    inquiries: frozenset[str] = frozenset()
    """Those of ``inquiry_parameters``."""
    matched: set[str] = field(default_factory=set)
    """What of both stands for a form that was found."""

    def is_form(self, endpoint: str, entity: str, shape: Shape) -> bool:
        """Whether the entity is an inquiry form; one without results has nothing to be asked for."""
        facts = known(endpoint, entity)
        is_document = facts.keys or facts.is_single or facts.dac
        if is_document and (is_known(endpoint, entity) or f"{endpoint}/{entity}" not in self.patterns):
            # Whatever a glob stands for: only of an own endpoint can somebody know better, and has to say it in full.
            return False
        named = set(_matching((*self.patterns, *self.inquiries), endpoint, entity)) if shape.collections else set()
        self.matched.update(named)
        if not facts.is_inquiry:
            return bool(named)
        # An entity of somebody's own endpoint may have the name of a known form, and be something else.
        is_the_same = is_known(endpoint, entity) or not facts.results.isdisjoint(shape.collections)
        if is_the_same:
            self.matched.update(_matching((*self.patterns, *self.inquiries), endpoint, entity))
        return is_the_same or bool(named)


def _matching(patterns: Iterable[str], endpoint: str, entity: str) -> Iterator[str]:
    for pattern in patterns:
        if any(name == pattern or fnmatchcase(name, pattern) for name in (entity, f"{endpoint}/{entity}")):
            yield pattern
