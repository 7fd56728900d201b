"""What the streams of an entity are: their names, keys, cursors and columns, and how a raw record becomes rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import quote

from source_acumatica.contract.attachments import FILE_COLUMNS, FILES
from source_acumatica.contract.dialect import DIALECTS, USUAL, Dialect
from source_acumatica.reading.fields import (
    INSTANT_SCHEMA,
    LABELLED,
    Convert,
    FieldKind,
    Raw,
    Record,
    Shape,
    conversion,
    unwrap,
    utc_instant,
)
from source_acumatica.reading.page_size import WEIGHT_OF_DICTS
from source_acumatica.reading.table import (
    DELETED_AT,
    Rows,
    clashing,
    created_of,
    parameter_columns,
    stamps_of,
)

# Of a document; twice as many where they have lines themselves.
_USUAL_LINES = 15
MAIN_ENDPOINT = "Default"
"""The endpoint whose streams carry no prefix."""


def prefix(endpoint: str) -> str:
    """How the names of an endpoint's streams begin."""
    return "" if endpoint == MAIN_ENDPOINT else f"{endpoint}__"


@dataclass(frozen=True)
class Part:
    """Some rows of a collection that is too large to hold in memory as a whole."""

    rows: Sequence[Raw]
    first: int
    """The position of the first of them, from 1."""
    count: int
    """How many rows the collection has."""

    def __iter__(self) -> Iterator[Raw]:
        return iter(self.rows)


class Method(StrEnum):
    """How a table's rows are asked for."""

    LIST = "GET of the entity's list"
    INQUIRY = "PUT of the inquiry's parameters"


@dataclass(frozen=True)
class Table:
    """One stream: an entity of an endpoint, or a collection of details in it.

    ``path`` is empty for the entity itself, otherwise the path to the collection; all but its last part are collections
    or linked objects of the levels between.
    """

    endpoint: str
    version: str
    entity: str
    method: Method
    shape: Shape
    keys: tuple[str, ...]
    """The fields that identify the top-level record; empty where none are known."""
    cursor: str | None
    path: tuple[str, ...] = ()
    line_keys: tuple[tuple[str, ...], ...] = ()
    """For each part of ``path``, the fields that identify a row within its parent; empty where only position does."""
    dac: str = ""
    """The full name of the table behind the form, where it is known."""
    is_tracked: bool = False
    """Whether removed records are read too; records are identified by their id then, which is the NoteID."""
    is_single: bool = False
    """Whether each tenant has one record: the tenant identifies it, and its lines need no key of it."""
    asked: tuple[str, ...] = ()
    """Of an inquiry form that is asked several times: the parameters whose values stand in its rows."""
    condition: str = ""
    """The user's row filter for top-level records, in parentheses; empty for all of them."""
    contract: str = USUAL
    """The contract version of the endpoint."""
    off: str = ""
    """The feature of the ERP that the entity's form needs and that is off in the tenant, where that is known."""

    @property
    def name(self) -> str:
        """The stream's name."""
        return prefix(self.endpoint) + "__".join((self.entity, *self.path))

    @property
    def url_path(self) -> str:
        """The entity's address below the instance."""
        return f"/entity/{quote(self.endpoint)}/{quote(self.version)}/{quote(self.entity)}"

    @property
    def files_path(self) -> str:
        """The address below which the endpoint has each attached file by its id."""
        return f"/entity/{quote(self.endpoint)}/{quote(self.version)}/{FILES}"

    @property
    def dialect(self) -> Dialect:
        """How requests are written, as far as it is documented."""
        return DIALECTS[self.contract]

    @cached_property
    def rows_shape(self) -> Shape:
        """The shape of the stream's rows."""
        return self._level(len(self.path)).without(self.left_out)

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """The ERP's columns that the stream lacks, since added columns have their names."""
        shape = self._level(len(self.path))
        return clashing((*shape.fields, *shape.objects), self._added_columns())

    @property
    def is_files(self) -> bool:
        """Whether its rows are the files attached to a record, or to a line."""
        return self.path[-1:] == (FILES,)

    @property
    def has_note_id(self) -> bool:
        """Whether the record's ``id`` is known to be its NoteID, which is stable."""
        return self.is_tracked or self.shape.fields.get("NoteID") is FieldKind.GUID

    @property
    def is_identified(self) -> bool:
        """Whether keys or an id identify a record; otherwise only its whole content does."""
        return bool(self.keys) or self.has_note_id

    @property
    def primary_key(self) -> list[str]:
        """Empty where nothing is known to be unique: the user picks a key then."""
        own = self.own_key
        return ["_tenant", self.id_field] if own and self.is_tracked and not self.path else own

    @property
    def own_key(self) -> list[str]:
        """The same by the table's own keys."""
        if self.method is Method.INQUIRY or not (self.is_identified or self.is_single):
            return []
        if self.is_single and self.path and not self.line_keys[-1]:
            return []
        top = () if self.is_single else self.keys or ("id",)
        if not self.path:
            return ["_tenant", *top]
        above = (f"_parent_{name}" for name in top)
        return ["_tenant", *above, *self.between_key, *(self.line_keys[-1] or ("_line",))]

    @property
    def between_key(self) -> list[str]:
        """The columns that identify, within its record, the line that a row belongs to."""
        return [name for depth, part in enumerate(self.path[:-1]) for name in self._between_names(depth, part)]

    @property
    def choices_in_condition(self) -> list[str]:
        """The choices that the row filter names: contract versions compare them with different values."""
        words = set(re.findall(r"[A-Za-z_]\w*", self.condition))
        return [name for name, kind in self.shape.fields.items() if kind in LABELLED and name in words]

    def has_choice_in(self, columns: Iterable[str]) -> bool:
        """Whether one of the columns is a choice of the row, or of one that it belongs to."""
        names = [*columns]
        if self.rows_shape.has_choice(names):
            return True
        if not self.path:
            return False
        between = ((self._level(depth), f"_{part}_") for depth, part in enumerate(self.path[:-1], start=1))
        levels = [(self.shape, "_parent_"), *between]
        return any(
            shape.has_choice(name.removeprefix(prefix) for name in names if name.startswith(prefix))
            for shape, prefix in levels
        )

    def values_in_row(self, columns: Collection[str] | None) -> int:
        """About how many values come with a record, or with its lines, of which nobody says how many there are.

        Of records that stay dicts as many as take as much memory.
        """
        values = _values_in(self.rows_shape, columns) * (1 if self.is_identified else WEIGHT_OF_DICTS)
        lists = sum(part in self._level(depth).collections for depth, part in enumerate(self.path))
        return values * (_USUAL_LINES * 2 ** (lists - 1) if lists else 1)

    @property
    def id_field(self) -> str:
        """The column that identifies a removed record."""
        return "id"

    @property
    def family(self) -> str:
        """The entity with its endpoint."""
        return f"{self.endpoint}/{self.entity}"

    @property
    def record_id(self) -> str:
        """The column with the id of the record that a row is, or belongs to."""
        return "_parent_id" if self.path else "id"

    @property
    def cursor_field(self) -> str | None:
        """The column by which the stream is incremental."""
        if self.cursor is None:
            return None
        return "_parent_modified" if self.path else self.cursor

    @property
    def created(self) -> str | None:
        """The column that says when a record was created, by its name; lines say it for theirs."""
        return None if self.path else created_of(self.shape.fields)

    @property
    def supports_incremental(self) -> bool:
        """Whether changed records can be read alone."""
        return self.cursor is not None

    @property
    def is_cursor_chosen(self) -> bool:
        """The stamp of an entity is known."""
        return False

    def json_schema(self) -> dict[str, Any]:
        """A schema without references; every column is nullable but the added ones that are always there."""
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "additionalProperties": True,
            "properties": {
                "_tenant": {"type": "string"},
                **self._added_columns(),
                **self._own_columns(),
                **({DELETED_AT: INSTANT_SCHEMA} if self.is_tracked else {}),
            },
        }

    def names_at(self, depth: int) -> frozenset[str]:
        """What a record can have at this depth of the path."""
        return self._level(depth).names

    @property
    def outermost_list(self) -> tuple[str, ...]:
        """The path to the first collection on ``path``, through linked objects; empty for the entity itself."""
        shape = self.shape
        for depth, part in enumerate(self.path, start=1):
            if part in shape.collections:
                return self.path[:depth]
            shape = shape.objects[part]
        return ()

    def tracked(self) -> Table:
        """The table with removed records; a collection, and the results of an inquiry form, stay as they are."""
        return self if self.path or self.method is Method.INQUIRY else replace(self, is_tracked=True)

    def led_by(self, cursor: str) -> Table:
        """The table with the cursor that a catalog names, if its records have that stamp.

        An upgrade may add a better one, but the destination ranks by the one that it knows until the schema is
        refreshed.
        """
        is_stamp = not self.path and cursor in stamps_of(self.shape.fields)
        return replace(self, cursor=cursor) if is_stamp else self

    def wanted(self, configured: Mapping[str, Any] | None) -> frozenset[str] | None:
        """The columns to ask for, keys and cursor always among them; None for all.

        ``configured`` are the properties of the catalog's schema for this stream: what the user selected.
        """
        columns = self._own_columns().keys()
        if not configured or columns <= configured.keys():
            return None
        # A file is staged under its name.
        names = ("filename",) if self.is_files else ()
        always = {"id", *names, *(self.line_keys[-1] if self.path else (*self.keys, *filter(None, [self.cursor])))}
        return frozenset(columns & (configured.keys() | always))

    def rows(self, tenant: str, columns: Collection[str] | None = None) -> Rows:
        """A function from a raw record of the entity to this stream's rows for ``tenant``."""
        convert = self.rows_shape.converter(FILE_COLUMNS if columns is None and self.is_files else columns)
        if self.path:
            return self._detail_rows(tenant, convert)
        cursor = self.cursor

        def top_rows(raw: Raw) -> Iterator[Record]:
            row = {"_tenant": tenant, **convert(raw)}
            if cursor:
                row[cursor] = utc_instant(unwrap(raw.get(cursor)))
            yield row

        return top_rows if self.method is Method.LIST else lambda raw: [{"_tenant": tenant, **convert(raw)}]

    def _detail_rows(self, tenant: str, convert: Callable[[Raw], Record]) -> Rows:
        keys, cursor, path, is_listed = self.keys, self.cursor, self.path, self.method is Method.LIST
        asked = parameter_columns(self.asked)
        kinds = self.shape.fields
        parents = [(f"_parent_{key}", key, conversion(key, kinds[key])) for key in keys if is_listed]

        def detail_rows(raw: Raw) -> Iterator[Record]:
            added: Record = {"_tenant": tenant, **{name: raw.get(name) for name in asked}}
            if is_listed:
                added["_parent_id"] = raw.get("id")
                added.update((column, convert_key(raw.get(key))) for column, key, convert_key in parents)
                if cursor:
                    added["_parent_modified"] = utc_instant(unwrap(raw.get(cursor)))
            yield from self._descend(raw, path, added, convert)

        return detail_rows

    def _descend(
        self, raw: Raw, path: Sequence[str], added: Record, convert: Callable[[Raw], Record]
    ) -> Iterator[Record]:
        """The rows at the end of ``path``, each with what is added of the levels above it."""
        name, depth = path[0], len(self.path) - len(path)
        below = raw.get(name) or ()
        if isinstance(below, dict):
            if name in self._level(depth).objects:
                yield from self._descend(below, path[1:], added, convert)
                return
            # Instead of a list: one in an object as OData returns it, or a row by itself.
            value = below.get("value")
            below = value if isinstance(value, list) else [below]
        first, count = (below.first, below.count) if isinstance(below, Part) else (1, len(below))
        for number, row in enumerate(below, start=first):
            if len(path) > 1:
                between = {f"_{name}_line": number}
                between.update((column, convert_key(row.get(key))) for column, key, convert_key in self._between[depth])
                yield from self._descend(row, path[1:], {**added, **between}, convert)
            else:
                place = {} if self.is_files else {"_line": number, "_line_count": count}
                yield {**added, **place, **convert(row)}

    @cached_property
    def _between(self) -> Sequence[Sequence[tuple[str, str, Convert]]]:
        """For each level above the rows, the columns with its keys, the fields that fill them, and how."""
        kinds = [self._level(depth + 1).fields for depth in range(len(self.path) - 1)]
        return [
            [(f"_{part}_{key}", key, conversion(key, of_level[key])) for key in keys]
            for part, keys, of_level in zip(self.path, self.line_keys, kinds, strict=False)
        ]

    def _added_columns(self) -> dict[str, Any]:
        if not self.path:
            return {}
        columns = parameter_columns(self.asked)
        if self.method is Method.LIST:
            columns["_parent_id"] = {"type": ["null", "string"]}
            top = self.shape.json_schema()
            columns.update((f"_parent_{key}", top[key]) for key in self.keys)
            if self.cursor:
                columns["_parent_modified"] = dict(INSTANT_SCHEMA)
        for depth, part in enumerate(self.path[:-1]):
            level = self._level(depth + 1).json_schema()
            for name, key in zip(self._between_names(depth, part), (None, *self.line_keys[depth]), strict=False):
                columns[name] = {"type": "integer"} if key is None else level[key]
        if self.is_files:
            return columns
        return {**columns, "_line": {"type": "integer"}, "_line_count": {"type": "integer"}}

    def _own_columns(self) -> dict[str, Any]:
        """The properties of the ERP's own columns."""
        columns = self.rows_shape.json_schema()
        return {name: columns[name] for name in columns if not self.is_files or name in FILE_COLUMNS}

    def _between_names(self, depth: int, part: str) -> list[str]:
        """The columns that identify a row between; a linked object on the path needs none."""
        if part in self._level(depth).objects:
            return []
        return [f"_{part}_line", *(f"_{part}_{key}" for key in self.line_keys[depth])]

    def _level(self, depth: int) -> Shape:
        shape = self.shape
        for part in self.path[:depth]:
            shape = shape.collections.get(part) or shape.objects[part]
        return shape


def _values_in(shape: Shape, columns: Collection[str] | None = None) -> int:
    """How many values a record has, or those in ``columns``, with the ones in linked objects."""
    own = sum(columns is None or name in columns for name in shape.fields)
    linked = (one for name, one in shape.objects.items() if columns is None or name in columns)
    return own + sum(map(_values_in, linked))
