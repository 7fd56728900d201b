"""Says where a record of a list is found by itself: at an address of its own, or by a filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from source_acumatica.contract.plan import Plan
from source_acumatica.contract.tables import Table
from source_acumatica.reading.codec import plain_value
from source_acumatica.reading.fields import FieldKind, Raw, label_of, unwrap

# ASP.NET and IIS refuse these in a path also where they are percent-encoded, and resolve dots; "|" divides keys as "/"
# does (BEHAVIOR.md, "Lists").
_NOT_IN_A_PATH = frozenset('/\\<>*%&:?+"|')


def record_paths(table: Table, row: Raw) -> list[str]:
    """The addresses at which the record of ``row`` may be; what is found there has to be compared.

    By its keys, where they can stand in a path, and by its id, which may be made up. Whether a choice stands there by
    its id or by its label is not known (BEHAVIOR.md, "Contract version 5"), so an id that is a stable one comes first.
    Web servers misread some keys: ``CON`` as a device, what follows a dot as a file extension.
    """
    by_keys, by_id = _key_path(table, row, unwrap), id_path(table, row)
    paths = [by_keys or (by_id if table.has_note_id else None), by_id]
    if table.shape.has_choice(table.keys):
        by_label = _key_path(table, row, lambda wrapper: label_of(wrapper) or unwrap(wrapper))
        paths = [*([by_id] if table.has_note_id else []), by_keys, by_label, by_id]
    return [*dict.fromkeys(filter(None, paths))]


def can_address(table: Table, row: Raw) -> bool:
    """Whether the record of a row can be asked for by its keys, or by an id that is a stable one."""
    return bool(_key_path(table, row, unwrap) or (table.has_note_id and id_path(table, row)))


def _key_path(table: Table, row: Raw, read: Callable[[Any], Any]) -> str | None:
    values = [read(row.get(key)) for key in table.keys]
    keys = ["" if value is None else str(plain_value(value)) for value in values]
    if keys and all(_NOT_IN_A_PATH.isdisjoint(key) and key.strip(" .") for key in keys):
        return "/".join([table.url_path, *(quote(key, safe="") for key in keys)])
    return None


def id_path(table: Table, row: Raw) -> str | None:
    """The address by the record's id, which works as long as the id stays the same."""
    return f"{table.url_path}/{quote(str(row.get('id')), safe='')}" if row.get("id") else None


def record_filter(table: Table, row: Raw, plan: Plan) -> dict[str, str] | None:
    """The options of a list request that finds the record of ``row`` by its keys, and nothing else; None without any.

    A form that refuses any other filter accepts this one (BEHAVIOR.md, "Lists").
    """
    keys = table.keys or (("NoteID",) if table.shape.fields.get("NoteID") is FieldKind.GUID else ())
    values = [unwrap(row.get(key)) or (row.get("id") if key == "NoteID" else None) for key in keys]
    if not keys or None in values:
        return None
    literal, kinds = plan.spoken(table).key_literal, table.shape.fields
    terms = (f"{key} eq {literal(value, kinds[key])}" for key, value in zip(keys, values, strict=True))
    select = {"$select": ",".join(keys)} if plan.selects else {}
    return {"$filter": " and ".join(terms), **select, "$top": "1"}
