"""Reads one tenant's rows of an inquiry or a table through OData, in the best way that the ERP bears."""

from __future__ import annotations

import hashlib
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from source_acumatica.ahead import Ahead, ByNumber, Guess, Helpers
from source_acumatica.batches import in_batches
from source_acumatica.cursor import Window
from source_acumatica.doors import FeedPage, linked_pages
from source_acumatica.entity import Wire, utc_instant
from source_acumatica.errors import Next, RequestFailed
from source_acumatica.feeds import FeedDoor, FeedTable
from source_acumatica.odata import FeedPlan, plain_value, plans
from source_acumatica.paging import (
    BEGINNING,
    Identity,
    MovingListError,
    Page,
    PageSize,
    Position,
    UnreliableOrderError,
    anchored_pages,
    keyset_pages,
)
from source_acumatica.reader import Reader, bearable, repeats_itself, where_of

logger = logging.getLogger("airbyte")

AskFeed = Callable[[Window, Mapping[str, Any]], FeedPage]
"""Sends a request for a window and a page token with its ``plan``."""
Place = tuple[Any, ...]
# Everything, in no order: what can be asked of any feed, to tell what is wrong with a request.
_PLAIN = FeedPlan((), filters=False)


class AmbiguousKeysError(Exception):
    """Two rows have the same key."""


@dataclass
class _ByKeyset:
    """Places are those of rows, and how many rows behind: only of rows that have come the place is known."""

    place_of: Callable[[Wire], Place]

    def behind(self, _place: tuple[Place, int], rows: Sequence[Wire]) -> tuple[Place, int]:
        """The place of the page behind the one with these rows."""
        return self.place_of(rows[-1]), 0

    def further(self, place: tuple[Place, int], rows: int) -> tuple[Place, int]:
        """The place that lies so many rows further on."""
        return place[0], place[1] + rows

    def is_at(self, place: tuple[Place, int], guessed: tuple[Place, int], rows: Sequence[Wire]) -> bool:
        """Whether the page that was fetched from a guessed place is the one at ``place``."""
        return place == guessed or [self.place_of(row) for row in rows[:1]] == [place[0]]


@dataclass
class FeedReader(Reader):
    """The rows of a feed: by keyset in the order of cursor and key, and further down the list of ``plans``."""

    table: FeedTable
    ask: AskFeed
    helpers: Helpers
    is_incremental: bool
    _size: PageSize = field(init=False)
    _is_keyed: bool = field(init=False)
    """Whether the keys tell the rows apart, as far as is known."""
    _plans: list[FeedPlan] = field(default_factory=list)
    _has_failed: bool = False
    """Whether the current plan has been refused once already."""

    def __post_init__(self) -> None:
        self._size = PageSize(self.config.max_page_size)
        self._is_keyed = self.table.are_keys_unique

    @property
    def where(self) -> str:
        """How log lines and errors begin."""
        return where_of(self.tenant, self.table.name)

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return window.since is not None and self._plans[0].filters

    def pages(self, window: Window) -> Iterator[Page[Wire]]:
        """The window's pages from where it was left; from its beginning where they have to be asked for otherwise."""
        self._plans = self._plans or self._all_plans()
        position = window.start
        while True:
            try:
                for page in self._pages(window, position):
                    position = page.position
                    yield page
            except MovingListError:
                raise repeats_itself(self.where) from None
            except UnreliableOrderError:
                self._take_next("the ERP does not find its own rows by the values that it shows")
                position = BEGINNING
            except AmbiguousKeysError:
                self._tell_by_all_columns()
                position = BEGINNING
            except RequestFailed as error:
                position = self._lower_plan(window, error, position)
            else:
                return

    @property
    def _plan(self) -> FeedPlan:
        return self._plans[0]

    # ------------------------------------------------------------------------------------------------------- reading

    def _pages(self, window: Window, position: Position) -> Iterator[Page[Wire]]:
        if not self._plan.order:
            return self._by_links(window)
        if not self._plan.is_keyset:
            return self._by_number(window, position)
        after = position.after if len(position.after) == len(self._plan.order) else ()
        return self._by_keyset(window, after)

    def _by_links(self, window: Window) -> Iterator[Page[Wire]]:
        """Without an order of ours, only the server knows where it goes on."""
        token = {"plan": self._plan}
        first = self.ask(window, token)
        for page in linked_pages(first, lambda link: self.ask(window, {**token, "link": link}), self.where):
            self._note_size(page)
            for rows in in_batches(page.rows):
                yield Page(rows, BEGINNING)

    def _by_number(self, window: Window, position: Position) -> Iterator[Page[Wire]]:
        def fetch(skip: int, rows: int) -> tuple[Sequence[Wire], int]:
            return self._rows(window, {"skip": skip}, rows)

        ahead = self._ahead(ByNumber(), fetch)
        return ahead.pages(anchored_pages(ahead.fetch, self._identify, position))

    def _ahead(self, guess: Guess[Any], fetch: Callable[[Any, int], tuple[Sequence[Wire], int]]) -> Ahead[Any, Wire]:
        return Ahead(self.helpers, guess, fetch, lambda: self._size.rows, lambda: self._plan)

    def _by_keyset(self, window: Window, after: Place) -> Iterator[Page[Wire]]:
        """In the order of time, the rows without a stamp come first, in the order of their keys."""
        is_by_time = self.table.cursor in self._plan.order
        if is_by_time and window.since is None and (not after or after[0] is None):
            yield from self._part(window, after, is_unstamped=True)
            after = ()
        yield from self._part(window, after, is_unstamped=False)

    def _part(self, window: Window, after: Place, *, is_unstamped: bool) -> Iterator[Page[Wire]]:
        def fetch(place: tuple[Place, int], rows: int) -> tuple[Sequence[Wire], int]:
            after, skip = place
            return self._rows(window, {"after": after, "skip": skip, "is_unstamped": is_unstamped}, rows)

        ahead = self._ahead(_ByKeyset(self._place_of), fetch)
        pages = keyset_pages(lambda place: ahead.fetch((place, 0)), self._place_of, self._is_unmoved, after)
        return ahead.pages(pages)

    def _rows(self, window: Window, token: Mapping[str, Any], asked: int) -> tuple[Sequence[Wire], int]:
        """A page's rows and how many were asked for; fewer are, where the ERP does not bear as many."""
        while True:
            began = time.monotonic()
            try:
                page = self.ask(window, {**token, "top": asked, "plan": self._plan})
            except RequestFailed as error:
                if error.problem.next is not Next.FEWER_ROWS or not self._size.shrink():
                    raise
                logger.warning(f"{self.where}: {error.problem.sentence}. Asking for {self._size.rows} rows.")
                asked = self._size.rows
            else:
                self._size.observe(time.monotonic() - began, page.size_bytes)
                self._note_size(page)
                self._refuse_equal_keys(page.rows)
                # A link to the next page says that this one was cut short: the list goes on behind its last row.
                return page.rows, len(page.rows) if page.next_link else asked

    def _note_size(self, page: FeedPage) -> None:
        self.record_bytes = page.size_bytes / max(len(page.rows), 1)

    def _refuse_equal_keys(self, rows: Sequence[Wire]) -> None:
        """An inquiry's keys are those of the tables below it, and need not tell its rows apart."""
        if self.table.door is FeedDoor.INQUIRIES and self._is_keyed:
            keys = [self._key_of(row) for row in rows]
            if any(one == other for one, other in itertools.pairwise(keys)):
                raise AmbiguousKeysError

    def _key_of(self, row: Wire) -> Place:
        return tuple(plain_value(row.get(name)) for name in self.table.keys)

    def _place_of(self, row: Wire) -> Place:
        get, cursor = row.get, self.table.cursor
        values = [(name, get(name)) for name in self._plan.order]
        return tuple([utc_instant(value) if name == cursor else plain_value(value) for name, value in values])

    def _is_unmoved(self, place: Place) -> bool:
        """Whether the row is where it was, and the server did not find it there."""
        page = self.ask(Window(), {"plan": self._plan, "at": place, "top": 1})
        return [self._place_of(row) for row in page.rows] == [place]

    def _identify(self, row: Wire) -> Identity:
        if self._is_keyed:
            return ("\x1f".join(map(str, self._key_of(row))),)
        said = msgspec.json.encode([row.get(name) for name in self.table.fields])
        return (hashlib.sha256(said).hexdigest(),)

    # --------------------------------------------------------------------------------------- what the ERP does not bear

    def _lower_plan(self, window: Window, error: RequestFailed, position: Position) -> Position:
        """Go on by the next plan that the ERP bears, from the window's beginning; says so in the log.

        Raises:
            RequestFailed: the same, where it bears none, or the user has to mend something.
        """
        problem = error.problem
        if problem.next is not Next.CLIMB_DOWN and problem.failure_type.value != "system_error":
            raise error
        # An empty body also comes when all seats are taken; this request waits for one.
        if not self._bears(window, _PLAIN):
            raise error
        if not self._has_failed and self._bears(window, self._plan):
            self._has_failed = True
            return position
        while not self._bears(window, self._plans[1] if self._plans[1:] else None):
            if not self._plans[1:]:
                raise error
            del self._plans[0]
        self._take_next(problem.sentence)
        return BEGINNING

    def _take_next(self, reason: str) -> None:
        del self._plans[0]
        self._has_failed = False
        logger.warning(f"{self.where}: {reason}. {self._plan.explain()}")

    def _bears(self, window: Window, plan: FeedPlan | None) -> bool:
        if plan is None:
            return False
        try:
            self.ask(window, {"plan": plan, "top": 1})
        except RequestFailed as error:
            if error.problem.next in (Next.CLIMB_DOWN, Next.STOP):
                return False
            raise
        return True

    # ------------------------------------------------------------------------------------------- telling rows apart

    def _all_plans(self) -> list[FeedPlan]:
        is_unkeyed_inquiry = self.table.door is FeedDoor.INQUIRIES and not self._is_keyed
        sortable = self._all_columns() if is_unkeyed_inquiry else self.table.keys
        return plans(self.table, sortable, is_incremental=self.is_incremental)

    def _all_columns(self) -> tuple[str, ...]:
        """All that an inquiry can be ordered by: SQL promises no order among rows that are equal in those."""
        names = (*self.table.keys, *(name for name in self.table.fields if name not in self.table.keys))
        return bearable(names, lambda some: self._bears(Window(), FeedPlan(some, filters=False)))

    def _tell_by_all_columns(self) -> None:
        keys = ", ".join(self.table.keys)
        self._is_keyed = False
        self._plans = self._all_plans()
        logger.warning(
            f"{self.where}: several rows have the same {keys}, so these do not identify a row: use another primary "
            "key, or none. Reading it ordered by all its columns."
        )
