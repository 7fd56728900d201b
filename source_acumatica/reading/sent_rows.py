"""Remembers which rows of a list were sent: the last ones in order, and a short mark of each."""

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
"""What identifies a row; where that stays when the row moves in the list, also what changes when it moves."""

# Rows that are remembered to find the place again.
REMEMBERED_ROWS = 10_000
# Rows whose identities go into the state: enough that one is probably still there when a later sync resumes.
ANCHORS_IN_STATE = 5
_MARK = (1 << 64) - 1
# How many of the rows that were sent, beside two pages of them, to compare a page with after the list has moved.
_ROWS_IN_FRONT = 100


def content_of(value: Any) -> str:
    """A hash of a value, in 32 characters."""
    return hashlib.blake2b(msgspec.json.encode(value), digest_size=16).hexdigest()


class RecentRows:
    """The identities of the rows sent last, in order; equal ones count as often as they came."""

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
        """Add rows that were sent; the oldest are forgotten if there are too many."""
        for identity in identities:
            self._rows.append(identity[0])
            self._count(identity)
        self._forget()

    def insert(self, identities: Sequence[Identity], new: Iterable[int]) -> None:
        """Add the ``new`` rows of a page, without equal ones, between rows that were sent, in the order of the page."""
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
        """Note where rows that were sent are now."""
        for identity in identities:
            if len(identity) > 1 and identity[0] in self._counts:
                self._versions[identity[0]] = identity[1]

    def knows(self, identity: Identity) -> bool:
        """Whether a row with this identity was sent."""
        return identity[0] in self._counts

    def is_unmoved(self, identity: Identity) -> bool:
        """Whether the row was sent, and is where it was."""
        return identity[0] in self._counts and self._versions.get(identity[0]) == (*identity, None)[1]

    def unsent(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows that were not sent; each row that was sent accounts for one of its equals."""
        left: dict[str, int] = {}
        new: list[int] = []
        for place, (row, *_) in enumerate(identities):
            left[row] = left.get(row, self._counts.get(row, 0)) - 1
            if left[row] < 0:
                new.append(place)
        return new

    def unknown(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows whose identity no row had that was sent."""
        return [place for place, identity in enumerate(identities) if identity[0] not in self._counts]

    def unsent_in_order(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows that were not sent, where rows may be alike: those that were sent keep their order."""
        page = [identity[0] for identity in identities]
        sent = list(islice(reversed(self._rows), 2 * len(page) + _ROWS_IN_FRONT))[::-1]
        blocks = SequenceMatcher(None, sent, page, autojunk=False).get_matching_blocks()
        known = {place for _, begin, size in blocks for place in range(begin, begin + size)}
        return [place for place in range(len(page)) if place not in known]

    def has_like(self, identities: Sequence[Identity]) -> bool:
        """Whether some of these rows equal each other, or were sent more than once."""
        page = {identity[0] for identity in identities}
        return len(page) < len(identities) or any(self._counts.get(row, 0) > 1 for row in page)

    def ends_with(self, identities: Sequence[Identity]) -> bool:
        """Whether these are the rows sent last, and are where they were."""
        return self.end(len(identities)) == tuple(identities)

    def numbers(self, identities: Sequence[Identity]) -> list[int | None]:
        """How many rows were sent in front of each row of a page; None for one that was not sent, or has moved."""
        number_of = {row: number for number, row in enumerate(self._rows)}
        return [number_of[identity[0]] if self.is_unmoved(identity) else None for identity in identities]

    def equal_at_end(self, most: int) -> int:
        """How many of the rows sent last equal the very last one, up to ``most``."""
        alike = takewhile(lambda row: row == self._rows[-1], reversed(self._rows))
        return sum(1 for _ in islice(alike, most))

    def has_its_likes_at_the_end(self, most: int) -> bool:
        """Whether all rows that equal the last one were sent right before it, and are no more than ``most``."""
        return self.equal_at_end(most + 1) == self._counts[self._rows[-1]] <= most

    def end(self, count: int = ANCHORS_IN_STATE) -> tuple[Identity, ...]:
        """The last ``count`` identities."""
        last = list(islice(reversed(self._rows), count))[::-1]
        return tuple((row, self._versions[row]) if row in self._versions else (row,) for row in last)


class SentMarks:
    """A mark of eight bytes for each row that a reading has sent, so that a list can be read again.

    It costs almost nothing while rows come in order, and is searched only if the list has to be read again.
    """

    def __init__(self, *, may_repeat: bool = False, is_partial: bool = False) -> None:
        """``may_repeat``: rows may come twice, since the destination drops repeats or has to expect them.

        ``is_partial``: rows were sent before that are not noted here, so the list cannot be read again.
        """
        self.may_repeat, self.is_partial = may_repeat, is_partial
        self._marks = array("Q")
        self._left: Counter[int] | None = None
        """The marks that no row of the new reading has matched yet; None while nothing is read again."""

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, identities: Iterable[Identity]) -> None:
        """Note rows that are sent."""
        self._marks.extend([hash(identity[0]) & _MARK for identity in identities])

    def begin_again(self) -> None:
        """The list begins again: from now on ``unsent`` leaves out what was sent so far."""
        self._left = Counter(self._marks)

    def unsent(self, identities: Sequence[Identity], places: Sequence[int]) -> Sequence[int]:
        """Those of the ``places`` in a page whose rows were not sent before the list was read again."""
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

    def has_sent_all(self, identities: Iterable[Identity]) -> bool:
        """Whether rows that were seen in passing have all been sent."""
        unsent = {hash(identity[0]) & _MARK for identity in identities}
        unsent.difference_update(self._marks)
        return not unsent

    def has_sent_too_often(self) -> bool:
        """Whether a row was sent more often than the new reading has it; a row that is gone does not count."""
        left = {mark: count for mark, count in (self._left or {}).items() if count > 0}
        if not left or self.may_repeat:
            return False
        sent = Counter(mark for mark in self._marks if mark in left)
        return any(count < sent[mark] for mark, count in left.items())
