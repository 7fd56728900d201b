"""Reads a column of records, whether they are compiled or dicts."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any


def column(records: Sequence[Any], name: str) -> list[Any] | None:
    """The cells of a column, as JSON has them; None where the records do not have it."""
    if dict not in set(map(type, records)):
        return _compiled(records, name)
    # A page that was put together from several answers may have records of both kinds.
    return [
        record.get(name) if isinstance(record, dict) else (_compiled([record], name) or [None])[0] for record in records
    ]


def _compiled(records: Sequence[Any], name: str) -> list[Any] | None:
    """Attributes of compiled records are numbered; only their encoder knows which column each is."""
    attributes = dict(zip(records[0].__struct_encode_fields__, records[0].__struct_fields__, strict=True))
    return list(map(attrgetter(attributes[name]), records)) if name in attributes else None


def ids_in(records: Sequence[Any], name: str) -> list[str]:
    """The ids in the column ``name``, as they are written; none of records that have no such column or id."""
    return [str(each) for each in column(records, name) or () if each] if records else []


def changed_since(records: Sequence[Any], name: str | None, since: str | None) -> Sequence[Any]:
    """The records without those whose cell in the column ``name`` is a time before ``since``."""
    stamps = column(records, name) if records and name and since else None
    if not (stamps and since):
        return records
    return [record for record, at in zip(records, stamps, strict=True) if not at or at >= since]
