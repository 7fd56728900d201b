"""Describes the streams that are read through OData: their names, keys, cursors, columns and records."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from source_acumatica.odata.linked_tables import LinkedTable, joined_links
from source_acumatica.odata.metadata import EntitySet, Function, Metadata
from source_acumatica.odata.values import odata_conversion
from source_acumatica.reading.fields import (
    INSTANT_SCHEMA,
    JSON_SCHEMAS,
    FieldKind,
    Raw,
    Record,
)
from source_acumatica.reading.table import DELETED_AT, Rows, clashing, created_of, cursor_of, parameter_columns

# Names of columns with the time of the last change; of several with one caption, the later ones get a number.
_STAMP_NAME = re.compile(r"LastModif(ied)?(DateTime|On|Date)?(_\d+)?")
NOTE_ID = "NoteID"
"""The column that identifies a row of any table in the whole instance."""
DELETED_FLAG = "DeletedDatabaseRecord"
"""Comes only if asked for, and rows where it is set only with a header; so it is not a column of the stream."""


class ODataFeed(StrEnum):
    """The two OData services of a tenant; the value begins the names of their streams."""

    INQUIRIES = "gi"
    TABLES = "dac"

    @property
    def prefix(self) -> str:
        """How the names of the service's streams begin."""
        return f"{self.value}__"


@dataclass(frozen=True)
class ODataTable:
    """One stream: the rows of a generic inquiry or of a table, the same in all tenants."""

    feed: ODataFeed
    title: str
    """The name of the entity set in addresses."""
    short_name: str
    """The stream's name without the service's prefix."""
    fields: Mapping[str, FieldKind]
    keys: tuple[str, ...] = ()
    """The key fields of the description, in its order."""
    are_keys_unique: bool = True
    """Those of some inquiries are not unique: they are the keys of the tables that it joins."""
    is_tracked: bool = False
    """Whether deleted rows are read too; rows are identified by their NoteID then."""
    has_flags: bool = False
    """Whether the ERP keeps deleted rows, with a flag."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of an inquiry: the types of its parameters."""
    others_parameters: frozenset[str] = frozenset()
    """Parameters that it has, or may have, only in other tenants: their values are not for this tenant."""
    asked: tuple[str, ...] = ()
    """The parameters whose values are added to the rows, since several were given."""
    chosen: str | None = None
    """Of an inquiry: the column that the user chose as cursor."""
    function: str = ""
    """The function by which an inquiry with parameters is called."""
    type_name: str = ""
    """Of a table: its full name, which is the same in all tenants."""
    condition: str = ""
    """The user's row filter, in parentheses; empty for all rows."""
    restricted: frozenset[str] = frozenset()
    """Columns that come only where none are selected, and that can be neither filtered nor sorted by."""
    left_out: tuple[str, ...] = ()
    """Columns of the ERP that the stream leaves out, since added columns have their names."""
    links: Mapping[str, LinkedTable] = field(default_factory=dict)
    """Of a table: what comes of the rows that its rows lead to, by the names of the links, which are its columns."""
    designed_at: str | None = field(default=None, compare=False)
    """Of an inquiry: when its design was last changed, in UTC; None if unknown."""

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

        An inquiry joins tables, and its columns have the names that its author gave them: unless exactly one has the
        name of a stamp, only the user knows which one it is.
        """
        if self.chosen in self.stamps:
            return self.chosen
        if self.feed is ODataFeed.TABLES:
            return cursor_of(self.fields)
        named = [name for name in self.stamps if _STAMP_NAME.fullmatch(name)]
        return named[0] if len(named) == 1 and not self.chosen else None

    @property
    def stamps(self) -> list[str]:
        """The columns that may be chosen as cursor."""
        return [name for name, kind in self.fields.items() if kind is FieldKind.DATE_TIME]

    @property
    def is_stamped_by_name(self) -> bool:
        """Whether the cursor has the name of a stamp; one that a user chose may hold any date, even a future one."""
        return self.cursor is not None and _STAMP_NAME.fullmatch(self.cursor) is not None

    @property
    def is_cursor_chosen(self) -> bool:
        """Whether the cursor is the user's choice."""
        return self.feed is ODataFeed.INQUIRIES

    @property
    def supports_incremental(self) -> bool:
        """Whether the changed rows alone may be read; without a key, their old versions could not be replaced."""
        if self.is_cursor_chosen:
            return bool(self.stamps) and (bool(self.primary_key) or self.chosen is not None)
        return self.cursor is not None

    @property
    def cursor_field(self) -> str | None:
        """The column by which the stream is incremental."""
        return self.cursor

    @property
    def created(self) -> str | None:
        """The column that says when a row was created, by its name, if it can be selected."""
        name = created_of(self.fields)
        return None if name in self.restricted else name

    @property
    def family(self) -> str:
        """The table itself, or the inquiry."""
        return self.name

    @property
    def record_id(self) -> str:
        """The column with the row's id."""
        return NOTE_ID

    @property
    def id_field(self) -> str:
        """The column that identifies a deleted row."""
        return NOTE_ID

    @property
    def primary_key(self) -> list[str]:
        """Empty where no key is known to be unique: the user picks one then."""
        return ["_tenant", NOTE_ID] if self.is_tracked else self.own_key

    @property
    def own_key(self) -> list[str]:
        """The primary key by the table's own keys."""
        return ["_tenant", *parameter_columns(self.asked), *self.keys] if self.has_unique_keys else []

    @property
    def has_unique_keys(self) -> bool:
        """Whether there are keys that identify a row, as far as is known."""
        return bool(self.keys) and self.are_keys_unique

    def json_schema(self) -> dict[str, Any]:
        """A schema without references; every column except the tenant is nullable."""
        columns = parameter_columns(self.asked)
        columns.update((name, JSON_SCHEMAS[kind]) for name, kind in self.fields.items())
        columns.update((name, linked.json_schema()) for name, linked in self.links.items())
        deleted_at = {DELETED_AT: INSTANT_SCHEMA} if self.is_tracked else {}
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "additionalProperties": True,
            "properties": {"_tenant": {"type": "string"}, **columns, **deleted_at},
        }

    def wanted(self, configured: Mapping[str, Any] | None) -> frozenset[str] | None:
        """The columns to ask for, always with the keys and the cursor; None for all.

        ``configured`` are the properties of the catalog's schema for this stream: what the user selected.
        """
        own = self.fields.keys() | self.links.keys()
        if not configured or own <= configured.keys():
            return None
        always = {*self.keys, *filter(None, [self.cursor]), *([NOTE_ID] if self.is_tracked else [])}
        return frozenset(own & (configured.keys() | always))

    def rows(self, tenant: str, columns: Collection[str] | None = None) -> Rows:
        """A function from a row as it was sent to the stream's record for ``tenant``."""
        cursor = self.cursor
        plan = [
            (name, odata_conversion(name, kind, is_cursor=name == cursor))
            for name, kind in self.fields.items()
            if columns is None or name in columns
        ]
        plan += [(name, linked.convert) for name, linked in self.linked(columns).items()]
        plan = [*((name, None) for name in parameter_columns(self.asked)), *plan]

        def rows_of(raw: Raw) -> Iterable[Record]:
            get = raw.get
            cells = {name: convert(get(name)) if convert else get(name) for name, convert in plan}
            return ({"_tenant": tenant, **cells},)

        return rows_of

    def linked(self, columns: Collection[str] | None) -> dict[str, LinkedTable]:
        """The links among ``columns``; None for all."""
        return {name: each for name, each in self.links.items() if columns is None or name in columns}

    def joined(self, other: ODataTable) -> ODataTable:
        """Both tenants' descriptions as one; a field whose types differ becomes one of unknown kind."""
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
            links=joined_links(self.links, other.links),
        )


def inquiry_table(
    entity_set: EntitySet, title: str, parameters: Mapping[str, str], function: str = "", asked: tuple[str, ...] = ()
) -> ODataTable:
    """The stream of a generic inquiry; without keys where one of them is not a column of it."""
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
    """The stream of a table, under its short name where no other table of the tenant has it; also in addresses."""
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

    Its name is the title without the characters that OData does not allow, so it is looked up and not made up. Where no
    import names the set, the type of the rows decides, if only one function has it.
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
    """The names of the streams of all tenants' tables, by the full names of the tables.

    A short name stands for one table in all tenants; where a tenant has another table of that name, both streams have
    the full names.
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
    """The full name of the table that a stream was offered for; empty if it is not among ``tables``.

    A short name may have become that of several tables. Then it means the one that some tenant still has under it, or
    else Acumatica's own.
    """
    name = stream.removeprefix(ODataFeed.TABLES.prefix)
    full = {table.type_name for table in tables if table.type_name.replace(".", "_") == name}
    short = {table.type_name for table in tables if table.short_type == name}
    still = {table.type_name for table in tables if table.short_name == name}
    own = {each for each in short if each.startswith("PX.")}
    return next((next(iter(some)) for some in (full, short, still, own) if len(some) == 1), "")


FUNCTION_SUFFIX = "_WithParameters"
