"""Makes the tables of an entity: that of itself, and one for each collection in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from source_acumatica.contract.attachments import FILE_KEY, FILES
from source_acumatica.contract.dialect import USUAL
from source_acumatica.contract.known_entities import Known
from source_acumatica.contract.tables import Method, Table
from source_acumatica.reading.fields import Shape
from source_acumatica.reading.table import cursor_of


def tables(
    endpoint: str,
    version: str,
    entity: str,
    shape: Shape,
    known: Known,
    *,
    is_inquiry: bool | None = None,
    asked: tuple[str, ...] = (),
    contract: str = USUAL,
) -> Iterator[Table]:
    """The streams of an entity: itself and each collection in it; of an inquiry form, its results only.

    Unless the caller says whether it is such a form, what is known of the entity decides.
    """
    is_inquiry = known.is_inquiry if is_inquiry is None else is_inquiry
    if is_inquiry and not shape.collections:
        # A header that holds parameters is not a record.
        return
    candidates = (keys for keys in (known.keys, *known.other_keys) if set(keys) <= shape.fields.keys())
    keys = next(candidates, ())
    table = Table(
        endpoint,
        version,
        entity,
        method=Method.INQUIRY if is_inquiry else Method.LIST,
        shape=shape,
        keys=() if is_inquiry else keys,
        cursor=None if is_inquiry else cursor_of(shape.fields),
        dac=known.dac,
        is_single=known.is_single,
        asked=asked,
        contract=contract,
    )
    if not is_inquiry:
        yield table
    for path in _collection_paths(shape):
        line_keys = tuple(_line_keys(shape, path[: depth + 1], known) for depth in range(len(path)))
        yield replace(table, path=path, line_keys=line_keys)


def agreed(table: Table, own: Sequence[Table]) -> Table:
    """The table of all tenants, with the keys that all of them have."""
    keys = table.keys if all(each.keys == table.keys for each in own) else ()
    line_keys = tuple(
        each if all(other.line_keys[depth] == each for other in own) else ()
        for depth, each in enumerate(table.line_keys)
    )
    if (keys, line_keys) == (table.keys, table.line_keys):
        return table
    return replace(table, keys=keys, line_keys=line_keys)


def _collection_paths(shape: Shape, depth: int = 2) -> Iterator[tuple[str, ...]]:
    """The paths to all collections, at most ``depth`` names long."""
    for name, inner in shape.collections.items():
        yield (name,)
        if depth > 1:
            yield from ((name, *below) for below in _collection_paths(inner, depth - 1))
    for name, inner in shape.objects.items():
        if depth > 1:
            yield from ((name, *below) for below in _collection_paths(inner, depth - 1))


def _line_keys(shape: Shape, path: tuple[str, ...], known: Known) -> tuple[str, ...]:
    """The known keys of the collection at ``path``; of deeper ones, only files have one."""
    if path[-1] == FILES:
        return FILE_KEY
    keys = known.line_keys.get(path[0], ()) if len(path) == 1 else ()
    inner = shape.collections.get(path[0])
    return keys if inner and set(keys) <= inner.fields.keys() else ()
