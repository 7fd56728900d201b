"""Reads from the stamps of a page when its records were changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from source_acumatica.airbyte.columns import column
from source_acumatica.reading.learnt import SHOWS_DATES
from source_acumatica.reading.progress import Progress

# Midnight of any zone, in UTC: zones are whole quarters of an hour apart.
_LIKE_A_DATE = (":00:00.000000Z", ":15:00.000000Z", ":30:00.000000Z", ":45:00.000000Z")
# One of 900 times in whole seconds looks like a date by chance.
_FEWEST_DATES, _ROWS_TO_A_DATE = 2, 50
# Fewer rows may show two times of the day by chance.
_ROWS_OF_A_YEAR = 10
# A day, and one more for the zone in which it begins.
_STEP_OF_DATES = timedelta(days=2)


def looks_like_a_date(stamp: str) -> bool:
    """Whether a stamp in UTC may be a date without a time, in any zone."""
    return stamp.endswith(_LIKE_A_DATE)


def lag_of_dates(lag: timedelta, progress: Progress, *, has_times: bool) -> timedelta:
    """How far stamps may lie behind, where they may be dates: what changes later that day has the same date.

    That is also so where the stamps of other rows have a time. ``has_times``: the stream's own are known to have one.
    """
    may_be_a_date = not has_times and looks_like_a_date(progress.newest or "")
    return max(lag, _STEP_OF_DATES) if may_be_a_date or SHOWS_DATES in progress.learnt else lag


def are_dates(stamps: Sequence[str], latest: str) -> bool:
    """Whether all stamps in UTC may be dates of one zone: days begin at one time in UTC, and at another in summer."""
    if not looks_like_a_date(latest):
        return False
    return len({stamp[len("2026-11-30") :] for stamp in stamps}) <= (1 if len(stamps) < _ROWS_OF_A_YEAR else 2)


class Stamps:
    """The latest stamp of a page, and whether a record has none."""

    def __init__(self, name: str | None, by: str | None = None, *, may_be_dates: bool = True) -> None:
        """``may_be_dates``: any stamps may be dates.

        The database stamps rows with times, some of them at full hours: there, only all stamps together can be dates.
        """
        self._name, self._by, self._may_be_dates = name, by, may_be_dates
        self.newest: str | None = None
        self.believable: str | None = None
        """The latest that is not later than ``by``: single rows may be stamped with any time in the future."""
        self.has_none = False
        self._count = self._date_count = 0

    @property
    def shows_dates(self) -> bool:
        """Whether stamps are dates without a time, at least of some rows."""
        return self._date_count >= max(_FEWEST_DATES, self._count / _ROWS_TO_A_DATE)

    def note(self, records: Sequence[Any]) -> None:
        """Look at the stamps of records; they are in UTC with a fixed width, so they sort as text."""
        cells = column(records, self._name) if self._name and records else None
        if cells:
            stamps = [cell for cell in cells if cell is not None]
            self.has_none |= len(stamps) < len(cells)
            latest = max(stamps, default=None)
            if self._may_be_dates or are_dates(stamps, latest or ""):
                self._count += len(stamps)
                self._date_count += sum(map(looks_like_a_date, stamps))
            self.newest = max(filter(None, (self.newest, latest)), default=None)
            if latest and self._by and latest > self._by:
                latest = max((stamp for stamp in stamps if stamp <= self._by), default=None)
            self.believable = max(filter(None, (self.believable, latest)), default=None)
