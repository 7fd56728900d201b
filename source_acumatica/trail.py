"""Remembers which rows of a list were sent: the last ones in order, and in a full refresh a short mark of each."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

import msgspec

Identity = tuple[str, ...]
"""What a row is identified by; any one part suffices."""

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
        self._rows: deque[Identity] = deque()
        self._counts: dict[str, int] = {}
        self.extend(anchors)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def extend(self, identities: Iterable[Identity]) -> None:
        """Add rows that were sent; the oldest beyond what is remembered are forgotten."""
        counts = self._counts
        for identity in identities:
            self._rows.append(identity)
            for part in identity:
                counts[part] = counts.get(part, 0) + 1
        while len(self._rows) > REMEMBERED_ROWS:
            for part in self._rows.popleft():
                counts[part] -= 1
                if not counts[part]:
                    del counts[part]

    def unsent(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows that were not sent, each of those that were standing for one row."""
        counts = self._counts
        taken: dict[str, int] = {}
        new: list[int] = []
        for place, identity in enumerate(identities):
            for part in identity:
                if part in counts and counts[part] > taken.get(part, 0):
                    for each in identity:
                        taken[each] = taken.get(each, 0) + 1
                    break
            else:
                new.append(place)
        return new

    def unknown(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows of which none with the same identity was sent."""
        return [
            place for place, identity in enumerate(identities) if not any(part in self._counts for part in identity)
        ]

    def unsent_in_order(self, identities: Sequence[Identity]) -> list[int]:
        """The places of the rows that were not sent, where rows may be alike: what was sent stands in the same order.

        By their last parts, since made-up ids are others each time.
        """
        page = [identity[-1] for identity in identities]
        sent = [identity[-1] for identity in self.end(2 * len(page) + _ROWS_IN_FRONT)]
        blocks = SequenceMatcher(None, sent, page, autojunk=False).get_matching_blocks()
        known = {place for _, begin, size in blocks for place in range(begin, begin + size)}
        return [place for place in range(len(page)) if place not in known]

    def ends_with(self, identities: Sequence[Identity]) -> bool:
        """Whether these are the rows sent last."""
        last = self.end(len(identities))
        return len(last) == len(identities) and not any(
            set(one).isdisjoint(other) for one, other in zip(last, identities, strict=True)
        )

    def equal_at_end(self, most: int) -> int:
        """How many of the rows sent last cannot be told from the very last one, as far as ``most``."""
        count, last = 0, self._rows[-1][-1] if self._rows else ""
        for identity in reversed(self._rows):
            if identity[-1] != last or count == most:
                break
            count += 1
        return count

    def end(self, count: int = ANCHORS_IN_STATE) -> tuple[Identity, ...]:
        """The last ``count`` identities."""
        first = max(len(self._rows) - count, 0)
        return tuple(self._rows[place] for place in range(first, len(self._rows)))


class Ledger:
    """A mark of eight bytes for each row that a full refresh has sent, where no destination would remove a repeat.

    It costs next to nothing while rows come in order, and is looked into only if a list has to be read anew.
    """

    def __init__(self, *, is_partial: bool = False) -> None:
        """``is_partial``: rows were sent before that were not noted here, so that the list cannot be read anew."""
        self.is_partial = is_partial
        self._marks = array("Q")
        self._left: Counter[int] | None = None
        """The marks that no row of the new reading has stood for yet; None while nothing is read anew."""

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, identities: Iterable[Identity]) -> None:
        """Note rows that are sent. What two rows share is the last part, which made-up ids are not."""
        self._marks.extend([hash(identity[-1]) & _MARK for identity in identities])

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
            mark = hash(identities[place][-1]) & _MARK
            if left[mark] > 0:
                left[mark] -= 1
            else:
                new.append(place)
        return new
