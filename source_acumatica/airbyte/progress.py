"""Says at least every minute how far each stream has come, so that silence means trouble."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

logger = logging.getLogger("airbyte")

# A line in each minute is promised, so there is room for one that comes late.
INTERVAL_SECONDS = 55.0


@dataclass
class RowCount:
    """How many rows of one tenant a stream has read; whoever reads them adds up, page by page."""

    where: str
    rows: int = 0
    """As the ERP sends them; a row may give many records, or none."""
    records: int = 0
    rows_logged: int = 0
    logged_at: float = field(default_factory=time.monotonic)

    def line(self) -> str:
        """The log line: the rows so far, and the rate since the last line."""
        now, rows = time.monotonic(), self.rows
        rate = (rows - self.rows_logged) / max(now - self.logged_at, 1e-3)
        self.rows_logged, self.logged_at = rows, now
        waiting = "" if rate else " (waiting for the ERP or for a seat)"
        return f"{self.where}: {rows:,} rows so far, {rate:,.0f} a second{waiting}."


class ProgressLog:
    """Logs from a thread of its own, since a reader may wait for one answer for minutes."""

    def __init__(self) -> None:
        self._counts: list[RowCount] = []
        self._has_ended = threading.Event()

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Log for as long as this lasts."""
        threading.Thread(target=self._log_all, name="progress", daemon=True).start()
        try:
            yield
        finally:
            self._has_ended.set()

    @contextmanager
    def of(self, where: str) -> Iterator[RowCount]:
        """Log the progress of ``where`` for as long as this lasts."""
        count = RowCount(where)
        self._counts.append(count)
        try:
            yield count
        finally:
            self._counts.remove(count)

    def _log_all(self) -> None:
        while not self._has_ended.wait(INTERVAL_SECONDS):
            # Also of streams that have just begun: they are named once a minute like all others.
            for count in list(self._counts):
                logger.info(count.line())
