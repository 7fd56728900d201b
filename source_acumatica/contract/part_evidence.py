"""Says which parts of its records a list has shown, and which of its records to read by themselves for the others.

A list that leaves a part empty although its records have it looks the same as one whose records have none: only a
record that is read by itself shows the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from posixpath import commonpath

from source_acumatica.contract.parts import held
from source_acumatica.contract.samples import NextPlaces, now_and_then, spread
from source_acumatica.reading.fields import Raw

# So many records of the first page, so many places further on in the list, and so many pages later on: a part that a
# tenth of the records have is found nine times in ten.
FIRST_SAMPLES, SAMPLES_BEHIND, _LATER_SAMPLES = 10, 10, 10
# For a list that was sampled like that within the last day, and for the first page that lacks what others have shown.
FEW_SAMPLES = 3
# Fewer rows may lack by chance what others have.
_ENOUGH_ROWS = 20

Part = tuple[str, ...]
"""The places any of which shows the part: the custom fields of one request are one part together."""


@dataclass(frozen=True)
class ShownPage:
    """A page as the list shows it, and other ways to ask for its records; a refused request gives nothing."""

    rows: Sequence[Raw]
    skip: int
    asked: int
    alone: Callable[[Raw], Raw | None]
    """The record of a row by itself."""
    keys_at: Callable[[int], Sequence[Raw]]
    """The row at a place of the list, with its keys only; none behind its end."""
    again: Callable[[int, int], Sequence[Raw]]
    """So many rows of the list from a place on, asked for again."""
    is_one: Callable[[Raw, Raw], bool]
    """Whether both are the same record."""


@dataclass
class PartEvidence:
    """What is known of the parts of one list, in one run."""

    first_samples: int
    _shown: set[str] = field(default_factory=set)
    _believed: set[str] = field(default_factory=set)
    _doubted: dict[Part, None] = field(default_factory=dict)
    _pages: int = 0
    _pages_behind: int = 0
    """How many pages have shown nothing of what others had shown before."""

    def unproven(self, rows: Sequence[Raw], parts: Iterable[Part]) -> list[Part]:
        """The ``parts`` that these rows show nothing of; few rows count only for parts that no page has shown."""
        parts, few = list(parts), rows[:_ENOUGH_ROWS]
        # The first rows show most parts already.
        seen = _seen(few, parts)
        seen |= _seen(rows, [part for part in parts if seen.isdisjoint(part)]) if len(rows) > len(few) else set()
        empty = [part for part in parts if seen.isdisjoint(part)]
        unproven = [part for part in empty if len(rows) >= _ENOUGH_ROWS or not self.has_shown(part)]
        self._shown |= seen
        return unproven

    def has_shown(self, part: Part) -> bool:
        """Whether a page has shown something of it."""
        return not self._shown.isdisjoint(part)

    def emptied(self, page: ShownPage, empty: Sequence[Part]) -> list[Part]:
        """Those of the empty parts that a record read by itself has, although the list still shows it without."""
        for row, skip, asked in self._samples(page, are_new=not all(map(self.has_shown, empty))):
            record = page.alone(row)
            had = [part for part in empty if record is not None and held([record], part)]
            # The record may have got it since the list was read.
            same = [other for other in page.again(skip, asked) if page.is_one(row, other)] if had else []
            seen = _seen(same, had)
            had = [part for part in had if same and seen.isdisjoint(part)]
            if had:
                return had
        return []

    def _samples(self, page: ShownPage, *, are_new: bool) -> Iterator[tuple[Raw, int, int]]:
        """Rows to read by themselves, from this page and from the list behind it, each with its page's place and size.

        ``are_new``: the list has never shown some of the parts.
        """
        # The first row of a later page is the last one of the page before it.
        fresh = page.rows[1:] if page.skip else page.rows
        places = self.samples(len(fresh)) if are_new else self._samples_behind(len(fresh))
        yield from ((fresh[place], page.skip, page.asked) for place in places)
        if not are_new or self._pages > 1 or self.first_samples < FIRST_SAMPLES or len(page.rows) < page.asked:
            return
        following, seen = NextPlaces(page.skip + len(page.rows)), set[int]()
        for _ in range(SAMPLES_BEHIND):
            place = following.next()
            if place in seen:
                return
            seen.add(place)
            some = page.keys_at(place)
            following.found(bool(some))
            yield from ((row, place, 1) for row in some[:1])

    def samples(self, count: int) -> list[int]:
        """Which of ``count`` rows to read by themselves: several of the first page with empty parts, then fewer."""
        if not count:
            return []
        self._pages += 1
        if self._pages == 1:
            return spread(count, self.first_samples)
        return now_and_then(count, self._pages, _LATER_SAMPLES)

    def _samples_behind(self, count: int) -> list[int]:
        """The same for a page of a list that has shown the parts before."""
        self._pages_behind += 1
        return (
            spread(count, FEW_SAMPLES)
            if self._pages_behind == 1
            else now_and_then(count, self._pages_behind, _LATER_SAMPLES)
        )

    def believe(self, parts: Iterable[Part]) -> None:
        """Rows without these are sent: they are believed to be empty."""
        self._believed.update(place for part in parts for place in part)

    def doubt(self, parts: Iterable[Part]) -> None:
        """A record that should have shown whether it has these could not be read, perhaps since it has one of them."""
        self._doubted.update(dict.fromkeys(parts))

    @property
    def unknown(self) -> list[Part]:
        """The parts that records may or may not have: no page has shown them, and a sample could not be read.

        Those that could be read prove nothing: a form may fail for the very records that have lines.
        """
        return [part for part in self._doubted if not self.has_shown(part)]

    def were_sent_without(self, parts: Iterable[Part]) -> bool:
        """Whether rows without one of these have been sent."""
        return not all(self._believed.isdisjoint(part) for part in parts)


def _seen(rows: Sequence[Raw], parts: Iterable[Part]) -> set[str]:
    """The places of the parts at which the rows show something."""
    return held(rows, dict.fromkeys(place for part in parts for place in part))


def part_names(parts: Iterable[Part]) -> tuple[str, ...]:
    """The parts' names: a part of several places is named by what these have in common, if none is named by itself."""
    names = {part[0]: None for part in parts if len(part) == 1}
    return (*names, *(commonpath(part) for part in parts if names.keys().isdisjoint(part)))
