"""Anchored paging: reads a list that moves under the reader without losing a row that stays in it.

Contract REST has no keyset that holds for every entity and no next link: only ``$skip`` and ``$top`` over rows in the
order of their keys (BEHAVIOR.md, "Lists"). A row inserted or removed before the reading position shifts all later ones.
So each page asks again for the last row of the one before. While it is there, nothing has moved::

    page 1   a b c d                asked: skip 0
    page 2         d e f g          asked: skip 3   d is where it was: e is next
    page 3         (c removed)
                         h i j k    asked: skip 6   g is not there: go back
                   d e f g h i      asked: skip 3   g is there: h is next, and h, i are not lost

Of the rows before, the ends of the last pages are remembered, so that the place is found although rows of it are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
Identity = tuple[str, ...]
"""What a row is known by; any one part suffices."""

# An anchored page overlaps the one before, so one row is no page.
SMALLEST_PAGE_ROWS = 2
# The first page is small: nobody knows yet how heavy the rows of this entity are.
FIRST_PAGE_ROWS = 500
# Below this an answer was quick and the next page may be larger; above, it is made smaller. A proxy in between often
# gives up after 60 s.
_QUICK_SECONDS = 5.0
_SLOW_SECONDS = 30.0
# A page in memory is several times its size on the wire.
_LARGE_BYTES = 16 * 1024 * 1024
# Rows that are remembered to find the place again.
_REMEMBERED_ROWS = 10_000
# Rows whose identities go into the state: enough that not all of them are removed until a resume.
_ANCHORS_IN_STATE = 5
# The same answer so often, or so many starts from the beginning, and the list is given up: a server that ignores $skip
# would be read for ever.
_MOST_REPEATS = 5
# A page shorter than asked for ends the list, unless a server-side cap shortened it: caps are round numbers.
_SMALLEST_CAP_ROWS = 50


class MovingListError(Exception):
    """The list gives no new rows and does not end."""


class UnreliableOrderError(Exception):
    """The server's comparisons do not agree with the values that it shows."""


@dataclass(frozen=True)
class Position:
    """How far a list has been read: ``offset`` rows, of which the last are known by ``anchors``.

    Of a list that is read by keyset, ``after`` holds the last row's values of the columns that order it.
    """

    offset: int = 0
    anchors: tuple[Identity, ...] = ()
    after: tuple[Any, ...] = ()


BEGINNING = Position()


@dataclass(frozen=True)
class Page(Generic[Row]):
    """The rows that a request brought anew, and the position behind them."""

    rows: Sequence[Row]
    position: Position


@dataclass
class PageSize:
    """How many rows are asked for at once: from a small start towards ``largest``, as the answers' cost allows."""

    largest: int
    rows: int = 0
    _refused_rows: int = 0
    _refusals: int = 0
    """How often in a row this size was too much: each time it is tried again later."""
    _pages_until_tried: int = 0

    def __post_init__(self) -> None:
        self.largest = max(self.largest, SMALLEST_PAGE_ROWS)
        self.rows = min(FIRST_PAGE_ROWS, self.largest)

    def observe(self, seconds: float, size_bytes: int) -> None:
        """Adapt to what the last page cost."""
        if seconds > _SLOW_SECONDS or size_bytes > _LARGE_BYTES:
            self.shrink()
        elif seconds < _QUICK_SECONDS and 2 * size_bytes < _LARGE_BYTES:
            self._grow()

    def _grow(self) -> None:
        larger = min(self.rows * 2, self.largest)
        if self._refused_rows and larger >= self._refused_rows and self._pages_until_tried:
            self._pages_until_tried -= 1
            return
        if self.rows >= self._refused_rows:
            self._refused_rows = self._refusals = 0
        self.rows = larger

    def shrink(self, asked: int | None = None) -> bool:
        """Halve what was too much; False where that is not possible.

        ``asked``: how many rows the request that failed had asked for. Several may fail for one cause: the size is
        halved for the first of them.
        """
        was = min(self.rows, asked or self.rows)
        if asked and asked > self.rows:
            return True
        self.rows = max(was // 2, SMALLEST_PAGE_ROWS)
        if self.rows == was:
            return False
        self._refusals = self._refusals + 1 if was == self._refused_rows else 1
        self._refused_rows, self._pages_until_tried = was, 2 ** (self._refusals - 1) - 1
        return True


@dataclass
class _Trail:
    """The identities of the rows read last, in order."""

    rows: dict[Identity, None] = field(default_factory=dict)
    parts: set[str] = field(default_factory=set)

    def extend(self, identities: Sequence[Identity]) -> None:
        for identity in identities:
            self.rows.pop(identity, None)
            self.rows[identity] = None
            self.parts.update(identity)
        for identity in list(self.rows)[: max(len(self.rows) - _REMEMBERED_ROWS, 0)]:
            del self.rows[identity]
            self.parts.difference_update(identity)

    def ends_with(self, identity: Identity) -> bool:
        return not set(next(reversed(self.rows))).isdisjoint(identity)

    def knows(self, identity: Identity) -> bool:
        return not self.parts.isdisjoint(identity)

    def end(self) -> tuple[Identity, ...]:
        return tuple(self.rows)[-_ANCHORS_IN_STATE:]


@dataclass
class _Watch:
    """Notices a list that gives nothing new and does not end."""

    before: Sequence[Identity] = ()
    repeats: int = 0
    known_rows: int = 0
    restarts: int = 0

    def page(self, identities: Sequence[Identity], *, is_new: bool) -> None:
        self.known_rows = 0 if is_new else self.known_rows + len(identities)
        # Rows that look alike may pass for new ones, page for page.
        self.repeats = self.repeats + 1 if identities == self.before else 0
        self.before = identities
        if self.repeats > _MOST_REPEATS or self.known_rows > 2 * _REMEMBERED_ROWS:
            raise MovingListError

    def restart(self) -> None:
        self.restarts += 1
        if self.restarts > _MOST_REPEATS:
            raise MovingListError


def anchored_pages(
    fetch: Callable[[int], tuple[Sequence[Row], int]],
    identify: Callable[[Row], Identity],
    start: Position,
) -> Iterator[Page[Row]]:
    """Read a list from ``start`` to its end.

    ``fetch(skip)`` returns the rows from an offset on and how many it asked for. A row that is in the list throughout
    is yielded at least once; rows may come twice where the list moved.

    Raises:
        MovingListError: the server repeats itself, or rows vanish faster than they are read.
    """
    trail, watch, offset, longest = _Trail(), _Watch(), start.offset, SMALLEST_PAGE_ROWS
    trail.extend(start.anchors)
    while True:
        skip = max(offset - 1, 0) if trail.rows else 0
        rows, asked = fetch(skip)
        identities = [identify(row) for row in rows]
        longest = max(longest, len(rows))
        first_new = _first_new(trail, identities)
        if first_new is None and skip > 0:
            # Back by what the server gives, which may be less than what is asked for.
            offset = max(skip - (min(asked, longest) - 1), 0) + 1
            continue
        if first_new is None:
            # Nothing that was read last exists any more: the list starts anew, and rows come twice rather than not.
            first_new, trail = 0, _Trail()
            watch.restart()
        offset = skip + len(rows)
        trail.extend(identities[first_new:])
        if first_new < len(rows):
            yield Page(rows[first_new:], Position(offset, trail.end()))
        if _is_last(len(rows), asked):
            return
        watch.page(identities, is_new=first_new < len(rows))


def keyset_pages(
    fetch: Callable[[tuple[Any, ...]], tuple[Sequence[Row], int]],
    place_of: Callable[[Row], tuple[Any, ...]],
    is_unmoved: Callable[[tuple[Any, ...]], bool],
    after: tuple[Any, ...],
) -> Iterator[Page[Row]]:
    """Read an ordered list from the row at ``after``, or from its beginning, to its end.

    ``fetch(after)`` returns the rows from that place on, the row at it included, and how many it asked for. So each
    page begins with the last row of the one before, unless that row has moved since: ``is_unmoved`` is asked then.

    Raises:
        UnreliableOrderError: the last row is where it was, and yet the page does not begin with it.
        MovingListError: the server repeats itself.
    """
    places_before: set[tuple[Any, ...]] = set()
    while True:
        rows, asked = fetch(after)
        is_last = _is_last(len(rows), asked)
        if after and rows and place_of(rows[0]) == after:
            rows = rows[1:]
        elif after and is_unmoved(after):
            raise UnreliableOrderError
        elif after and after in map(place_of, rows):
            raise MovingListError
        last = place_of(rows[-1]) if rows else None
        if last == after or after in places_before or not (rows or is_last):
            raise MovingListError
        places_before.add(after)
        if last is not None:
            after = last
            yield Page(rows, Position(after=after))
        if is_last:
            return


def _first_new(trail: _Trail, identities: Sequence[Identity]) -> int | None:
    """Where the unread rows begin; None where the page does not touch what was read."""
    if not trail.rows:
        return 0
    if identities and trail.ends_with(identities[0]):
        return 1
    known = [trail.knows(identity) for identity in identities]
    if True not in known:
        return None
    return known.index(False) if False in known else len(known)


def _is_last(count: int, asked: int) -> bool:
    if count >= asked:
        return False
    is_round = count % _SMALLEST_CAP_ROWS == 0 or count.bit_count() == 1
    return not (is_round and count >= _SMALLEST_CAP_ROWS)
