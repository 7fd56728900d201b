"""Builds the query options of a request from a table, a window and what the ERP was found to accept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from source_acumatica.contract.custom_fields import in_groups
from source_acumatica.contract.tables import Table
from source_acumatica.erp.addresses import LONGEST_QUERY_CHARACTERS, encode, fits
from source_acumatica.reading.fields import FieldKind, Raw, unwrap
from source_acumatica.reading.window import Window

# No list of names gets longer than this, and all options together have to fit into an address: a longer selection is
# left out, since more columns do no harm, and custom fields are asked for in several requests.
_LONGEST_OPTION_CHARACTERS = 1000
# No server refuses shorter ones for their length.
_SHORTEST_QUERY_CHARACTERS = 200
# What paging adds to the other options.
_PLACE = {"$skip": "1000000000", "$top": "10000"}
# ASP.NET and IIS refuse these in a path also where they are percent-encoded, and resolve dots; "|" divides keys as "/"
# does (BEHAVIOR.md, "Lists").
_NOT_IN_A_PATH = frozenset('/\\<>*%&:?+"|')


@dataclass(frozen=True)
class Plan:
    """How a table is asked for: all at once, until the ERP has refused something.

    The rungs of the ladder: with ``$select``; without; without what the refusal named, if it is not selected; keys
    first and each record by itself, the keys with ``$select`` or else without.
    """

    selects: bool = True
    without: frozenset[str] = frozenset()
    is_by_record: bool = False
    filters: bool = True
    """Whether the window is asked for; otherwise all rows are."""
    custom: tuple[str, ...] = ()
    most_custom: int | None = None
    """How many custom fields are asked for in one request at most; None: as many as an address holds."""
    longest: int = LONGEST_QUERY_CHARACTERS
    """How many characters all options of a request may have."""

    def shorter(self) -> Plan | None:
        """The same in shorter requests; None where they would be too short for their length to be the cause."""
        longest = self.longest * 2 // 3
        return replace(self, longest=longest) if longest >= _SHORTEST_QUERY_CHARACTERS else None

    def lower(self, named: Iterable[str], wanted: Iterable[str]) -> Plan | None:
        """The next rung, on which no wanted field is lost; None below the last."""
        if self.is_by_record:
            return replace(self, selects=False) if self.selects else None
        if self.selects and not self.without:
            return replace(self, selects=False)
        tops = {name.split("/")[0] for name in named}
        if tops - self.without and not tops & set(wanted):
            return replace(self, selects=True, without=self.without | tops)
        return replace(self, selects=True, is_by_record=True)


def list_options(table: Table, plan: Plan, columns: frozenset[str] | None, window: Window) -> dict[str, str]:
    """The options of a list request except ``$skip`` and ``$top``.

    Where all together get too long, ``$select`` is left out first; if custom fields are still too many, the caller
    divides them (``custom_groups``).
    """
    options = _filter(table, window if plan.filters else Window())
    if plan.is_by_record:
        return options | (_keys_only(table) if plan.selects else {})
    options.update(_expand(table, columns, plan.without))
    custom = {"$custom": ",".join(plan.custom)} if plan.custom else {}
    select = _select(table, columns, plan.without) if plan.selects else {}
    if fits({**options, **select, **custom, **_PLACE}, plan.longest):
        options.update(select)
    return options | custom


def custom_groups(table: Table, plan: Plan, columns: frozenset[str] | None, window: Window) -> list[tuple[str, ...]]:
    """The plan's custom fields, cut so that each group fits into one request; one group at least."""
    plain = replace(plan, custom=(), selects=False)
    options = list_options(table, plain, columns, window)
    if plan.is_by_record:
        options = record_options(table, plain, columns)
    return in_groups(plan.custom, _room(options, plan.longest), plan.most_custom)


def room_for_custom(table: Table, columns: frozenset[str] | None) -> int:
    """How many characters of custom fields fit into one request for a page, whatever its window."""
    widest = Window(since=_WIDEST_INSTANT)
    return _room(list_options(table, Plan(), columns, widest), LONGEST_QUERY_CHARACTERS)


def _room(options: Mapping[str, str], longest: int) -> int:
    return min(longest - len(encode({**options, **_PLACE, "$custom": ""})), _LONGEST_OPTION_CHARACTERS)


def record_options(table: Table, plan: Plan, columns: frozenset[str] | None) -> dict[str, str]:
    """The options for one record by itself; without ``$select``, which some forms refuse."""
    options = _expand(table, columns, plan.without)
    if plan.custom:
        options["$custom"] = ",".join(plan.custom)
    return options


def expanded(table: Table, plan: Plan, columns: frozenset[str] | None) -> list[str]:
    """The parts of a record that are asked for, as ``$expand`` names them."""
    paths = _expand(table, columns, plan.without).get("$expand", "")
    return paths.split(",") if paths else []


def asked_parts(table: Table, plan: Plan, columns: frozenset[str] | None) -> list[str]:
    """The parts that a list may leave empty although its records have them: of the table's own rows."""
    inside = "".join(f"{part}/" for part in table.path)
    collection = ["/".join(table.path)] if table.path else []
    objects = (f"{inside}{path}" for path in _objects(table, columns, plan.without) if "/" not in path)
    return [*collection, *objects, *([f"{inside}custom"] if plan.custom else [])]


def probe_options(table: Table) -> dict[str, str]:
    """The cheapest request that proves that an entity can be read: for one row's keys."""
    return {**_keys_only(table), "$top": "1"}


def record_path(table: Table, row: Raw) -> str | None:
    """A record's address: by its keys, or by its id where a key cannot stand in a path and the id is a stable one.

    None where neither is so.
    """
    values = [unwrap(row.get(key)) for key in table.keys]
    keys = ["" if value is None else str(value) for value in values]
    if keys and all(_NOT_IN_A_PATH.isdisjoint(key) and key.strip(" .") for key in keys):
        return "/".join([table.url_path, *(quote(key, safe="") for key in keys)])
    return id_path(table, row) if table.has_note_id else None


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
    terms = (
        f"{key} eq {_key_literal(value, table.shape.fields[key])}" for key, value in zip(keys, values, strict=True)
    )
    select = {"$select": ",".join(keys)} if plan.selects else {}
    return {"$filter": " and ".join(terms), **select, "$top": "1"}


def _key_literal(value: Any, kind: FieldKind) -> str:
    if kind is FieldKind.GUID:
        return f"guid'{value}'"
    if kind is FieldKind.DATE_TIME:
        return f"datetimeoffset'{value}'"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else "'{}'".format(str(value).replace("'", "''"))


def _keys_only(table: Table) -> dict[str, str]:
    """``id`` comes always; it is not a field and cannot be selected."""
    keys = table.keys or tuple(table.shape.fields)[:1]
    return {"$select": ",".join(keys)} if table.is_identified else {}


_WIDEST_INSTANT = "2000-12-31T23:59:59.999000Z"


def _filter(table: Table, window: Window) -> dict[str, str]:
    """What has changed, and the user's row filter; no upper end, since with a wrong clock it would hide rows."""
    conditions = [*_changed(table.cursor, window), *filter(None, [table.condition])]
    return {"$filter": " and ".join(conditions)} if conditions else {}


def _changed(cursor: str | None, window: Window) -> Iterator[str]:
    if cursor is not None and window.is_unstamped:
        yield f"{cursor} eq null"
    elif cursor is not None and window.since:
        yield f"{cursor} ge {_literal(window.since)}"


def _literal(instant: str) -> str:
    """An instant in UTC: without a zone, the ERP would assume the site's own; it keeps milliseconds."""
    moment = datetime.fromisoformat(instant).astimezone(UTC)
    return f"datetimeoffset'{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03d}Z'"


def _expand(table: Table, columns: frozenset[str] | None, without: frozenset[str]) -> dict[str, str]:
    prefixes = ["/".join(table.path[: depth + 1]) for depth in range(len(table.path))]
    paths = [*prefixes, *(f"{prefixes[-1]}/{name}" if prefixes else name for name in _objects(table, columns, without))]
    return {"$expand": ",".join(paths)} if paths else {}


def _objects(table: Table, columns: frozenset[str] | None, without: frozenset[str]) -> Iterator[str]:
    for path in table.rows_shape.object_paths():
        top = path.split("/")[0]
        if (columns is None or top in columns) and top not in without:
            yield path


def _select(table: Table, columns: frozenset[str] | None, without: frozenset[str]) -> dict[str, str]:
    """An expanded collection or object comes only if ``$select`` names it too, so it has to be complete.

    Records that are identified only by their whole content come whole: paging has to distinguish them.
    """
    if not table.is_identified:
        return {}
    names = list(_detail_selection(table, columns) if table.path else _top_selection(table, columns, without))
    text = ",".join(names)
    return {"$select": text} if names and len(text) <= _LONGEST_OPTION_CHARACTERS else {}


def _top_selection(table: Table, columns: frozenset[str] | None, without: frozenset[str]) -> Iterator[str]:
    if columns is None and not without:
        return
    for name in table.shape.fields:
        if (columns is None or name in columns) and name not in without:
            yield name
    yield from _objects(table, columns, without)


def _detail_selection(table: Table, columns: frozenset[str] | None) -> Iterator[str]:
    yield from (table.keys or tuple(table.shape.fields)[:1])
    yield from filter(None, [table.cursor])
    for depth, keys in enumerate(table.line_keys[:-1]):
        yield from (f"{'/'.join(table.path[: depth + 1])}/{key}" for key in keys)
    collection = "/".join(table.path)
    fields = table.rows_shape.fields
    chosen = [] if columns is None else [f"{collection}/{name}" for name in fields if name in columns]
    yield from chosen if 0 < len(",".join(chosen)) <= _LONGEST_OPTION_CHARACTERS else [collection]
    yield from (f"{collection}/{path}" for path in _objects(table, columns, frozenset()))


def inquiry_body(table: Table, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an inquiry form in the ERP's wrappers, each as its field's type.

    Raises:
        KeyError: the form has no such parameter.
        ValueError: a value is not of its type.
    """
    return {name: {"value": _typed(value, table.shape.fields[name])} for name, value in parameters.items()}


def wrong_parameters(table: Table, parameters: Mapping[str, Any]) -> str | None:
    """What is wrong with the values that are given for an inquiry form; None if nothing is."""
    try:
        inquiry_body(table, parameters)
    except (KeyError, ValueError):
        there_are = ", ".join(f"{name} ({kind.value})" for name, kind in table.shape.fields.items())
        return (
            f"inquiry_parameters: {table.entity} takes {there_are}; check the names and types of "
            f"{', '.join(parameters)}."
        )
    return None


def _typed(value: Any, kind: FieldKind) -> Any:
    if kind in (FieldKind.BYTE, FieldKind.SHORT, FieldKind.INTEGER, FieldKind.LONG):
        return int(value)
    if kind is FieldKind.BOOLEAN and isinstance(value, str):
        return {"true": True, "false": False}[value.lower()]
    if kind is FieldKind.STRING:
        return str(value)
    return value
