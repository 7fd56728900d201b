"""Finds which of the requested parts of a record have come: collections, linked objects, custom fields.

Rows are dicts or of a compiled type; in that, a part that did not come is ``msgspec.UNSET``. Parts are named as
``$expand`` names them: ``Details``, ``MainContact/Address``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec

from source_acumatica.reading.fields import NO_VALUE, Wrapper, id_of, unwrap

# In every record, and around the value of every custom field, whatever it holds.
_FRAME = frozenset({"id", "rowNumber", "_links", "type"})


def missing(rows: Sequence[Any], paths: Iterable[str]) -> str | None:
    """The first of ``paths`` that a row lacks although its container has come; containers come first in ``paths``.

    A collection without rows is ``[]``, and an absent object is null or empty: a missing name means neither.
    """
    there: dict[str, Sequence[Any]] = {"": rows}
    for path in paths:
        above, _, name = path.rpartition("/")
        holders = there[above]
        found = _values(holders, name)
        some = [value for value in found if value]
        there[path] = _flat(some)
        is_lacking = len(some) < len(found) and any(value is msgspec.UNSET for value in found)
        if is_lacking and (not above or _is_missing(holders, name)):
            return path
    return None


def unserved(rows: Sequence[Any], path: Iterable[str], fields: Sequence[str]) -> list[str]:
    """The fields that were asked for and come in none of the rows at ``path``.

    An empty field comes by name, as ``{}``. If none does, or a field comes in some rows only, the ERP may leave out
    what is empty, and a missing name proves nothing.
    """
    rows = _below(rows, path)
    if not rows:
        return []
    absent = _absent(rows[0], fields)
    some = [name for name in fields if name not in absent]
    if absent and not any(_absent(row, some) for row in rows):
        absent = [name for name in absent if all(map(_is_absent, _values(rows, name)))]
        shows_empty = any(unwrap(value) is None for name in some for value in _values(rows, name))
        return absent if shows_empty else []
    return []


def names_any(rows: Sequence[Any], path: Iterable[str], fields: Iterable[str]) -> bool:
    """Whether a row at ``path`` has one of the fields by name, if only an empty one; also where there are no rows."""
    rows, fields = _below(rows, path), [*fields]
    return not rows or any(len(_absent(row, fields)) < len(fields) for row in rows)


def names_none_of(rows: Sequence[Any], path: Iterable[str], fields: Iterable[str]) -> list[str]:
    """The fields that no row at ``path`` has by name; none where there are no rows."""
    rows = _below(rows, path)
    absent = _absent(rows[0], [*fields]) if rows else []
    for row in rows[1:]:
        absent = _absent(row, absent)
    return absent


def names_custom(rows: Sequence[Any], path: Iterable[str], names: Iterable[str]) -> bool:
    """Whether a row at ``path`` has one of the custom fields by name; also where there are no rows.

    ``names`` are written as in ``$custom``.
    """
    split = [name.rpartition("/")[2].rpartition(".")[::2] for name in names]
    views = _values(_below(rows, path), "custom")
    return not views or any(name in (each.get(view) or ()) for each in views if each for view, name in split)


def shows_custom(rows: Sequence[Any], path: Iterable[str], names: Sequence[str]) -> bool:
    """Whether there is such a row at ``path``."""
    path = [*path]
    return bool(names and _below(rows, path)) and names_custom(rows, path, names)


def foreign(rows: Sequence[Any], path: Iterable[str], fields: Iterable[str]) -> tuple[str, ...]:
    """The fields of the rows at ``path`` that hold something other than a value: an error, or an object."""
    rows = _below(rows, path)
    return _foreign(rows, fields) if rows and isinstance(rows[0], dict) else ()


def _below(rows: Sequence[Any], path: Iterable[str]) -> Sequence[Any]:
    for name in path:
        rows = _flat([value for value in _values(rows, name) if value])
    return rows


def _absent(row: Any, fields: Iterable[str]) -> list[str]:
    if isinstance(row, dict):
        return [name for name in fields if name not in row]
    attributes = type(row).attributes
    return [name for name in fields if name not in attributes or getattr(row, attributes[name]) is NO_VALUE]


def _is_absent(value: Any) -> bool:
    return value is msgspec.UNSET or value is NO_VALUE


def _foreign(rows: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> tuple[str, ...]:
    named = frozenset(fields)
    found = {name: None for row in rows for name, value in row.items() if name in named and _is_foreign(value)}
    return tuple(found)


def _is_foreign(value: Any) -> bool:
    """Whether a wrapper holds no value, or an object that is no choice."""
    if not isinstance(value, dict) or not value:
        return False
    inner = value.get("value")
    return "value" not in value or (isinstance(inner, dict) and "id" not in inner)


def held(rows: Sequence[Any], paths: Iterable[str]) -> set[str]:
    """Those of ``paths`` that hold something in any of the rows."""
    there: dict[str, Sequence[Any]] = {"": rows}
    places = ((path, *path.rpartition("/")[::2]) for path in paths)
    return {path for path, above, name in places if any(map(_holds_something, _values(_at(above, there), name)))}


def _at(path: str, there: dict[str, Sequence[Any]]) -> Sequence[Any]:
    """The values at a path: the rows of collections, and the objects that are not null; ``there`` keeps them.

    Not a nested function: one that calls itself would keep a page of rows in memory until garbage is collected.
    """
    if path not in there:
        above, _, name = path.rpartition("/")
        there[path] = _flat([value for value in _values(_at(above, there), name) if value])
    return there[path]


def _flat(values: Sequence[Any]) -> Sequence[Any]:
    """The objects, or the rows of all the collections."""
    return list(chain.from_iterable(values)) if values and isinstance(values[0], list) else values


def _values(rows: Sequence[Any], name: str) -> Sequence[Any]:
    """The value of ``name`` in each row, or UNSET; for rows of one type in a fast way, since this runs on every row."""
    if not rows:
        return ()
    if isinstance(rows[0], dict):
        return [row.get(name, msgspec.UNSET) for row in rows]
    attributes = dict(zip(rows[0].__struct_encode_fields__, rows[0].__struct_fields__, strict=True))
    return list(map(attrgetter(attributes[name]), rows)) if name in attributes else ()


def _is_missing(holders: Sequence[Any], name: str) -> bool:
    """Whether an object that holds something lacks it: an absent object may come as an empty one."""
    lacking = zip(holders, _values(holders, name), strict=True)
    return any(value is msgspec.UNSET and _holds_something(holder) for holder, value in lacking)


def _holds_something(value: Any) -> bool:
    match value:
        case None | msgspec.UNSET | "":
            return False
        case {"value": value_} | Wrapper(value=value_):
            return _holds_something(id_of(value_))
        case dict():
            return any(_holds_something(inner) for name, inner in value.items() if name not in _FRAME)
        case msgspec.Struct():
            names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
            return any(_holds_something(getattr(value, inner)) for name, inner in names if name not in _FRAME)
        case list():
            return bool(value)
        case _:
            return True
