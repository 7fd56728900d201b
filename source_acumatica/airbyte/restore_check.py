"""Notices that a tenant was put back to an earlier state: the latest row that came before is gone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.database_clock import FURTHEST_OFF
from source_acumatica.reading.facts import TenantFacts
from source_acumatica.reading.fields import ROUNDING, format_instant, moved
from source_acumatica.reading.learnt import STAMPS_STAND
from source_acumatica.reading.reader import Reader
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

_A_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class RestoreCheck:
    """Asks, after an incremental read, whether a row is still there that is stamped as late as one that came before.

    ``newest``, wherever it is given, is the latest stamp that had come before this sync.
    """

    reader: Reader
    facts: TenantFacts
    progress: TenantCursor
    lookback: timedelta
    has_condition: bool
    """Whether the user's row filter chooses the rows."""
    is_stamped_by_the_database: bool
    now: Callable[[], datetime | None]
    """The server's clock."""

    def is_due(self, windows: Sequence[Window], newest: str, latest: str) -> bool:
        """Whether a row is missing in this sync, whose latest stamp is ``latest``, or nothing was asked for a day."""
        if latest >= newest:
            return False
        is_covered = any(not window.is_unstamped and (window.since or "") <= newest for window in windows)
        return is_covered or not self.facts.knows(STAMPS_STAND)

    def check(self, newest: str, *, is_explained: bool) -> None:
        """Warn if no row is stamped as late any more; ``is_explained``: rows were deleted in this sync."""
        if self.reader.has_rows_since(self._shortly_before(newest)):
            self.facts.learn(STAMPS_STAND)
            return
        if self._has_left_a_condition(newest):
            return
        where, tenant, now = self.reader.where, self.reader.tenant, self.now()
        if is_explained:
            if now and newest > format_instant(now + FURTHEST_OFF):
                logger.warning(
                    f"{where}: a row that was stamped with a time to come ({newest}) is not there any more. In "
                    "the destination, whatever happened to it since loses against that stamp, also a deletion: refresh "
                    "this stream."
                )
            self.progress.note(tenant, newest=None)
            return
        logger.warning(
            f"{where}: a row that was changed at {newest} has come before, and now the ERP finds none that was "
            "changed then or later. Either it was deleted, or an earlier state of the tenant was restored (a snapshot, "
            "a backup): then refresh this stream, since the stamps of rows that are as they were before do not "
            "show it. Or the ERP compares times otherwise than it shows them: from now on a day more is read again."
        )
        self.progress.note(tenant, newest=None, lag=_A_DAY_SECONDS)

    def _shortly_before(self, stamp: str) -> str:
        return moved(stamp, -self.lookback - ROUNDING)

    def _has_left_a_condition(self, newest: str) -> bool:
        """Whether the latest row may have been changed so that it does not fulfil a condition of the list any more.

        An inquiry has conditions of its own, which are unknown; its filter is right if it finds the row that is the
        latest now.
        """
        if self.has_condition and self.reader.has_rows_since(self._shortly_before(newest), is_unconditional=True):
            self.facts.learn(STAMPS_STAND)
            return True
        latest = None if self.is_stamped_by_the_database else self.reader.latest()
        if not latest or latest >= newest or not self.reader.has_rows_since(self._shortly_before(latest)):
            return False
        logger.info(
            f"{self.reader.where}: a row that was changed at {newest} has come before, and the latest is of {latest} "
            "now. It was deleted, or does not fulfil the inquiry's conditions any more; if an earlier state of the "
            "tenant was restored (a snapshot, a backup), refresh this stream."
        )
        self.progress.note(self.reader.tenant, newest=latest)
        return True
