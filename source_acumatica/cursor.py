"""How far each tenant has been read, and the windows to read next; a tenant's progress is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record, StreamSlice

from source_acumatica.entity import format_instant
from source_acumatica.paging import BEGINNING, Position

State = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """The rows to read: last changed from ``since`` on and before ``until``, both in UTC; all rows without ``since``.

    Without ``since``, rows without a stamp have to come as well, and a comparison leaves them out: whoever cannot ask
    for those apart leaves ``until`` out of the request, too.
    """

    since: str | None = None
    until: str | None = None
    start: Position = BEGINNING

    def as_state(self) -> State:
        """JSON of the window and how far it has been read."""
        return {
            "since": self.since,
            "until": self.until,
            "offset": self.start.offset,
            "anchors": [list(anchor) for anchor in self.start.anchors],
            **({"after": list(self.start.after)} if self.start.after else {}),
        }

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Window:
        """The inverse of ``as_state``."""
        anchors = tuple(tuple(anchor) for anchor in state.get("anchors", ()))
        position = Position(state.get("offset", 0), anchors, tuple(state.get("after", ())))
        return cls(state.get("since"), state.get("until"), position)


@dataclass(frozen=True)
class Progress:
    """One tenant: everything changed before ``reached`` has arrived; ``reading`` is what a cut-off sync left."""

    reached: str | None = None
    reading: Window | None = None
    filter_works: bool = False
    """Whether a filter by the cursor has brought rows once: some forms answer any filter with no rows."""
    deletions: str | None = None
    """What was deleted before has arrived; None: nobody has asked yet."""
    has_no_flags: bool = False
    """Whether the table was found to be without flags for deleted rows."""

    def windows(self, start_date: datetime | None, lookback: timedelta, now: datetime | None) -> list[Window]:
        """What to read up to ``now``, the server's clock: first what was begun, then what has changed since."""
        begun = [self.reading] if self.reading else []
        reached = self.reading.until if self.reading else self.reached
        since = _earliest(reached, lookback, start_date)
        until = format_instant(now) if now else None
        if reached and until and until <= reached:
            return begun or [Window(since, reached)]
        return [*begun, Window(since, until)]

    def deletions_since(self, lookback: timedelta, now: datetime | None) -> str | None:
        """From when on to ask for deletions at ``now``, the server's clock; None for all there are.

        A position that lies ahead of the clock was made by one that was wrong, and nobody knows by how much.
        """
        if self.deletions and now and self.deletions > format_instant(now):
            return None
        return _earliest(self.deletions, lookback, None)


def _earliest(reached: str | None, lookback: timedelta, start_date: datetime | None) -> str | None:
    begin = format_instant(start_date) if start_date else None
    if reached is None:
        return begin
    since = format_instant(datetime.fromisoformat(reached) - lookback)
    return max(since, begin) if begin else since


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

    def page_done(self, tenant: str, window: Window, position: Position, *, is_filtered: bool = False) -> None:
        """All rows up to ``position`` have been handed on."""
        begun = replace(window, start=position)
        self._advance(tenant, lambda was: replace(was, reading=begun, filter_works=was.filter_works or is_filtered))

    def window_done(self, tenant: str, window: Window) -> None:
        """All rows of ``window`` have been handed on; the state is never lowered."""
        reached = window.until

        def done(was: Progress) -> Progress:
            return replace(was, reached=max(filter(None, (was.reached, reached)), default=None), reading=None)

        self._advance(tenant, done)

    def expect_deletions(self, tenant: str, now: datetime | None) -> None:
        """A first read begins: what is deleted from ``now`` on, and not what was before, may have been read.

        The state goes out before any row: should the run die before its first page is whole, the rows that were sent
        have come, and their deletions are still asked for from here.
        """
        if self._progress[tenant] == Progress() and now:
            self._advance(tenant, lambda was: replace(was, deletions=format_instant(now)))

    def deletions_done(self, tenant: str, until: datetime | None, *, has_no_flags: bool | None) -> None:
        """What was deleted before ``until`` has been handed on; None: that cannot be read now.

        The position goes back with a clock that was ahead. ``has_no_flags`` is what was found out now, if anything was.
        """

        def done(was: Progress) -> Progress:
            reached = format_instant(until) if until else was.deletions
            known = was.has_no_flags if has_no_flags is None else has_no_flags
            return replace(was, deletions=reached, has_no_flags=known)

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
        reached = next(iter(part.get("cursor", {}).values()), None)
        reading = part.get("reading")
        begun = Window.of_state(reading) if reading else None
        yield (
            part["partition"]["tenant"],
            Progress(
                reached, begun, part.get("filter_works", False), part.get("deletions"), part.get("has_no_flags", False)
            ),
        )


def _part(field: str, tenant: str, progress: Progress) -> State:
    part: State = {"partition": {"tenant": tenant}, "cursor": {field: progress.reached} if progress.reached else {}}
    if progress.reading:
        part["reading"] = progress.reading.as_state()
    if progress.filter_works:
        part["filter_works"] = True
    if progress.deletions:
        part["deletions"] = progress.deletions
    if progress.has_no_flags:
        part["has_no_flags"] = True
    return part
