"""The custom fields of a table: their names, their groups in requests, and how several answers are merged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from source_acumatica.contract.tables import Table
from source_acumatica.erp.addresses import encode
from source_acumatica.reading.fields import Raw, unwrap

# What a customization adds to the platform's own tables has the prefix "Usr", user-defined fields have "Attribute".
# Fields of a customization's own tables are called as their author liked (BEHAVIOR.md, "Custom fields").
_ADDED_PREFIXES = ("Usr", "Attribute")
# Other types, such as binary ones, make the whole request fail.
_READABLE_TYPES = frozenset(
    f"Custom{name}Field"
    for name in (
        *("String", "Int", "Decimal", "Boolean", "DateTime", "Guid", "Short", "Long", "Byte", "Double"),
        *("StringSingleSelect", "IntSingleSelect", "StringMultiSelect", "DateOnly"),
    )
)
# Binary, and known to make the request fail.
_UNREADABLE_NAMES = frozenset({"GroupMask", "tstamp"})


@dataclass(frozen=True)
class CustomFields:
    """The names of ``$custom``, as ``View.Field`` or ``Details/View.Field``."""

    added: tuple[str, ...] = ()
    """Those that a customization or a user added, as their prefix says."""
    others: tuple[str, ...] = ()
    """The rest: fields of a customization's own tables, or standard fields that the endpoint does not show.

    The two cannot be distinguished. Fields that the endpoint shows under the same name, and fields that the platform
    derives from others (``CustomerID_description``), come last.
    """
    unreadable: tuple[str, ...] = ()

    def without(self, names: Collection[str]) -> CustomFields:
        """The same without some that are not to be read."""
        added = tuple(name for name in self.added if name not in names)
        return replace(self, added=added, others=tuple(name for name in self.others if name not in names))

    def within(self, room: int, first: Collection[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What to ask for, and what to leave out: all added fields are asked for, others if they fit into ``room``.

        ``room`` is in characters of an address. Of the others, those in ``first`` come before the rest.
        """
        chosen = [*self.added]
        left = []
        for name in sorted(self.others, key=lambda other: other not in first):
            if len(encode({"": ",".join([*chosen, name])})) - 1 > room:
                left.append(name)
            else:
                chosen.append(name)
        return tuple(chosen), tuple(left)


def custom_fields(table: Table, ad_hoc: Raw) -> CustomFields:
    """The custom fields of the table's rows, from an answer of ``$adHocSchema``.

    That is an empty record: its elements are what the endpoint shows, and below ``custom`` is what it does not show.
    """
    level: Any = ad_hoc
    for part in table.path:
        level = (level or {}).get(part)
        level = level[0] if isinstance(level, list) and level else level
    views: Any = level.get("custom") if isinstance(level, dict) else None
    found = list(_fields("".join(f"{part}/" for part in table.path), views if isinstance(views, dict) else {}))
    readable = [(path, name) for path, name, type_ in found if type_ in _READABLE_TYPES]
    readable = [(path, name) for path, name in readable if name not in _UNREADABLE_NAMES]
    added = tuple(path for path, name in readable if name.startswith(_ADDED_PREFIXES))
    others = [(path, name) for path, name in readable if not name.startswith(_ADDED_PREFIXES)]
    shown: Collection[str] = {*table.rows_shape.fields, *(level if isinstance(level, dict) else ())}
    others.sort(key=lambda other: other[1] in shown or "_" in other[1])
    asked = {path for path, _ in readable}
    return CustomFields(
        added,
        tuple(path for path, _ in others),
        tuple(path for path, _, _ in found if path not in asked),
    )


def _fields(prefix: str, views: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The path, name and type of each field."""
    for view, fields in views.items():
        for name, wrapper in (fields or {}).items():
            yield f"{prefix}{view}.{name}", name, wrapper.get("type", "") if isinstance(wrapper, dict) else ""


def column_of(name: str, path: Sequence[str]) -> str:
    """The place of a custom field in the records of a table with this ``path``: ``custom.View.Field``."""
    return f"custom.{name.removeprefix(''.join(f'{part}/' for part in path))}"


def parts_of(
    groups: Sequence[tuple[str, ...]], optional: Collection[str], path: Sequence[str]
) -> list[tuple[str, ...]]:
    """The parts that a list may leave empty among the custom fields, each as the places any of which shows the part.

    The fields of one request are a part together, and each field that somebody added is a part by itself. An
    ``optional`` one may be computed by the form for single records only, so it is believed to be empty as long as
    another field of the same request comes.
    """
    parts = {tuple(place_of(name, path) for name in group): None for group in groups if group}
    added = {(place_of(name, path),): None for group in groups for name in group if name not in optional}
    return [*(parts | added)]


def place_of(name: str, path: Sequence[str]) -> str:
    """Where a custom field lies in the rows of a table with this ``path``, as ``parts`` names places."""
    view, _, field = name.removeprefix(prefix := "".join(f"{part}/" for part in path)).rpartition(".")
    return f"{prefix}custom/{view}/{field}"


def in_groups(names: tuple[str, ...], room: int, most: int | None = None) -> list[tuple[str, ...]]:
    """``names`` in groups of at most ``room`` characters of an address and ``most`` names."""
    groups: list[list[str]] = [[]]
    for name in names:
        last = groups[-1]
        if last and (len(encode({"": ",".join([*last, name])})) - 1 > room or len(last) == most):
            groups.append([])
        groups[-1].append(name)
    return [tuple(group) for group in groups]


def merge_custom(row: dict[str, Any], more: Raw, table: Table, depth: int = 0) -> bool:
    """Add the custom fields of another answer with the same record; False where its lines are not the same ones."""
    row["custom"] = ours_by_view = dict(row.get("custom") or {})
    for view, fields in (more.get("custom") or {}).items():
        ours_by_view[view] = {**(ours_by_view.get(view) or {}), **(fields or {})}
    if depth == len(table.path):
        return True
    part, keys = table.path[depth], table.line_keys[depth]
    ours, theirs = row.get(part) or [], more.get(part) or []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return merge_custom(ours, theirs, table, depth + 1)
    return len(ours) == len(theirs) and all(
        _is_one_line(line, other, keys) and merge_custom(line, other, table, depth + 1)
        for line, other in zip(ours, theirs, strict=True)
    )


def _is_one_line(line: Raw, other: Raw, keys: Sequence[str]) -> bool:
    return all(unwrap(line[key]) == unwrap(other[key]) for key in keys if key in line and key in other)
