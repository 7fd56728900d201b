"""Decodes lists of entities into rows of a type made for the table, or into dicts, and turns those into records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from source_acumatica.contract.cells import Cells
from source_acumatica.contract.tables import Method, Table
from source_acumatica.erp.errors import ERROR_NAMES, refuse_error
from source_acumatica.erp.json_text import BrokenTextError, Log, decode
from source_acumatica.reading.codec import (
    ANYTHING,
    Code,
    Codec,
    Fields,
    MakeRecords,
    NotCompilableError,
    Parts,
    RawRow,
    made_row_type,
    refuse_errors,
)
from source_acumatica.reading.fields import (
    FieldKind,
    Shape,
    custom_values,
    unwrap,
    utc_instant,
)


def list_codec(table: Table, columns: Collection[str] | None) -> Codec:
    """The codec of an entity's list, or of the collections in it."""
    plain = partial(_plain_list, described=table.shape.names, parts=_parts(table.shape, table.path))
    try:
        row_type, make = _compiled_table(table, columns)
    except NotCompilableError:
        return Codec(None, None, plain)
    return Codec(list[row_type], make, plain)  # type: ignore[valid-type]


def _parts(shape: Shape, path: Sequence[str]) -> Parts:
    """What a record of ``shape`` is made of on the way to its table's rows, and in those."""
    names = path[:1] or shape.objects.keys()
    inner = ((name, shape.collections.get(name) or shape.objects[name]) for name in names)
    return {name: (part.names, _parts(part, path[1:])) for name, part in inner}


def _plain_list(body: bytes, log: Log | None, described: Collection[str], parts: Parts) -> list[Any]:
    """The rows of a list; a record that comes by itself is a list of one."""
    rows = rows_of(decode(ANYTHING, body, log), described)
    refuse_errors(rows, described, parts)
    return rows


def rows_of(answer: Any, described: Collection[str]) -> list[Any]:
    """The rows of an answer: a list, a list in an object as OData returns it, or a single record.

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


def _compiled_table(table: Table, columns: Collection[str] | None) -> tuple[type[RawRow], MakeRecords]:
    # Files are few, and their values have no wrappers.
    if table.method is Method.INQUIRY or not table.is_identified or table.is_files:
        raise NotCompilableError
    code, cursor, kinds = Code(_SHORTCUTS), table.cursor, table.shape.fields
    top = Cells(code, "row", table.dialect.has_ids)
    needed = _values(top, kinds, [*table.keys, *filter(None, [cursor])])
    modified = f"{code.value(utc_instant)}({top.value(cursor, kinds[cursor])})" if cursor else ""
    if not table.path:
        fields, cells = _level(top, table.rows_shape, columns)
        if cursor:
            cells[cursor] = modified
        record = code.record({"_tenant": "tenant", **cells})
        return _row_type(top, {**fields, **needed}, table.shape), code.compiled([f"return ({record},)"])
    # What all lines of a record have in common is computed once.
    parent_keys = {f"_parent_{key}": top.cell(key, kinds[key]) for key in table.keys}
    common = {"_parent_id": top.attribute("id"), **parent_keys}
    if cursor:
        common["_parent_modified"] = modified
    added = {"_tenant": "tenant", **{name: f"common{number}" for number, name in enumerate(common)}}
    prepared = [f"common{number} = {cell}" for number, cell in enumerate(common.values())]
    below, lines = _descent(top, table, 0, table.shape, added, columns)
    return _row_type(top, {"id": (Any, None), **needed, **below}, table.shape), code.compiled(
        ["records = []", *prepared, *lines, "return records"]
    )


def _descent(
    above: Cells, table: Table, depth: int, shape: Shape, added: Mapping[str, str], columns: Collection[str] | None
) -> tuple[Fields, list[str]]:
    """The field that leads to the next level, and the lines of code that go through its rows."""
    code, name, row = above.code, table.path[depth], f"row{depth + 1}"
    here = replace(above, row=row)
    is_last, inner = depth + 1 == len(table.path), shape.collections.get(name)
    if inner is None:
        # A linked object on the way.
        inner = shape.objects[name]
        fields, lines = _descent(here, table, depth + 1, inner, added, columns)
        return {name: _part(_row_type(here, fields, inner))}, [
            f"{row} = {above.attribute(name)}",
            f"if {row}:",
            *(f"    {line}" for line in lines),
        ]
    number, count = f"number{depth}", f"count{depth}"
    if is_last:
        fields, cells = _level(here, table.rows_shape, columns)
        lines = [f"records.append({code.record({**added, '_line': number, '_line_count': count, **cells})})"]
    else:
        keys = table.line_keys[depth]
        names = {f"_{name}_{key}": here.cell(key, inner.fields[key]) for key in keys}
        between = {f"_{name}_line": number, **names}
        fields, lines = _descent(here, table, depth + 1, inner, {**added, **between}, columns)
        fields |= _values(here, inner.fields, keys)
    return {name: _part(list[_row_type(here, fields, inner)])}, [  # type: ignore[misc]
        f"rows = {above.attribute(name)} or ()",
        f"{count} = len(rows)",
        f"for {number}, {row} in enumerate(rows, 1):",
        *(f"    {line}" for line in lines),
    ]


def _level(cells: Cells, shape: Shape, columns: Collection[str] | None = None) -> tuple[Fields, dict[str, str]]:
    """The fields to decode of a record of ``shape``, and the code of its cells, the same as ``Shape.converter``'s."""
    fields: Fields = {"id": (Any, None)}
    made = {"id": cells.attribute("id")}
    for name, kind in shape.fields.items():
        if own := {column: cell for column, cell in cells.of(name, shape) if columns is None or column in columns}:
            fields[name] = cells.type_of(kind)
            made.update(own)
    for name, inner in shape.objects.items():
        if columns is None or name in columns:
            inner_type, convert = _linked(inner, has_choices=cells.has_choices)
            fields[name] = _part(inner_type)
            made[name] = cells.code.call(convert, cells.attribute(name))
    for name, convert in (("note", unwrap), ("custom", custom_values)):
        if columns is None or name in columns:
            fields[name] = (Any, None)
            made[name] = cells.code.call(convert, cells.attribute(name))
    return fields, made


def _linked(shape: Shape, *, has_choices: bool) -> tuple[type[RawRow], Callable[[Any], Any]]:
    """The type of a linked object, and the function to its cell."""
    own = Cells(code := Code(_SHORTCUTS), "row", has_choices)
    fields, cells = _level(own, shape)
    row_type, make = _row_type(own, fields, shape), code.compiled([f"return {code.record(cells, is_top=False)}"])
    nothing = make("", row_type())

    def convert(row: Any) -> Any:
        record = make("", row) if row else nothing
        return None if record == nothing else record

    return row_type, convert


def _row_type(cells: Cells, fields: Fields, shape: Shape) -> type[RawRow]:
    """The type of a record of ``shape`` with these fields; an error does not fit one that has its name either."""
    of_errors = {name: cells.type_of(kind) for name, kind in shape.fields.items() if name in ERROR_NAMES}
    return made_row_type(cells.code, {**of_errors, **fields}, shape.fields)


def _part(type_: Any) -> tuple[Any, Any]:
    """The field of a collection or an object; UNSET where it does not come, which does not mean empty (``parts``)."""
    return type_ | None | msgspec.UnsetType, msgspec.UNSET


def _values(cells: Cells, kinds: Mapping[str, FieldKind], names: Iterable[str]) -> Fields:
    """Fields whose values are needed, whether they are columns or not."""
    if any(kinds.get(name) is FieldKind.UNKNOWN for name in names):
        raise NotCompilableError
    return {name: cells.type_of(kinds[name]) for name in names}


# What these do with what most records have, inline: no note, and no custom fields.
_SHORTCUTS: Mapping[Callable[[Any], Any], str] = {
    unwrap: "('' if (x := {argument}) == {{'value': ''}} else {function}(x))",
    custom_values: "({function}(x) if (x := {argument}) else {{}})",
}
