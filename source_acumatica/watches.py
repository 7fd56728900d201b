"""Looks at what goes out, page by page: whether keys tell its records apart, and how late they are stamped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec

from source_acumatica.errors import config_error

logger = logging.getLogger("airbyte")


def column(records: Sequence[Any], name: str) -> list[Any] | None:
    """The cells of a column, as JSON has them; None where the records do not have it."""
    if isinstance(records[0], dict):
        return [record.get(name) for record in records]
    # Attributes of compiled records are numbered; only their encoder knows which column each is.
    attributes = dict(zip(records[0].__struct_encode_fields__, records[0].__struct_fields__, strict=True))
    return list(map(attrgetter(attributes[name]), records)) if name in attributes else None


@dataclass
class KeyWatch:
    """Holds the primary key of the catalog against the records: a key is a claim of the ERP or of the user."""

    names: tuple[str, ...] = ()
    deduplicates: bool = False
    """Whether the destination drops all but one of the records with one key, so that a wrong one loses rows."""
    _warned: set[str] = field(default_factory=set)

    def page(self, where: str) -> PageKeys:
        """The keys of the next page; records of one answer have no key twice, since none comes twice in it."""
        return PageKeys(self, where)

    def complain(self, where: str, what: str) -> None:
        """Say what is wrong with the key.

        Raises:
            AirbyteTracedException: a ``config_error``, where rows would be lost.
        """
        names = ", ".join(name for name in self.names if name != "_tenant")
        sentence = f"{where}: {what} {names}, so the primary key does not identify a row"
        if self.deduplicates:
            msg = (
                f"{sentence}, and the destination would keep one of them only. Choose another primary key for this "
                "stream, or a sync mode without deduplication, such as Full Refresh | Overwrite."
            )
            raise config_error(msg)
        if where not in self._warned:
            self._warned.add(where)
            logger.warning(f"{sentence}. All of them are sent; do not deduplicate by this key.")


@dataclass
class PageKeys:
    """The keys of one page, which may come in several pieces."""

    watch: KeyWatch
    where: str
    _seen: set[tuple[Any, ...]] = field(default_factory=set)

    def note(self, records: Sequence[Any]) -> None:
        """Look at the keys of records that are about to go out.

        Raises:
            AirbyteTracedException: a ``config_error``, where a key is null or repeats and rows would be lost.
        """
        if not self.watch.names or not records:
            return
        columns = [column(records, name) for name in self.watch.names]
        known = [each for each in columns if each is not None]
        if len(known) < len(columns):
            return
        if any(None in each for each in known):
            self.watch.complain(self.where, "there are rows without")
        before = len(self._seen)
        self._seen.update(zip(*(map(_hashable, each) for each in known), strict=True))
        if len(self._seen) - before < len(records):
            self.watch.complain(self.where, "several rows have the same")


def _hashable(cell: Any) -> Any:
    return bytes(cell) if isinstance(cell, msgspec.Raw) else cell


class Stamps:
    """The latest stamp of a page, and whether a record has none."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        self.newest: str | None = None
        self.has_none = False

    def note(self, records: Sequence[Any]) -> None:
        """Look at the stamps of records; they are in UTC with a fixed width, so they sort as text."""
        cells = column(records, self._name) if self._name and records else None
        if cells:
            stamps = [cell for cell in cells if cell is not None]
            self.has_none |= len(stamps) < len(cells)
            self.newest = max([*filter(None, [self.newest]), *stamps], default=None)
