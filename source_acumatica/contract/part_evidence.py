"""Says which parts of its records a list has shown, and which of its records to read by themselves for the others.

A list that leaves a part empty although its records have it looks the same as one whose records have none: only a
record by itself tells.
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
# Of a list that has been looked at like that within the last day, and of the first page that shows nothing of what
# others have shown.
FEW_SAMPLES = 3
# Fewer rows may well have nothing of a part that others have.
_ROWS_TO_TELL = 20

Part = tuple[str, ...]
"""The places of which any shows the part: custom fields that are asked for in one request are one part together."""


@dataclass(frozen=True)
class ShownPage:
    """A page as the list shows it, and how to look at its records otherwise; what is refused does not come."""

    rows: Sequence[Raw]
    skip: int
    asked: int
    alone: Callable[[Raw], Raw | None]
    """The record of a row by itself."""
    keys_at: Callable[[int], Sequence[Raw]]
    """The row that the list has at a place, by its keys; none behind its end."""
    again: Callable[[int, int], Sequence[Raw]]
    """What the list shows now from a place on, so many rows."""
    is_one: Callable[[Raw, Raw], bool]
    """Whether both are the same record."""


@dataclass
class PartEvidence:
    """The parts of one list, in one run."""

    first_samples: int
    _shown: set[str] = field(default_factory=set)
    _believed: set[str] = field(default_factory=set)
    _doubted: dict[Part, None] = field(default_factory=dict)
    _has_read: bool = False
    """Whether a record has been read by itself."""
    _pages: int = 0
    _pages_behind: int = 0
    """How many pages have shown nothing of what others had shown before."""

    def unproven(self, rows: Sequence[Raw], parts: Iterable[Part]) -> list[Part]:
        """The ``parts`` of which these rows show nothing, but for few rows of a list that has shown some of them."""
        parts, few = list(parts), rows[:_ROWS_TO_TELL]
        # The first rows show most parts already.
        seen = _seen(few, parts)
        seen |= _seen(rows, [part for part in parts if seen.isdisjoint(part)]) if len(rows) > len(few) else set()
        hollow = [part for part in parts if seen.isdisjoint(part)]
        unproven = [part for part in hollow if len(rows) >= _ROWS_TO_TELL or not self.has_shown(part)]
        self._shown |= seen
        return unproven

    def has_shown(self, part: Part) -> bool:
        """Whether a page has shown something of it."""
        return not self._shown.isdisjoint(part)

    def emptied(self, page: ShownPage, hollow: Sequence[Part]) -> list[Part]:
        """Those of the hollow parts that a record by itself has, while the list still shows it without."""
        for row, skip, asked in self._samples(page, are_new=not all(map(self.has_shown, hollow))):
            record = page.alone(row)
            self._has_read |= record is not None
            had = [part for part in hollow if record is not None and held([record], part)]
            # The record may have got it since the list was asked.
            same = [other for other in page.again(skip, asked) if page.is_one(row, other)] if had else []
            seen = _seen(same, had)
            had = [part for part in had if same and seen.isdisjoint(part)]
            if had:
                return had
        return []

    def _samples(self, page: ShownPage, *, are_new: bool) -> Iterator[tuple[Raw, int, int]]:
        """Rows to read by themselves, each with the page that it is in: of this one, and of all the list behind it.

        ``are_new``: the list has never shown some of the parts.
        """
        # The first row of a page behind others has come with those.
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
        """Which rows of a hollow page of ``count`` to read by themselves: some of the first one, then ever fewer."""
        if not count:
            return []
        self._pages += 1
        if self._pages == 1:
            return spread(count, self.first_samples)
        return now_and_then(count, self._pages, _LATER_SAMPLES)

    def _samples_behind(self, count: int) -> list[int]:
        """The same of a page of a list that has shown the parts before."""
        self._pages_behind += 1
        return (
            spread(count, FEW_SAMPLES)
            if self._pages_behind == 1
            else now_and_then(count, self._pages_behind, _LATER_SAMPLES)
        )

    def believe(self, parts: Iterable[Part]) -> None:
        """Rows without these go out."""
        self._believed.update(place for part in parts for place in part)

    def doubt(self, parts: Iterable[Part]) -> None:
        """The records that were to tell whether they have these could not be read."""
        self._doubted.update(dict.fromkeys(parts))

    @property
    def unknown(self) -> list[Part]:
        """The parts of which nobody knows whether the records have them: no page has shown any, and no record told."""
        return [] if self._has_read else [part for part in self._doubted if not self.has_shown(part)]

    def have_gone_out(self, parts: Iterable[Part]) -> bool:
        """Whether rows without one of these have gone out."""
        return not all(self._believed.isdisjoint(part) for part in parts)


def _seen(rows: Sequence[Raw], parts: Iterable[Part]) -> set[str]:
    """The places of the parts at which the rows show something."""
    return held(rows, dict.fromkeys(place for part in parts for place in part))


def part_names(parts: Iterable[Part]) -> tuple[str, ...]:
    """The parts by name; one of several places by what these have in common, unless one of them is named itself."""
    names = {part[0]: None for part in parts if len(part) == 1}
    return (*names, *(commonpath(part) for part in parts if names.keys().isdisjoint(part)))
