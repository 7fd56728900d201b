"""How far one tenant has been read, which decides the windows to read next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from source_acumatica.reading.database_clock import FURTHEST_OFF, DatabaseClock, Look, allowance
from source_acumatica.reading.fields import format_instant, moved
from source_acumatica.reading.read_with import ReadWith, asks_for_more, gone_on_with
from source_acumatica.reading.window import Window

# The ERP may be another one tomorrow: an upgrade, a customization, another role.
_LEARNT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class StampsSeen:
    """What the stamps of a page have shown."""

    newest: str | None = None
    believable: str | None = None
    """The latest that may be the time of a change; single rows may be stamped with any time to come."""
    own_lag: int | None = None
    """How many seconds the stamps of the stream are behind, as far as it has seen."""


@dataclass(frozen=True)
class Progress:
    """One tenant: everything changed before ``reached`` has arrived; ``reading`` is what a cut-off sync left."""

    reached: str | None = None
    reading: Window | None = None
    deletions: str | None = None
    """What was deleted before has arrived; None: nobody has asked yet."""
    deletions_asked: str | None = None
    """When the ERP's list of deletions was read last; later than ``deletions`` where it was empty then."""
    learnt: Mapping[str, str | bool] = field(default_factory=dict)
    """What was found out about the ERP, and when; true, of a state of old, is too long ago."""
    newest: str | None = None
    """The latest stamp that has arrived."""
    lag: int | None = None
    """The last look at the database's clock, as ``Look`` has it."""
    lag_at: str | None = None
    own_latest: str | None = None
    """The latest stamp that has arrived, but for those of days to come, which no clock has said."""
    own_lag: int | None = None
    """How many seconds this stream's stamps were behind when a row came that was stamped later than all before."""
    has_unstamped: bool = False
    """Whether rows without a stamp have been seen."""
    left_out: tuple[str, ...] = ()
    """What the rows that have arrived lack although it was asked for."""
    columns: tuple[str, ...] = ()
    """The columns that have come, as ``kept_names`` keeps them."""
    custom: tuple[str, ...] = ()
    """The custom fields that have come, likewise."""
    unproven: Mapping[str, str | None] = field(default_factory=dict)
    """Of an inquiry that is asked with several values: those whose rows have yet to be seen, and from when on."""
    read_with: ReadWith = field(default_factory=dict)
    """The settings that decided what has arrived; empty in a state of old."""
    sure: str | None = None
    """When the database's clock was last seen not to have been put back: all that changed before has arrived."""
    allowed: int | None = None
    """How many seconds it may have been put back by since then, with all changes found all the same."""

    def begun_with(self, now: ReadWith) -> Progress:
        """The progress that a read with these settings goes on from: all is read anew where they ask for more."""
        remembered = gone_on_with(self.read_with, now)
        if any(asks_for_more(self.read_with, now)):
            return replace(
                self,
                reached=None,
                sure=None,
                allowed=None,
                reading=None,
                newest=None,
                left_out=(),
                unproven={},
                # What was found out about it is of another list.
                learnt={},
                read_with=remembered,
            )
        return replace(self, read_with=remembered)

    def knows(self, name: str, now: datetime | None) -> bool:
        """Whether ``name`` was learnt within the last day."""
        at = self.learnt.get(name)
        return isinstance(at, str) and now is not None and abs(now - datetime.fromisoformat(at)) <= _LEARNT_FOR

    def is_ahead_of(self, now: datetime | None) -> bool:
        """Whether what has been reached lies in the future of the server's clock: one of them was or is wrong."""
        return bool(now and self.last_end and format_instant(now) < self.last_end)

    @property
    def last_end(self) -> str | None:
        """Where the window ended that was read last, to its end or not."""
        return self.reading.until if self.reading else self.reached

    def windows(
        self, start_date: datetime | None, lookback: timedelta, now: datetime | None, lag: timedelta = timedelta()
    ) -> list[Window]:
        """What to read up to ``now``, the server's clock: first what was begun, then what has changed since.

        The clock by which rows are stamped may differ by ``lag`` from that by which syncs are counted.
        """
        begun = [self.reading] if self.reading else []
        reached = self.last_end
        until = format_instant(now) if now else None
        if self.is_ahead_of(now):
            reached = self._last_known(now)
        return [*begun, Window(_earliest(reached, lookback + lag, start_date), until)]

    def _last_known(self, now: datetime | None) -> str | None:
        """Up to when all has arrived, where when it was reached is not known any more: as far as stamps have shown.

        One that lies in the future itself was set by a clock that was wrong too, but by no more than clocks are.
        """
        if not (now and self.newest) or self.newest <= format_instant(now):
            return self.newest
        return format_instant(now - FURTHEST_OFF)

    @property
    def clock_lag(self) -> timedelta | None:
        """How far the clocks differ at most, as far as has been seen last: it held when this was reached."""
        return None if self.lag is None else allowance(self.lag)

    def done(self, window: Window, look: Look | None, begin: str | None, *, is_blind: bool) -> Progress:
        """With ``window`` read to its end; ``look`` is the last that anybody has had at the database's clock.

        A clock that was put back by no more than the windows since then went back has hidden nothing. One that may
        have been put back further may have: then the next window begins anew where all was sure. Where nothing new
        was seen, the next look decides. ``begin`` is where windows begin that a start date cuts. Whoever ``is_blind``
        never sees the clock, and has nothing to wait for.
        """
        was = replace(self, reading=None, reached=window.until)
        if not (window.since and window.until and self.reached) or window.since == begin or (is_blind and not look):
            return was._known_by(look, None)
        went_back = _seconds_between(window.since, self.reached)
        allowed = went_back if self.allowed is None else min(self.allowed, went_back)
        sure = min(self.sure or self.reached, window.until)
        if look is None or format_instant(look.latest) <= sure:
            return replace(was, sure=sure, allowed=allowed)
        if look.behind.total_seconds() <= allowed:
            return was._known_by(look, window.since)
        deletions = self.deletions and min(self.deletions, sure)
        return replace(was._looked(look), reached=sure, deletions=deletions, sure=sure, allowed=None)

    def _known_by(self, look: Look | None, since: str | None) -> Progress:
        """With all that changed before ``look``; rows from ``since`` on have come, so that later ones may be older."""
        if look is None or self.reached is None:
            return replace(self, sure=None, allowed=None)
        sure = min(format_instant(look.latest), self.reached)
        return replace(self._looked(look), sure=sure, allowed=_seconds_between(since, sure) if since else None)

    @property
    def own_clock(self) -> DatabaseClock:
        """The clock that this stream's stamps show by themselves, as the syncs before have seen it."""
        clock = DatabaseClock()
        if self.own_latest and self.own_lag is not None:
            clock.remember(self.own_lag, datetime.fromisoformat(self.own_latest) + timedelta(seconds=self.own_lag))
        return clock

    def remind(self, clock: DatabaseClock) -> None:
        """Tell ``clock`` what the syncs before have seen of it."""
        if self.lag is not None and self.lag_at:
            clock.remember(self.lag, datetime.fromisoformat(self.lag_at))

    def _looked(self, look: Look | None) -> Progress:
        return replace(self, lag=look.lag, lag_at=format_instant(look.at)) if look else self

    def deletions_since(self, lookback: timedelta, now: datetime | None) -> str | None:
        """From when on to ask for deletions at ``now``, the server's clock; None for all there are.

        A position that lies ahead of the clock was made by one that was wrong, and nobody knows by how much.
        """
        if self.deletions and now and self.deletions > format_instant(now):
            return None
        return _earliest(self.deletions, lookback, None)

    def seen(self, stamps: StampsSeen, look: Look | None = None) -> Progress:
        """With the stamps of a page, and the closest look at the database's clock that this sync has had."""
        latest = max(filter(None, (self.newest, stamps.newest)), default=None)
        own = max(filter(None, (self.own_latest, stamps.believable)), default=None)
        own_lag = self.own_lag if stamps.own_lag is None else stamps.own_lag
        return replace(self, newest=latest, own_latest=own, own_lag=own_lag)._looked(look)


def _seconds_between(since: str, until: str) -> int:
    return int((datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())


def _earliest(reached: str | None, lookback: timedelta, start_date: datetime | None) -> str | None:
    begin = format_instant(start_date) if start_date else None
    if reached is None:
        return begin
    since = moved(reached, -lookback)
    return max(since, begin) if begin else since
