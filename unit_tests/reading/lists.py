"""Lists that change between the requests for their pages."""

from __future__ import annotations

from bisect import insort
from random import Random

from hypothesis import strategies as st

from source_acumatica.reading.anchored import anchored_pages
from source_acumatica.reading.paging import BEGINNING, MovingListError
from source_acumatica.reading.sent_rows import SentMarks

# The list has places between its rows, so that rows can be inserted anywhere.
GAP = 1000


class MovingList:
    """Rows in the order of their keys; before each request somebody else's changes happen.

    ``cap`` is a limit of the server's own; ``changes`` holds for each request the changes that come before it.
    """

    def __init__(self, size, tops, changes=(), cap=None):
        self.rows = [number * GAP for number in range(1, size + 1)]
        self.there_throughout = set(self.rows)
        self.versions = dict.fromkeys(self.rows, 0)
        self.tops, self.changes, self.cap = tops, list(changes), cap
        self.requests, self.skips = 0, []

    def fetch(self, skip):
        if self.requests < len(self.changes):
            for change, place in self.changes[self.requests]:
                getattr(self, change)(place, skip)
        top = self.tops[self.requests % len(self.tops)]
        self.requests += 1
        self.skips.append(skip)
        assert self.requests < 5_000, "no end"
        return self.rows[skip : skip + min(top, self.cap or top)], top

    def insert(self, place, skip):
        """A row at ``place``, counted from the reading position, so that changes fall where they hurt."""
        index = self._index(place, skip)
        row = (self.rows[index] if index is not None and skip + place >= 0 else 0) + 1
        while row in self.versions:
            row += 1
        if row % GAP:
            self.versions[row] = 0
            insort(self.rows, row)

    def delete(self, place, skip):
        index = self._index(place, skip)
        if index is not None:
            self.there_throughout.discard(self.rows.pop(index))

    def touch(self, place, skip):
        """A row gets another content."""
        index = self._index(place, skip)
        if index is not None:
            self.versions[self.rows[index]] += 1

    def delete_all(self, _place, _skip):
        self.there_throughout.clear()
        self.rows.clear()

    def _index(self, place, skip):
        return min(max(skip + place, 0), len(self.rows) - 1) if self.rows else None

    def by_key(self, row):
        return (str(row),)

    def by_stable_id(self, row):
        return (f"id {row}", f"as of {self.versions[row]}")

    def by_content(self, row):
        return (f"{row} as of {self.versions[row]}",)


IDENTITIES = ["by_key", "by_stable_id", "by_content"]


TOPS = st.lists(st.integers(2, 7), min_size=1, max_size=5)


PLACES = st.integers(-9, 9)


def changes(kinds, most_at_once, requests):
    one = st.tuples(st.sampled_from(kinds), PLACES)
    return st.lists(st.lists(one, max_size=most_at_once), max_size=requests)


def everything(moving, identify="by_key", start=BEGINNING):
    return [row for page in anchored_pages(moving.fetch, getattr(moving, identify), start) for row in page.rows]


def everything_unless_all_goes(moving, identify="by_key", start=BEGINNING):
    """The same; a list of which nothing is left, though rows of it were read, is an error."""
    read = []
    try:
        for page in anchored_pages(moving.fetch, getattr(moving, identify), start):
            read += page.rows
    except MovingListError as error:
        assert "has no rows any more" in str(error)
        assert read
        assert not moving.there_throughout
    return read


class ReorderedList:
    """Pages of a list that stands in one order for some requests and in another from then on."""

    def __init__(self, rows, then, requests, page_rows):
        self.rows, self.then, self.requests, self.page_rows = rows, then, requests, page_rows

    def fetch(self, skip):
        self.requests -= 1
        rows = self.rows if self.requests >= 0 else self.then
        return rows[skip : skip + self.page_rows], self.page_rows


def sent(moving, identify=lambda row: (str(row),), **how):
    pages = anchored_pages(moving.fetch, identify, BEGINNING, sent_marks=SentMarks(), **how)
    return [row for page in pages for row in page.rows]


class HidingList:
    """Rows in the order of their groups, those of a group in another order each time; hidden ones count as places.

    ``cap`` is the most that the server gives; ``moves`` says with each request whether a row in front is removed.
    """

    def __init__(self, groups, hidden, page_rows, cap=None, moves=lambda: False, seed=0):
        self.rows = [(group, number) for number, group in enumerate(sorted(groups))]
        self.hidden, self.page_rows, self.cap, self.moves = hidden, page_rows, cap, moves
        self.random, self.requests = Random(seed), 0

    @property
    def visible(self):
        return {row for row in self.rows if row not in self.hidden}

    def fetch(self, skip, rows=None):
        self.requests += 1
        assert self.requests < 5_000, "no end"
        if skip and self.rows and self.moves():
            self.rows.pop(self.random.randrange(len(self.rows)))
        keys = {row: self.random.random() for row in self.rows}
        top = min(rows or self.page_rows, self.cap or rows or self.page_rows)
        page = sorted(self.rows, key=lambda row: (row[0], keys[row]))[skip : skip + top]
        return [row for row in page if row not in self.hidden], rows or self.page_rows

    def probe(self, skip):
        return self.fetch(skip, max(self.page_rows, 50))

    def fetch_from(self, place, skip, rows=None):
        in_front = sum(1 for row in self.rows if place and row[:1] < place)
        return self.fetch(in_front + skip, rows)
