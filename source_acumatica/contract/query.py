"""Builds the query options of a request from a table, a window and what the ERP was found to accept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from source_acumatica.contract.custom_fields import in_groups
from source_acumatica.contract.dialect import Asked, CustomBy, Dialect
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.tables import Table
from source_acumatica.erp.addresses import encode, fits
from source_acumatica.reading.window import Window

# No list of names gets longer than this, and all options together have to fit into an address: a longer selection is
# left out, since more columns do no harm, and custom fields are asked for in several requests.
_LONGEST_OPTION_CHARACTERS = 1000
# What paging adds to the other options.
_PLACE = {"$skip": "1000000000", "$top": "10000"}


def list_options(table: Table, plan: Plan, columns: frozenset[str] | None, window: Window) -> dict[str, str]:
    """The options of a list request except ``$skip`` and ``$top``.

    Where all together get too long, the choice of fields is left out first; if custom fields are still too many, the
    caller divides them (``custom_groups``).
    """
    dialect = plan.spoken(table)
    conditions = _filter(table, dialect, window if plan.filters else Window())
    if plan.is_by_record:
        return conditions | (keys_only(table, plan.beside) if plan.selects else {})
    asked = asked_of_list(table, plan, columns)
    options = conditions | dialect.options(asked)
    if asked.select and not fits({**options, **_PLACE}, plan.longest):
        return conditions | dialect.options(replace(asked, select=None))
    return options


def custom_groups(table: Table, plan: Plan, columns: frozenset[str] | None, window: Window) -> list[tuple[str, ...]]:
    """The plan's custom fields, cut so that each group fits into one request; one group at least.

    The first one is empty where the dialect asks for them in requests of their own.
    """
    groups = in_groups(plan.custom, _room(table, plan, columns, window), plan.most_custom)
    return [(), *groups] if plan.custom and plan.spoken(table).custom_by is CustomBy.NAMES else groups


def room_for_custom(table: Table, columns: frozenset[str] | None) -> int:
    """How many characters of custom fields fit into one request for a page, whatever its window."""
    return _room(table, Plan(), columns, Window(since=_WIDEST_INSTANT))


def _room(table: Table, plan: Plan, columns: frozenset[str] | None, window: Window) -> int:
    """How many characters of custom fields fit into one request under a plan, beside all that has to be in it."""
    name = "/".join((*table.path, "x"))
    plan = replace(plan, custom=(name,), selects=False)
    options = record_options(table, plan, columns) if plan.is_by_record else list_options(table, plan, columns, window)
    rest = len(encode({**options, **_PLACE})) - len(encode({"": name})) + 1
    return min(plan.longest - rest, _LONGEST_OPTION_CHARACTERS)


def record_options(table: Table, plan: Plan, columns: frozenset[str] | None) -> dict[str, str]:
    """The options for one record by itself; without a choice of fields, which some forms refuse."""
    return plan.spoken(table).options(_asked(table, plan, columns))


def asked_of_list(table: Table, plan: Plan, columns: frozenset[str] | None) -> Asked:
    """What is asked for of each record of a list."""
    select = _select(table, columns, plan.without) if plan.selects else None
    return replace(_asked(table, plan, columns), select=select)


def _asked(table: Table, plan: Plan, columns: frozenset[str] | None) -> Asked:
    inside = "".join(f"{part}/" for part in table.path)
    known_by = [f"{inside}{name}" for name in _recognizing(table)]
    return Asked(expanded(table, plan, columns), custom=plan.custom, known_by=known_by)


def _recognizing(table: Table) -> list[str]:
    """The fewest fields by which a row of the table is the same as one of another answer."""
    fields = [*table.rows_shape.fields]
    if table.path:
        return [*table.line_keys[-1]] or fields[:1]
    return [*(table.keys or fields[:1]), *filter(None, [table.cursor])] if table.is_identified else fields


def expanded(table: Table, plan: Plan, columns: frozenset[str] | None) -> list[str]:
    """The paths of the linked objects and collections of a record that are asked for."""
    prefixes = ["/".join(table.path[: depth + 1]) for depth in range(len(table.path))]
    objects = _objects(table, columns, plan.without)
    return [*prefixes, *(f"{prefixes[-1]}/{name}" if prefixes else name for name in objects)]


def asked_parts(table: Table, plan: Plan, columns: frozenset[str] | None) -> list[str]:
    """The parts that a list may leave empty although its records have them: of the table's own rows."""
    inside = "".join(f"{part}/" for part in table.path)
    collection = ["/".join(table.path)] if table.path else []
    objects = (f"{inside}{path}" for path in _objects(table, columns, plan.without) if "/" not in path)
    return [*collection, *objects, *([f"{inside}custom"] if plan.custom else [])]


def probe_options(table: Table) -> dict[str, str]:
    """The cheapest request that proves that an entity can be read: for one row's keys."""
    return {**keys_only(table), "$top": "1"}


def keys_only(table: Table, beside: tuple[str, ...] = ()) -> dict[str, str]:
    """The choice of a record's keys; ``id`` comes always; it is not a field and cannot be selected."""
    keys = table.keys or tuple(table.shape.fields)[:1]
    return {"$select": ",".join((*keys, *beside))} if table.is_identified else {}


_WIDEST_INSTANT = "2000-12-31T23:59:59.999000Z"


def _filter(table: Table, dialect: Dialect, window: Window) -> dict[str, str]:
    """What has changed, and the user's row filter; no upper end, since with a wrong clock it would hide rows."""
    conditions = [*_changed(table.cursor, dialect, window), *filter(None, [table.condition])]
    return {"$filter": " and ".join(conditions)} if conditions else {}


def _changed(cursor: str | None, dialect: Dialect, window: Window) -> Iterator[str]:
    if cursor is not None and window.is_unstamped:
        yield f"{cursor} eq null"
    elif cursor is not None and window.since:
        yield f"{cursor} ge {dialect.instant(window.since)}"


def _objects(table: Table, columns: frozenset[str] | None, without: frozenset[str]) -> Iterator[str]:
    for path in table.rows_shape.object_paths():
        top = path.split("/")[0]
        if (columns is None or top in columns) and top not in without:
            yield path


def _select(table: Table, columns: frozenset[str] | None, without: frozenset[str]) -> list[str] | None:
    """An expanded collection or object comes only if it is selected too, so the choice has to be complete.

    Records that are identified only by their whole content come whole: paging has to distinguish them.
    """
    if not table.is_identified:
        return None
    if columns is not None:
        columns = table.rows_shape.needed(columns)
    names = list(_detail_selection(table, columns) if table.path else _top_selection(table, columns, without))
    return names if 0 < len(",".join(names)) <= _LONGEST_OPTION_CHARACTERS else None


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
    chosen = [] if columns is None or table.is_files else [f"{collection}/{name}" for name in fields if name in columns]
    yield from chosen if 0 < len(",".join(chosen)) <= _LONGEST_OPTION_CHARACTERS else [collection]
    yield from (f"{collection}/{path}" for path in _objects(table, columns, frozenset()))
