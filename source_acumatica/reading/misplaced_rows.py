"""Notices rows out of their order, which show that rows of a list may have been passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import dropwhile

from source_acumatica.reading.answer import Answer, Kind
from source_acumatica.reading.paging import Row
from source_acumatica.reading.sent_rows import Identity, RecentRows

# So many of the rows sent last may be missing in a page that goes on behind others, beside as many as it shows.
_FEW_REMOVED_ROWS = 10
# Stands for rows that look like others; no row has this identity.
_SOME = ""


class MisplacedRows:
    """The rows that were out of order, in this reading of a list and in the one before."""

    def __init__(self) -> None:
        self._now: set[str] = set()
        self._before: set[str] = set()
        self._sent_before = 0
        self.has_grown_in_front = False
        """Whether rows have come in front of the place."""

    def look(self, answer: Answer[Row], offset: int, recent: RecentRows, kind: Kind, *, hides_rows: bool) -> None:
        """Note which rows of an answer say that the order of the list has changed: unread rows may be in front then.

        Rows that were sent stand in the order in which they were, and only new ones stand behind the last of them.
        """
        overlap, identities = offset - answer.skip, answer.identities
        if kind is Kind.ALIKE and recent.has_like(identities):
            self._now.add(_SOME)
            return
        # Where rows are hidden, a page shows rows of the one before, since the places of those count as well.
        if not hides_rows:
            self.has_grown_in_front |= len(identities) - len(answer.new) > overlap
        last = shown = 0
        for place, (identity, number) in enumerate(zip(identities, recent.numbers(identities), strict=True)):
            if number is not None:
                if number < last or (number == last and shown and identities[place - 1] != identity):
                    self._now.add(identity[0])
                last, shown = max(last, number), shown + 1
        if answer.new and len(recent) - 1 - last > _FEW_REMOVED_ROWS + shown:
            self._now.add(_SOME)
        recent.note(identities)

    def look_for_likes(self, answer: Answer[Row], offset: int, recent: RecentRows) -> None:
        """Note the rows of an answer, which goes on where the last one ended, that are like rows that were sent."""
        self._now.update(_likes(answer.identities, offset - answer.skip, recent))

    def end_reading(self, sent: int) -> tuple[bool, bool]:
        """The list was read to its end, ``sent`` rows so far: whether there were any, and the same as the time before.

        Where the same rows are out of order in the next reading, which brings no new ones, it is not the order: they
        are alike.
        """
        misplaced, before = self._now, self._before
        self._now, self._before = set(), misplaced
        sent_before, self._sent_before = self._sent_before, sent
        return bool(misplaced), misplaced == before and _SOME not in misplaced and sent_before == sent


def _likes(identities: Sequence[Identity], overlap: int, recent: RecentRows) -> Iterator[str]:
    """What is in rows behind the ``overlap`` and also in rows that were sent.

    Such a row may be another one, or one that has moved. Only where rows follow directly on those that they are like,
    all of which were sent in front of them, they are others.
    """
    end, rest = identities[overlap - 1], iter(identities[overlap:])
    if recent.has_its_likes_at_the_end(overlap - 1):
        rest = dropwhile(lambda row: row == end, rest)
    elif recent.equal_at_end(overlap) == overlap:
        yield end[0]
    yield from (row[0] for row in rest if recent.knows(row))
