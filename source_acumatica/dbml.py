"""Writes streams and the joins between them as DBML, which tools draw as an entity-relationship diagram."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from source_acumatica.reading.join import Join
from source_acumatica.reading.table import StreamTable

_TENANT = "_tenant"
_TYPES = {
    "string": "text",
    "integer": "bigint",
    "number": "numeric",
    "boolean": "boolean",
    "object": "json",
    "array": "json",
}
_FORMATS = {"date-time": "timestamp", "date": "date"}
_ANY = "json"


def diagram(title: str, tables: Mapping[str, StreamTable], joins: Iterable[Join], notes: Iterable[str]) -> str:
    """The whole text; ``notes`` stand as comments at its end."""
    parts = [f"// {title}", *(_table(name, tables[name]) for name in sorted(tables))]
    parts += [_reference(join) for join in sorted(_once(joins), key=lambda join: join.place)]
    parts += [f"// {note}" for note in notes]
    return "\n\n".join(parts) + "\n"


def _once(joins: Iterable[Join]) -> Iterator[Join]:
    """Each join once; the first source that knows it is named."""
    seen = set()
    for join in joins:
        if join.place not in seen:
            seen.add(join.place)
            yield join


def _table(name: str, table: StreamTable) -> str:
    columns = table.json_schema()["properties"]
    lines = [f"  {_quoted(column)} {_type(schema)}{_about(table, column)}" for column, schema in columns.items()]
    key = table.primary_key
    index = f"\n\n  indexes {{\n    {_listed(key)} [pk]\n  }}" if key else ""
    return f"Table {_quoted(name)} {{\n" + "\n".join(lines) + f"{index}\n}}"


def _about(table: StreamTable, column: str) -> str:
    notes = ["not null"] if column in table.primary_key else []
    notes += ["note: 'cursor'"] if column == table.cursor_field else []
    return f" [{', '.join(notes)}]" if notes else ""


def _reference(join: Join) -> str:
    """A join as DBML has it: the side with many rows first."""
    sign = "-" if join.is_one_to_one else ">"
    ours, theirs = (_TENANT, *join.columns), (_TENANT, *join.others_columns)
    sides = f"{_quoted(join.stream)}.{_listed(ours)} {sign} {_quoted(join.other)}.{_listed(theirs)}"
    return f"// {join.source}\nRef: {sides}"


def _listed(columns: Sequence[str]) -> str:
    return f"({', '.join(map(_quoted, columns))})"


def _quoted(name: str) -> str:
    return f'"{name.replace(chr(34), chr(39))}"'


def _type(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", ())
    kind = next((each for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"), "")
    return _FORMATS.get(schema.get("format", "")) or _TYPES.get(kind, _ANY)
