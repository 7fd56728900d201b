"""The state of one stream, which has a part for each tenant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record, StreamSlice

from source_acumatica.reading.database_clock import ClockReading
from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.learnt import HAS_NO_FLAGS, LEARNT
from source_acumatica.reading.paging import Position
from source_acumatica.reading.progress import Progress, StampsSeen
from source_acumatica.reading.read_with import ReadWith, is_of_another_contract
from source_acumatica.reading.rereading import Rereading
from source_acumatica.reading.sent_files import behind_page, behind_window
from source_acumatica.reading.window import State, Window

_NO_STAMPS = StampsSeen()


class TenantCursor(Cursor):
    """The state of one stream, a part for each tenant; it is emitted behind the rows of each page, never before them.

    A tenant without a part gets its whole history (the CDK's own per-partition cursor would start it at the others'
    position). A tenant that fails, or is not in the settings any more, keeps its part.
    """

    def __init__(
        self, field: str, tenants: Sequence[str], state: Mapping[str, Any], emit: Callable[[State], None]
    ) -> None:
        self._field, self._emit = field, emit
        self._lock = threading.Lock()
        self._progress = {**dict.fromkeys(tenants, Progress()), **dict(_progresses(state))}
        self._has_emitted = False
        self._unsaid: set[str] = set()
        """The tenants of which no state has ever said with which settings they are read."""

    def progress(self, tenant: str) -> Progress:
        """How far ``tenant`` has been read."""
        return self._progress[tenant]

    def begin(self, tenant: str, read_with: ReadWith) -> None:
        """Begin a read with these settings.

        They go out with the first state; before any row, if it may be one that earlier rows cannot be mixed with, or
        ``rows_begin`` is the first that the state would know of.
        """
        if not self._progress[tenant].read_with:
            self._unsaid.add(tenant)
        if is_of_another_contract(self._progress[tenant].read_with, read_with):
            self._advance(tenant, lambda was: was.begun_with(read_with))
            return
        with self._lock:
            self._progress[tenant] = self._progress[tenant].begun_with(read_with)

    def rows_begin(self, tenant: str) -> None:
        """Rows are about to be sent: if the run dies before the state behind them, the next one knows with what."""
        if tenant in self._unsaid:
            self._advance(tenant, lambda was: was)

    def page_done(
        self,
        tenant: str,
        window: Window,
        position: Position,
        *,
        stamps: StampsSeen = _NO_STAMPS,
        clock: ClockReading | None = None,
    ) -> None:
        """Note that all rows up to ``position`` were handed on, the last page with these ``stamps``.

        Rows without a stamp leave no position: the next sync asks for all of them again.
        """
        begun = None if window.is_unstamped else replace(window, start=position, by=self._field)
        self._advance(tenant, lambda was: replace(was.seen(stamps, clock), reading=begun, files=behind_page(was.files)))

    def files_sent(self, tenant: str, files: Mapping[str, str]) -> None:
        """Note which files were handed on, in the middle of a page: what comes again of it brings the others."""
        self._advance(tenant, lambda was: replace(was, files=files))

    def window_done(
        self,
        tenant: str,
        window: Window,
        *,
        is_proven: bool = True,
        clock: ClockReading | None = None,
        begin: str | None = None,
        is_blind: bool = True,
    ) -> None:
        """Note that all rows of ``window`` were handed on. A clock that was put back since puts the state back.

        Without ``is_proven`` there were none, because they were hidden, or an answer was empty by chance, or there are
        none: the next window begins where this one did, which costs nothing as long as there are none.
        """

        def done(was: Progress) -> Progress:
            was = replace(was, files=behind_window(was.files))
            if window.is_unstamped or not window.until:
                return replace(was, reading=None)
            now = was.done(window, clock, begin, is_blind=is_blind)
            if is_proven:
                return now
            # What was seen of the clock still holds for what has a position of its own.
            return replace(
                was, reading=None, sure=now.sure, allowed=now.allowed, deletions=now.deletions, linked=now.linked
            )

        self._advance(tenant, done)

    def reread(self, tenant: str, now: Rereading) -> None:
        """Note that all rows up to the place in ``now`` were handed on again; no other position moves."""
        self._advance(tenant, lambda was: replace(was, rereading=now))

    def note(self, tenant: str, learnt: Mapping[str, str | None] | None = None, **changes: Any) -> None:
        """Keep what was ``learnt``, where None forgets a name, and ``changes`` of other fields.

        They go out with the next state.
        """
        with self._lock:
            was = self._progress[tenant]
            known = {**was.learnt, **(learnt or {})}
            now = replace(was, learnt={name: at for name, at in known.items() if at is not None}, **changes)
            self._has_emitted &= now == was
            self._progress[tenant] = now

    def expect_deletions(self, tenant: str, now: datetime | None) -> None:
        """Begin a first read: only rows that are deleted from ``now`` on can have been read.

        The state goes out before any row: if the run dies within its first page, rows have been sent, and their
        deletions are asked for from here.
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
        kept_days: int | None = None,
    ) -> None:
        """Note that all deletions before ``until`` were handed on; None: they cannot be read now.

        The position goes back with a clock that was ahead. A list that ``is_empty`` proves nothing, so the position
        stays, which costs nothing as long as nothing is listed. ``has_no_flags`` is what was found out ``now``, if
        anything; ``kept_days``, how long the ERP keeps them.
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
            return replace(was, deletions=position, deletions_asked=asked, kept_days=kept_days, learnt=learnt)

        self._advance(tenant, done)

    def keys_known(self, tenant: str, **known: Any) -> None:
        """Note which keys the destination may have, in these fields."""
        self._advance(tenant, lambda was: replace(was, **known))

    def _advance(self, tenant: str, change: Callable[[Progress], Progress]) -> None:
        # Emitted under the lock: two tenants' states must not overtake each other on the way out.
        with self._lock:
            self._progress[tenant] = change(self._progress[tenant])
            self._unsaid.discard(tenant)
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
        reading, rereading = part.get("reading"), part.get("rereading")
        yield (
            part["partition"]["tenant"],
            Progress(
                reached=next(iter(part.get("cursor", {}).values()), None),
                sure=part.get("sure"),
                allowed=part.get("allowed"),
                reading=Window.of_state(reading) if reading else None,
                rereading=Rereading.of_state(rereading) if rereading else None,
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
                files=part.get("files", {}),
                linked=part.get("linked"),
                held=part.get("held", ""),
                listed=part.get("listed"),
                sent=part.get("sent", ""),
                removed=part.get("removed", ""),
                is_kept=part.get("is_kept", False),
                is_due=part.get("is_due", False),
                compared=part.get("compared"),
                brought=part.get("brought", {}),
                followed=tuple(part.get("followed", ())),
                ahead=part.get("ahead"),
                questioned=part.get("questioned", ""),
                kept_days=part.get("kept_days"),
                compared_with=part.get("compared_with", ""),
                all_records=part.get("all_records"),
                counted=part.get("counted"),
            ),
        )


_COUNTS = ("lag", "own_lag", "allowed", "counted")


def _part(field: str, tenant: str, progress: Progress) -> State:
    optional = {
        "reading": progress.reading.as_state() if progress.reading else None,
        "rereading": progress.rereading.as_state() if progress.rereading else None,
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
        "files": dict(progress.files),
        "linked": progress.linked,
        "held": progress.held,
        "listed": progress.listed,
        "sent": progress.sent,
        "removed": progress.removed,
        "is_kept": progress.is_kept,
        "is_due": progress.is_due,
        "compared": progress.compared,
        "brought": dict(progress.brought),
        "followed": list(progress.followed),
        "ahead": progress.ahead,
        "questioned": progress.questioned,
        "kept_days": progress.kept_days,
        "compared_with": progress.compared_with,
        "all_records": progress.all_records,
        "counted": progress.counted,
    }
    # A clock that is right has a lag of 0.
    said = {name: value for name, value in optional.items() if value or (name in _COUNTS and value is not None)}
    cursor = {field: progress.reached} if progress.reached else {}
    return {"partition": {"tenant": tenant}, "cursor": cursor, **said}
