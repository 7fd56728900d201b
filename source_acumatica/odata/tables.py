"""What the streams of the OData doors are: their names, keys, cursors and columns, and how a row becomes a record."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from source_acumatica.odata.metadata import EntitySet, Function, Metadata
from source_acumatica.reading.fields import (
    INSTANT_SCHEMA,
    JSON_SCHEMAS,
    Convert,
    FieldKind,
    Raw,
    Record,
    calendar_date,
    utc_instant,
)
from source_acumatica.reading.table import DELETED_AT, Rows, clashing, cursor_of, parameter_columns

# How a column with the time of the last change is called; of several with one caption, the later ones get a number.
_STAMP_NAME = re.compile(r"LastModif(ied)?(DateTime|On|Date)?(_\d+)?")
NOTE_ID = "NoteID"
"""The column by which a row of any table is known over the whole instance."""
DELETED_FLAG = "DeletedDatabaseRecord"
"""Comes only where it is asked for; rows that have it set only with a header, so it is no column of the stream."""


class ODataFeed(StrEnum):
    """The two feeds of a tenant; the value begins the names of their streams."""

    INQUIRIES = "gi"
    TABLES = "dac"

    @property
    def prefix(self) -> str:
        """How the names of the door's streams begin."""
        return f"{self.value}__"


@dataclass(frozen=True)
class ODataTable:
    """One stream: the rows of a generic inquiry or of a table, the same in all tenants."""

    feed: ODataFeed
    title: str
    """The name of the set in addresses."""
    short_name: str
    """The stream's name without that of the door."""
    fields: Mapping[str, FieldKind]
    keys: tuple[str, ...] = ()
    """The key fields of the description, in its order."""
    are_keys_unique: bool = True
    """Those of some inquiries are not: they are the keys of the tables below."""
    is_tracked: bool = False
    """Whether removed rows are read too; rows are known by their NoteID then."""
    has_flags: bool = False
    """Whether removed rows are kept, with a flag."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of an inquiry: the types of its parameters."""
    others_parameters: frozenset[str] = frozenset()
    """Parameters that it has, or may have, in other tenants only: what is given for these is not for this one."""
    asked: tuple[str, ...] = ()
    """The parameters whose values stand in the rows, since several were given."""
    chosen: str | None = None
    """Of an inquiry: the column that the user chose for the cursor."""
    function: str = ""
    """By what name an inquiry with parameters is called."""
    type_name: str = ""
    """Of a table: its full name, by which it is the same in all tenants."""
    condition: str = ""
    """What the user wants the rows to fulfil, in parentheses; empty for all of them."""
    restricted: frozenset[str] = frozenset()
    """Columns that come only where none are selected, and that rows can be neither filtered nor ordered by."""
    left_out: tuple[str, ...] = ()
    """The columns of the ERP whose names added ones have; the stream does without."""
    designed_at: str | None = field(default=None, compare=False)
    """Of an inquiry: when somebody last changed it, in UTC; None where nobody says so."""

    def __post_init__(self) -> None:
        taken = clashing(self.fields, parameter_columns(self.asked))
        if taken:
            fields = {name: kind for name, kind in self.fields.items() if name not in taken}
            keys = () if set(self.keys) & set(taken) else self.keys
            for name, value in {"fields": fields, "keys": keys, "left_out": (*self.left_out, *taken)}.items():
                object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.feed.prefix + self.short_name

    @property
    def short_type(self) -> str:
        """Of a table: its name without the namespace."""
        return self.type_name.rpartition(".")[2]

    @cached_property
    def cursor(self) -> str | None:
        """The field with the stamp of a row's last change; asked for with every row.

        An inquiry joins tables, and its columns have the names that somebody gave them: where not exactly one is called
        as stamps are, only the user knows which it is.
        """
        if self.chosen in self.stamps:
            return self.chosen
        if self.feed is ODataFeed.TABLES:
            return cursor_of(self.fields)
        named = [name for name in self.stamps if _STAMP_NAME.fullmatch(name)]
        return named[0] if len(named) == 1 and not self.chosen else None

    @property
    def stamps(self) -> list[str]:
        """The columns that may be chosen for the cursor."""
        return [name for name, kind in self.fields.items() if kind is FieldKind.DATE_TIME]

    @property
    def is_stamped_by_name(self) -> bool:
        """Whether the cursor is called as stamps are; what users choose may be any date, also of the future."""
        return self.cursor is not None and _STAMP_NAME.fullmatch(self.cursor) is not None

    @property
    def is_cursor_chosen(self) -> bool:
        """Whether the cursor is the user's choice."""
        return self.feed is ODataFeed.INQUIRIES

    @property
    def supports_incremental(self) -> bool:
        """Whether it may be read by what has changed; of rows without a key, nobody could take the old ones away."""
        if self.is_cursor_chosen:
            return bool(self.stamps) and (bool(self.primary_key) or self.chosen is not None)
        return self.cursor is not None

    @property
    def cursor_field(self) -> str | None:
        """The column by which the stream is incremental."""
        return self.cursor

    @property
    def id_field(self) -> str:
        """The column that says of a removed row which one it was."""
        return NOTE_ID

    @property
    def primary_key(self) -> list[str]:
        """Empty where nothing is known to be unique: the user picks a key then."""
        return ["_tenant", NOTE_ID] if self.is_tracked else self.own_key

    @property
    def own_key(self) -> list[str]:
        """The same by the table's own keys."""
        return ["_tenant", *parameter_columns(self.asked), *self.keys] if self.has_unique_keys else []

    @property
    def has_unique_keys(self) -> bool:
        """Whether there are keys that identify a row, as far as is known."""
        return bool(self.keys) and self.are_keys_unique

    def json_schema(self) -> dict[str, Any]:
        """A schema without references; every column is nullable but the tenant."""
        columns = parameter_columns(self.asked)
        columns.update((name, JSON_SCHEMAS[kind]) for name, kind in self.fields.items())
        deleted_at = {DELETED_AT: INSTANT_SCHEMA} if self.is_tracked else {}
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "additionalProperties": True,
            "properties": {"_tenant": {"type": "string"}, **columns, **deleted_at},
        }

    def wanted(self, configured: Mapping[str, Any] | None) -> frozenset[str] | None:
        """The columns to ask for, keys and cursor always among them; None for all.

        ``configured`` are the properties of the catalog's schema for this stream: what the user selected.
        """
        if not configured or self.fields.keys() <= configured.keys():
            return None
        always = {*self.keys, *filter(None, [self.cursor]), *([NOTE_ID] if self.is_tracked else [])}
        return frozenset(self.fields.keys() & (configured.keys() | always))

    def rows(self, tenant: str, columns: Collection[str] | None = None) -> Rows:
        """A function from a row of the feed to this stream's record for ``tenant``."""
        cursor = self.cursor
        plan = [
            (name, odata_conversion(name, kind, is_cursor=name == cursor))
            for name, kind in self.fields.items()
            if columns is None or name in columns
        ]
        plan = [*((name, None) for name in parameter_columns(self.asked)), *plan]

        def rows_of(raw: Raw) -> Iterable[Record]:
            get = raw.get
            cells = {name: convert(get(name)) if convert else get(name) for name, convert in plan}
            return ({"_tenant": tenant, **cells},)

        return rows_of

    def joined(self, other: ODataTable) -> ODataTable:
        """Both tenants' descriptions as one; what they type differently becomes a field of no known kind."""
        fields = {**self.fields, **other.fields}
        for name in self.fields.keys() & other.fields.keys():
            if self.fields[name] is not other.fields[name]:
                fields[name] = FieldKind.UNKNOWN
        return replace(
            self,
            fields=fields,
            are_keys_unique=self.are_keys_unique and other.are_keys_unique and self.keys == other.keys,
            is_tracked=self.is_tracked and other.is_tracked,
            has_flags=self.has_flags or other.has_flags,
            parameters={**other.parameters, **self.parameters},
            function=self.function or other.function,
            others_parameters=self.others_parameters & other.others_parameters,
            left_out=tuple(dict.fromkeys((*self.left_out, *other.left_out))),
            restricted=self.restricted | other.restricted,
        )


def inquiry_table(
    entity_set: EntitySet, title: str, parameters: Mapping[str, str], function: str = "", asked: tuple[str, ...] = ()
) -> ODataTable:
    """The stream of a generic inquiry; keys that are no columns of it are none."""
    keys = entity_set.keys if set(entity_set.keys) <= entity_set.fields.keys() else ()
    fields = dict(entity_set.fields)
    return ODataTable(
        ODataFeed.INQUIRIES,
        title,
        title,
        fields,
        keys,
        bool(keys),
        parameters=parameters,
        function=function,
        asked=asked,
    )


def dac_table(entity_set: EntitySet, *, track_deletions: bool) -> ODataTable:
    """The stream of a table: under its short name where that is no other's in the tenant, and so in its address."""
    short = entity_set.type_name.rpartition(".")[2]
    full = entity_set.type_name.replace(".", "_")
    name = short if entity_set.is_short_name_unique else full
    title = next((each for each in (name, full) if each in entity_set.names), entity_set.names[0])
    fields = {name: kind for name, kind in entity_set.fields.items() if name != DELETED_FLAG}
    keys = entity_set.keys if set(entity_set.keys) <= fields.keys() else ()
    is_tracked = track_deletions and NOTE_ID in fields
    has_flags = DELETED_FLAG in entity_set.fields or DELETED_FLAG in entity_set.restricted
    return ODataTable(
        ODataFeed.TABLES,
        title,
        name,
        fields,
        keys,
        bool(keys),
        is_tracked,
        has_flags,
        type_name=entity_set.type_name,
        restricted=entity_set.restricted,
    )


def function_of(metadata: Metadata, title: str, type_name: str) -> Function | None:
    """The function by which an inquiry with parameters is called: the one whose import gives the rows of its set.

    Its name is the title without what names in OData cannot have, so it is looked for and not made up. Where the import
    does not name its set, the type of the rows tells, if it is that of one function only.
    """
    able = [each for each in metadata.functions.values() if each.parameters]
    unnamed = [each for each in able if not each.entity_set]
    by_type = [each for each in unnamed if each.type_name == type_name]
    found = [
        *(each for each in able if each.entity_set == title),
        *(each for each in unnamed if each.name == title + FUNCTION_SUFFIX),
        *(by_type if len(by_type) == 1 else ()),
    ]
    return next(iter(found), None)


def stream_names(tables: Collection[ODataTable]) -> dict[str, str]:
    """What the streams of all tenants' tables are called, by the full names of the tables.

    A short name stands for one table in all tenants; where any has another of that name, both have their full ones.
    """
    types: dict[str, set[str]] = {}
    for table in tables:
        types.setdefault(table.short_type, set()).add(table.type_name)
    ambiguous = {table.short_type for table in tables if table.short_name != table.short_type}
    return {
        name: short if len(some) == 1 and short not in ambiguous else name.replace(".", "_")
        for short, some in types.items()
        for name in some
    }


def meant(stream: str, tables: Collection[ODataTable]) -> str:
    """The full name of the table that a stream was offered for; empty where it is none of these.

    A short name may have become that of several tables: then the one is meant that some tenant still has under it, or
    else the one that is Acumatica's own.
    """
    name = stream.removeprefix(ODataFeed.TABLES.prefix)
    full = {table.type_name for table in tables if table.type_name.replace(".", "_") == name}
    short = {table.type_name for table in tables if table.short_type == name}
    still = {table.type_name for table in tables if table.short_name == name}
    own = {each for each in short if each.startswith("PX.")}
    return next((next(iter(some)) for some in (full, short, still, own) if len(some) == 1), "")


FUNCTION_SUFFIX = "_WithParameters"


# ------------------------------------------------------------------------------------------------------------- values

_NUMERIC = frozenset(
    {FieldKind.BYTE, FieldKind.SHORT, FieldKind.INTEGER, FieldKind.LONG, FieldKind.DECIMAL, FieldKind.DOUBLE}
)
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


def odata_conversion(name: str, kind: FieldKind, *, is_cursor: bool) -> Convert | None:
    """The function from a value of a feed to the cell of the record; None where the value is the cell."""
    if is_cursor:
        return utc_instant
    if kind is FieldKind.DATE_TIME:
        return (lambda value: calendar_date(zoned(value))) if name.endswith("Date") else zoned
    if kind in (FieldKind.STRING, FieldKind.GUID):
        return trimmed
    return number if kind in _NUMERIC else None


def trimmed(value: Any) -> Any:
    """Columns of a fixed width come filled up with spaces (BEHAVIOR.md, "OData")."""
    return value.rstrip(" ") if isinstance(value, str) else value


def number(value: Any) -> Any:
    """Version 3 writes decimals as text; what is no number at all (``NaN``) is none in JSON either."""
    if isinstance(value, str):
        return msgspec.Raw(value) if _JSON_NUMBER.fullmatch(value) else None
    return value


def zoned(value: Any) -> Any:
    """Version 3 leaves the zone out, which is UTC (BEHAVIOR.md, "OData")."""
    return f"{value}Z" if isinstance(value, str) and not value.endswith("Z") and not _ZONED.search(value) else value
