"""Remembers which rows of a list were sent: the last ones in order, and in a full refresh a short mark of each."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import islice, takewhile
from typing import Any

import msgspec

Identity = tuple[str, ...]
"""What a row is identified by, and, where rows can move under it, what is another one when it has moved."""

# Rows that are remembered to find the place again.
REMEMBERED_ROWS = 10_000
# Rows whose identities go into the state: enough that not all of them are removed until a resume.
ANCHORS_IN_STATE = 5
_MARK = (1 << 64) - 1
# Beyond two pages, of rows that were sent, to compare a page with that the list has moved under.
_ROWS_IN_FRONT = 100


def content_of(value: Any) -> str:
    """What tells one content from another, in 32 characters."""
    return hashlib.blake2b(msgspec.json.encode(value), digest_size=16).hexdigest()


class Trail:
    """The identities of the rows sent last, in order; rows that are alike count as often as they came."""

    def __init__(self, anchors: Iterable[Identity] = ()) -> None:
        self._rows: deque[str] = deque()
        self._counts: dict[str, int] = {}
        self._versions: dict[str, str] = {}
        self.extend(anchors)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def extend(self, identities: Iterable[Identity]) -> None:
        """Add rows that were sent; the oldest beyond what is remembered are forgotten."""
        for identity in identities:
            self._rows.append(identity[0])
            self._count(identity)
        self._forget()

    def insert(self, identities: Sequence[Identity], new: Iterable[int]) -> None:
        """Add the ``new`` rows of a page, in which no rows are alike, between those that were sent, as it has them."""
        page = [identity[0] for identity in identities]
        among = {*page}
        behind = deque[str]()
        if not among.isdisjoint(self._counts):
            while self._rows[-1] not in among:
                behind.appendleft(self._rows.pop())
        self._rows = deque([row for row in self._rows if row not in among])
        self._rows.extend([*page, *behind])
        for place in new:
            self._count(identities[place])
        self._forget()

    def _count(self, identity: Identity) -> None:
        self._counts[identity[0]] = self._counts.get(identity[0], 0) + 1
        if len(identity) > 1:
            self._versions[identity[0]] = identity[1]

    def _forget(self) -> None:
        counts = self._counts
        while len(self._rows) > REMEMBERED_ROWS:
            row = self._rows.popleft()
            counts[row] -= 1
            if not counts[row]:
                del counts[row]
                self._versions.pop(row, None)

    def note(self, identities: Iterable[Identity]) -> None:
        """Rows that were sent have been seen where they are now."""
        for identity in identities:
            if len(identity) > 1 and identity[0] in self._counts:
                self._versions[identity[0]] = identity[1]

    def knows(self, identity: Identity) -> bool:
        """Whether a row with this identity was sent."""
        return identity[0] in self._counts

    def is_unmoved(self, identity: Identity) -> bool:
        """Whether the row was sent, and stands where it did."""
        return identity[0] in self._counts and self._versions.get(identity[0]) == (*identity, None)[1]

    def unsent(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows that were not sent, each of those that were standing for one row."""
        left: dict[str, int] = {}
        new: list[int] = []
        for place, (row, *_) in enumerate(identities):
            left[row] = left.get(row, self._counts.get(row, 0)) - 1
            if left[row] < 0:
                new.append(place)
        return new

    def unknown(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows of which none with the same identity was sent."""
        return [place for place, identity in enumerate(identities) if identity[0] not in self._counts]

    def unsent_in_order(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows that were not sent, where rows may be alike: what was sent stands in its order."""
        page = [identity[0] for identity in identities]
        sent = list(islice(reversed(self._rows), 2 * len(page) + _ROWS_IN_FRONT))[::-1]
        blocks = SequenceMatcher(None, sent, page, autojunk=False).get_matching_blocks()
        known = {place for _, begin, size in blocks for place in range(begin, begin + size)}
        return [place for place in range(len(page)) if place not in known]

    def has_like(self, identities: Sequence[Identity]) -> bool:
        """Whether rows among these, or among those that were sent, are like each other."""
        page = {identity[0] for identity in identities}
        return len(page) < len(identities) or any(self._counts.get(row, 0) > 1 for row in page)

    def ends_with(self, identities: Sequence[Identity]) -> bool:
        """Whether these are the rows sent last, and stand where they did."""
        return self.end(len(identities)) == tuple(identities)

    def numbers(self, identities: Sequence[Identity]) -> list[int | None]:
        """How many were sent in front of each row of a page; None of one that was not, or that has moved since."""
        number_of = {row: number for number, row in enumerate(self._rows)}
        return [number_of[identity[0]] if self.is_unmoved(identity) else None for identity in identities]

    def equal_at_end(self, most: int) -> int:
        """How many of the rows sent last cannot be told from the very last one, as far as ``most``."""
        alike = takewhile(lambda row: row == self._rows[-1], reversed(self._rows))
        return sum(1 for _ in islice(alike, most))

    def has_its_likes_at_the_end(self, most: int) -> bool:
        """Whether all rows that are like the last one were sent with it, and are no more than ``most``."""
        return self.equal_at_end(most + 1) == self._counts[self._rows[-1]] <= most

    def end(self, count: int = ANCHORS_IN_STATE) -> tuple[Identity, ...]:
        """The last ``count`` identities."""
        last = list(islice(reversed(self._rows), count))[::-1]
        return tuple((row, self._versions[row]) if row in self._versions else (row,) for row in last)


class Ledger:
    """A mark of eight bytes for each row that a reading has sent, so that a list can be read anew.

    It costs next to nothing while rows come in order, and is looked into only if the list has to be read anew.
    """

    def __init__(self, *, may_repeat: bool = False, is_partial: bool = False) -> None:
        """``may_repeat``: whoever gets the rows removes those that come twice, or has to expect them.

        ``is_partial``: rows were sent before that were not noted here, so that the list cannot be read anew.
        """
        self.may_repeat, self.is_partial = may_repeat, is_partial
        self._marks = array("Q")
        self._left: Counter[int] | None = None
        """The marks that no row of the new reading has stood for yet; None while nothing is read anew."""

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, identities: Iterable[Identity]) -> None:
        """Note rows that are sent."""
        self._marks.extend([hash(identity[0]) & _MARK for identity in identities])

    def read_anew(self) -> None:
        """The list begins again: from now on ``unsent`` leaves out what was sent so far."""
        self._left = Counter(self._marks)

    def unsent(self, identities: Sequence[Identity], places: Sequence[int]) -> Sequence[int]:
        """Those of the ``places`` in a page whose rows were not sent before the list was begun again."""
        left = self._left
        if left is None:
            return places
        new = []
        for place in places:
            mark = hash(identities[place][0]) & _MARK
            if left[mark] > 0:
                left[mark] -= 1
            else:
                new.append(place)
        return new

    def has_sent_too_often(self) -> bool:
        """Whether a row was sent more often than the list that was read anew has it; one that is gone was not."""
        left = {mark: count for mark, count in (self._left or {}).items() if count > 0}
        if not left or self.may_repeat:
            return False
        sent = Counter(mark for mark in self._marks if mark in left)
        return any(count < sent[mark] for mark, count in left.items())
