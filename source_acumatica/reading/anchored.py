"""Anchored paging: reads a list that moves under the reader without losing a row that stays in it.

Contract REST has no keyset that holds for every entity and no next link: only ``$skip`` and ``$top`` over rows in the
order of their keys (BEHAVIOR.md, "Lists"). A row inserted or removed before the reading position shifts all later ones.
So each page asks again for the last row of the one before. While it is there, nothing has moved::

    page 1   a b c d                asked: skip 0
    page 2         d e f g          asked: skip 3   d is where it was: e is next
    page 3         (c removed)
                         h i j k    asked: skip 6   g is not there: go back
                   d e f g h i      asked: skip 3   g is there: h is next, and h, i are not lost
    page 4                   i      asked: skip 7   nothing new behind i: only this proves the end

The last rows that were sent are remembered one by one (``RecentRows``), so that the place is found even if some of
them are gone, and no row is sent twice. Where the place cannot be found at all (``lost_place``), the list is read again
without what was sent (``SentMarks``). It is read again at its end, too, where rows were out of order, came in front of
the place, or looked alike while others moved (``MisplacedRows``): rows that were not read may be in front then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic

from source_acumatica.reading.answer import Answer, Kind, new_rows
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.lost_place import find_place, is_in_front, is_lost
from source_acumatica.reading.misplaced_rows import MisplacedRows
from source_acumatica.reading.paging import EMPTIED, EqualKeysError, Fetched, MovingListError, Page, Position, Row
from source_acumatica.reading.sent_rows import REMEMBERED_ROWS, Identity, RecentRows, SentMarks

# Where rows may be alike, so many are asked for again: a single one may only look like the last one.
ALIKE_ROWS_TO_REPEAT = 10
# After so many equal answers the list is given up, unless the server shows that it knows where the list ends.
_MOST_REPEATS = 5
# After so many more readings from the beginning, too.
_MOST_RESTARTS = 5
# More rows are not remembered where a place is looked for.
_MOST_PASSING_ROWS = 100_000
# No list has so many rows: a server that answers with some ignores $skip.
_BEHIND_EVERY_LIST = 1_000_000_000


@dataclass
class _Watch:
    """Notices a list that gives nothing new and does not end."""

    before: Sequence[Identity] = ()
    earlier: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_REPEATS))
    repeats: int = 0
    known_rows: int = 0
    restarts: int = 0

    def page(self, skip: int, identities: Sequence[Identity], *, is_new: bool) -> bool:
        """Note a page; whether it has come too often to be new rows that look alike."""
        self.known_rows = 0 if is_new else self.known_rows + len(identities)
        mark = hash((skip, *identities))
        self.repeats = self.repeats + 1 if identities == self.before or mark in self.earlier else 0
        self.before = identities
        self.earlier.append(mark)
        if self.known_rows > 2 * REMEMBERED_ROWS:
            raise MovingListError
        return self.repeats > _MOST_REPEATS

    def restart(self) -> None:
        self.restarts, self.repeats, self.earlier = self.restarts + 1, 0, deque(maxlen=_MOST_REPEATS)
        if self.restarts > _MOST_RESTARTS:
            sentence = "the rows of the list are removed or change their order faster than they can be read"
            raise MovingListError(sentence)


def anchored_pages(
    fetch: Callable[[int], Fetched[Row]],
    identify: Callable[[Row], Identity],
    start: Position,
    *,
    is_unique: bool = True,
    sent_marks: SentMarks | None = None,
    overlap: int = 1,
    longest: int = 0,
    probe: Callable[[int], Fetched[Row]] | None = None,
    in_groups: bool = False,
    end_probes: EndProbes | None = None,
) -> Iterator[Page[Row]]:
    """Read a list from ``start`` to its end, which is proven by an answer that brings nothing new.

    ``fetch(skip)`` returns the rows from an offset on, and how many it asked for. Every row that is in the list all the
    time is yielded. No row in ``sent_marks`` is yielded twice; without these, all may come again where the place is
    lost.

    Without ``is_unique``, rows may be alike. ``in_groups``: rows are identified by the columns that order the list, and
    rows that share them come in any order; a group is yielded only after one answer has held all of it. At ``start``,
    ``overlap`` rows in front of the place are asked for again. The server is known to give pages of ``longest`` rows.
    ``probe`` fetches as many rows as a probe behind the end takes (``end_probes``).

    Raises:
        MovingListError: the server repeats itself, rows vanish or change their order faster than they are read, or some
            were sent more often than the list has them.
        EqualKeysError: a group does not fit into a page.
    """
    kind = Kind.GROUPED if in_groups else Kind.UNIQUE if is_unique else Kind.ALIKE
    return _Anchored(
        fetch, identify, start, kind, sent_marks, overlap, longest, probe or fetch, end_probes or EndProbes()
    ).pages()


class _Anchored(Generic[Row]):
    """One reading of a list."""

    def __init__(
        self,
        fetch: Callable[[int], Fetched[Row]],
        identify: Callable[[Row], Identity],
        start: Position,
        kind: Kind,
        sent_marks: SentMarks | None,
        overlap: int,
        longest: int,
        probe: Callable[[int], Fetched[Row]],
        end_probes: EndProbes,
    ) -> None:
        self._fetch, self._identify, self._kind, self._sent_marks = fetch, identify, kind, sent_marks
        self._recent, self._start, self._offset, self._overlap = RecentRows(start.anchors), start, start.offset, overlap
        self._watch, self._probe, self._end_probes, self._known_longest = _Watch(), probe, end_probes, longest
        end_probes.begin()
        self._should_be_unique, self._misplaced = kind is Kind.UNIQUE, MisplacedRows()
        self._has_sent = self._shows_any = False
        self._passing: list[Identity] = []
        """Rows that were seen where the place was looked for, or behind the end; they should have come in the end."""
        self._has_missed_some = False
        self._looked: set[tuple[Identity, ...]] = set()
        """What probes behind the end have shown in which there were rows that had been sent."""
        self._has_just_moved = False
        self._held: Identity | None = None  # The group at the end of the last page

    def pages(self) -> Iterator[Page[Row]]:
        fetch = self._fetch
        while True:
            answer = self._next(fetch)
            if answer is None or (self._sends_once and is_in_front(answer, self._offset, self._recent)):
                self._begin_again()
                continue
            self._shows_any = bool(answer.rows)
            try:
                # What has been sent is not to lie in memory until the next page has come.
                sent, answer = self._sent(answer), None
                is_end = yield from sent
            except EqualKeysError:
                # A larger page may show the end of the group.
                if fetch == self._probe:
                    raise
                fetch = self._probe
                continue
            if is_end and self._has_sent and not self._shows_any:
                self._doubt_emptiness()
            elif is_end and self._is_settled():
                return
            fetch = self._fetch

    def _sent(self, answer: Answer[Row] | None) -> Generator[Page[Row], None, bool]:
        """Yield a page, and behind one that seems to be the last what follows; whether it was the last.

        Raises:
            EqualKeysError: all new rows are of one group, which continues behind the page.
        """
        is_end = False
        while answer is not None:
            is_group = self._is_one_group(answer)
            if is_group and not answer.is_short:
                raise EqualKeysError
            lag = answer.lag(self._offset, self._overlap, self._recent)
            self._end_probes.look_at(answer.count_new(self._held), lag)
            may_end = is_group or self._is_end(answer)
            self._has_just_moved = False
            behind = self._behind(answer) if may_end else None
            is_end = may_end and behind is None and not self._has_just_moved
            yield from self._taken(answer, is_whole=may_end, is_last=is_end)
            if behind is not None:
                self._pass(behind)
                behind = self._next_behind(answer, behind)
            if behind is not None and is_group:
                # Where rows are hidden, a probe may show the group again.
                behind = replace(behind, new=self._recent.unknown(behind.identities))
            answer = behind
        return is_end

    def _next_behind(self, answer: Answer[Row], behind: Answer[Row]) -> Answer[Row] | None:
        """What continues a page: what a probe ``behind`` it has brought, or None where the next page is better.

        The probe has no row in common with the page, so it is right only if the list has not moved meanwhile. The next
        page is better where it begins with a row of this one and shows more; so is a probe from where the page begins,
        which asks for more rows than the page did, where that shows something new.
        """
        if behind.skip == answer.end and len(answer.rows) > self._overlap:
            return None
        again = self._answer(answer.skip, self._probe)
        if again.identities[: len(answer.rows)] != answer.identities:
            return None
        return again if again.new else behind

    def _next(self, fetch: Callable[[int], Fetched[Row]]) -> Answer[Row] | None:
        """The answer at the place, or the nearest one that continues rows that were sent; None if there is none."""
        first = self._answer(max(self._offset - self._overlap, 0) if self._recent else 0, fetch)
        if not is_lost(first, self._offset, self._recent):
            return first
        self._pass(first)
        found, is_behind = find_place(first, self._offset, self._recent, self._end_probes, self._passed)
        self._misplaced.has_grown_in_front |= is_behind
        return found

    def _passed(self, skip: int) -> Answer[Row]:
        """An answer that may not be taken."""
        answer = self._answer(skip)
        self._pass(answer)
        return answer

    def _pass(self, answer: Answer[Row]) -> None:
        room = _MOST_PASSING_ROWS - len(self._passing)
        self._passing += [answer.identities[place] for place in answer.new[: max(room, 0)]]

    @property
    def _sends_once(self) -> bool:
        return self._sent_marks is not None and not self._sent_marks.may_repeat

    def _answer(self, skip: int, fetch: Callable[[int], Fetched[Row]] | None = None) -> Answer[Row]:
        rows, asked = (fetch or self._fetch)(skip)
        self._shows_any |= bool(rows)
        identities = [self._identify(row) for row in rows]
        if fetch != self._probe or fetch == self._fetch:
            # A probe asks for more rows than a page does, so its length says nothing about pages.
            self._end_probes.longest = max(self._end_probes.longest, len(rows))
        return Answer(skip, rows, asked, identities, self._new(identities, self._offset - skip))

    def _new(self, identities: Sequence[Identity], overlap: int) -> Sequence[int]:
        return new_rows(identities, overlap, self._recent, self._kind, is_sent_once=self._sends_once)

    # ------------------------------------------------------------------------------------------------------ groups

    def _last_group(self, answer: Answer[Row]) -> Sequence[int]:
        if self._kind is not Kind.GROUPED or not answer.rows:
            return ()
        return [place for place in answer.new if answer.identities[place] == answer.identities[-1]]

    def _is_one_group(self, answer: Answer[Row]) -> bool:
        """Whether all new rows of a page are of one group, which may continue behind the page.

        Not of a page in front of the place: the next one begins further on and has room for the group.
        """
        is_at_place = answer.skip >= max(self._offset - self._overlap, 0)
        return is_at_place and bool(answer.new) and len(self._last_group(answer)) == len(answer.new)

    def _is_clearly_short(self, answer: Answer[Row]) -> bool:
        """Whether the server had room for more rows, also by the longest page that it has given."""
        return answer.is_short and len(answer.rows) < self._end_probes.longest

    def _taken(self, answer: Answer[Row], *, is_whole: bool, is_last: bool) -> Iterator[Page[Row]]:
        """Yield the new rows of a page, without the group at its end unless that ``is_whole``."""
        held = () if is_whole else self._last_group(answer)
        new = answer.new[: len(answer.new) - len(held)]
        is_new = bool(new)
        self._end_probes.note(len(answer.rows), answer.asked, answer.count_new(self._held))
        goes_on = answer.skip >= self._offset or answer.goes_straight_on(self._offset, self._recent)
        if not goes_on:
            self._misplaced.look(answer, self._offset, self._recent, self._kind, hides_rows=self._end_probes.hides_rows)
        elif self._kind is Kind.ALIKE and answer.skip < self._offset:
            self._misplaced.look_for_likes(answer, self._offset, self._recent)
        self._offset, self._held = answer.end - len(held), answer.identities[-1] if held else None
        last = self._recent.end(1)
        if goes_on or self._kind is Kind.GROUPED or self._recent.has_like(answer.identities):
            self._recent.extend([answer.identities[place] for place in new])
        else:
            self._recent.insert(answer.identities, new)
        self._overlap = self._rows_to_repeat()
        if self._sent_marks is not None:
            new = self._sent_marks.unsent(answer.identities, new)
            self._sent_marks.add([answer.identities[place] for place in new])
        if new:
            self._has_sent = True
            is_all = len(new) == len(answer.rows)
            rows = answer.rows if is_all else [answer.rows[place] for place in new]
            is_alike = self._kind is Kind.UNIQUE and (answer.identities[new[0]],) == last
            position = replace(self._start, offset=self._offset, anchors=self._recent.end())
            shows_likes = self._should_be_unique and self._kind is Kind.ALIKE
            yield Page(rows, position, is_alike, is_last, shows_likes)
        if self._watch.page(answer.skip, answer.identities, is_new=is_new):
            self._watch.repeats = 0
            if not is_new or self._fetch(_BEHIND_EVERY_LIST)[0]:
                raise MovingListError

    def _rows_to_repeat(self) -> int:
        """One; where rows may be alike, several, and more than there are rows that look like the last one."""
        if self._kind is not Kind.ALIKE:
            return 1
        usual = min(ALIKE_ROWS_TO_REPEAT, self._end_probes.longest // 2)
        most = max(min(self._end_probes.longest - 1, len(self._recent)), 1)
        return min(max(self._recent.equal_at_end(most) + 1, usual), most)

    def _doubt_emptiness(self) -> None:
        """Read a list again that is empty although rows of it were sent.

        Raises:
            MovingListError: it was empty from its beginning, too.
        """
        if not self._recent:
            raise MovingListError(EMPTIED)
        self._begin_again()

    def _begin_again(self) -> None:
        """Read the list from its beginning: the place is lost, or rows may have been passed over."""
        self._watch.restart()
        self._end_probes.begin()
        self._recent, self._offset = RecentRows(), 0
        if self._sent_marks is not None:
            if self._sent_marks.is_partial:
                sentence = "the list changed while it was read, and which of its rows have been read is unknown"
                raise MovingListError(sentence)
            self._sent_marks.begin_again()

    def _is_settled(self) -> bool:
        """Whether the list has been read to its end in one order; otherwise it is begun again.

        Where the same rows are out of order in the next reading, which brings no new ones, they are alike. Rows in
        front of the place are looked for once only, since a list may grow there all the time.
        """
        has_misplaced, is_lasting = self._misplaced.end_reading(len(self._sent_marks or ()))
        if self._has_missed_rows():
            self._begin_again()
            return False
        has_grown = self._misplaced.has_grown_in_front and self._sends_once and not self._watch.restarts
        if has_grown or (has_misplaced and not (is_lasting and self._kind is Kind.ALIKE)):
            if has_misplaced and is_lasting and self._kind is Kind.UNIQUE:
                self._kind = Kind.ALIKE
            self._begin_again()
            return False
        if self._kind is Kind.ALIKE and self._sent_marks is not None and self._sent_marks.has_sent_too_often():
            sentence = "the list changed while it was read, and which of its rows that look alike were read is unknown"
            raise MovingListError(sentence)
        return True

    def _has_missed_rows(self) -> bool:
        """Whether a row was seen in passing that has not come; asked once only, since it may have been removed.

        Rows that an earlier run has sent are not among the marks.
        """
        if self._sent_marks is None or self._start.offset or self._has_missed_some or self._kind is not Kind.UNIQUE:
            return False
        self._has_missed_some = not self._sent_marks.has_sent_all(self._passing)
        return self._has_missed_some

    # --------------------------------------------------------------------------------------------- the proof of the end

    def _is_end(self, answer: Answer[Row]) -> bool:
        """Whether nothing new came although the server had room for it, also by its own limit."""
        if answer.new:
            return False
        is_unmoved = answer.skip == max(self._offset - self._overlap, 0)
        is_stuck = (is_unmoved and answer.end <= self._offset) or self._is_repeated(answer)
        return answer.is_short and (is_stuck or len(answer.rows) < self._end_probes.longest)

    def _like(self, answer: Answer[Row], behind: Answer[Row]) -> Sequence[int]:
        """The rows of a probe behind a page that are of the group at the page's end."""
        return [place for place, row in enumerate(behind.identities) if answer.new and row == answer.identities[-1]]

    def _goes_on(self, answer: Answer[Row], behind: Answer[Row]) -> bool:
        """Whether the group at a page's end continues behind it; a probe may show rows of the page again."""
        return any(behind.rows[place] not in answer.rows for place in self._like(answer, behind))

    def _is_repeated(self, answer: Answer[Row]) -> bool:
        """Whether a page equals the one before: the server ignores ``$skip``, or the list has moved."""
        return answer.identities == self._watch.before

    def _behind(self, answer: Answer[Row]) -> Answer[Row] | None:
        """What follows an answer that seems to be the last one; None where nothing does."""

        def probe(distance: int) -> Answer[Row] | None:
            behind = self._answer(answer.skip + distance, self._probe)
            self._note_moved(behind)
            if answer.new and self._goes_on(answer, behind):
                raise EqualKeysError
            return behind if {*behind.new} - {*self._like(answer, behind)} else None

        return self._end_probes.behind(len(answer.rows), answer.asked, probe, is_full=self._may_go_on_at_once(answer))

    def _note_moved(self, behind: Answer[Row]) -> None:
        """Note a probe that proves no end: rows that were sent stand there now, since the list has grown in front.

        Where a probe shows the same as one before, rows are hidden, whose places count, too, or ``$skip`` is ignored.
        """
        shows_sent = self._kind is Kind.UNIQUE and len(behind.new) < len(behind.rows)
        if shows_sent and not self._end_probes.hides_rows:
            shown = tuple(behind.identities)
            self._has_just_moved |= shown not in self._looked
            self._looked.add(shown)

    def _may_go_on_at_once(self, answer: Answer[Row]) -> bool:
        """Whether rows may follow the last one at once, since the answer had no room for more."""
        shows_none = 0 < max(self._end_probes.longest, self._known_longest) <= self._overlap
        return shows_none or self._is_repeated(answer) or (bool(answer.new) and not self._is_clearly_short(answer))
