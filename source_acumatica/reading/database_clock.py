"""Reads the clock of a tenant's database, which only the stamps of its rows show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

# No database that keeps books has a clock which is further off than this.
FURTHEST_OFF = timedelta(days=1)
# How long ago the latest row was changed differs from sync to sync: so much more than the last lag is no surprise.
_USUAL_MORE = 1.25
# Lags are kept in whole seconds, rounded up.
_ROUNDING = timedelta(seconds=1)


class ClockReading(NamedTuple):
    """The clock as a row shows it: no row is stamped later than the clock, so that is behind by ``lag`` at most."""

    lag: int
    """Whole seconds; negative where the database's clock is ahead of the web server's."""
    at: datetime
    """By the web server's clock."""

    @property
    def latest(self) -> datetime:
        """The time that the clock was seen to show."""
        return self.at - timedelta(seconds=self.lag)

    @property
    def behind(self) -> timedelta:
        """How far the database's clock is behind at most; one that is ahead is not."""
        return min(timedelta(seconds=max(self.lag, 0)), FURTHEST_OFF)


def allowance(lag: int) -> timedelta:
    """How far windows go back for clocks with this lag, in whole minutes."""
    return min(timedelta(minutes=math.ceil(abs(lag) * _USUAL_MORE / 60)), FURTHEST_OFF)


@dataclass
class DatabaseClock:
    """What this sync and those before have seen of one clock, shared by all streams that it stamps.

    Only a row that is stamped later than all before shows the clock. A row that the look-back reads again has an old
    stamp: the longer nothing changes, the further behind the clock would seem.
    """

    before: ClockReading | None = None
    """The last reading of the syncs before."""
    now: ClockReading | None = None
    """The closest reading of this one."""
    _reading: datetime | None = None
    """The latest time that the clock had shown before this sync."""

    @property
    def last(self) -> ClockReading | None:
        """The last reading, of this sync or those before."""
        return self.now or self.before

    def remember(self, lag: int, at: datetime) -> None:
        """Take in a reading that a state has kept; of several at one time the closest counts."""
        reading = ClockReading(lag, at)
        self._reading = max(reading.latest, self._reading or reading.latest)
        if self.before is None or (at, -lag) > (self.before.at, -self.before.lag):
            self.before = reading

    def see(self, stamp: str | None, now: datetime | None) -> None:
        """Take in a row with this stamp, which has come ``now`` by the web server's clock."""
        if stamp is None or now is None:
            return
        shown = datetime.fromisoformat(stamp)
        if self._reading and shown <= self._reading + _ROUNDING:
            return
        reading = ClockReading(math.ceil((now - shown).total_seconds()), now)
        if self.now is None or reading.lag < self.now.lag:
            self.now = reading
