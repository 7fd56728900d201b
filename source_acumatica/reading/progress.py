"""How far one tenant has been read, which decides the windows to read next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from source_acumatica.reading.database_clock import FURTHEST_OFF, ClockReading, DatabaseClock, allowance
from source_acumatica.reading.fields import format_instant, moved
from source_acumatica.reading.read_with import (
    ReadWith,
    asks_for_more,
    has_same_rows,
    of_earlier_versions,
    to_remember,
)
from source_acumatica.reading.rereading import Rereading
from source_acumatica.reading.window import Window

# The ERP may behave differently tomorrow: after an upgrade, with a customization or another role.
_LEARNT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class StampsSeen:
    """What the stamps of a page have shown."""

    newest: str | None = None
    believable: str | None = None
    """The latest that may be the time of a change; single rows may be stamped with any time in the future."""
    own_lag: int | None = None
    """How many seconds the stream's stamps are behind, as far as it has seen."""


@dataclass(frozen=True)
class Progress:
    """One tenant: all changes before ``reached`` have arrived; ``reading`` is a window that was cut off."""

    reached: str | None = None
    reading: Window | None = None
    deletions: str | None = None
    """All deletions before this time have arrived; None: they have not been asked for yet."""
    deletions_asked: str | None = None
    """When the ERP's list of deletions was last read; later than ``deletions`` where the list was empty."""
    learnt: Mapping[str, str | bool] = field(default_factory=dict)
    """What was found out about the ERP, and when; true, in states of earlier versions, is too long ago."""
    newest: str | None = None
    """The latest stamp that has arrived."""
    lag: int | None = None
    """The last reading of the database's clock, as ``ClockReading`` has it."""
    lag_at: str | None = None
    own_latest: str | None = None
    """The latest stamp that has arrived, without those far in the future, which no clock can have shown."""
    own_lag: int | None = None
    """How many seconds behind this stream's last new stamp was, which is one later than all before."""
    has_unstamped: bool = False
    """Whether rows without a stamp have been seen."""
    left_out: tuple[str, ...] = ()
    """The columns that rows which have arrived lack although they were asked for."""
    columns: tuple[str, ...] = ()
    """The columns that have come, as ``kept_names`` keeps them."""
    custom: tuple[str, ...] = ()
    """The custom fields that have come, likewise."""
    unproven: Mapping[str, str | None] = field(default_factory=dict)
    """For an inquiry that is asked with several values: those that brought no rows, and from when on to ask again."""
    read_with: ReadWith = field(default_factory=dict)
    """The settings that decided what has arrived; empty in states of earlier versions."""
    sure: str | None = None
    """The last time at which the database's clock was seen not to be put back: all earlier changes have arrived."""
    allowed: int | None = None
    """By how many seconds it may have been put back since then without a change being missed."""
    rereading: Rereading | None = None
    """How far all rows have been read again, whether or not they have changed."""

    files: Mapping[str, str] = field(default_factory=dict)
    """The files that were sent recently, as ``SentFiles`` keeps them."""
    linked: str | None = None
    """All changes of linked rows before this time have arrived; None: those of the windows alone are asked for."""
    held: str = ""
    """The keys that were listed last, as ``HeldKeys`` writes them."""
    listed: str | None = None
    """When that was."""
    sent: str = ""
    """The keys of rows that were sent since then."""
    removed: str = ""
    """Those among the listed keys whose removal was sent since then."""
    is_kept: bool = False
    """Whether the ERP has kept all deletions since then; ``held`` is empty if too many rows were sent."""
    compared: str | None = None
    """When keys were compared last, or listed first."""
    is_due: bool = False
    """Whether keys are to be compared with the next sync, however long ago that was."""
    brought: Mapping[str, str] = field(default_factory=dict)
    """The keys of rows that had not come before, by the time of the comparison that brought them."""
    followed: tuple[str, ...] = ()
    """Of rows that belong to records: marks of the ``brought`` ones that they have followed."""
    ahead: str | None = None
    """The latest stamp of rows that were about to be sent: they may have been, by a run that died then."""
    questioned: str = ""
    """When a row was last taken for deleted since the ERP did not find it."""
    kept_days: int | None = None
    """How long the ERP said that it keeps a deletion, when they were last read."""
    compared_with: str = ""
    """A mark of the conditions that the list had then."""
    all_records: int | None = None
    """How many records the last full read had."""
    counted: int | None = None
    """How many have come so far of one that was begun."""

    @property
    def was_read_with(self) -> ReadWith:
        """The settings of what has arrived, as far as they are known; empty if nothing has."""
        has_read = self.reached or self.reading or self.newest
        return self.read_with or (of_earlier_versions() if has_read else {})

    def begun_with(self, now: ReadWith) -> Progress:
        """The progress from which a read with these settings continues; all is read again where they ask for more."""
        remembered = to_remember(self.read_with, now)
        if any(asks_for_more(self.was_read_with, now)):
            return replace(
                self,
                reached=None,
                sure=None,
                allowed=None,
                reading=None,
                newest=None,
                left_out=(),
                unproven={},
                # What was learnt is about another list.
                learnt={},
                files={},
                read_with=remembered,
                rereading=None,
                all_records=self.all_records if has_same_rows(self.read_with, now) else None,
                counted=None,
            )
        # A place in the list that other settings have asked for means nothing.
        return replace(self, read_with=remembered, rereading=self.rereading and self._rereading_with(remembered))

    def _rereading_with(self, settings: ReadWith) -> Rereading | None:
        is_same = settings == self.read_with
        return self.rereading if is_same or not self.rereading else replace(self.rereading, place=Window())

    def knows(self, name: str, now: datetime | None) -> bool:
        """Whether ``name`` was learnt within the last day."""
        at = self.learnt.get(name)
        return isinstance(at, str) and now is not None and abs(now - datetime.fromisoformat(at)) <= _LEARNT_FOR

    def linked_since(self, window: Window) -> str | None:
        """From when on to ask for changes of linked rows: as far back as the window goes from what was reached.

        The position of the window stays where it is as long as no row has come, and goes on where these changes could
        not be asked for.
        """
        if not (window.since and self.linked and self.reached):
            return window.since
        overlap = datetime.fromisoformat(self.reached) - datetime.fromisoformat(window.since)
        return moved(self.linked, -max(overlap, timedelta()))

    @property
    def latest_sent(self) -> str | None:
        """The latest stamp that a row was sent with, also before all rows were read again."""
        return max(filter(None, (self.newest, self.own_latest, self.ahead)), default=None)

    def is_ahead_of(self, now: datetime | None) -> bool:
        """Whether what was reached is later than the server's clock: the clock was wrong then, or is now."""
        return bool(now and self.last_end and format_instant(now) < self.last_end)

    @property
    def last_end(self) -> str | None:
        """Where the last window ended, whether or not it was read to its end."""
        return self.reading.until if self.reading else self.reached

    def windows(
        self, start_date: datetime | None, lookback: timedelta, now: datetime | None, lag: timedelta = timedelta()
    ) -> list[Window]:
        """What to read up to ``now``, the server's clock: first the window that was begun, then the changes since.

        The clock that stamps rows may differ from the server's by ``lag``.
        """
        begun = [self.reading] if self.reading else []
        reached = self.last_end
        until = format_instant(now) if now else None
        if self.is_ahead_of(now):
            reached = self._last_known(now)
        return [*begun, Window(_earliest(reached, lookback + lag, start_date), until)]

    def _last_known(self, now: datetime | None) -> str | None:
        """Up to when all has arrived, by the stamps alone, where ``reached`` was set by a clock that was wrong.

        A stamp that lies in the future, too, is believed to be too late by no more than clocks are wrong.
        """
        if not (now and self.newest) or self.newest <= format_instant(now):
            return self.newest
        return format_instant(now - FURTHEST_OFF)

    @property
    def clock_lag(self) -> timedelta | None:
        """How far the clocks differ at most, by the last look; it was so when ``reached`` was set."""
        return None if self.lag is None else allowance(self.lag)

    def done(self, window: Window, clock: ClockReading | None, begin: str | None, *, is_blind: bool) -> Progress:
        """With ``window`` read to its end; ``clock`` is the last reading of the database's clock, by any stream.

        If the clock was put back by no more than the windows overlap, no change was missed. If it may have been put
        back further, the next window begins where all changes were sure to have arrived. Without a new reading, the
        next sync decides. ``begin`` is where a start date cuts windows. A stream that ``is_blind`` never sees the
        clock, and has nothing to wait for.
        """
        was = replace(self, reading=None, reached=window.until)
        if not (window.since and window.until and self.reached) or window.since == begin or (is_blind and not clock):
            return was._with_sure(clock, None)
        went_back = _seconds_between(window.since, self.reached)
        allowed = went_back if self.allowed is None else min(self.allowed, went_back)
        sure = min(self.sure or self.reached, window.until)
        if clock is None or format_instant(clock.latest) <= sure:
            return replace(was, sure=sure, allowed=allowed)
        if clock.behind.total_seconds() <= allowed:
            return was._with_sure(clock, window.since)
        deletions, linked = (at and min(at, sure) for at in (self.deletions, self.linked))
        return replace(
            was._with_clock(clock), reached=sure, deletions=deletions, linked=linked, sure=sure, allowed=None
        )

    def _with_sure(self, clock: ClockReading | None, since: str | None) -> Progress:
        """With all changes before ``clock``; it may be put back to ``since``, from where on rows were read."""
        if clock is None or self.reached is None:
            return replace(self, sure=None, allowed=None)
        sure = min(format_instant(clock.latest), self.reached)
        return replace(self._with_clock(clock), sure=sure, allowed=_seconds_between(since, sure) if since else None)

    @property
    def own_clock(self) -> DatabaseClock:
        """The clock that this stream's own stamps have shown, in the syncs before."""
        clock = DatabaseClock()
        if self.own_latest and self.own_lag is not None:
            clock.remember(self.own_lag, datetime.fromisoformat(self.own_latest) + timedelta(seconds=self.own_lag))
        return clock

    def remind(self, clock: DatabaseClock) -> None:
        """Have ``clock`` remember what the syncs before have seen of it."""
        if self.lag is not None and self.lag_at:
            clock.remember(self.lag, datetime.fromisoformat(self.lag_at))

    def _with_clock(self, clock: ClockReading | None) -> Progress:
        return replace(self, lag=clock.lag, lag_at=format_instant(clock.at)) if clock else self

    def deletions_since(self, lookback: timedelta, now: datetime | None) -> str | None:
        """From when on to ask for deletions at ``now``, the server's clock; None for all.

        A position later than the clock was made by a clock that was wrong, by an unknown amount.
        """
        if self.deletions and now and self.deletions > format_instant(now):
            return None
        return _earliest(self.deletions, lookback, None)

    def seen(self, stamps: StampsSeen, clock: ClockReading | None = None) -> Progress:
        """With the stamps of a page, and the closest reading of the database's clock in this sync."""
        latest = max(filter(None, (self.newest, stamps.newest)), default=None)
        own = max(filter(None, (self.own_latest, stamps.believable)), default=None)
        own_lag = self.own_lag if stamps.own_lag is None else stamps.own_lag
        return replace(self, newest=latest, own_latest=own, own_lag=own_lag)._with_clock(clock)


def _seconds_between(since: str, until: str) -> int:
    return int((datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())


def _earliest(reached: str | None, lookback: timedelta, start_date: datetime | None) -> str | None:
    begin = format_instant(start_date) if start_date else None
    if reached is None:
        return begin
    since = moved(reached, -lookback)
    return max(since, begin) if begin else since
