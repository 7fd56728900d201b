"""Builds the query options of a request from a table, a window and what the ERP was found to bear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from source_acumatica.cursor import Window
from source_acumatica.entity import FieldKind, Wire, unwrap
from source_acumatica.tables import Table

# ASP.NET refuses query strings over 2048 characters unless the site's web.config says otherwise; a selection that is
# longer is left out, since more columns are no harm, and custom fields are asked for in several requests.
_LONGEST_OPTION_CHARACTERS = 1000
# What a customization may add: "Usr" is the prefix the platform demands of fields added to tables, "Attribute" that of
# user-defined fields (BEHAVIOR.md, "Custom fields"). $adHocSchema lists standard fields that are not exposed as well.
_CUSTOM_PREFIXES = ("Usr", "Attribute")
# ASP.NET and IIS refuse these in a path also where they are percent-encoded, and resolve dots (BEHAVIOR.md, "Keys").
_NOT_IN_A_PATH = frozenset('/\\<>*%&:?+"')
# Other types, such as binary ones, make the whole request fail.
_CUSTOM_TYPES = frozenset(
    f"Custom{name}Field"
    for name in ("String", "Int", "Decimal", "Boolean", "DateTime", "Guid", "Short", "Long", "Byte", "Double")
)


@dataclass(frozen=True)
class Plan:
    """How a table is asked for: all at once, until the ERP has refused something.

    The rungs of the ladder: with ``$select``; without; without what the refusal named, where nobody wanted that; keys
    first and each record by itself, the keys with ``$select`` or else without.
    """

    selects: bool = True
    without: frozenset[str] = frozenset()
    is_by_record: bool = False
    filters: bool = True
    """Whether the window is asked for; otherwise all rows are."""
    custom: tuple[str, ...] = ()

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
    """The options of a list request but ``$skip`` and ``$top``."""
    options = _filter(table, window) if plan.filters else {}
    if plan.is_by_record:
        return options | (_keys_only(table) if plan.selects else {})
    options.update(_expand(table, columns, plan.without))
    if plan.selects:
        options.update(_select(table, columns, plan.without))
    if plan.custom:
        options["$custom"] = ",".join(plan.custom)
    return options


def record_options(table: Table, plan: Plan, columns: frozenset[str] | None) -> dict[str, str]:
    """The options for one record by itself; without ``$select``, which some forms do not bear."""
    options = _expand(table, columns, plan.without)
    if plan.custom:
        options["$custom"] = ",".join(plan.custom)
    return options


def probe_options(table: Table) -> dict[str, str]:
    """The cheapest read of an entity that proves anything: one row's keys."""
    return {**_keys_only(table), "$top": "1"}


def record_path(table: Table, row: Wire) -> str:
    """A record's address: by its keys, or by its id where a key cannot stand in a path."""
    keys = [str(unwrap(row.get(key)) or "") for key in table.keys]
    if keys and all(_NOT_IN_A_PATH.isdisjoint(key) and key.strip(" .") for key in keys):
        return "/".join([table.url_path, *(quote(key, safe="") for key in keys)])
    return f"{table.url_path}/{quote(str(row.get('id')), safe='')}"


def _keys_only(table: Table) -> dict[str, str]:
    """``id`` comes always; it is no field and cannot be selected."""
    keys = table.keys or tuple(table.shape.fields)[:1]
    return {"$select": ",".join(keys)} if table.is_identified else {}


def _filter(table: Table, window: Window) -> dict[str, str]:
    """By what has changed; no upper end, since a clock that is wrong would hide rows."""
    if table.cursor is None:
        return {}
    if window.is_unstamped:
        return {"$filter": f"{table.cursor} eq null"}
    return {"$filter": f"{table.cursor} ge {_literal(window.since)}"} if window.since else {}


def _literal(instant: str) -> str:
    """An instant with its zone, which a literal without one would take from the site; the ERP keeps milliseconds."""
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

    Nothing is selected of records that are known only by all that they say: paging has to tell them apart.
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


def custom_fields(table: Table, ad_hoc: Wire) -> tuple[str, ...]:
    """The custom fields of the table's rows, as ``$custom`` names them, from an answer of ``$adHocSchema``."""
    level: Any = ad_hoc
    for part in table.path:
        level = (level or {}).get(part)
        level = level[0] if isinstance(level, list) and level else level
    prefix = "".join(f"{part}/" for part in table.path)
    views: Mapping[str, Any] = (level.get("custom") or {}) if isinstance(level, dict) else {}
    return tuple(
        f"{prefix}{view}.{name}"
        for view, fields in views.items()
        for name, wrapper in (fields or {}).items()
        if name.startswith(_CUSTOM_PREFIXES) and isinstance(wrapper, dict) and wrapper.get("type") in _CUSTOM_TYPES
    )


def in_groups(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """``names`` cut so that each group fits into one request's address."""
    groups: list[list[str]] = [[]]
    for name in names:
        if len(",".join([*groups[-1], name])) > _LONGEST_OPTION_CHARACTERS and groups[-1]:
            groups.append([])
        groups[-1].append(name)
    return [tuple(group) for group in groups]


def merge_custom(row: dict[str, Any], more: Wire, path: tuple[str, ...]) -> bool:
    """Add the custom fields of another answer with the same record; False where its lines are not the same ones."""
    row["custom"] = ours_by_view = dict(row.get("custom") or {})
    for view, fields in (more.get("custom") or {}).items():
        ours_by_view[view] = {**(ours_by_view.get(view) or {}), **(fields or {})}
    if not path:
        return True
    ours, theirs = row.get(path[0]) or [], more.get(path[0]) or []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return merge_custom(ours, theirs, path[1:])
    return len(ours) == len(theirs) and all(
        merge_custom(line, other, path[1:]) for line, other in zip(ours, theirs, strict=True)
    )


def inquiry_body(table: Table, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an inquiry form in the ERP's wrappers, each as its field's type.

    Raises:
        KeyError: the form has no such parameter.
        ValueError: a value is not of its type.
    """
    return {name: {"value": _typed(value, table.shape.fields[name])} for name, value in parameters.items()}


def _typed(value: Any, kind: FieldKind) -> Any:
    if kind in (FieldKind.BYTE, FieldKind.SHORT, FieldKind.INTEGER, FieldKind.LONG):
        return int(value)
    if kind is FieldKind.BOOLEAN and isinstance(value, str):
        return {"true": True, "false": False}[value.lower()]
    if kind is FieldKind.STRING:
        return str(value)
    return value
