"""What comes of the rows that a table's rows lead to, as object columns beside the table's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from source_acumatica.odata.values import odata_conversion
from source_acumatica.reading.fields import JSON_SCHEMAS, Convert, FieldKind, Raw


@dataclass(frozen=True)
class LinkedTable:
    """The columns of the row that a link leads to, and the links that go on from there."""

    fields: Mapping[str, FieldKind] = field(default_factory=dict)
    links: Mapping[str, LinkedTable] = field(default_factory=dict)

    def json_schema(self) -> dict[str, Any]:
        """The schema of the column; null where a row leads to none."""
        columns = {name: JSON_SCHEMAS[kind] for name, kind in self.fields.items()}
        objects = {name: linked.json_schema() for name, linked in self.links.items()}
        return {"type": ["null", "object"], "properties": {**columns, **objects}}

    def joined(self, other: LinkedTable) -> LinkedTable:
        """Both as one; a field whose types differ becomes one of unknown kind."""
        fields = {**self.fields, **other.fields}
        for name in self.fields.keys() & other.fields.keys():
            if self.fields[name] is not other.fields[name]:
                fields[name] = FieldKind.UNKNOWN
        return LinkedTable(fields, joined_links(self.links, other.links))

    def option(self, name: str, *, selects: bool = True) -> str:
        """The link ``name`` as ``$expand`` of version 4 writes it; ``selects``: with the names of its columns."""
        deeper = ",".join(linked.option(inner, selects=selects) for inner, linked in self.links.items())
        # A selection without any column would be one of all.
        selected = ",".join(self.fields or self.links) if selects else ""
        options = [f"$select={selected}"] if selected else []
        options += [f"$expand={deeper}"] if deeper else []
        return f"{name}({';'.join(options)})" if options else name

    @property
    def convert(self) -> Convert:
        """The function from a linked row as it was sent to the cell of the record; what is not a row becomes null."""
        plan = [(name, odata_conversion(name, kind, is_cursor=False)) for name, kind in self.fields.items()]
        plan += [(name, linked.convert) for name, linked in self.links.items()]

        def convert_row(raw: Any) -> Any:
            if not isinstance(raw, dict):
                return None
            get = raw.get
            return {name: convert(get(name)) if convert else get(name) for name, convert in plan}

        return convert_row

    def names_in(self, rows: Sequence[Raw]) -> Iterator[str]:
        """The names in linked rows, at any depth: where too much is asked for to select columns, others come too."""
        yield from (*self.fields, *self.links, *(rows[0] if rows else ()))
        for name, linked in self.links.items():
            yield from linked.names_in(_cells(rows, name))

    def silent_in(self, rows: Sequence[Raw]) -> Iterator[str]:
        """The places that linked rows do not name, or where something other than a row is.

        Rows name the same columns and links, so the first one shows them; each link is followed where rows have it.
        """
        yield from (name for name in self.fields if name not in rows[0])
        for name, linked in self.links.items():
            inner = [cell for row in rows if (cell := row.get(name)) is not None]
            if name not in rows[0] or not all(isinstance(cell, dict) for cell in inner):
                yield name
            elif inner:
                yield from (f"{name}.{place}" for place in linked.silent_in(inner))


def names_in_links(rows: Sequence[Any], links: Mapping[str, LinkedTable]) -> frozenset[str]:
    """The names of columns and links in what the rows of a table lead to."""
    return frozenset(inner for name, linked in links.items() for inner in linked.names_in(_cells(rows, name)))


def _cells(rows: Sequence[Any], name: str) -> Sequence[Raw]:
    return [cell for row in rows if isinstance(cell := row.get(name), dict)]


def joined_links(ours: Mapping[str, LinkedTable], theirs: Mapping[str, LinkedTable]) -> dict[str, LinkedTable]:
    """The links of two tenants as those of one."""
    both = {**ours, **theirs}
    return {name: ours[name].joined(theirs[name]) if name in ours and name in theirs else both[name] for name in both}
