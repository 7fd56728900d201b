"""Finds what was asked for and does not come in the rows of an answer, so that it is not taken for null."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from source_acumatica.erp.json_text import decode
from source_acumatica.odata.linked_tables import LinkedTable
from source_acumatica.reading.fields import Raw

_MEMBERS: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL = re.compile(rb'":\s*null\b')


@dataclass
class Answered:
    """The text of an answer, asked for the names in its rows: decoded rows do not tell null from missing."""

    body: bytes
    in_links: Collection[str] = ()
    """The names that linked rows in it have: the text alone does not tell whose they are."""

    def names(self, name: str) -> bool:
        """Whether any row names this column or link; of a name that JSON may spell in several ways that is believed."""
        if not name.isascii():
            return True
        is_somewhere = b'"%b"' % name.encode() in self.body
        return is_somewhere and (name not in self.in_links or name in self._first or name in self._all)

    @property
    def writes_nulls(self) -> bool:
        """Whether there are empty values in it: some servers leave them out."""
        return _NULL.search(self.body) is not None

    @cached_property
    def _rows(self) -> Sequence[bytes]:
        members = decode(_MEMBERS, self.body)
        rows = bytes(members.get("value", b""))
        # A row by itself has no list around it.
        return msgspec.json.decode(rows, type=list[msgspec.Raw]) if rows.startswith(b"[") else [self.body]

    @cached_property
    def _first(self) -> frozenset[str]:
        return self._named_in(self._rows[:1])

    @cached_property
    def _all(self) -> frozenset[str]:
        return self._named_in(self._rows)

    def _named_in(self, rows: Sequence[bytes]) -> frozenset[str]:
        return frozenset(name for row in rows for name in decode(_MEMBERS, row))


def unserved(rows: Sequence[Raw], answered: Answered, columns: Iterable[str]) -> tuple[str, ...]:
    """Those of the columns that an answer does not name, although it writes empty values as null.

    Only columns that are empty in the first row are looked for, since that row names nearly all.
    """
    empty = [name for name in columns if rows[0].get(name) is None] if rows else []
    silent = tuple(name for name in empty if not answered.names(name))
    return silent if silent and answered.writes_nulls else ()


def unserved_links(rows: Sequence[Any], answered: Answered, links: Mapping[str, LinkedTable]) -> tuple[str, ...]:
    """The links, or places in them, that were asked for and do not come with these rows of an answer.

    A row that leads to none says so with a null (BEHAVIOR.md, "OData"), so a link that is not even named was ignored.
    """
    return tuple(place for name, linked in links.items() for place in _unserved(rows, answered, name, linked))


def _unserved(rows: Sequence[Any], answered: Answered, name: str, linked: LinkedTable) -> Iterator[str]:
    cells = [cell for row in rows if (cell := row.get(name)) is not None]
    is_named = bool(cells) or not rows or answered.names(name)
    if not is_named or not all(isinstance(cell, dict) for cell in cells):
        yield name
    elif cells:
        yield from (f"{name}.{place}" for place in linked.silent_in(cells))
