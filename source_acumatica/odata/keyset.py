"""Reads an ordered list by the values of its rows: each page begins at the last row of the one before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any, Generic

from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.paging import EqualKeysError, Fetched, MovingListError, Page, Position, Row
from source_acumatica.reading.sent_rows import ANCHORS_IN_STATE

# So many places in front of the present one are remembered, and so many of them are asked for if it is not found.
_FRONT_ROWS = 50
_TRIES_IN_FRONT = 3


class UnreliableOrderError(Exception):
    """The server does not find its rows by the values that it shows, or all rows that were looked for have gone."""


def keyset_pages(
    fetch: Callable[[tuple[Any, ...], int], Fetched[Row]],
    place_of: Callable[[Row], tuple[Any, ...]],
    start: Position,
    content_of: Callable[[Row], object] = repr,
    longest: int = 0,
    probe: Callable[[tuple[Any, ...], int], Fetched[Row]] | None = None,
    end_probes: EndProbes | None = None,
) -> Iterator[Page[Row]]:
    """Read an ordered list from the row at ``start.after``, or from its beginning, to its end.

    ``fetch(after, skip)`` returns the rows from that place on, including the row at it, and how many it asked for. So
    each page begins with the last row of the one before or, where that has gone, with one in front of it. Rows at one
    place are distinguished by their content. The server is known to give pages of ``longest`` rows. ``probe`` fetches
    as many rows as a probe behind the end takes (``end_probes``).

    Raises:
        UnreliableOrderError: the server does not find the rows that it gave by their places.
        EqualKeysError: the rows at one place are more than the server gives at once.
        MovingListError: the server repeats itself.
    """
    return _Keyset(fetch, place_of, start, content_of, longest, probe or fetch, end_probes or EndProbes()).pages()


class _Keyset(Generic[Row]):
    """One reading of an ordered list."""

    def __init__(
        self,
        fetch: Callable[[tuple[Any, ...], int], Fetched[Row]],
        place_of: Callable[[Row], tuple[Any, ...]],
        start: Position,
        content_of: Callable[[Row], object],
        longest: int,
        probe: Callable[[tuple[Any, ...], int], Fetched[Row]],
        end_probes: EndProbes,
    ) -> None:
        self._end_probes = end_probes
        end_probes.begin()
        self._fetch, self._probe, self._place_of, self._content_of = fetch, probe, place_of, content_of
        self._start, self._after, self._offset = start, start.after, start.offset
        # The places of the rows sent last, and the contents of the rows sent at the very last place; after a resume it
        # is only known that there was one.
        self._front = [tuple(json.loads(anchor[0])) for anchor in start.anchors]
        self._there: list[object] = [None] if start.after else []
        self._borders: set[tuple[Any, ...]] = set()
        self._known_longest = longest

    def pages(self) -> Iterator[Page[Row]]:
        while True:
            rows, asked = self._fetch(self._after, 0)
            new = self._new(rows, asked)
            if not new and len(rows) < asked:
                behind = self._behind(rows, asked)
                if behind is None:
                    return
                rows, asked = behind
                new = rows
            if not new:
                raise MovingListError
            is_alike = self._place_of(new[0]) == self._after
            self._end_probes.note(len(rows), asked, len(new))
            self._note(new)
            anchors = tuple((json.dumps(place),) for place in self._front[-ANCHORS_IN_STATE:])
            position = replace(self._start, offset=self._offset, after=self._after, anchors=anchors)
            page = Page(new, position, is_alike)
            # They are not to lie in memory until the next page has come.
            del rows, new
            yield page
            del page

    def _new(self, rows: Sequence[Row], asked: int) -> Sequence[Row]:
        self._end_probes.longest = max(self._end_probes.longest, len(rows))
        if not self._after:
            return rows
        count = next((place for place, row in enumerate(rows) if self._place_of(row) != self._after), len(rows))
        if not count:
            return self._behind_one_in_front(rows)
        if count == len(rows) >= max(asked, SMALLEST_PAGE_ROWS):
            raise EqualKeysError
        if count > 1 and self._there == [None]:
            # Which of them was sent before the resume is not known.
            return rows
        return [*self._more_there(rows[:count]), *rows[count:]] if count > len(self._there) else rows[count:]

    def _more_there(self, rows: Sequence[Row]) -> list[Row]:
        """The rows at the place that were not sent: as many as exceed the number of those sent."""
        there = Counter(self._there)
        more = []
        for row in rows:
            content = self._content_of(row)
            if there[content]:
                there[content] -= 1
            else:
                more.append(row)
        return more[-(len(rows) - len(self._there)) :]

    def _behind_one_in_front(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The last row has gone, or the server does not find its own rows; a row in front of it shows which."""
        if self._after in map(self._place_of, rows):
            raise MovingListError
        known = {*self._front, self._after}
        for place in self._front[-_TRIES_IN_FRONT:][::-1]:
            found = self._found_at(place)
            places = [self._place_of(row) for row in found]
            if self._after in places:
                raise UnreliableOrderError
            if found:
                return [row for row, each in zip(found, places, strict=True) if each not in known] or rows
        if self._front and self._found_at(self._front[0]):
            # The server finds rows that exist; rows that were inserted so far in front do not come next.
            return rows
        raise UnreliableOrderError

    def _found_at(self, place: tuple[Any, ...]) -> Sequence[Row]:
        """The rows from a place in front on; none where there is no row at it any more."""
        found = self._fetch(place, 0)[0]
        return found if found and self._place_of(found[0]) == place else ()

    def _note(self, new: Sequence[Row]) -> None:
        places = [self._place_of(row) for row in new[-_FRONT_ROWS:]]
        first, last = self._place_of(new[0]), places[-1]
        if not self._borders.isdisjoint({first, last} - {self._after}):
            raise MovingListError
        self._borders.update((first, last))
        there = [self._content_of(row) for row in takewhile(lambda row: self._place_of(row) == last, reversed(new))]
        self._there = [*self._there, *there] if last == self._after else there
        self._front = [place for place in (*self._front, self._after, *places) if place and place != last][
            -_FRONT_ROWS:
        ]
        self._after, self._offset = last, self._offset + len(new)

    def _behind(self, rows: Sequence[Row], asked: int) -> Fetched[Row] | None:
        """The rows behind a short answer without new rows; None if there are none."""

        def probe(skip: int) -> Fetched[Row] | None:
            behind, room = self._probe(self._after, skip)
            here = list(takewhile(lambda row: self._place_of(row) == self._after, behind))
            if Counter(map(self._content_of, here)) - Counter(self._there):
                # There are more rows at one place than the server gives at once.
                raise EqualKeysError
            # Rows of that place that were sent come again where a hidden one counts as a place in the list, too.
            return (behind[len(here) :], room) if len(here) < len(behind) else None

        # More rows may follow at once: some at the same place, or where the server gives one row at a time.
        gives_few = len(rows) > 1 or max(self._end_probes.longest, self._known_longest) <= 1
        return self._end_probes.behind(len(rows), asked, probe, is_full=gives_few)
