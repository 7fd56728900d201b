"""The clocks that may have stamped the rows of one tenant's stream: how far they are behind the server's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from source_acumatica.airbyte.stamps import Stamps
from source_acumatica.reading.database_clock import ClockReading, DatabaseClock, allowance
from source_acumatica.reading.progress import StampsSeen


@dataclass(frozen=True)
class StampClock:
    """The clock of the tenant's database, and the same as this stream alone shows it.

    That the database stamps a table is a claim: a customization may stamp its own in local time. So a stream's own rows
    count, too, as far as they were behind.
    """

    shared: DatabaseClock
    own: DatabaseClock
    is_shared: bool
    """Whether the rows are stamped by the database, as those of all its tables are."""
    is_shown: Callable[[], bool]
    """Whether the stamps are instants of a clock, so that they show how far it is behind."""

    def lag(self, seen_before: timedelta | None) -> timedelta:
        """How far the clocks may differ: as the stream has ``seen_before``, or any stream since."""
        shared, own = self.shared.last, self.own.last
        seen = [allowance(shared.lag)] if shared else []
        seen += [allowance(max(own.lag, 0))] if own else []
        return max(*seen, seen_before or timedelta(), timedelta())

    @property
    def last(self) -> ClockReading | None:
        """The last reading of the clock that stamps the rows; at the database's where the rows do not show it."""
        return (self.own if not self.is_shared and self.is_shown() else self.shared).last

    def see(self, stamps: Stamps, now: datetime | None) -> StampsSeen:
        """Read the clock off the stamps of a page, which came ``now``; returns what they have shown."""
        if not self.is_shown():
            return StampsSeen(stamps.newest)
        self.own.see(stamps.believable, now)
        if self.is_shared:
            self.shared.see(stamps.believable, now)
        return StampsSeen(stamps.newest, stamps.believable, self.own.last and self.own.last.lag)
