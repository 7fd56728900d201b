"""Decodes whole pages into rows of a type made for the table, and turns those into records by functions made for it.

Decoding a page into dicts costs as much as all the rest of reading it. So a table's columns are compiled once: to a
type whose values ``msgspec`` fills in without a dict for each, and to a function that lists them. A page that does not
fit the type is decoded into dicts, and goes the way of ``Table.rows`` or ``FeedTable.rows``, which make the same of it.

No name of the ERP gets into the text of a program: attributes are numbered, and ``msgspec`` knows which name each has
on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

import msgspec

from source_acumatica.entity import (
    NO_VALUE,
    FieldKind,
    Shape,
    Wrapper,
    conversion,
    custom_values,
    unwrap,
    utc_instant,
    value_conversion,
)
from source_acumatica.errors import ERROR_NAMES, BrokenAnswerError, refuse_error
from source_acumatica.feeds import FeedTable, feed_conversion, number, trimmed, zoned
from source_acumatica.json_text import BrokenTextError, Tell, decode
from source_acumatica.tables import Door, Table

MakeRecords = Callable[[str, Any], Iterable[Any]]
"""A function from a tenant and a decoded row to records, which ``msgspec`` can encode."""


class WireRow(msgspec.Struct, gc=False):
    """A decoded row; it gives its values by name as a dict does."""

    attributes: ClassVar[Mapping[str, str]] = {}
    """Under which attribute the value of each name lies."""

    def get(self, name: str) -> Any:
        """The value as it was sent, or None."""
        attribute = self.attributes.get(name)
        return None if attribute is None else getattr(self, attribute)


class FeedAnswer(msgspec.Struct):
    """An answer of OData with rows, of either version."""

    value: list[Any]
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)
    old_next_link: str | None = msgspec.field(name="odata.nextLink", default=None)
    # An error that stands beside the rows makes the answer fail to decode, and is found then: the names of ERROR_NAMES.
    error: None = None
    old_error: None = msgspec.field(name="odata.error", default=None)
    message: None = None
    old_message: None = msgspec.field(name="Message", default=None)
    exception: None = msgspec.field(name="exceptionMessage", default=None)
    old_exception: None = msgspec.field(name="ExceptionMessage", default=None)


_ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=msgspec.Raw)
_PLAIN_FEED: msgspec.json.Decoder[FeedAnswer] = msgspec.json.Decoder(FeedAnswer, float_hook=msgspec.Raw)


class Codec:
    """One table's pages: decoded into rows of its type, or into dicts where they do not fit it."""

    def __init__(
        self, page_type: Any, make_records: MakeRecords | None, plain: Callable[[bytes, Tell | None], Any] | None = None
    ) -> None:
        self._plain = plain or partial(_plain_list, described=frozenset({"id"}))
        self._typed = msgspec.json.Decoder(page_type, float_hook=msgspec.Raw) if make_records else None
        self.make_records = make_records
        """None where nothing was compiled; rows are dicts then."""

    def decode(self, body: bytes, tell: Tell | None = None) -> Any:
        """The page, with every digit of its numbers; ``tell`` is told what had to be mended.

        Raises:
            BrokenAnswerError: it is an error, or has one beside or among its rows.
            msgspec.DecodeError: the body is not whole JSON, or of another form altogether.
        """
        if self._typed is None:
            return self._plain(body, tell)
        try:
            return decode(self._typed, body, tell)
        except msgspec.ValidationError:
            page = self._plain(body, tell)
            # The next page is like this one.
            self._typed = None
            return page

    def decode_dicts(self, body: bytes, tell: Tell | None = None) -> Any:
        """The same as dicts, which can be changed and compared as a whole.

        Raises:
            BrokenAnswerError: it is an error, or has one beside or among its rows.
            msgspec.DecodeError: the body is not whole JSON, or of another form altogether.
        """
        return self._plain(body, tell)


def list_codec(table: Table, columns: Collection[str] | None) -> Codec:
    """The codec of an entity's list, or of the collections in it."""
    levels = tuple((part, table.names_at(depth)) for depth, part in enumerate(table.path, start=1))
    plain = partial(_plain_list, described=table.names_at(0), levels=levels)
    try:
        row_type, make = _compiled_table(table, columns)
    except _NotCompilableError:
        return Codec(None, None, plain)
    return Codec(list[row_type], make, plain)  # type: ignore[valid-type]


def feed_codec(table: FeedTable, columns: Collection[str] | None) -> Codec:
    """The codec of a feed."""
    plain = partial(decode_feed, described=table.fields.keys())
    if table.asked:
        # What the rows were asked with is put into them.
        return Codec(None, None, plain)
    code, cursor = _Code(), table.cursor
    fields = {name: kind for name, kind in table.fields.items() if columns is None or name in columns}
    cells = {"_tenant": "tenant"}
    for name, kind in fields.items():
        cells[name] = code.call(feed_conversion(name, kind, is_cursor=name == cursor), f"row.{code.attribute(name)}")
    # The value of an own column with such a name is no object.
    own = {name: (str | int | bool | None, None) for name in fields if name in ERROR_NAMES}
    try:
        row_type = _row_type(code, {**dict.fromkeys(fields, (Any, None)), **own}, table.fields)
        make = code.compiled([f"return ({code.record(cells)},)"])
    except _NotCompilableError:
        return Codec(None, None, plain)
    answer = msgspec.defstruct("TypedFeedAnswer", [("value", list[row_type])], bases=(FeedAnswer,))  # type: ignore[valid-type]
    return Codec(answer, make, plain)


# ----------------------------------------------------------------------------------------------------- rows as dicts


_Level = tuple[str, Collection[str]]
"""A part of the way to a table's rows, and the names that are described of what is there."""


def _plain_list(
    body: bytes, tell: Tell | None, described: Collection[str], levels: tuple[_Level, ...] = ()
) -> list[Any]:
    """The rows of a list; a record that comes by itself is a list of one."""
    rows = rows_of(decode(_ANYTHING, body, tell), described)
    _refuse_errors(rows, described, levels)
    return rows


def rows_of(answer: Any, described: Collection[str]) -> list[Any]:
    """What stands where rows should stand: themselves, in an object as OData has it, or a record by itself.

    Raises:
        BrokenAnswerError: it is an error.
        msgspec.DecodeError: it is something else.
    """
    match answer:
        case list():
            return answer
        case dict() if "id" in answer:
            return [answer]
        case dict():
            refuse_error(answer, described)
            value = answer.get("value")
            if isinstance(value, list):
                return value
            if not answer.keys().isdisjoint(described):
                return [answer]
    sentence = "the answer holds no list of records"
    raise BrokenTextError(sentence)


def _refuse_errors(rows: Iterable[Any], described: Collection[str], levels: tuple[_Level, ...] = ()) -> None:
    for row in rows:
        refuse_error(row, described)
        if levels and isinstance(row, dict):
            (name, described_below), *deeper = levels
            below = row.get(name)
            _refuse_errors(below if isinstance(below, list) else [below], described_below, tuple(deeper))


def decode_feed(body: bytes, tell: Tell | None = None, described: Collection[str] = ()) -> FeedAnswer:
    """An answer of OData, with rows that are dicts.

    Raises:
        BrokenAnswerError: it is an error, or has one beside or among its rows.
        msgspec.DecodeError: it is none.
    """
    try:
        answer: FeedAnswer = decode(_PLAIN_FEED, body, tell)
    except msgspec.ValidationError:
        other = decode(_ANYTHING, body, tell)
        refuse_error(other, described)
        if not isinstance(other, dict) or other.keys().isdisjoint(described):
            raise
        # A row by itself.
        return FeedAnswer([other])
    _refuse_errors(answer.value, described)
    return answer


def decode_rows(body: bytes, columns: Collection[str]) -> FeedAnswer:
    """An answer whose rows have any of these columns; a table with one row and no key answers with the row alone.

    Raises:
        BrokenAnswerError: it is an error, has one beside or among its rows, or has something else among them.
        msgspec.DecodeError: it is no answer with rows.
    """
    answer = decode_feed(body, described=columns)
    if not all(isinstance(row, dict) and not row.keys().isdisjoint(columns) for row in answer.value):
        sentence = f"rows come without {' or '.join(columns)}, which was asked for"
        raise BrokenAnswerError(sentence)
    return answer


# ------------------------------------------------------------------------------------------------------------- making


class _NotCompilableError(Exception):
    """The table's rows are known by all that they say, or a name cannot be written into JSON as it is."""


_Fields = dict[str, tuple[Any, Any]]
"""Types and defaults by name."""


class _Code:
    """The text of a function over ``tenant`` and ``row``, and the values that it refers to."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._attributes: dict[str, str] = {}

    def attribute(self, name: str) -> str:
        """The attribute of a row that stands for a name, the same one in rows of every level."""
        return self._attributes.setdefault(name, f"f{len(self._attributes)}")

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
        names = _names_by_attribute(cells, self)
        fields = [(attribute, Any, None) for attribute in names]
        record_type = msgspec.defstruct("Record", fields, rename=names, gc=False, omit_defaults=is_top)
        return f"{self.value(record_type)}({', '.join(cells.values())})"

    def compiled(self, lines: Iterable[str]) -> MakeRecords:
        """The function with these lines as its body; nothing of the ERP gets into its text."""
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


# In JSON these would have to be escaped, and the names of a type's fields are not.
_UNWRITABLE = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')


def _names_by_attribute(names: Iterable[str], code: _Code) -> dict[str, str]:
    if any(map(_UNWRITABLE.search, names)):
        raise _NotCompilableError
    return {code.attribute(name): name for name in names}


def _row_type(code: _Code, fields: _Fields, own: Collection[str]) -> type[WireRow]:
    """The type of a row; an error in its place does not fit it, but for the names that are the row's ``own``."""
    guards: _Fields = {name: (None, None) for name in ERROR_NAMES if name not in own}
    fields = {**guards, **fields}
    names = _names_by_attribute(fields, code)
    typed = [(code.attribute(name), type_, default) for name, (type_, default) in fields.items()]
    namespace = {"attributes": {name: attribute for attribute, name in names.items()}}
    row_type: type[WireRow] = msgspec.defstruct(  # type: ignore[assignment]
        "Row", typed, bases=(WireRow,), rename=names, namespace=namespace, gc=False
    )
    return row_type


def _compiled_table(table: Table, columns: Collection[str] | None) -> tuple[type[WireRow], MakeRecords]:
    if table.door is Door.INQUIRY or not table.is_identified:
        raise _NotCompilableError
    code, cursor = _Code(), table.cursor
    looked_at = _values(table.shape, [*table.keys, *filter(None, [cursor])])
    modified = f"{code.value(utc_instant)}({_value('row', cursor, code)})" if cursor else ""
    if not table.path:
        fields, cells = _level(code, table.rows_shape, "row", columns)
        if cursor:
            cells[cursor] = modified
        record = code.record({"_tenant": "tenant", **cells})
        return _row_type(code, {**fields, **looked_at}, table.shape.fields), code.compiled([f"return ({record},)"])
    # What all lines of a record have in common is made once.
    parent_keys = {f"_parent_{key}": _value("row", key, code) for key in table.keys}
    common = {"_parent_id": f"row.{code.attribute('id')}", **parent_keys}
    if cursor:
        common["_parent_modified"] = modified
    added = {"_tenant": "tenant", **{name: f"common{number}" for number, name in enumerate(common)}}
    prepared = [f"common{number} = {cell}" for number, cell in enumerate(common.values())]
    below, lines = _descent(code, table, 0, table.shape, added, columns)
    return _row_type(code, {"id": (Any, None), **looked_at, **below}, table.shape.fields), code.compiled(
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
        return {name: _part(_row_type(code, fields, ERROR_NAMES))}, [
            f"{row} = {above}.{code.attribute(name)}",
            f"if {row}:",
            *(f"    {line}" for line in lines),
        ]
    number, count = f"number{depth}", f"count{depth}"
    if is_last:
        fields, cells = _level(code, table.rows_shape, row, columns)
        lines = [f"records.append({code.record({**added, '_line': number, '_line_count': count, **cells})})"]
    else:
        keys = table.line_keys[depth]
        between = {f"_{name}_line": number, **{f"_{name}_{key}": _value(row, key, code) for key in keys}}
        fields, lines = _descent(code, table, depth + 1, inner, {**added, **between}, columns)
        fields |= _values(inner, keys)
    return {name: _part(list[_row_type(code, fields, inner.fields)])}, [  # type: ignore[misc]
        f"rows = {above}.{code.attribute(name)} or ()",
        f"{count} = len(rows)",
        f"for {number}, {row} in enumerate(rows, 1):",
        *(f"    {line}" for line in lines),
    ]


def _level(
    code: _Code, shape: Shape, row: str, columns: Collection[str] | None = None
) -> tuple[_Fields, dict[str, str]]:
    """What is decoded of a record of ``shape``, and its cells; the same as ``Shape.converter`` makes."""
    fields: _Fields = {"id": (Any, None)}
    cells = {"id": f"{row}.{code.attribute('id')}"}
    for name, kind in shape.fields.items():
        if columns is not None and name not in columns:
            continue
        if kind is FieldKind.UNKNOWN:
            fields[name] = (Any, None)
            cells[name] = code.call(conversion(name, kind), f"{row}.{code.attribute(name)}")
        else:
            fields[name] = (Wrapper, NO_VALUE)
            cells[name] = code.call(value_conversion(name, kind), _value(row, name, code))
    for name, inner in shape.objects.items():
        if columns is None or name in columns:
            inner_type, convert = _linked(inner)
            fields[name] = _part(inner_type)
            cells[name] = code.call(convert, f"{row}.{code.attribute(name)}")
    for name, convert in (("note", unwrap), ("custom", custom_values)):
        if columns is None or name in columns:
            fields[name] = (Any, None)
            cells[name] = code.call(convert, f"{row}.{code.attribute(name)}")
    return fields, cells


def _linked(shape: Shape) -> tuple[type[WireRow], Callable[[Any], Any]]:
    """The type of a linked object, and the function to its cell."""
    code = _Code()
    fields, cells = _level(code, shape, "row")
    row_type, make = _row_type(code, fields, ERROR_NAMES), code.compiled([f"return {code.record(cells, is_top=False)}"])
    nothing = row_type()
    return row_type, lambda row: make("", row) if row and row != nothing else None


def _part(type_: Any) -> tuple[Any, Any]:
    """The field of a collection or an object; one that does not come is not taken for an empty one (``parts``)."""
    return type_ | None | msgspec.UnsetType, msgspec.UNSET


def _value(row: str, name: str, code: _Code) -> str:
    """The value of a wrapped field, in the text of a function."""
    return f"{row}.{code.attribute(name)}.value"


def _values(shape: Shape, names: Iterable[str]) -> _Fields:
    """Fields whose values have to be looked at, whether they are columns or not."""
    if any(shape.fields.get(name) is FieldKind.UNKNOWN for name in names):
        raise _NotCompilableError
    return dict.fromkeys(names, (Wrapper, NO_VALUE))
