"""Requests the next pages of a list while the last one is processed, on the sessions that nobody else needs.

The place of a page can be guessed before the page in front of it has come: so many rows behind that. Since a list
moves, the guess may be wrong. The row that both pages have in common shows it (``anchored``), and then the page is
requested again. The page behind one with rows is needed in any case, unless the end is known: so with one session no
request is wasted. With more, at most as many are wasted as there are sessions, and none before the first full page.

Where a list seems to end, its last page and the probe behind its end (``end_probes``) are under way at the same time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from source_acumatica.erp.errors import RequestFailed
from source_acumatica.erp.helpers import Demand, Helpers
from source_acumatica.reading.end_probes import EndProbes
from source_acumatica.reading.paging import Page

# Fewer rows are no page: a request costs as much as some dozens of rows.
_FEWEST_WANTED_ROWS = 25
# Where pages share more, rows may be alike, and how many are is only seen in long pages.
_MOST_SHARED_ROWS = 2
_SEVERAL = 2
Place = TypeVar("Place")
Row = TypeVar("Row")
Fetched = tuple[Sequence[Row], int]
"""The rows of a page, and how many were asked for."""


class Guess(Protocol[Place]):
    """How to guess the places of a list's next pages."""

    @property
    def shared(self) -> int:
        """How many rows a page has in common with the one before."""

    def behind(self, place: Place, rows: Sequence[Any], /) -> Place:
        """The place of the page behind the one with these rows."""

    def further(self, place: Place, rows: int, /) -> Place:
        """The place that lies so many rows further on."""

    def is_at(self, place: Place, guessed: Place, rows: Sequence[Any], /) -> bool:
        """Whether the page that was fetched from a guessed place is the one at ``place``."""


@dataclass(frozen=True)
class _Underway(Generic[Place, Row]):
    place: Place
    asked: int
    manner: Hashable
    demand: Demand
    future: Future[Fetched[Row]]


class Prefetch(Generic[Place, Row]):
    """The pages of one list."""

    def __init__(
        self,
        helpers: Helpers,
        guess: Guess[Place],
        fetch: Callable[[Place, int], Fetched[Row]],
        probe: Callable[[Place], Fetched[Row]],
        end_probes: EndProbes,
        page_rows: Callable[[], int],
        manner: Callable[[], Hashable],
        most_rows: int | None = None,
    ) -> None:
        """``page_rows`` says how many rows to ask for next, ``manner`` how: a page of another manner is not used.

        ``probe`` looks behind the end of the list, as far as ``end_probes`` says.
        Where about ``most_rows`` are wanted, hardly more are requested, and none in advance behind them.
        """
        self._helpers, self._guess = helpers, guess
        self._fetch, self._page_rows, self._manner = fetch, page_rows, manner
        self._probe, self._end_probes = probe, end_probes
        self._underway: deque[_Underway[Place, Row]] = deque()
        self._probe_underway: _Underway[Place, Row] | None = None
        self._last: tuple[Place, Sequence[Row], int] | None = None
        self._has_full_page = False
        self._most_given: int | None = None
        self._left = most_rows

    def fetch(self, place: Place) -> Fetched[Row]:
        """The page at ``place``; raises what the request for it does."""
        taken = self._taken(place)
        if taken is None:
            self._give_up()
            with self._helpers.busy():
                asked = self._rows_to_ask_for(0)
                taken = self._fetch(place, asked)
            self._note_cut(asked, taken[1])
        if len(taken[0]) > self._guess.shared:
            # The list goes on here, or has moved since the probe was sent.
            self._drop_probe()
        self._last = place, *taken
        return taken

    def probe(self, place: Place) -> Fetched[Row]:
        """The rows at ``place`` behind the end; raises what the request for them does."""
        one = self._probe_underway
        if one is not None and (one.place, one.manner) == (place, self._manner()):
            self._probe_underway = None
            one.demand.confirm()
            with suppress(CancelledError):
                return one.future.result()
        self._drop_probe()
        with self._helpers.busy():
            return self._probe(place)

    def _go_on(self) -> None:
        """Request what is behind the last page, which was the right one."""
        if self._last is None:
            return
        (place, rows, asked), self._last = self._last, None
        self._drop_probe()
        if not rows:
            return
        # Behind a page that is not full there is mostly nothing, and one request is enough to prove that.
        self._has_full_page = len(rows) >= asked
        behind, seems_last = self._guess.behind(place, rows), len(rows) < min(asked, self._end_probes.longest)
        if seems_last:
            # What was requested in advance lies behind a full page.
            self._give_up()
        self._top_up(behind)
        if seems_last:
            self._look_behind(behind)

    def pages(self, pages: Iterable[Page[Row]]) -> Iterator[Page[Row]]:
        """Pass on the ``pages`` that are made of what ``fetch`` brings, and request the next ones meanwhile."""
        try:
            for page in pages:
                if self._left is not None:
                    self._left = max(self._left - len(page.rows), 0)
                if not page.is_last and self._left != 0:
                    self._go_on()
                yield page
                del page
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """Cancel the requests that are under way."""
        while self._underway:
            _withdraw(self._underway.popleft())
        self._drop_probe()

    def _drop_probe(self) -> None:
        if self._probe_underway is not None:
            _withdraw(self._probe_underway)
            self._probe_underway = None

    def _taken(self, place: Place) -> Fetched[Row] | None:
        if not self._underway or self._underway[0].manner != self._manner():
            return None
        one = self._underway.popleft()
        one.demand.confirm()
        try:
            page = one.future.result()
        except CancelledError:
            return None
        except RequestFailed:
            if one.place == place:
                raise
            return None
        self._note_cut(one.asked, page[1])
        return page if self._guess.is_at(place, one.place, page[0]) else None

    def _note_cut(self, asked: int, given: int) -> None:
        """Note where the server gives fewer rows than it is asked for: the next pages are nearer then."""
        self._most_given = given if given < asked else None

    def _top_up(self, behind: Place) -> None:
        # Pages that have come and wait to be processed count too: they are in memory.
        most = max(self._helpers.sessions, 1) if self._has_full_page else 1
        while len(self._underway) < most and (not self._underway or self._helpers.is_idle):
            coming = sum(
                max(min(one.asked, self._most_given or one.asked) - self._guess.shared, 1) for one in self._underway
            )
            if self._left is not None and self._underway and coming >= self._left:
                return
            place, asked = self._guess.further(behind, coming), self._rows_to_ask_for(coming)
            begun = self._begun(place, asked, partial(self._fetch, place, asked))
            if begun is None:
                return
            self._underway.append(begun)

    def _look_behind(self, behind: Place) -> None:
        """Request what the first probe will ask for if the page at ``behind``, which is under way, is the last.

        Also where no session is idle yet: it is hardly ever in vain.
        """
        asked = self._underway[0].asked if self._underway else 0
        distance = self._end_probes.first_distance(asked)
        if distance is None or self._left is not None or self._helpers.sessions < _SEVERAL:
            return
        place = self._guess.further(behind, distance)
        self._probe_underway = self._begun(place, asked, partial(self._probe, place))

    def _begun(self, place: Place, asked: int, ask: Callable[[], Fetched[Row]]) -> _Underway[Place, Row] | None:
        manner, begun = self._manner(), self._helpers.advance(ask)
        return begun and _Underway(place, asked, manner, begun[1], begun[0])

    def _rows_to_ask_for(self, coming: int) -> int:
        """As many as a page has, or those that are wanted beside those that are ``coming``, and what pages share."""
        rows = self._page_rows()
        if self._left is None or self._guess.shared > _MOST_SHARED_ROWS:
            return rows
        return min(rows, max(self._left - coming + self._guess.shared, _FEWEST_WANTED_ROWS))


def _withdraw(one: _Underway[Any, Any]) -> None:
    one.future.cancel()
    one.demand.withdraw()


@dataclass(frozen=True)
class ByNumber:
    """Pages by the number of rows in front of them; each begins with the last rows of the one before."""

    shared: int = 1

    def behind(self, place: int, rows: Sequence[Any]) -> int:
        """The place of the page behind the one with these rows; it has at least one row that these do not have."""
        return place + max(len(rows) - self.shared, min(len(rows) - 1, 1))

    def further(self, place: int, rows: int) -> int:
        """The place that lies so many rows further on."""
        return place + rows

    def is_at(self, place: int, guessed: int, _rows: Sequence[Any]) -> bool:
        """Whether the page that was fetched from a guessed place is the one at ``place``."""
        return place == guessed
