"""Reads the clock of a tenant's database, which nothing shows but the stamps of its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

# A database whose clock is further off than this is not one that keeps books.
FURTHEST_OFF = timedelta(days=1)
# How long ago the latest row was changed differs from sync to sync: so much more than the last lag is no surprise.
_USUAL_MORE = 1.25
# Lags are kept in whole seconds, rounded up.
_ROUNDING = timedelta(seconds=1)


class Look(NamedTuple):
    """A look at the clock: no row is stamped later than its database's clock, so it was this far behind at most."""

    lag: int
    """Whole seconds; negative where the database's clock is ahead of the web server's."""
    at: datetime
    """By the web server's clock."""

    @property
    def latest(self) -> datetime:
        """What the clock was seen to say."""
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
    """What the syncs before have seen of one clock, and what this one sees: all streams that it stamps share it.

    Only a row that is stamped later than any before says something: one that comes again by the look-back looks the
    more as if the clock were behind, the longer nobody changes anything.
    """

    before: Look | None = None
    """The last look of the syncs before."""
    now: Look | None = None
    """The closest look of this one."""
    _reading: datetime | None = None
    """The latest that the clock had been seen to say before this sync."""

    @property
    def last(self) -> Look | None:
        """The last look that anybody has had."""
        return self.now or self.before

    def remember(self, lag: int, at: datetime) -> None:
        """A look that a state has kept; of several at one time the closest counts."""
        look = Look(lag, at)
        self._reading = max(look.latest, self._reading or look.latest)
        if self.before is None or (at, -lag) > (self.before.at, -self.before.lag):
            self.before = look

    def see(self, stamp: str | None, now: datetime | None) -> None:
        """A row has come with this stamp ``now``, by the web server's clock."""
        if stamp is None or now is None:
            return
        shown = datetime.fromisoformat(stamp)
        if self._reading and shown <= self._reading + _ROUNDING:
            return
        look = Look(math.ceil((now - shown).total_seconds()), now)
        if self.now is None or look.lag < self.now.lag:
            self.now = look
