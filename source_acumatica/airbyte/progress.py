"""Follows how far each list has come, and says so at least every minute, so that silence means trouble."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.airbyte.signals import Signals
from source_acumatica.erp.errors import message_of
from source_acumatica.erp.sessions import PoolClosed

logger = logging.getLogger("airbyte")

# A line in each minute is promised, so there is room for one that comes late.
INTERVAL_SECONDS = 55.0


class End(StrEnum):
    """How far the reading of a list came."""

    COMPLETE = ""
    STOPPED = "stopped before its end"
    FAILED = "failed"
    NOT_BEGUN = "not begun"


@dataclass
class RowCount:
    """How many rows of one tenant a stream has read; whoever reads them adds up, page by page."""

    where: str
    tenant: str = ""
    stream: str = ""
    rows: int = 0
    """As the ERP sends them; a row may give many records, or none."""
    records: int = 0
    deletions: int | None = None
    """None where deletions are not looked for."""
    remarks: tuple[str, ...] = ()
    """What is missing in the records, or not sure of them."""
    end: End = End.STOPPED
    failure: str = ""
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

    def __init__(self, signals: Signals | None = None) -> None:
        self.signals = signals
        """Where Airbyte is told what holds up a list."""
        self.lists: dict[tuple[str, str], RowCount] = {}
        """By stream and tenant, all lists that are to be read, have been, or are being read."""
        self._counts: list[RowCount] = []
        self._has_ended = threading.Event()

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Log for as long as this lasts."""
        threading.Thread(target=self._log_all, name="progress", daemon=True).start()
        try:
            with self.signals.watching() if self.signals else nullcontext():
                yield
        finally:
            self._has_ended.set()

    def expect(self, stream: str, tenants: Sequence[str]) -> None:
        """Say which lists are to be read."""
        for tenant in tenants:
            self.lists[stream, tenant] = RowCount("", tenant, stream, end=End.NOT_BEGUN)

    @contextmanager
    def of(self, where: str, tenant: str = "", stream: str = "") -> Iterator[RowCount]:
        """Log the progress of ``where`` for as long as this lasts, and keep how it ended."""
        self.lists[stream, tenant] = count = RowCount(where, tenant, stream)
        self._counts.append(count)
        try:
            with self.signals.reading(stream, where) if self.signals else nullcontext():
                yield count
            count.end = End.COMPLETE
        except PoolClosed:
            # The run was ended.
            raise
        except AirbyteTracedException as error:
            count.end, count.failure = End.FAILED, message_of(error)
            raise
        finally:
            self._counts.remove(count)

    def _log_all(self) -> None:
        while not self._has_ended.wait(INTERVAL_SECONDS):
            # Also of streams that have just begun: they are named once a minute like all others.
            for count in list(self._counts):
                logger.info(count.line())
