"""How many rows a page is asked for with: more while pages come fast, fewer where they take long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# An anchored page overlaps the one before, so one row is no page.
SMALLEST_PAGE_ROWS = 2
# The first page is small, since it is not known yet how heavy the rows of this entity are. With many values it is
# smaller still: several lists may begin at the same time.
FIRST_PAGE_ROWS = 500
_FEWEST_ROWS_OF_FIRST_PAGE = 50
_FIRST_PAGE_BYTES, _VALUE_BYTES = 3 * 1024 * 1024, 45
# Below this an answer was quick and the next page may be larger; above, it is made smaller. A proxy in between often
# gives up after 60 s.
_QUICK_SECONDS = 5.0
_SLOW_SECONDS = 30.0
# A page in memory takes three times the size of its response, and of each list that is read there may be one.
_LARGE_BYTES = 16 * 1024 * 1024
_LARGE_BYTES_OF_SEVERAL = 8 * 1024 * 1024
WEIGHT_OF_DICTS = 3
"""Where each value has an object around it, a dict for each row and each value takes so many times as much as that."""


@dataclass
class PageSize:
    """How many rows are asked for at once: from a small start towards ``largest``, as the answers' cost allows."""

    largest: int
    values: int = 0
    """About how many values come with a row; of dicts as many as weigh as much, 0 where it is not known."""
    rows: int = field(default=0, init=False)
    lists: Callable[[], int] = lambda: 1
    """How many lists are being read at the same time."""
    _refused_rows: int = 0
    _refusals: int = 0
    """How often in a row this size was too much: each time it takes longer until it is tried again."""
    _pages_until_tried: int = 0

    def __post_init__(self) -> None:
        self.largest = max(self.largest, SMALLEST_PAGE_ROWS)
        rows = _FIRST_PAGE_BYTES // (self.values * _VALUE_BYTES) if self.values else FIRST_PAGE_ROWS
        self.rows = min(max(rows, _FEWEST_ROWS_OF_FIRST_PAGE), FIRST_PAGE_ROWS, self.largest)

    def observe(self, seconds: float, size_bytes: int, asked: int | None = None) -> None:
        """Adapt to what a page cost that was asked for with so many rows."""
        large = _LARGE_BYTES if self.lists() <= 1 else _LARGE_BYTES_OF_SEVERAL
        if seconds > _SLOW_SECONDS or size_bytes > large:
            self.shrink(asked)
        elif seconds < _QUICK_SECONDS and 2 * size_bytes < large:
            self._grow()

    def _grow(self) -> None:
        larger = min(self.rows * 2, self.largest)
        if self._refused_rows and larger >= self._refused_rows and self._pages_until_tried:
            self._pages_until_tried -= 1
            return
        if self.rows >= self._refused_rows:
            self._refused_rows = self._refusals = 0
        self.rows = larger

    def shrink(self, asked: int | None = None) -> bool:
        """Halve the size; False where that is not possible.

        ``asked``: how many rows the failed request had asked for. Several requests may fail for one cause: only the
        first of them halves the size.
        """
        was = min(self.rows, asked or self.rows)
        if asked and asked > self.rows:
            return True
        self.rows = max(was // 2, SMALLEST_PAGE_ROWS)
        if self.rows == was:
            return False
        self._refusals = self._refusals + 1 if was == self._refused_rows else 1
        self._refused_rows, self._pages_until_tried = was, 2 ** (self._refusals - 1) - 1
        return True


def weight(size_bytes: int, rows: Sequence[Any]) -> int:
    """The size of a response of the contract API; for rows that are dicts, that of as much memory of typed rows."""
    return size_bytes * WEIGHT_OF_DICTS if rows and isinstance(rows[0], dict) else size_bytes


def can_be_smaller(token: Mapping[str, Any]) -> bool:
    """Whether a request that is too much can ask for fewer rows; otherwise it is repeated as it is."""
    top: int = token.get("top", 0)
    return top > SMALLEST_PAGE_ROWS
