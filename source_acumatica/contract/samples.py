"""Picks the places of a list to take samples at."""

from __future__ import annotations

import math

# Its multiples follow no pattern that records may have, such as every second one, or the first of each day.
_GOLDEN = (math.sqrt(5) - 1) / 2


class NextPlaces:
    """Places in a list behind its first page: twice as far each time, and all over it once its end is passed."""

    def __init__(self, begin: int) -> None:
        self._begin, self._place, self._reach, self._step = begin, begin, begin, 0
        self._is_end_known = False

    def next(self) -> int:
        """Where to look now."""
        return self._place

    def found(self, is_row: bool) -> None:
        """Note whether a row was there."""
        if is_row:
            self._reach = max(self._reach, self._place)
        self._is_end_known |= not is_row
        if self._is_end_known:
            self._step += 1
            self._place = self._begin + int((self._reach - self._begin) * (self._step * _GOLDEN % 1))
        else:
            self._place *= 2


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` places, the first one included, all over them in uneven steps."""
    if count <= most:
        return list(range(count))
    places: dict[int, None] = {0: None, count // 2: None, count - 1: None}
    step = 0
    while len(places) < most:
        step += 1
        places[int(count * (step * _GOLDEN % 1))] = None
    return list(places)[:most]


def now_and_then(count: int, page: int, most: int) -> list[int]:
    """The place of one row, on the second, fourth, eighth page, and so on, on ``most`` pages in all."""
    is_due = page & (page - 1) == 0 and page < 2 ** (most + 1)
    return [int(count * (page * _GOLDEN % 1))] if is_due else []
