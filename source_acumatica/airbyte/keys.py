"""Checks, page by page, that the primary key identifies the records of a stream."""

from __future__ import annotations

import logging
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat, starmap
from operator import lt
from typing import Any

import msgspec

from source_acumatica.airbyte.columns import column
from source_acumatica.airbyte.records import filled
from source_acumatica.erp.errors import config_error
from source_acumatica.reading.table import PARAMETER

logger = logging.getLogger("airbyte")

Key = tuple[Any, ...]
_MARK, _ROW_MARK = (1 << 64) - 1, (1 << 32) - 1


@dataclass
class KeyWatch:
    """Checks the primary key of the catalog on the records: it is a claim of the ERP or of the user."""

    names: tuple[str, ...] = ()
    deduplicates: bool = False
    """Whether the destination drops all but one of the records with one key, so that a wrong one loses rows."""
    is_the_tables: bool = True
    """Whether it is the key of a table, where two rows that are equal in all columns are one row sent twice."""
    is_chosen: bool = True
    """Whether the user has chosen it; one that the source defines cannot be changed."""
    _warned: set[str] = field(default_factory=set)

    def list(self, where: str, own: Sequence[str] = ()) -> ListKeys:
        """The keys of one list, page by page; ``own`` are the columns that the list is ordered by, if they are unique.

        Rows that share those are neighbours. Any other key may come again much later. To notice that costs memory, so
        it is done only where the destination would drop a row for it.
        """
        is_in_order = bool(own) and {*own} <= {*self.names}
        return ListKeys(self, where, own, KeyMarks() if self.deduplicates and not is_in_order else None)

    def claimed_list(self, where: str, own: Sequence[str], id_: str | None) -> ListKeys:
        """The keys of a list that is believed, but not known, to be ordered by the ``own`` columns.

        ``id_`` is the column with an id of the row, or of its record, that never changes, if there is one.
        """
        keys = self.list(where, own)
        if self.deduplicates and keys.marks is None:
            keys.own, keys.in_order = (id_,) if id_ else (), KeysInOrder()
        return keys

    def complain(self, where: str, what: str) -> None:
        """Refuse, or warn of, what is wrong with the key.

        Raises:
            AirbyteTracedException: a ``config_error``, where rows would be lost.
        """
        another = "another primary key for this stream, or " if self.is_chosen else ""
        self.refuse(
            where,
            f"{where}: {what} {self._identity}, so the primary key does not identify a row",
            f", and the destination would keep one of them only. Choose {another}a sync mode without deduplication, "
            "such as Full Refresh | Overwrite.",
            "All of them are sent",
        )

    def complain_of(self, where: str, keys: Sequence[str]) -> None:
        """Refuse, or warn, that several rows have the same ``keys``, if these are the key of the catalog.

        Raises:
            AirbyteTracedException: as ``complain``.
        """
        if {"_tenant", *keys} == set(self.names):
            self.complain(where, "several rows have the same")

    def refuse_lost(self, where: str, described: Collection[str]) -> None:
        """Refuse, or warn, that columns of the key are missing; those of parameters come from the settings.

        Raises:
            AirbyteTracedException: a ``config_error``, where rows would be lost.
        """
        lost = [name for name in self.names if name not in described and not name.startswith(PARAMETER)]
        if not lost:
            return
        self.refuse(
            where,
            f"{where}: the ERP does not describe {', '.join(lost)} there (any more), which the primary key has",
            ": the destination would keep one row for many. Bring the column back under its name, or refresh the "
            "connection's schema.",
            "The rows are sent",
        )

    def refuse(self, where: str, sentence: str, loss: str, otherwise: str) -> None:
        """Fail with the ``sentence`` and the ``loss`` where the destination deduplicates by the key; warn elsewhere."""
        if self.deduplicates:
            msg = f"{sentence}{loss}"
            raise config_error(msg)
        self._warn(where, f"{sentence}. {otherwise}; do not deduplicate by this key.")

    def doubt(self, where: str) -> None:
        """Warn that rows with one key have come far from each other: they may be one row, or two."""
        self._warn(
            where,
            f"{where}: rows with the same {self._identity} have come, one far behind the other, and the destination "
            "keeps the last one. Either the row was changed while the list was read, or the primary key does not "
            "identify a row: check it if this warning stays.",
        )

    def warn_of_repeats(self, where: str) -> None:
        """Warn that rows come twice."""
        self._warn(where, f"{where}: the ERP gives rows with the same {self._identity} twice; they are sent once.")

    @property
    def _identity(self) -> str:
        return ", ".join(name for name in self.names if name != "_tenant")

    def _warn(self, where: str, sentence: str) -> None:
        if where not in self._warned:
            self._warned.add(where)
            logger.warning(sentence)


class KeyMarks:
    """Remembers which row each key came with, in some fifteen bytes a row: a list may have millions."""

    # 150 megabytes. Keys behind these are compared with them, and not remembered.
    _MOST_ROWS = 10_000_000
    _KEY_BYTES, _ROW_BYTES, _ENTRY_BYTES = 6, 4, 10

    def __init__(self) -> None:
        self._buckets: defaultdict[bytes, bytearray] = defaultdict(bytearray)
        self._count = 0

    def is_repeat(self, key: Key, row: Any) -> bool:
        """Whether the key has come with another row; a key that has not come is remembered."""
        return self.is_repeated_mark(hash(key), hash(row))

    def is_repeated_mark(self, key: int, row: int) -> bool:
        """The same, by the hashes of both."""
        mark = (key & _MARK).to_bytes(8)
        bucket, rest = self._buckets[mark[:2]], mark[2:]
        row_mark = (row & _ROW_MARK).to_bytes(self._ROW_BYTES)
        at = bucket.find(rest)
        while at > 0 and at % self._ENTRY_BYTES:
            at = bucket.find(rest, at + 1)
        if at >= 0:
            return bucket[at + self._KEY_BYTES : at + self._ENTRY_BYTES] != row_mark
        if self._count < self._MOST_ROWS:
            self._count += 1
            bucket += rest + row_mark
        return False


class KeysInOrder:
    """Remembers the keys of a list with their rows, at little cost as long as each is greater than the one before."""

    # 160 megabytes; keys behind these are not remembered.
    _MOST_ROWS = 10_000_000

    def __init__(self) -> None:
        self._keys, self._rows, self._last = array("q"), array("q"), Key()

    def goes_on_with(self, keys: Sequence[Key], rows: Iterable[Any]) -> bool:
        """Whether these continue the list in order; only then are they remembered."""
        try:
            is_in_order = self._last < keys[0] and all(starmap(lt, pairwise(keys)))
        except TypeError:
            # Numbers with and without a point do not compare.
            is_in_order = False
        if is_in_order:
            self._last = keys[-1]
            if len(self._keys) < self._MOST_ROWS:
                self._keys.extend(map(hash, keys))
                self._rows.extend(map(hash, rows))
        return is_in_order

    def marks(self) -> KeyMarks:
        """What has come, to compare keys with that come in another order."""
        marks = KeyMarks()
        for key, row in zip(self._keys, self._rows, strict=True):
            marks.is_repeated_mark(key, row)
        return marks


@dataclass
class ListKeys:
    """The keys of one list; the records of a page may come in several pieces."""

    watch: KeyWatch
    where: str
    own: Sequence[str] = ()
    marks: KeyMarks | None = None
    fresh: tuple[str | None, str | None] = (None, None)
    """The column with the stamps, and the time from which on a change was made while the list was read, if known."""
    in_order: KeysInOrder | None = None
    """For a list that is believed to be ordered by the key; once it shows that it is not, ``marks`` are kept."""
    _seen: set[Key] = field(default_factory=set)
    _last: tuple[Key, Any] | None = None
    """The key and the record that came last: the next record has another key."""

    def begin_page(self, *, begins_as_last: bool) -> None:
        """A page begins: no row comes twice in a page, nor in two unless the reader says so."""
        self._last = self._last if begins_as_last else None
        self._seen = {self._last[0]} if self._last else set()

    def distrust_own(self) -> None:
        """The columns that the list is ordered by are not unique: from now on rows are compared as a whole."""
        if self.own and self.marks is not None:
            self.own, self.marks = (), KeyMarks()

    def checked(self, records: Sequence[Any]) -> Sequence[Any]:
        """The records to send: all without those that come twice.

        Raises:
            AirbyteTracedException: a ``config_error``, where a key is null or repeats and rows would be lost.
        """
        columns = [column(records, name) for name in self.watch.names] if records else []
        known = [each for each in columns if each is not None]
        if not known or len(known) < len(columns):
            return records
        if any(None in each for each in known):
            self.watch.complain(self.where, "there are rows without")
        keys: Sequence[Key] = list(zip(*(map(_hashable, each) for each in known), strict=True))
        new = set(keys)
        if len(new) < len(keys) or not self._seen.isdisjoint(new):
            records, keys = self._once(records, keys)
        self._seen |= new
        if keys:
            self._last = keys[-1], records[-1]
            self._compare_with_all(records, keys)
        return records

    def _compare_with_all(self, records: Sequence[Any], keys: Sequence[Key]) -> None:
        """Compare the keys with those of the whole list; a row that is read again has the same own keys as before.

        A list without own keys has its rows compared as a whole, so that a row which has changed is another one.
        """
        if self.marks is None and self.in_order is None:
            return
        own = [each for each in (column(records, name) for name in self.own) if each is not None]
        if self.in_order is not None:
            if self.in_order.goes_on_with(keys, _rows_of(own) if own else repeat(None, len(keys))):
                return
            self.marks, self.in_order = self.in_order.marks(), None
        if self.marks is None:
            return
        rows = _rows_of(own) if own else map(_text, records)
        marked = enumerate(zip(keys, rows, strict=True))
        repeats = [place for place, (key, row) in marked if self.marks.is_repeat(key, row)]
        if repeats:
            if own and not self._are_fresh(records, repeats):
                self.watch.complain(self.where, "several rows have the same")
            self.watch.doubt(self.where)

    def _are_fresh(self, records: Sequence[Any], places: Sequence[int]) -> bool:
        """Whether these were changed since the list was begun: a renamed row comes again under its new name."""
        name, begun = self.fresh
        stamps = column(records, name) if name and begun else None
        return stamps is not None and all(stamps[place] and stamps[place] >= begun for place in places)

    def _once(self, records: Sequence[Any], keys: Sequence[Key]) -> tuple[Sequence[Any], Sequence[Key]]:
        """Without records that equal another; records that share only a key are refused, or warned of."""
        kept: dict[Key, Any] = dict([self._last]) if self._last else {}
        once: list[int] = []
        for place, (key, record) in enumerate(zip(keys, records, strict=True)):
            if key in kept and self.watch.is_the_tables and _same(kept[key], record):
                self.watch.warn_of_repeats(self.where)
                continue
            if key in kept or key in self._seen:
                self.watch.complain(self.where, "several rows have the same")
            kept[key] = record
            once.append(place)
        return [records[place] for place in once], [keys[place] for place in once]


def _same(one: Any, other: Any) -> bool:
    return _text(one) == _text(other)


def _text(record: Any) -> bytes:
    """A row may come once in a page that fits its type, and once in one that does not."""
    return msgspec.json.encode(filled(record))


def _rows_of(columns: Iterable[Sequence[Any]]) -> Iterable[tuple[Any, ...]]:
    return zip(*(map(_hashable, each) for each in columns), strict=True)


def _hashable(cell: Any) -> Any:
    return bytes(cell) if isinstance(cell, msgspec.Raw) else cell
