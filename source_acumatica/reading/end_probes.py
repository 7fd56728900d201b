"""Probes behind the end of a list: rows that the user may not see can fill a page, which visible ones follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

Found = TypeVar("Found")

# A page for fewer rows may be empty because all of them are hidden: one more probe, for so many, proves the end.
SMALL_PAGE_ROWS = 50
# A probe begins so much of its length in front of where the page ended: rows may move by some places between both.
_OVERLAP = 10
# Where rows are hidden, a run of them may be longer than a page: each probe goes twice as far as the one before, up to
# so many pages.
_FURTHEST_PAGES = 2**9
# A page that begins so many rows in front of its place may have hidden rows before it, whose places count; or rows were
# inserted there, so nothing else follows from that.
_LAG = 3
# In a list that has hidden rows before, the first pages are looked at without a gap: a single row may be among them.
_PAGES_BEHIND = (1, 2, 3, *(2**power for power in range(2, 10)))


@dataclass
class EndProbes:
    """What one list has shown of hidden rows, and how far behind its end to look for more."""

    are_due: bool = True
    """If not, there are no probes until a page has shown that rows are hidden."""
    has_hidden_rows: bool = False
    """Whether the list has hidden rows before: then the next visible row may be far, even behind the first page."""
    hides_rows: bool = field(default=False, init=False)
    """Whether a page came shorter than the server's pages do, and rows followed."""
    rows: int = field(default=0, init=False)
    """How many have come."""
    longest: int = field(default=0, init=False)
    """The rows of the longest page: a server may give fewer than are asked for."""
    _cuts_pages: bool = field(default=False, init=False)
    """Whether a page came shorter than it was asked for, and rows followed."""
    _lags: bool = field(default=False, init=False)
    """Whether the places of hidden rows may count."""
    _last: tuple[int, int] = field(default=(0, 0), init=False)
    """How many rows the last page had, and how many it was asked for."""

    def begin(self) -> None:
        """A list begins, or is read again: it has no last page yet."""
        self._last, self._lags = (0, 0), False

    def note(self, came: int, asked: int, new: int) -> None:
        """A page was taken, with ``new`` rows that the page before it did not have."""
        self.look_at(new)
        self._last = came, asked
        self.rows += new

    def look_at(self, new: int, lag: int = 0) -> None:
        """A page has come that has ``new`` rows, and begins ``lag`` rows in front of its place; ``note`` may follow."""
        had, room = self._last
        self._cuts_pages |= new > 0 and had < room
        self.hides_rows |= new > 0 and had < min(room, self.longest)
        self._lags |= lag >= _LAG

    def first_distance(self, asked: int) -> int | None:
        """How far behind the beginning of a page that brings nothing new the only probe goes, if there is one.

        Where rows are hidden, there are several, and a short page says nothing of the end.
        """
        may_hide = self.hides_rows or self.has_hidden_rows or self._lags
        is_only_one = self.are_due and not may_hide and asked >= SMALL_PAGE_ROWS
        return _begin(self._step(asked), self._step(asked)) if is_only_one else None

    def behind(self, came: int, asked: int, probe: Callable[[int], Found | None], *, is_full: bool) -> Found | None:
        """What comes next behind a page that brought nothing new; None where nothing does, which proves the end.

        ``probe`` asks so many places behind the beginning of the page, and returns None where nothing is new.
        ``is_full``: the rows that ``came`` may be as many as the server gives at once, so that more may follow at once.
        A page for few rows always counts as full: how short the server cuts larger pages says nothing about it. Where a
        look far behind finds rows, others may lie between, and the first of those come next.
        """
        is_small = asked < SMALL_PAGE_ROWS
        near = probe(came) if came and (is_full or is_small) else None
        if near is not None:
            return near
        step = seen = self._step(asked)
        for distance in self._distances(asked, step, are_due=not came if is_small else self.are_due):
            found = probe(max(_begin(distance, step), came))
            if found is not None:
                between = (probe(max(_begin(nearer, step), came)) for nearer in range(seen, distance, step))
                return next((one for one in between if one is not None), found)
            if distance == seen:
                seen += step
        return None

    def _step(self, asked: int) -> int:
        """So many places of the list a page covers at least."""
        return min(asked, max(self.longest, SMALL_PAGE_ROWS)) if self._cuts_pages else asked

    def _distances(self, asked: int, step: int, *, are_due: bool) -> Iterator[int]:
        if self.hides_rows or self._lags:
            distance = step
            while distance <= asked * _FURTHEST_PAGES:
                yield distance
                distance *= 2
        elif self.has_hidden_rows:
            # How long pages can be is not known yet: as long as they are asked for, until one has shown it.
            yield step
            yield from (asked * pages for pages in _PAGES_BEHIND if asked * pages > step)
        elif are_due:
            yield step


def _begin(distance: int, step: int) -> int:
    return distance - step // _OVERLAP
