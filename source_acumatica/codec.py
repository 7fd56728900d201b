"""Decodes whole pages into rows of a type made for the table, and turns those into records by functions made for it.

Decoding a page into dicts costs as much as all the rest of reading it. So a table's columns are compiled once: to a
type whose values ``msgspec`` fills in without a dict for each, and to a function that lists them. A page that does not
fit the type is decoded into dicts, and goes the way of ``Table.rows`` or ``FeedTable.rows``, which make the same of it.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from source_acumatica.entity import (
    FieldKind,
    Shape,
    Wrapper,
    conversion,
    custom_values,
    unwrap,
    utc_instant,
    value_conversion,
)
from source_acumatica.feeds import FeedTable, feed_conversion, number, trimmed, zoned
from source_acumatica.tables import Door, Table

MakeRecords = Callable[[str, Any], Iterable[Any]]
"""A function from a tenant and a decoded row to records, which ``msgspec`` can encode."""

_NO_VALUE = Wrapper()


class WireRow(msgspec.Struct, gc=False):
    """A decoded row; it gives its values by name as a dict does."""

    def get(self, name: str) -> Any:
        """The value as it was sent, or None."""
        return getattr(self, name, None)


class FeedAnswer(msgspec.Struct):
    """An answer of OData with rows, of either version."""

    value: list[Any]
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)
    old_next_link: str | None = msgspec.field(name="odata.nextLink", default=None)


_PLAIN_LIST: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[Any], float_hook=msgspec.Raw)
_PLAIN_FEED: msgspec.json.Decoder[Any] = msgspec.json.Decoder(FeedAnswer, float_hook=msgspec.Raw)
decode_feed: Callable[[bytes], FeedAnswer] = _PLAIN_FEED.decode
"""Decodes an answer with rows that become dicts; raises ``msgspec.DecodeError`` for a body that is none."""


class Codec:
    """One table's pages: decoded into rows of its type, or into dicts where they do not fit it."""

    def __init__(
        self, page_type: Any, make_records: MakeRecords | None, plain: msgspec.json.Decoder[Any] = _PLAIN_LIST
    ) -> None:
        self._plain = plain
        self._typed = msgspec.json.Decoder(page_type, float_hook=msgspec.Raw) if make_records else plain
        self.make_records = make_records
        """None where nothing was compiled; rows are dicts then."""

    def decode(self, body: bytes) -> Any:
        """The page, with every digit of its numbers.

        Raises:
            msgspec.DecodeError: the body is not whole JSON, or of another form altogether.
        """
        try:
            return self._typed.decode(body)
        except msgspec.ValidationError:
            # The next page is like this one.
            self._typed = self._plain
        return self._plain.decode(body)

    def decode_dicts(self, body: bytes) -> Any:
        """The same as dicts, which can be changed and compared as a whole.

        Raises:
            msgspec.DecodeError: the body is not whole JSON, or of another form altogether.
        """
        return self._plain.decode(body)


def list_codec(table: Table, columns: Collection[str] | None) -> Codec:
    """The codec of an entity's list, or of the collections in it."""
    try:
        row_type, make = _compiled_table(table, columns)
    except _NotCompilableError:
        return Codec(None, None)
    return Codec(list[row_type], make)  # type: ignore[valid-type]


def feed_codec(table: FeedTable, columns: Collection[str] | None) -> Codec:
    """The codec of a feed."""
    code, cursor = _Code(), table.cursor
    fields = {name: kind for name, kind in table.fields.items() if columns is None or name in columns}
    cells = {"_tenant": "tenant"}
    for name, kind in fields.items():
        cells[name] = code.call(feed_conversion(name, kind, is_cursor=name == cursor), f"row.{name}")
    try:
        row_type = _row_type(dict.fromkeys(fields, (Any, None)))
        make = code.compiled([f"return ({code.record(cells)},)"])
    except _NotCompilableError:
        return Codec(None, None, _PLAIN_FEED)
    answer = msgspec.defstruct("TypedFeedAnswer", [("value", list[row_type])], bases=(FeedAnswer,))  # type: ignore[valid-type]
    return Codec(answer, make, _PLAIN_FEED)


# ------------------------------------------------------------------------------------------------------------- making


class _NotCompilableError(Exception):
    """The table's rows are known by all that they say, or some names cannot stand in Python."""


_Fields = dict[str, tuple[Any, Any]]
"""Types and defaults by name."""


class _Code:
    """The text of a function over ``tenant`` and ``row``, and the values that it refers to."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def value(self, value: Any) -> str:
        """The name that stands for ``value``."""
        name = f"v{len(self._values)}"
        self._values[name] = value
        return name

    def call(self, function: Callable[[Any], Any] | None, argument: str) -> str:
        """What ``function`` makes of the argument; without one, the argument."""
        if function is None:
            return argument
        return _SHORTCUTS.get(function, "{function}({argument})").format(
            function=self.value(function), argument=argument
        )

    def record(self, cells: Mapping[str, str], *, is_top: bool = True) -> str:
        """A record of these cells; at the top, empty ones are left out of its text."""
        _refuse_unsafe(cells)
        fields = [(name, Any, None) for name in cells]
        record_type = msgspec.defstruct("Record", fields, gc=False, omit_defaults=is_top)
        return f"{self.value(record_type)}({', '.join(cells.values())})"

    def compiled(self, lines: Iterable[str]) -> MakeRecords:
        """The function with these lines as its body.

        Only names that are plain identifiers get into the text, and they stand behind a dot.
        """
        text = "\n    ".join(["def make(tenant, row):", *lines])
        exec(compile(text, "<columns of a table>", "exec"), self._values)
        make: MakeRecords = self._values["make"]
        return make


# What a function does with most values, without calling it: a call costs more than all that is done with a value.
_SHORTCUTS: Mapping[Callable[[Any], Any], str] = {
    trimmed: "(x.rstrip(' ') if type(x := {argument}) is str else x)",
    number: "(x if type(x := {argument}) is not str else {function}(x))",
    zoned: "(x if type(x := {argument}) is str and x[-1:] == 'Z' else {function}(x))",
}


def _refuse_unsafe(names: Iterable[str]) -> None:
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        raise _NotCompilableError


def _row_type(fields: _Fields) -> type[WireRow]:
    _refuse_unsafe(fields)
    if any(name.startswith("_") or hasattr(WireRow, name) for name in fields):
        raise _NotCompilableError
    typed = [(name, type_, default) for name, (type_, default) in fields.items()]
    row_type: type[WireRow] = msgspec.defstruct("Row", typed, bases=(WireRow,), gc=False)  # type: ignore[assignment]
    return row_type


def _compiled_table(table: Table, columns: Collection[str] | None) -> tuple[type[WireRow], MakeRecords]:
    if table.door is Door.INQUIRY or not table.is_identified:
        raise _NotCompilableError
    code, cursor = _Code(), table.cursor
    looked_at = _values(table.shape, [*table.keys, *filter(None, [cursor])])
    modified = f"{code.value(utc_instant)}(row.{cursor}.value)"
    if not table.path:
        fields, cells = _level(code, table.shape, "row", columns)
        if cursor:
            cells[cursor] = modified
        record = code.record({"_tenant": "tenant", **cells})
        return _row_type({**fields, **looked_at}), code.compiled([f"return ({record},)"])
    # What all lines of a record have in common is made once.
    common = {"_parent_id": "row.id", **{f"_parent_{key}": f"row.{key}.value" for key in table.keys}}
    if cursor:
        common["_parent_modified"] = modified
    added = {"_tenant": "tenant", **{name: f"common{number}" for number, name in enumerate(common)}}
    prepared = [f"common{number} = {cell}" for number, cell in enumerate(common.values())]
    below, lines = _descent(code, table, 0, table.shape, added, columns)
    return _row_type({"id": (Any, None), **looked_at, **below}), code.compiled(
        ["records = []", *prepared, *lines, "return records"]
    )


def _descent(
    code: _Code, table: Table, depth: int, shape: Shape, added: Mapping[str, str], columns: Collection[str] | None
) -> tuple[_Fields, list[str]]:
    """The field that leads on from a level, and the lines that go through what is in it."""
    name, above, row = table.path[depth], f"row{depth}" if depth else "row", f"row{depth + 1}"
    is_last, inner = depth + 1 == len(table.path), shape.collections.get(name)
    if inner is None:
        # A linked object on the way.
        inner = shape.objects[name]
        fields, lines = _descent(code, table, depth + 1, inner, added, columns)
        return {name: _part(_row_type(fields))}, [
            f"{row} = {above}.{name}",
            f"if {row}:",
            *(f"    {line}" for line in lines),
        ]
    number, count = f"number{depth}", f"count{depth}"
    if is_last:
        fields, cells = _level(code, inner, row, columns)
        if not cells.keys().isdisjoint({*added, "_line", "_line_count"}):
            raise _NotCompilableError
        lines = [f"records.append({code.record({**added, '_line': number, '_line_count': count, **cells})})"]
    else:
        keys = table.line_keys[depth]
        between = {f"_{name}_line": number, **{f"_{name}_{key}": f"{row}.{key}.value" for key in keys}}
        fields, lines = _descent(code, table, depth + 1, inner, {**added, **between}, columns)
        fields |= _values(inner, keys)
    return {name: _part(list[_row_type(fields)])}, [  # type: ignore[misc]
        f"rows = {above}.{name} or ()",
        f"{count} = len(rows)",
        f"for {number}, {row} in enumerate(rows, 1):",
        *(f"    {line}" for line in lines),
    ]


def _level(
    code: _Code, shape: Shape, row: str, columns: Collection[str] | None = None
) -> tuple[_Fields, dict[str, str]]:
    """What is decoded of a record of ``shape``, and its cells; the same as ``Shape.converter`` makes."""
    fields: _Fields = {"id": (Any, None)}
    cells = {"id": f"{row}.id"}
    for name, kind in shape.fields.items():
        if columns is not None and name not in columns:
            continue
        if kind is FieldKind.UNKNOWN:
            fields[name] = (Any, None)
            cells[name] = code.call(conversion(name, kind), f"{row}.{name}")
        else:
            fields[name] = (Wrapper, _NO_VALUE)
            cells[name] = code.call(value_conversion(name, kind), f"{row}.{name}.value")
    for name, inner in shape.objects.items():
        if columns is None or name in columns:
            inner_type, convert = _linked(inner)
            fields[name] = _part(inner_type)
            cells[name] = code.call(convert, f"{row}.{name}")
    for name, convert in (("note", unwrap), ("custom", custom_values)):
        if columns is None or name in columns:
            fields[name] = (Any, None)
            cells[name] = code.call(convert, f"{row}.{name}")
    return fields, cells


def _linked(shape: Shape) -> tuple[type[WireRow], Callable[[Any], Any]]:
    """The type of a linked object, and the function to its cell."""
    code = _Code()
    fields, cells = _level(code, shape, "row")
    row_type, make = _row_type(fields), code.compiled([f"return {code.record(cells, is_top=False)}"])
    nothing = row_type()
    return row_type, lambda row: make("", row) if row and row != nothing else None


def _part(type_: Any) -> tuple[Any, Any]:
    """The field of a collection or an object; one that does not come is not taken for an empty one (``parts``)."""
    return type_ | None | msgspec.UnsetType, msgspec.UNSET


def _values(shape: Shape, names: Iterable[str]) -> _Fields:
    """Fields whose values have to be looked at, whether they are columns or not."""
    if any(shape.fields.get(name) is FieldKind.UNKNOWN for name in names):
        raise _NotCompilableError
    return dict.fromkeys(names, (Wrapper, _NO_VALUE))
