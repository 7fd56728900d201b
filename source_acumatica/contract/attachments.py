"""Describes the files attached to a record or to a line of it: one more collection, which no description names."""

from __future__ import annotations

from dataclasses import replace

from source_acumatica.reading.fields import FieldKind, Shape

FILES = "files"
"""The collection's name, the same in all contract versions."""
FILE_KEY = ("id",)
"""Identifies a file among those of a record; one that is attached to several records has the same id in each."""
_FILE = Shape({"filename": FieldKind.STRING, "comment": FieldKind.STRING, "href": FieldKind.STRING})
FILE_COLUMNS = frozenset({*FILE_KEY, *_FILE.fields})
"""All that comes of a file: it has neither a note nor custom fields. The comment is new in 2024 R2."""


def with_files(shape: Shape) -> Shape:
    """A record's shape with the files attached to it, and to the lines right below it."""
    lines = {name: replace(line, collections={**line.collections, FILES: _FILE}) for name, line in _lines(shape)}
    return replace(shape, collections={**shape.collections, **lines, FILES: _FILE})


def _lines(shape: Shape) -> list[tuple[str, Shape]]:
    """The collections whose rows can have files, as far as a field of that name does not stand in the way."""
    return [(name, line) for name, line in shape.collections.items() if FILES not in (*line.fields, *line.objects)]
