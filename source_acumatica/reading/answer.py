"""One answer of a list, compared with the rows that were sent: which of its rows are new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic

from source_acumatica.reading.paging import Row
from source_acumatica.reading.sent_rows import Identity, RecentRows


class Kind(Enum):
    """What the identity of a row says."""

    UNIQUE = "which row it is"
    GROUPED = "where in the order it stands, as other rows may"
    ALIKE = "what is in it, as may be in others"


@dataclass(frozen=True)
class Answer(Generic[Row]):
    """The rows from an offset on, and which of them were not sent before."""

    skip: int
    rows: Sequence[Row]
    asked: int
    identities: Sequence[Identity]
    new: Sequence[int]
    """The places of the rows that were not sent before."""

    @property
    def is_short(self) -> bool:
        """Whether fewer rows came than were asked for."""
        return len(self.rows) < self.asked

    @property
    def end(self) -> int:
        """The offset behind its last row."""
        return self.skip + len(self.rows)

    def count_new(self, held: Identity | None) -> int:
        """How many of its rows are new, and not of the group that was held back from the page before."""
        return len(self.new) if held is None else sum(self.identities[place] != held for place in self.new)

    def lag(self, offset: int, overlap: int, recent: RecentRows) -> int:
        """How many rows in front of its place it begins: it should begin with the last ``overlap`` rows."""
        last = recent.end(1)
        if self.skip != max(offset - overlap, 0) or not last or last[0] not in self.identities:
            return 0
        return self.identities.index(last[0]) + 1 - overlap

    def goes_straight_on(self, offset: int, recent: RecentRows) -> bool:
        """Whether it begins with the rows that were sent last, up to ``offset``, and all others are new."""
        overlap, rows = offset - self.skip, len(self.rows)
        is_rest = len(self.new) == rows - overlap and overlap in (*self.new[:1], rows)
        return is_rest and begins_in_place(self.identities, overlap, recent)


def new_rows(
    identities: Sequence[Identity], overlap: int, recent: RecentRows, kind: Kind, *, is_sent_once: bool
) -> Sequence[int]:
    """The places of the rows that were not sent; the first ``overlap`` rows should be those that were sent last."""
    if not recent:
        return range(len(identities))
    match kind:
        case Kind.UNIQUE:
            return _new_unique_rows(identities, overlap, recent)
        case Kind.GROUPED:
            return recent.unknown(identities)
    if begins_in_place(identities, overlap, recent):
        return range(overlap, len(identities))
    # Too few cost another reading of the list; too many would be sent twice.
    return recent.unsent(identities) if is_sent_once else recent.unsent_in_order(identities)


def begins_in_place(identities: Sequence[Identity], overlap: int, recent: RecentRows) -> bool:
    """Whether an answer begins with the rows that were sent last, where they were."""
    return 0 < overlap <= len(identities) and recent.ends_with(identities[:overlap])


def _new_unique_rows(identities: Sequence[Identity], overlap: int, recent: RecentRows) -> Sequence[int]:
    """An identity that should be unique may repeat: right behind an unmoved row, the same one is a new row."""
    if not begins_in_place(identities, overlap, recent):
        return recent.unsent(identities)
    alike = overlap
    while alike < len(identities) and identities[alike] == identities[overlap - 1]:
        alike += 1
    rest = recent.unknown(identities[alike:])
    return [*range(overlap, alike), *(alike + place for place in rest)]
