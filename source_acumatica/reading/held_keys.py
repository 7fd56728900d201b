"""Remembers which records a list had: a few by their ids, many by a sketch of these."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from source_acumatica.reading.key_sketch import (
    DEFAULT_CAPACITY,
    SKETCH,
    Difference,
    KeySketch,
    checked_capacity,
    opened,
    sealed,
)
from source_acumatica.reading.record_ids import ID_BYTES, id_text, packed_chunks, single_ids

# Their text has 85 kB, which is less than that of a sketch with the default capacity.
MOST_EXACT_IDS = 4_000
MOST_NEW_TOLD = 20_000
"""More are never looked at one by one."""
_EXACT = b"\2"
_HEAD = struct.Struct(">I")


@dataclass(frozen=True)
class Comparison:
    """What a list that was read just now says about the ids held before."""

    gone: list[str] | None
    """Those held that the list does not have, in order; None where they could not be found out."""
    new: list[str]
    """Those listed that were not held, in the order of the list where these are few."""
    listed: HeldKeys
    """The ids of the list, to be held from now on."""


class HeldKeys:
    """The ids of a list; a few exactly, and of many a sketch, so that memory and text do not grow with the list.

    Up to ``MOST_EXACT_IDS`` it makes no difference how often an id is added. From there on, each has to be added once,
    as ``KeySketch`` explains.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        """``capacity`` is that of the sketch, once there is one.

        Raises:
            ValueError: no sketch has this capacity.
        """
        self.capacity = checked_capacity(capacity)
        self._exact: set[bytes] = set()
        self._sketch: KeySketch | None = None

    @classmethod
    def of_text(cls, text: Any) -> HeldKeys:
        """The ids that ``as_text`` has made this text of.

        Raises:
            ValueError: it has not.
        """
        kind, content = opened(text)
        if kind == SKETCH:
            sketch = KeySketch.of_text(text)
            held = cls(sketch.capacity)
            held._sketch = sketch
            return held
        if kind != _EXACT or len(content) % ID_BYTES != _HEAD.size:
            message = "the text is not a set of ids of this version"
            raise ValueError(message)
        held = cls(*_HEAD.unpack_from(content))
        held._exact = set(single_ids(content[_HEAD.size :]))
        return held

    def as_text(self) -> str:
        """A text of at most 300 kB, of ASCII letters, digits, ``+``, ``/`` and ``=``."""
        if self._sketch:
            return self._sketch.as_text()
        return sealed(_EXACT, _HEAD.pack(self.capacity) + b"".join(sorted(self._exact)))

    @property
    def count(self) -> int:
        """How many ids there are."""
        return self._sketch.count if self._sketch else len(self._exact)

    @property
    def is_exact(self) -> bool:
        """Whether the ids themselves are held."""
        return self._sketch is None

    def add_all(self, ids: Iterable[str]) -> None:
        """Add ids, which are looked at once, a few at a time.

        Raises:
            ValueError: one of them is not a GUID; some of those before it have been added.
        """
        for chunk in packed_chunks(ids):
            self._add(chunk)

    def unheld(self, ids: Sequence[str]) -> Sequence[str]:
        """Those of the ids that are not held; all of them where the ids themselves are not.

        Raises:
            ValueError: one of them is not a GUID.
        """
        if self._sketch:
            return ids
        packed = (id_bytes for chunk in packed_chunks(ids) for id_bytes in single_ids(chunk))
        return [id_ for id_, id_bytes in zip(ids, packed, strict=True) if id_bytes not in self._exact]

    def minus(self, other: HeldKeys) -> Difference | None:
        """By which ids these and others differ; None where these are too many, or were not added once each.

        Raises:
            ValueError: both are sketches, and do not have the same capacity.
        """
        if self._sketch or other._sketch:
            # A set that is exact can become a sketch of any capacity.
            capacity = (self._sketch or other._sketch or self).capacity
            return self._as_sketch(capacity).minus(other._as_sketch(capacity))
        return Difference(_texts(self._exact - other._exact), _texts(other._exact - self._exact))

    def remove_all(self, ids: Iterable[str]) -> None:
        """Take out ids, each of which was added.

        Raises:
            ValueError: one of them is not a GUID.
        """
        for chunk in packed_chunks(ids):
            if self._sketch is None:
                self._exact.difference_update(single_ids(chunk))
            else:
                self._sketch.remove_packed(chunk)

    def compare(self, listed: Iterable[str], recent: HeldKeys | None = None, *, holds_rest: bool = True) -> Comparison:
        """By which ids a list differs from these; it is read once, and its ids are not kept.

        Where these are held exactly, it makes no difference how many others the list has. Where they are not, and the
        list differs by more than can be found out, ``recent`` may hold, once the list is read, those of its ids that
        are most likely new: then what is gone is found out, and what is new beside those.

        Where these are held exactly, some ``MOST_NEW_TOLD`` are given as new. ``holds_rest``: the others are held from
        now on all the same.

        Raises:
            ValueError: an id of the list is not a GUID.
        """
        now = HeldKeys(self.capacity)
        if self._sketch:
            now.add_all(listed)
            if difference := self.minus(now):
                return Comparison(difference.only_here, difference.only_there, now)
            rest = self.minus(now._without(recent)) if recent and recent.count else None
            return Comparison(rest.only_here, rest.only_there, now) if rest else Comparison(None, [], now)
        gone, new = set(self._exact), list[str]()
        for chunk in packed_chunks(listed):
            gone.difference_update(single_ids(chunk))
            unheld = [each for each in single_ids(chunk) if each not in self._exact]
            if len(new) <= MOST_NEW_TOLD:
                new += map(id_text, unheld)
            elif not holds_rest:
                chunk = b"".join(each for each in single_ids(chunk) if each in self._exact)
            now._add(chunk)
        return Comparison(_texts(gone), new, now)

    def _add(self, ids: bytes) -> None:
        if self._sketch is None:
            self._exact.update(single_ids(ids))
            if len(self._exact) > MOST_EXACT_IDS:
                self._sketch, self._exact = self._as_sketch(self.capacity), set()
        else:
            self._sketch.add_packed(ids)

    def _without(self, other: HeldKeys) -> HeldKeys:
        """A sketch of these without the others, which are among them."""
        rest = HeldKeys(self.capacity)
        rest._sketch = self._as_sketch(self.capacity).without(other._as_sketch(self.capacity))
        return rest

    def _as_sketch(self, capacity: int) -> KeySketch:
        if self._sketch:
            return self._sketch
        sketch = KeySketch.empty(capacity)
        sketch.add_packed(b"".join(self._exact))
        return sketch


def _texts(ids: Iterable[bytes]) -> list[str]:
    return list(map(id_text, sorted(ids)))
