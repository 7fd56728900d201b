"""Keeps which parts of its records a list has shown, and which records to read by themselves while it has not.

A list that leaves a part empty although its records have it looks the same as one whose records have none: only a
record by itself tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from source_acumatica.parts import holds

# So many records of the first page, so many places further on in the list, and so many pages later on: a part that a
# tenth of the records have is found nine times in ten.
FIRST_SAMPLES, SAMPLES_AHEAD, _LATER_SAMPLES = 10, 10, 10
# Of a list that has been looked at like that within the last day.
FEW_SAMPLES = 3
# Its multiples fall on no pattern that records may have: every second one, the first of each day.
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass
class HollowParts:
    """The parts of one list, in one run."""

    first_samples: int
    _shown: set[str] = field(default_factory=set)
    _believed: set[str] = field(default_factory=set)
    _pages: int = 0

    def unproven(self, rows: Sequence[Any], parts: Iterable[str]) -> list[str]:
        """The ``parts`` of which neither these rows nor any before have shown something."""
        hollow = [part for part in parts if part not in self._shown]
        self._shown.update(part for part in hollow if holds(rows, part))
        return [part for part in hollow if part not in self._shown]

    def samples(self, count: int) -> list[int]:
        """Which rows of a hollow page of ``count`` to read by themselves: some of the first one, then ever fewer."""
        if not count:
            return []
        self._pages += 1
        if self._pages == 1:
            return spread(count, self.first_samples)
        is_one = self._pages & (self._pages - 1) == 0 and self._pages < 2 ** (_LATER_SAMPLES + 1)
        return [int(count * (self._pages * _GOLDEN % 1))] if is_one else []

    @property
    def is_first_page(self) -> bool:
        """Whether no page but one was hollow so far."""
        return self._pages <= 1

    def believe(self, parts: Iterable[str]) -> None:
        """Rows without these go out."""
        self._believed.update(parts)

    def have_gone_out(self, parts: Iterable[str]) -> bool:
        """Whether rows without one of these have gone out."""
        return not self._believed.isdisjoint(parts)


class PlacesAhead:
    """Places in a list behind its first page: twice as far each time, and once its end is passed, all over it."""

    def __init__(self, begin: int) -> None:
        self._begin, self._place, self._reach, self._step = begin, begin, begin, 0
        self._is_end_known = False

    def next(self) -> int:
        """Where to look now."""
        return self._place

    def found(self, is_row: bool) -> None:
        """Whether a row was there."""
        if is_row:
            self._reach = max(self._reach, self._place)
        self._is_end_known |= not is_row
        if self._is_end_known:
            self._step += 1
            self._place = self._begin + int((self._reach - self._begin) * (self._step * _GOLDEN % 1))
        else:
            self._place *= 2


def spread(count: int, most: int) -> list[int]:
    """So many of ``count`` places, from the first on, all over them and in no even steps."""
    if count <= most:
        return list(range(count))
    places: dict[int, None] = {0: None, count // 2: None, count - 1: None}
    step = 0
    while len(places) < most:
        step += 1
        places[int(count * (step * _GOLDEN % 1))] = None
    return list(places)[:most]
