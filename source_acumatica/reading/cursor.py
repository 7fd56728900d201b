"""How far each tenant has been read, and the windows to read next; a tenant's progress is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record, StreamSlice

from source_acumatica.reading.database_clock import FURTHEST_OFF, DatabaseClock, Look, allowance
from source_acumatica.reading.fields import format_instant, moved
from source_acumatica.reading.paging import BEGINNING, Position
from source_acumatica.reading.read_with import ReadWith, asks_for_more, gone_on_with

State = dict[str, Any]

FILTER_WORKS, HAS_NO_FLAGS, HAS_FLAGGED = "filter_works", "has_no_flags", "has_flagged"
REFUSES_NULL, ALL_STAMPED, GIVES_PAGES = "refuses_null", "all_stamped", "gives_pages"
GIVES_ALL_AGAIN = "gives_all_again"
GIVES_UNSTAMPED, LOSES_UNSTAMPED = "gives_unstamped", "loses_unstamped"
STAMPS_STAND, HIDES_NOTHING, HIDES_ROWS = "stamps_stand", "hides_nothing", "hides_rows"
SHOWS_DATES = "shows_dates"
LISTS_ALL, EMPTIES_PARTS = "lists_all", "empties_parts"
FOUND_BY_KEY = "found_by_key"
IDS_LOOKED_AT = "ids_looked_at"
LEARNT = (
    SHOWS_DATES,
    STAMPS_STAND,
    HIDES_NOTHING,
    HIDES_ROWS,
    FILTER_WORKS,
    HAS_NO_FLAGS,
    HAS_FLAGGED,
    REFUSES_NULL,
    ALL_STAMPED,
    GIVES_PAGES,
    GIVES_ALL_AGAIN,
    GIVES_UNSTAMPED,
    LOSES_UNSTAMPED,
    LISTS_ALL,
    EMPTIES_PARTS,
    FOUND_BY_KEY,
    IDS_LOOKED_AT,
)
"""What may be learnt about a tenant's list, by the names that the state has for it."""
# The ERP may be another one tomorrow: an upgrade, a customization, another role.
_LEARNT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """The rows to read: last changed from ``since`` on, in UTC; all rows without ``since``.

    ``until`` is what has been reached when the window is done: no request asks for it, since a clock that is wrong
    would hide rows. ``is_unstamped`` stands for the rows without a stamp, which no comparison finds.
    """

    since: str | None = None
    until: str | None = None
    start: Position = BEGINNING
    is_unstamped: bool = False
    by: str = field(default="", compare=False)
    """The column with the stamps; where nothing has been reached, only that says it."""

    def as_state(self) -> State:
        """JSON of the window and how far it has been read."""
        return {
            "since": self.since,
            "until": self.until,
            "offset": self.start.offset,
            "anchors": [list(anchor) for anchor in self.start.anchors],
            **({"after": list(self.start.after)} if self.start.after else {}),
            **({"list": self.start.list_name} if self.start.list_name else {}),
            **({"unstamped": True} if self.is_unstamped else {}),
            **({"by": self.by} if self.by else {}),
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Window:
        """The inverse of ``as_state``."""
        anchors = tuple(tuple(anchor) for anchor in state.get("anchors", ()))
        position = Position(state.get("offset", 0), anchors, tuple(state.get("after", ())), state.get("list", ""))
        is_unstamped, by = state.get("unstamped", False), state.get("by", "")
        return cls(state.get("since"), state.get("until"), position, is_unstamped, by)


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


_NO_STAMPS = StampsSeen()


class TenantCursor(Cursor):
    """The state of one stream, a part for each tenant; it is emitted behind each page, never ahead of its rows.

    A tenant that has no part yet gets its whole history (the CDK's own per-partition cursor would start it at the
    others' position), a failed one keeps its part, and so does one that was removed from the settings.
    """

    def __init__(
        self, field: str, tenants: Sequence[str], state: Mapping[str, Any], emit: Callable[[State], None]
    ) -> None:
        self._field, self._emit = field, emit
        self._lock = threading.Lock()
        self._progress = {**dict.fromkeys(tenants, Progress()), **dict(_progresses(state))}
        self._has_emitted = False

    def progress(self, tenant: str) -> Progress:
        """How far ``tenant`` has been read."""
        return self._progress[tenant]

    def begin(self, tenant: str, read_with: ReadWith) -> None:
        """A read begins, with these settings; what follows from them goes out with the first state."""
        with self._lock:
            self._progress[tenant] = self._progress[tenant].begun_with(read_with)

    def page_done(
        self,
        tenant: str,
        window: Window,
        position: Position,
        *,
        stamps: StampsSeen = _NO_STAMPS,
        look: Look | None = None,
    ) -> None:
        """All rows up to ``position`` have been handed on, the last page with these ``stamps``.

        Rows without a stamp are of no window: they are asked for again as a whole.
        """
        begun = None if window.is_unstamped else replace(window, start=position, by=self._field)
        self._advance(tenant, lambda was: replace(was.seen(stamps, look), reading=begun))

    def window_done(
        self,
        tenant: str,
        window: Window,
        *,
        is_proven: bool = True,
        look: Look | None = None,
        begin: str | None = None,
        is_blind: bool = True,
    ) -> None:
        """All rows of ``window`` have been handed on. A clock that was put back since puts the state back.

        Without ``is_proven`` there were none, and nobody knows whether they were hidden or an answer was empty by
        chance: the next window begins where this one did, which costs nothing as long as there are none.
        """

        def done(was: Progress) -> Progress:
            if window.is_unstamped or not window.until:
                return replace(was, reading=None)
            now = was.done(window, look, begin, is_blind=is_blind)
            if is_proven:
                return now
            # What was seen of the clock holds for deletions, which have a position of their own.
            return replace(was, reading=None, sure=now.sure, allowed=now.allowed, deletions=now.deletions)

        self._advance(tenant, done)

    def note(self, tenant: str, learnt: Mapping[str, str | None] | None = None, **changes: Any) -> None:
        """Keep what was found out on the way: ``learnt`` with None is known no longer; ``changes`` are fields.

        It goes out with the next state.
        """
        with self._lock:
            was = self._progress[tenant]
            known = {**was.learnt, **(learnt or {})}
            now = replace(was, learnt={name: at for name, at in known.items() if at is not None}, **changes)
            self._has_emitted &= now == was
            self._progress[tenant] = now

    def expect_deletions(self, tenant: str, now: datetime | None) -> None:
        """A first read begins: what is deleted from ``now`` on, and not what was before, may have been read.

        The state goes out before any row: should the run die before its first page is whole, the rows that were sent
        have come, and their deletions are still asked for from here.
        """
        if replace(self._progress[tenant], read_with={}) == Progress() and now:
            self._advance(tenant, lambda was: replace(was, deletions=format_instant(now)))

    def deletions_done(
        self,
        tenant: str,
        until: datetime | None,
        *,
        is_empty: bool = False,
        has_no_flags: bool | None = None,
        now: datetime | None = None,
    ) -> None:
        """What was deleted before ``until`` has been handed on; None: that cannot be read now.

        The position goes back with a clock that was ahead. A list that ``is_empty`` proves nothing, and the position
        stays: as long as nothing comes from there, that costs nothing. ``has_no_flags`` is what was found out ``now``,
        if anything was.
        """

        def done(was: Progress) -> Progress:
            learnt = dict(was.learnt)
            if has_no_flags is not None:
                learnt.pop(HAS_NO_FLAGS, None)
            if has_no_flags:
                at = now or until
                learnt[HAS_NO_FLAGS] = format_instant(at) if at else True
            if until is None:
                return replace(was, learnt=learnt)
            asked = format_instant(until)
            position = was.deletions and min(was.deletions, asked) if is_empty else asked
            return replace(was, deletions=position, deletions_asked=asked, learnt=learnt)

        self._advance(tenant, done)

    def _advance(self, tenant: str, change: Callable[[Progress], Progress]) -> None:
        # Emitted under the lock: two tenants' states must not overtake each other on the way out.
        with self._lock:
            self._progress[tenant] = change(self._progress[tenant])
            self._emit_state()

    def _emit_state(self) -> None:
        self._has_emitted = True
        self._emit(self._composed())

    def _composed(self) -> State:
        """A new dict each time: the CDK keeps what it is given (BEHAVIOR.md, "The CDK", trap F)."""
        return {"states": [_part(self._field, tenant, one) for tenant, one in self._progress.items()]}

    @property
    def state(self) -> State:
        """All tenants' parts."""
        with self._lock:
            return self._composed()

    def observe(self, record: Record) -> None:
        """Nothing: progress goes by pages."""

    def close_partition(self, partition: Partition) -> None:
        """Nothing: the stream has reported its windows."""

    def ensure_at_least_one_state_emitted(self) -> None:
        """The platform expects a state of each stream."""
        with self._lock:
            if not self._has_emitted:
                self._emit_state()

    def should_be_synced(self, record: Record) -> bool:
        """All rows that come are wanted: the server has filtered them."""
        return True

    def stream_slices(self) -> Iterable[StreamSlice]:
        """Not used: the stream makes its slices."""
        return ()


def _progresses(state: Mapping[str, Any]) -> Iterable[tuple[str, Progress]]:
    for part in state.get("states", ()):
        reading = part.get("reading")
        yield (
            part["partition"]["tenant"],
            Progress(
                reached=next(iter(part.get("cursor", {}).values()), None),
                sure=part.get("sure"),
                allowed=part.get("allowed"),
                reading=Window.of_state(reading) if reading else None,
                deletions=part.get("deletions"),
                deletions_asked=part.get("deletions_asked"),
                learnt={name: part[name] for name in LEARNT if part.get(name)},
                newest=part.get("newest"),
                lag=part.get("lag"),
                lag_at=part.get("lag_at"),
                own_latest=part.get("own_latest"),
                own_lag=part.get("own_lag"),
                has_unstamped=part.get("has_unstamped", False),
                left_out=tuple(part.get("left_out", ())),
                unproven=part.get("unproven", {}),
                read_with=part.get("read_with", {}),
                columns=tuple(part.get("columns", ())),
                custom=tuple(part.get("custom", ())),
            ),
        )


_COUNTS = ("lag", "own_lag", "allowed")


def _part(field: str, tenant: str, progress: Progress) -> State:
    optional = {
        "reading": progress.reading.as_state() if progress.reading else None,
        **progress.learnt,
        "sure": progress.sure,
        "allowed": progress.allowed,
        "deletions": progress.deletions,
        "deletions_asked": progress.deletions_asked,
        "newest": progress.newest,
        "lag": progress.lag,
        "lag_at": progress.lag_at,
        "own_latest": progress.own_latest,
        "own_lag": progress.own_lag,
        "has_unstamped": progress.has_unstamped,
        "left_out": list(progress.left_out),
        "unproven": dict(progress.unproven),
        "read_with": dict(progress.read_with),
        "columns": list(progress.columns),
        "custom": list(progress.custom),
    }
    # A clock that is right has a lag of 0.
    said = {name: value for name, value in optional.items() if value or (name in _COUNTS and value is not None)}
    cursor = {field: progress.reached} if progress.reached else {}
    return {"partition": {"tenant": tenant}, "cursor": cursor, **said}
