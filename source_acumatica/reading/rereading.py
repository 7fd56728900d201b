"""How much of a list to read again in a sync, so that all of it is read again within so many days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.paging import Position
from source_acumatica.reading.window import State, Window

# A fortieth faster than the days ask for: a sync that comes some minutes early still ends the round, and the cost stays
# within the share and a twentieth.
_PACE = 1 + 1 / 40
# Where the number of rows is unknown, it is looked for from here on, doubled each time, up to where no list reaches.
_FIRST_GUESS_ROWS, _MOST_ROWS = 32, 2**30
# The number that is found is at most a thirty-second too large, which the first round costs more.
_GUESS_PARTS = 32
_ALL_ROWS = Window()


@dataclass(frozen=True)
class Rereading:
    """How far one list has been read again, and since when the rest is due."""

    at: str
    """The server's clock when rows were read again last, or when all of them were read; what is due counts from it."""
    rows: int = 0
    """How many the list has, by the last time that it was read to its end; 0: unknown."""
    ahead: int = 0
    """How many more rows than were due had been read again at that time; negative where they were fewer."""
    place: Window = _ALL_ROWS
    """Where to go on: a window of all rows, and the position in it."""

    def due(self, now: datetime, days: int) -> tuple[int, str]:
        """How many rows to read again ``now``, and the time from which on the next ones count.

        They are the share of the time that has passed, and at most all; the time for a part of a row is kept.
        """
        row = timedelta(days=days) / _PACE / self.total
        # Where the clock was put back, no time has passed.
        share = max(now - datetime.fromisoformat(self.at), timedelta()) / row - self.ahead
        if share < 1:
            return 0, min(format_instant(now), self.at)
        if share >= self.total:
            return self.total, format_instant(now)
        return int(share), format_instant(now - share % 1 * row)

    @property
    def total(self) -> int:
        """The rows of the list, as far as they are known; a list without a place in it counts as one."""
        return max(self.rows, self.place.start.offset, 1)

    def went_on(self, left: int, position: Position) -> Rereading:
        """With the rows up to ``position`` read again, where ``left`` are left to read; below 0 are too many."""
        return replace(self, ahead=-left, place=replace(self.place, start=position))

    def as_state(self) -> State:
        """JSON of it."""
        return {"at": self.at, "rows": self.rows, "ahead": self.ahead, "place": self.place.as_state()}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Rereading:
        """The inverse of ``as_state``."""
        return cls(state["at"], state.get("rows", 0), state.get("ahead", 0), Window.of_state(state.get("place", {})))


def found_rows(has_row_at: Callable[[int], bool | None]) -> int | None:
    """About how many rows a list has that nobody has counted, by few requests; None where it cannot be asked.

    ``has_row_at`` says whether there is a row behind so many others.
    """
    low, high = 0, _FIRST_GUESS_ROWS
    while (found := has_row_at(high)) and high < _MOST_ROWS:
        low, high = high, 2 * high
    if found is None:
        return None
    while high - low > low // _GUESS_PARTS + 1:
        middle = (low + high) // 2
        low, high = (middle, high) if has_row_at(middle) else (low, middle)
    return high
