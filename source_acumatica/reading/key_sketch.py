"""A memory of many record ids that stays small, and gives the ids by which it differs from another one.

It is an invertible Bloom lookup table. Each id is added to four cells, one in each quarter of the table. A cell is the
sum of what was added to it, so the cells of two tables can be subtracted: what is in both cancels out. A cell of the
rest that one id alone is left in shows that id, which is then taken out of its other cells, and so on.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2s
from math import isqrt
from typing import Any

from source_acumatica.reading.record_ids import ID_BYTES, id_text, packed, packed_chunks, single_ids

DEFAULT_CAPACITY = 3_000
# The text of a larger table would have more than 300 kB.
MOST_CAPACITY = 5_000
_QUARTERS = 4
# An entry is a number: a one that counts, the id, and a check, which is a hash of the id. Whether a cell's sum of ids
# fits its sum of checks tells whether one id alone is left in it. The hash is a cryptographic one, as the check of a
# sum must not follow from the checks of its parts, however alike the ids are; it is also the fastest there is for few
# bytes. Other bytes of it give the cells.
_CHECK_BYTES = 8
_CELL_BYTES = 1 + ID_BYTES + _CHECK_BYTES
_COUNT_SHIFT, _MASK = 8 * (ID_BYTES + _CHECK_BYTES), (1 << 8 * _CELL_BYTES) - 1
_ONE = b"\1"
_ENTRY = struct.Struct(f">{_CELL_BYTES}s{_QUARTERS}I8x")
# Of a text: what it is, the capacity and how many ids; at its end a hash of it all.
SKETCH = b"\1"
_HEAD = struct.Struct(">IQ")
_SEAL_BYTES = 8


@dataclass(frozen=True)
class Difference:
    """By which ids two sets differ, each in lower case with dashes, in order."""

    only_here: list[str]
    only_there: list[str]


class KeySketch:
    """Which ids a set has, in as little memory for millions as for thousands.

    Up to ``capacity`` ids by which two sketches differ are found, but for one time in a million; mostly some more are.
    Otherwise that is recognized. An id belongs into a set once: the sum of an id that was added twice, less the one of
    the other set, is that of an id which only the first has, and no sketch can distinguish the two. Added twice to one
    and not to the other, it is recognized; twice to both, it cancels out.
    """

    def __init__(self, capacity: int, count: int, quarters: list[list[int]]) -> None:
        self.capacity = capacity
        self.count = count
        """How many ids were added."""
        self._quarters = quarters

    @classmethod
    def empty(cls, capacity: int = DEFAULT_CAPACITY) -> KeySketch:
        """A sketch of no ids.

        Raises:
            ValueError: the capacity is none, or too large for a text of 300 kB.
        """
        cells = _cells_of_a_quarter(capacity)
        return cls(capacity, 0, [[0] * cells for _ in range(_QUARTERS)])

    @classmethod
    def of_text(cls, text: Any) -> KeySketch:
        """The sketch that ``as_text`` has made this text of.

        Raises:
            ValueError: it has not.
        """
        kind, content = opened(text)
        if kind != SKETCH or len(content) < _HEAD.size:
            message = "the text is not a sketch of this version"
            raise ValueError(message)
        capacity, count = _HEAD.unpack_from(content)
        cells, sums = _cells_of_a_quarter(capacity), content[_HEAD.size :]
        if len(sums) != _QUARTERS * cells * _CELL_BYTES:
            message = "the text of a sketch does not have the length of its capacity"
            raise ValueError(message)
        table = [int.from_bytes(sum_bytes) for (sum_bytes,) in struct.iter_unpack(f"{_CELL_BYTES}s", sums)]
        return cls(capacity, count, [table[start : start + cells] for start in range(0, len(table), cells)])

    def as_text(self) -> str:
        """A text of ASCII letters, digits, ``+``, ``/`` and ``=``, as long for many ids as for few."""
        sums = b"".join([(cell & _MASK).to_bytes(_CELL_BYTES) for quarter in self._quarters for cell in quarter])
        return sealed(SKETCH, _HEAD.pack(self.capacity, self.count) + sums)

    def add(self, record_id: str) -> None:
        """Add an id; ``add_all`` is faster for many.

        Raises:
            ValueError: it is not a GUID.
        """
        self.add_packed(packed([record_id]))

    def add_all(self, ids: Iterable[str]) -> None:
        """Add ids, each of which is there once.

        Raises:
            ValueError: one of them is not a GUID; some of those before it have been added.
        """
        for chunk in packed_chunks(ids):
            self.add_packed(chunk)

    def add_packed(self, ids: bytes) -> None:
        """Add ids of 16 bytes each, which stand one after another."""
        first, second, third, fourth = self._quarters
        cells, number = len(first), int.from_bytes
        # One loop without calls of our own: a list of a million ids spends its time here.
        for entry, one, two, three, four in _ENTRY.iter_unpack(_entries(ids)):
            value = number(entry, "big")
            first[one % cells] += value
            second[two % cells] += value
            third[three % cells] += value
            fourth[four % cells] += value
        self.count += len(ids) // ID_BYTES

    def remove_packed(self, ids: bytes) -> None:
        """Take out ids that were added."""
        for entry, *cells in _ENTRY.iter_unpack(_entries(ids)):
            for quarter, cell in zip(self._quarters, cells, strict=True):
                quarter[cell % len(quarter)] -= int.from_bytes(entry, "big")
        self.count -= len(ids) // ID_BYTES

    def without(self, other: KeySketch) -> KeySketch:
        """A sketch of this set without the ids of another one of the same capacity, all of which it has."""
        both = zip(self._quarters, other._quarters, strict=True)
        rest = [[here - there for here, there in zip(*each, strict=True)] for each in both]
        return KeySketch(self.capacity, self.count - other.count, rest)

    def minus(self, other: KeySketch) -> Difference | None:
        """By which ids this set and another one differ; None where these are too many, or were not added once each.

        Raises:
            ValueError: the sketches have not got the same capacity.
        """
        if self.capacity != other.capacity:
            message = "only sketches of the same capacity can be subtracted"
            raise ValueError(message)
        both = zip(self._quarters, other._quarters, strict=True)
        rest = _Rest([[here - there & _MASK for here, there in zip(*each, strict=True)] for each in both])
        signs = rest.signs()
        # That the cells come to nothing is the proof that there are no other ids.
        if rest.is_empty() and sum(signs.values()) == self.count - other.count:
            here, there = ([id_text(each) for each in sorted(signs) if signs[each] == sign] for sign in (1, -1))
            return Difference(here, there)
        return None


class _Rest:
    """What is left of two tables when one is subtracted from the other."""

    def __init__(self, quarters: list[list[int]]) -> None:
        self._quarters = quarters
        self._cells = len(quarters[0])

    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not any(map(any, self._quarters))

    def signs(self) -> dict[bytes, int]:
        """Take out all ids that can be: 1 stands for those of the first table, -1 for those of the second."""
        signs: dict[bytes, int] = {}
        places = [(quarter, cell) for quarter in range(_QUARTERS) for cell in range(self._cells)]
        while places:
            found = self._alone_in(*places.pop())
            if found is None:
                continue
            id_bytes, sign, entry, cells = found
            if id_bytes in signs:
                # No set of ids leads to this, and it might go on for ever.
                return signs
            signs[id_bytes] = sign
            for place in enumerate(cells):
                self._take(place, sign * entry)
                places.append(place)
        return signs

    def _take(self, place: tuple[int, int], value: int) -> None:
        quarter, cell = place
        self._quarters[quarter][cell] = self._quarters[quarter][cell] - value & _MASK

    def _alone_in(self, quarter: int, cell: int) -> tuple[bytes, int, int, list[int]] | None:
        """The id that is alone in a cell, with its sign, its entry and all its cells."""
        value = self._quarters[quarter][cell]
        for sign, entry in ((1, value), (-1, -value & _MASK)):
            if entry >> _COUNT_SHIFT == 1:
                id_bytes = entry.to_bytes(_CELL_BYTES)[len(_ONE) : len(_ONE) + ID_BYTES]
                entry_bytes, *hashes = _ENTRY.unpack(_entries(id_bytes))
                cells = [each % self._cells for each in hashes]
                if entry == int.from_bytes(entry_bytes) and cells[quarter] == cell:
                    return id_bytes, sign, entry, cells
        return None


def sealed(kind: bytes, content: bytes) -> str:
    """A text that ``opened`` makes the same content of, or recognizes as damaged."""
    return base64.b64encode(kind + content + _seal(kind + content)).decode("ascii")


def opened(text: Any) -> tuple[bytes, bytes]:
    """The kind and the content of a text that was made by ``sealed``.

    Raises:
        ValueError: it was not, or is damaged.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except TypeError as error:
        message = "what is kept of a set of ids is a text"
        raise ValueError(message) from error
    content, seal = content[:-_SEAL_BYTES], content[-_SEAL_BYTES:]
    if not content or seal != _seal(content):
        message = "the text that is kept of a set of ids is damaged"
        raise ValueError(message)
    return content[:1], content[1:]


def _seal(content: bytes) -> bytes:
    return blake2s(content, digest_size=_SEAL_BYTES).digest()


def _entries(ids: bytes) -> bytes:
    """For each id its entry and the hashes that its cells are chosen by."""
    hashed = [id_bytes + blake2s(id_bytes).digest() for id_bytes in single_ids(ids)]
    return _ONE + _ONE.join(hashed) if hashed else b""


def checked_capacity(capacity: int) -> int:
    """The capacity, if there are sketches that have it.

    Raises:
        ValueError: there are none.
    """
    if not 0 < capacity <= MOST_CAPACITY:
        message = f"a sketch finds between 1 and {MOST_CAPACITY} differences, not {capacity}"
        raise ValueError(message)
    return capacity


def _cells_of_a_quarter(capacity: int) -> int:
    """So many that two of the ids share all their cells at most once in two million times.

    ``capacity``² / 2 pairs share them with a probability of 1 / cells⁴ each; then neither is ever alone. What else can
    go wrong is far less likely: the cells are 1.8 times the ids or more, and 1.3 times are enough for large tables.
    """
    return isqrt(1_000 * checked_capacity(capacity)) + 1
