"""What is known of one tenant's list, from this sync and the ones before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from source_acumatica.reading.cursor import TenantCursor
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.fields import format_instant
from source_acumatica.reading.kept_names import missed, outermost, remembered, unknown
from source_acumatica.reading.learnt import EMPTIES_PARTS, GIVES_ALL_AGAIN, HIDES_NOTHING, HIDES_ROWS
from source_acumatica.reading.page_size import FIRST_PAGE_ROWS
from source_acumatica.reading.progress import Progress

_NOTHING = Progress()


class TenantFacts:
    """What is known of one tenant's list: kept in the state of an incremental read, and nowhere in a full refresh."""

    def __init__(self, progress: TenantCursor | None, tenant: str, now: Callable[[], datetime | None]) -> None:
        self._progress, self._tenant, self._now = progress, tenant, now
        self._fresh: set[str] = set()
        self._doubted: set[str] = set()
        self.shows_unstamped = False
        """Whether a row without a stamp has come in this very sync."""

    @property
    def _was(self) -> Progress:
        """What the state says now; nothing, in a full refresh."""
        return self._progress.progress(self._tenant) if self._progress else _NOTHING

    @property
    def has_unstamped(self) -> bool:
        """Whether rows without a stamp have been seen."""
        return self._was.has_unstamped

    @property
    def left_out(self) -> Sequence[str] | None:
        """What the rows of earlier syncs lack; None where there are none, or where that is unknown.

        States of earlier versions do not say it; they are recognized by having no latest stamp either.
        """
        was = self._was
        return was.left_out if was.left_out or was.newest else None

    def lacks(self, columns: Iterable[str]) -> None:
        """Note that rows have come without these columns."""
        known = self.left_out or ()
        if self._progress is not None and not {*columns} <= {*known}:
            self._progress.note(self._tenant, left_out=tuple(dict.fromkeys((*known, *columns))))

    def doubts(self, columns: Iterable[str]) -> None:
        """Note that rows have come without these columns, and may have none; kept in case the sync is cut off."""
        self._doubted |= {*columns}.difference(self.left_out or ())
        self.lacks(columns)

    def doubts_no_more(self, but: Iterable[str]) -> None:
        """Note, at the end of the list, that it has shown all columns in doubt ``but`` these."""
        shown = self._doubted.difference(but)
        if shown and self._progress is not None:
            left = tuple(name for name in self.left_out or () if name not in shown)
            self._progress.note(self._tenant, left_out=left)

    def begin_again(self, columns: Iterable[str]) -> None:
        """Have all rows read again, since they would have more columns now: they lack these ``columns`` only."""
        if self._progress is not None:
            self._progress.note(self._tenant, reached=None, reading=None, files={}, left_out=tuple(columns))
            self.learn(GIVES_ALL_AGAIN)

    def gives(self, columns: Iterable[str], custom: Iterable[str]) -> None:
        """Note that rows have come with these; the rows before lack custom fields that are new."""
        if self._progress is None:
            return
        was = self._was
        # States of earlier versions keep no names.
        if (was.reached or was.reading) and (was.columns or was.custom):
            self.lacks(unknown(was.custom, custom))
        now: dict[str, Any] = {
            "columns": remembered(was.columns, columns),
            "custom": remembered(was.custom, custom),
        }
        if now != {"columns": was.columns, "custom": was.custom}:
            self._progress.note(self._tenant, **now)

    def missed_columns(self, described: Iterable[str], configured: Iterable[str]) -> Sequence[str]:
        """The ``configured`` columns that have come before and are not described now."""
        configured = {*configured}
        return outermost([name for name in missed(self._was.columns, described, configured, "") if name in configured])

    def missed_custom(self, names: Iterable[str]) -> Sequence[str]:
        """The custom fields that have come before and are not among ``names``, as columns; "custom" if unknown."""
        return missed(self._was.custom, names, (), "custom")

    def new_custom(self, names: Iterable[str]) -> Sequence[str]:
        """The custom fields among ``names``, as columns, that have not come before."""
        return unknown(self._was.custom, names)

    @property
    def has_rows(self) -> bool:
        """Whether rows have come in this sync or before."""
        was = self._was
        return any((was.reached, was.reading, was.newest))

    @property
    def had_rows(self) -> bool:
        """Whether rows have ever come, also where all are to come again."""
        return self.has_rows or bool(self._was.columns)

    def distrusts_list(self, *, reads_again: bool) -> None:
        """Note that the list leaves out what records have; ``reads_again``: have the rows before that read again."""
        if self._progress is None:
            return
        if reads_again:
            self._progress.note(self._tenant, reached=None, reading=None, files={})
        self.learn(EMPTIES_PARTS)

    def saw_behind(self, end_probes: EndProbes) -> None:
        """Note what a list that was read to its end has shown of hidden rows.

        Where some were hidden once, a short list without any proves nothing.
        """
        if end_probes.hides_rows:
            self.learn(HIDES_ROWS)
        elif end_probes.are_due and end_probes.rows >= FIRST_PAGE_ROWS:
            self.forget(HIDES_ROWS)
        if end_probes.hides_rows or self.remembers(HIDES_ROWS):
            self.forget(HIDES_NOTHING)
        elif end_probes.are_due:
            self.learn(HIDES_NOTHING)

    def remembers(self, name: str) -> bool:
        """Whether it was learnt at any time."""
        return name in self._was.learnt

    @property
    def is_first(self) -> bool:
        """Whether nothing was read before."""
        return self._was.reached is None

    def knows(self, name: str) -> bool:
        """Whether it was learnt within the last day."""
        return self._was.knows(name, self._now())

    def is_fresh(self, name: str) -> bool:
        """Whether it was learnt in this very sync."""
        return name in self._fresh

    def learn(self, name: str) -> None:
        """Note that it holds; it is believed for a day."""
        now = self._now()
        self._fresh.add(name)
        if self._progress is not None and now:
            self._progress.note(self._tenant, {name: format_instant(now)})

    def forget(self, name: str) -> None:
        """Note that it does not hold any more."""
        if self._progress is not None:
            self._progress.note(self._tenant, {name: None})

    @property
    def unproven(self) -> Mapping[str, str | None]:
        """Of an inquiry that is asked with several values: those whose rows have yet to be seen, and from when on."""
        return self._was.unproven

    def saw_unstamped(self) -> None:
        """Note that a row without a stamp has come."""
        self.shows_unstamped = True
        if self._progress is not None and not self.has_unstamped:
            self._progress.note(self._tenant, has_unstamped=True)
