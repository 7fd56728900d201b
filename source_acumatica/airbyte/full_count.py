"""Counts the records of full reads in the state, so that the next one can say how many to expect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from source_acumatica.airbyte.progress import RowCount
from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.paging import Position
from source_acumatica.reading.progress import Progress
from source_acumatica.reading.window import Window


def is_full(window: Window, begin: str | None) -> bool:
    """Whether a window has all rows; ``begin`` is where a start date cuts them."""
    return not window.is_unstamped and window.since in (None, begin)


class FullCount:
    """Counts the records of one tenant's window, if all rows are in it; a sync that is cut off goes on counting."""

    def __init__(
        self, progress: TenantCursor | None, tenant: str, window: Window, begin: str | None, count: RowCount
    ) -> None:
        self._progress = progress if is_full(window, begin) else None
        self._tenant, self._offset = tenant, window.start.offset
        self._before = count.records
        # Where an earlier version began, nobody knows.
        self._records = progress.progress(tenant).counted if progress and self._offset else 0

    def add(self, position: Position, count: RowCount) -> None:
        """Note the page up to ``position``, whose records are in ``count`` now; the next state has it."""
        records, self._before = count.records - self._before, count.records
        if self._progress is None:
            return
        if position.offset < self._offset:
            # The list was begun again.
            self._records = 0
        self._offset = position.offset
        if self._records is not None:
            self._records += records
        self._progress.note(self._tenant, counted=self._records)

    def done(self) -> None:
        """Note that the window was read to its end. That there are no rows is not proven by that."""
        if self._progress is not None:
            known: dict[str, Any] = {"all_records": self._records} if self._records else {}
            self._progress.note(self._tenant, **known, counted=None)


def expected(reads: Iterable[tuple[Progress, Iterable[Window]]], begin: str | None) -> int | None:
    """How many records come of all tenants: as many as the last full read of each had, less what has come of this one.

    None where that is unknown of one: it was never read as a whole, or only what has changed is read.
    """
    rows = 0
    for progress, windows in reads:
        full = next((window for window in windows if is_full(window, begin)), None)
        if full is None or progress.all_records is None:
            return None
        sent = (progress.counted or 0) if full.start.offset else 0
        rows += max(progress.all_records - sent, 0)
    return rows or None
