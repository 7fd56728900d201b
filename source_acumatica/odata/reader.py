"""Reads one tenant's rows of an inquiry or a table through OData, in the best way that the ERP supports.

The way is decided by the first page, before any row goes out. From then on only what keeps the place may change: fewer
rows in a page, more columns behind those that order the list, or places by number instead of by values.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.erp.helpers import Helpers
from source_acumatica.odata.grouping import WITHOUT_KEY, Grouping
from source_acumatica.odata.keyset import UnreliableOrderError, keyset_pages
from source_acumatica.odata.pages import FEWEST_ROWS, CutPages, ODataPage, linked_pages, sized_page
from source_acumatica.odata.query import ODataPlan, orderable, plain_value, plans
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.anchored import ALIKE_ROWS_TO_REPEAT, anchored_pages
from source_acumatica.reading.batches import in_batches
from source_acumatica.reading.fields import FieldKind, Raw, utc_instant
from source_acumatica.reading.learnt import FILTER_WORKS, LOSES_UNSTAMPED
from source_acumatica.reading.looks import SMALL_PAGE_ROWS
from source_acumatica.reading.page_size import PageSize
from source_acumatica.reading.paging import BEGINNING, EqualKeysError, MovingListError, Page, Position
from source_acumatica.reading.prefetch import ByNumber, Guess, Prefetch
from source_acumatica.reading.reader import (
    EVER,
    Facts,
    Reader,
    gives_up,
    hides_rows,
    known_longest,
    looks_at,
    lost_ranks,
    refuse_stamped,
    shows_unstamped,
    stopped,
    unserved_sentence,
    where_of,
)
from source_acumatica.reading.refusals import SearchTooLongError, refused
from source_acumatica.reading.trail import Identity, Ledger, content_of
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

AskOData = Callable[[Window, Mapping[str, Any]], ODataPage]
"""Sends a request for a window and a page token with its ``plan``."""
Place = tuple[Any, ...]
# Everything, in no order: what can be asked of any feed, to tell what is wrong with a request.
_PLAIN = ODataPlan((), filters=False, with_null=False)
# So often a way that has not brought a page yet is tried before it is taken for refused; what says so itself, once.
_TRIES_OF_A_WAY = 3
# So often a page is asked for again after one has come in the same way: a failure then is none of the way's.
_TRIES_OF_A_PAGE = 6
# So often a list may begin without rows although there are some.
_MOST_EMPTY_BEGINNINGS = 3
# Rows in front of a place that are remembered when the list is gone on with in another way.
_ROWS_IN_FRONT = 50


class GroupedError(Exception):
    """The inquiry was filtered, and groups its rows or may do so; the text says which."""


class _EmptyByChanceError(Exception):
    """The first answer of a list had no rows, and there are some."""


@dataclass
class _ByKeyset:
    """Places are those of rows, and how many rows behind: only of rows that have come the place is known."""

    place_of: Callable[[Raw], Place]
    shared: int = 1

    def behind(self, _place: tuple[Place, int], rows: Sequence[Raw]) -> tuple[Place, int]:
        """The place of the page behind the one with these rows."""
        return self.place_of(rows[-1]), 0

    def further(self, place: tuple[Place, int], rows: int) -> tuple[Place, int]:
        """The place that lies so many rows further on."""
        return place[0], place[1] + rows

    def is_at(self, place: tuple[Place, int], guessed: tuple[Place, int], rows: Sequence[Raw]) -> bool:
        """Whether the page that was fetched from a guessed place is the one at ``place``."""
        return place == guessed or (not place[1] and [self.place_of(row) for row in rows[:1]] == [place[0]])


@dataclass
class ODataReader(Reader):
    """The rows of a feed: of a table by keyset in the order of its keys, of an inquiry by number."""

    table: ODataTable
    ask: AskOData
    helpers: Helpers
    facts: Facts
    pause: Callable[[int], None]
    """Waits before a try with this number."""
    is_incremental: bool
    columns: frozenset[str] | None = None
    """Those to ask for; None for all."""
    is_ranked: bool = False
    """Whether the destination keeps, of the rows with one key, the one with the latest stamp."""
    _size: PageSize = field(init=False)
    _cut: CutPages = field(init=False)
    _plans: list[ODataPlan] = field(default_factory=list)
    _sortable: tuple[str, ...] | None = None
    """The columns that an inquiry without usable keys is ordered by."""
    _has_come: bool = False
    """Whether a page has come in the present way: it is one that the ERP supports."""
    _tries: int = 0
    _may_filter: bool = True
    """Whether rows say the same within a window and without it, as far as is known."""
    _ledger: Ledger = field(default_factory=Ledger)
    _has_unstamped_come: bool = False
    """Whether rows without a stamp have come beside the changed ones."""
    _leaves_unstamped: bool = False
    """Whether the rows without a stamp are not asked for beside the changed ones."""
    _tail: Sequence[Raw] = ()
    """The rows of the window that were handed on last."""
    _begins_empty: bool = False
    """Whether the first answer of the list had no rows."""
    _empty_beginnings: int = 0
    """How often that was so in the window although there are some."""

    def __post_init__(self) -> None:
        self._size, self._cut = PageSize(self.config.max_page_size), CutPages(self.where)

    @property
    def where(self) -> str:
        """How log lines and errors begin."""
        return where_of(self.tenant, self.table.name)

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return bool(self._plans) and self._plan.filters

    def has_rows_since(self, since: str, *, is_unconditional: bool = False) -> bool:
        """Whether rows are there that have changed since, or nobody can say; also without the row filter."""
        plan = replace(self._plan, with_null=False)
        token = {"plan": plan, "top": 1, "is_unconditional": is_unconditional}
        return not plan.filters or bool(self.ask(Window(since), token).rows)

    def latest(self) -> str | None:
        """The latest stamp that the list shows, in UTC; None where it cannot be asked for that."""
        try:
            rows = self.ask(Window(), {"plan": ODataPlan((f"{self.table.cursor} desc",), filters=False), "top": 1}).rows
        except RequestFailed as error:
            if _may_be_the_ways(error):
                return None
            raise
        return utc_instant(rows[0].get(self.table.cursor or "")) if rows else None

    @property
    def leaves_unstamped(self) -> bool:
        """Whether rows without a stamp, if there are any, have to be asked for apart."""
        return self._leaves_unstamped and self._plan.filters

    def has_unstamped(self) -> bool | None:
        """Whether rows without a stamp are there that did not come beside the changed ones, although asked for so."""
        if self._has_unstamped_come or not self._plan.filters:
            return False
        if not self._plan.with_null:
            return None
        try:
            rows = self.ask(Window(is_unstamped=True), {"plan": self._plan, "top": 1}).rows
        except RequestFailed as error:
            if _may_be_the_ways(error):
                return None
            raise
        return shows_unstamped(rows, self.is_stamped)

    def pages(self, window: Window) -> Iterator[Page[Raw]]:
        """The window's pages from where it was left; from its beginning where that place is one of another list."""
        self._ledger = Ledger(may_repeat=self.is_incremental)
        self.looks = looks_at(self.facts)
        position = self._begin(window)
        has_rows, self._tail, self._empty_beginnings = False, (), 0
        while True:
            self._begins_empty = False
            try:
                for page in self._pages(window, position):
                    self._refuse_empty_beginning(window)
                    self._refuse_groups(window, page.rows)
                    self._note_unstamped(window, page.rows)
                    position, self._tail = page.position, page.rows[-_ROWS_IN_FRONT:]
                    # A filter of which half is lost gives the rows without a stamp alone.
                    has_rows |= not self._plan.with_null or any(map(self.is_stamped, page.rows))
                    self._warn_of_repeated_keys(page.rows)
                    yield page
                if not self.is_incremental:
                    # It would empty the table in the destination, where a state stays as it was.
                    self._refuse_empty_beginning(window)
            except MovingListError as error:
                raise stopped(self.where, error) from None
            except _EmptyByChanceError:
                position, self._ledger = BEGINNING, Ledger(may_repeat=self.is_incremental)
            except EqualKeysError:
                position = self._go_on_in_a_finer_order(position)
            except UnreliableOrderError:
                position = self._go_on_by_number(
                    position, "the ERP does not find its own rows by the values that it shows"
                )
            except GroupedError as error:
                position = self._begin_without_filter(error)
            except RequestFailed as error:
                position = self._lower_plan(window, error, position)
            else:
                if has_rows or window.is_unstamped or not (self._loses_changed(window) or self._hides_rows()):
                    return
                position = BEGINNING

    @property
    def _plan(self) -> ODataPlan:
        return self._plans[0]

    def _begin(self, window: Window) -> Position:
        """Choose the ways for a window: that of a place in it first, for its place is worth nothing in another."""
        self._plans = plans(self.table, self._order(), window)
        self._has_come, self._tries = False, 0
        if self._plan.filters and self._may_filter and not self._can_be_tried:
            self._do_without_filter(WITHOUT_KEY)
        elif not self._may_filter:
            self._plans = [plan for plan in self._plans if not plan.filters]
        elif window.is_unstamped:
            self._plans = self._plans[:1]
            return BEGINNING
        self._leaves_unstamped = self.facts.knows(LOSES_UNSTAMPED)
        if self._leaves_unstamped:
            self._plans = [plan for plan in self._plans if not plan.with_null]
        left = ODataPlan.of_name(window.start.list_name, self.table.fields)
        if left is None or (left.filters and not self._may_filter) or (self._leaves_unstamped and left.with_null):
            return BEGINNING
        self._plans = [left, *(plan for plan in self._plans if plan != left)]
        return window.start

    # ------------------------------------------------------------------------------------------------------- reading

    def _pages(self, window: Window, position: Position) -> Iterator[Page[Raw]]:
        position = replace(position, list_name=self._plan.list_name)
        if not self._plan.order:
            return self._by_links(window)
        if self._plan.is_keyset:
            return self._by_keyset(window, position)
        return self._by_number(window, position)

    def _by_links(self, window: Window) -> Iterator[Page[Raw]]:
        """Without an order of ours, only the server knows where it goes on."""
        first = self._asked(window, {})
        if first.next_link:
            logger.warning(
                f"{self.where}: it can be ordered by none of its columns, and comes in pages of the server's own. Rows "
                "that are inserted or removed while it is read may be missing or come twice."
            )
        self._begins_empty = not (first.rows or first.next_link)
        for page in linked_pages(first, lambda link: self._asked(window, {"link": link}), self.where):
            self._note_page(page)
            for rows in in_batches(page.rows):
                yield Page(rows, BEGINNING)

    def _by_number(self, window: Window, position: Position) -> Iterator[Page[Raw]]:
        def fetch(skip: int, rows: int, fewest: int = FEWEST_ROWS) -> tuple[Sequence[Raw], int]:
            return self._rows(window, {"skip": skip}, rows, fewest)

        in_groups = self.table.feed is ODataFeed.INQUIRIES and not self._plan.is_by_row
        # A row is held back where others may belong to it, and the one in front of it is asked for again.
        shared = ALIKE_ROWS_TO_REPEAT if self._plan.is_by_row else 2 if in_groups else 1
        prefetch = self._prefetch(ByNumber(shared), fetch)
        pages = anchored_pages(
            prefetch.fetch,
            self._identify,
            position,
            is_unique=not self._plan.is_by_row,
            in_groups=in_groups,
            ledger=self._ledger,
            overlap=max(min(len(position.anchors), self._size.rows // 2), 1),
            longest=known_longest(self.facts),
            look=lambda skip: fetch(skip, max(self._size.rows, SMALL_PAGE_ROWS), SMALL_PAGE_ROWS),
            looks=self.looks,
        )
        return prefetch.pages(pages)

    def _by_keyset(self, window: Window, position: Position) -> Iterator[Page[Raw]]:
        def fetch(place: tuple[Place, int], rows: int) -> tuple[Sequence[Raw], int]:
            after, skip = place
            try:
                return self._rows(window, {"after": after, "skip": skip}, rows)
            except RequestFailed as error:
                if after and error.problem.action is Action.CLIMB_DOWN:
                    # Its keys are of a type that cannot be compared with what is shown of them.
                    raise UnreliableOrderError from None
                raise

        prefetch = self._prefetch(_ByKeyset(self._place_of), fetch)
        pages = keyset_pages(
            lambda after, skip: prefetch.fetch((after, skip)),
            self._place_of,
            position,
            self._content_of,
            longest=known_longest(self.facts),
            look=lambda after, skip: fetch((after, skip), max(self._size.rows, SMALL_PAGE_ROWS)),
            looks=self.looks,
        )
        return prefetch.pages(pages)

    def _prefetch(
        self, guess: Guess[Any], fetch: Callable[[Any, int], tuple[Sequence[Raw], int]]
    ) -> Prefetch[Any, Raw]:
        return Prefetch(self.helpers, guess, fetch, lambda: self._size.rows, lambda: self._plan)

    def _rows(
        self, window: Window, token: Mapping[str, Any], asked: int, fewest: int = FEWEST_ROWS
    ) -> tuple[Sequence[Raw], int]:
        """A page's rows and how many were asked for; fewer are, where the ERP cannot give as many."""
        page, asked = sized_page(self._size, asked, lambda top: self._asked(window, {**token, "top": top}), self.where)
        page = self._cut.filled(page, lambda link: self._asked(window, {"link": link}), fewest)
        self._note_page(page)
        self._begins_empty |= not (page.rows or token.get("skip") or token.get("after"))
        # A link to the next page says that this one was cut short: the list goes on behind its last row.
        return page.rows, len(page.rows) if page.next_link else asked

    def _asked(self, window: Window, token: Mapping[str, Any]) -> ODataPage:
        """An answer, asked for again with pauses where others have come in the same way."""
        for tries in itertools.count(1):
            try:
                page = self.ask(window, {**token, "plan": self._plan, "is_proven": self._has_come})
            except RequestFailed as error:
                is_lasting = error.problem.status in _REFUSALS and tries > 1
                if not self._has_come or not _may_be_the_ways(error) or is_lasting or tries == _TRIES_OF_A_PAGE:
                    raise
                logger.warning(f"{self.where}: {error.problem.sentence}. Trying the same page again.")
                self.pause(tries)
            else:
                self._has_come = True
                return page
        raise AssertionError

    @property
    def _given_rows(self) -> int:
        """So many at least the ERP has given at once: a page that was quick doubles what the next one asks for."""
        return max(self._size.rows // 2, 1)

    def _note_page(self, page: ODataPage) -> None:
        self.record_bytes = page.size_bytes / max(len(page.rows), 1)
        if new := [name for name in page.unserved if name not in self.left_out]:
            self.left_out = (*self.left_out, *new)
            logger.warning(unserved_sentence(self.where, new))

    # ------------------------------------------------------------------------------------------- telling rows apart

    def is_stamped(self, row: Raw) -> bool:
        """Whether a row says when it was changed."""
        return bool(row.get(self.table.cursor or ""))

    def _note_unstamped(self, window: Window, rows: Sequence[Raw]) -> None:
        """Keep whether the filter brings rows without a stamp.

        Raises:
            RequestFailed: they alone were asked for, and others come: those would come twice.
        """
        refuse_stamped(self.where, window, rows, self.is_stamped)
        self._has_unstamped_come |= self._plan.with_null and not all(map(self.is_stamped, rows))

    def _refuse_groups(self, window: Window, rows: Sequence[Raw]) -> None:
        """Try on rows that came for having changed, before they go out, whether the inquiry groups.

        Raises:
            GroupedError: it does, or nobody can tell.
        """
        if self.table.feed is ODataFeed.INQUIRIES and self._plan.filters and window.since:
            columns = self.columns or self.table.fields.keys()
            trial = Grouping(self.table, self._plan, columns, self._given_rows, self.ask, self.facts)
            doubt = trial.doubt(rows, window)
            if doubt:
                raise GroupedError(doubt)

    @property
    def _can_be_tried(self) -> bool:
        """Whether it would be found out if a filter changed what the rows say: of tables, it does not."""
        return self.table.feed is ODataFeed.TABLES or self._has_unique_keys

    @property
    def _has_unique_keys(self) -> bool:
        return bool(self.table.keys) and self.table.are_keys_unique

    def _key_of(self, row: Raw) -> Place:
        return tuple(plain_value(row.get(name)) for name in self.table.keys)

    def _place_of(self, row: Raw) -> Place:
        """The values that order the row, in a form that a state can hold."""
        get, fields = row.get, self.table.fields
        values = [(name, get(name)) for name in self._plan.order]
        return tuple(
            [
                utc_instant(value) if fields[name] is FieldKind.DATE_TIME and value else plain_value(value)
                for name, value in values
            ]
        )

    def _content_of(self, row: Raw) -> str:
        return content_of([row.get(name) for name in self.table.fields])

    def _identify(self, row: Raw) -> Identity:
        """By what the list is ordered by, or, where that says too little, by all that is in the row."""
        if self._plan.is_by_row:
            return (self._content_of(row),)
        return ("\x1f".join(map(repr, self._place_of(row))),)

    def _warn_of_repeated_keys(self, rows: Sequence[Raw]) -> None:
        """An inquiry's keys are those of the tables below it, and need not tell its rows apart."""
        if self.repeated_key or not self._is_in_order_of_keys(self._plan):
            return
        if any(one == other for one, other in itertools.pairwise(map(self._key_of, rows))):
            self._note_repeated_keys()

    def _is_in_order_of_keys(self, plan: ODataPlan) -> bool:
        """Whether rows of an inquiry that share its keys, which are said to be unique, stand side by side."""
        is_said = self.table.feed is ODataFeed.INQUIRIES and self.table.are_keys_unique
        return is_said and plan.order[: len(self.table.keys)] == self.table.keys != ()

    def _note_repeated_keys(self) -> None:
        if not self.repeated_key:
            self.repeated_key = self.table.keys
            logger.warning(
                f"{self.where}: several rows have the same {', '.join(self.table.keys)}, so these do not identify a "
                "row: use another primary key, or none."
            )

    def _order(self) -> tuple[str, ...]:
        if self.table.feed is ODataFeed.TABLES or self._has_unique_keys:
            return self.table.keys
        return self._all_sortable()

    def _all_sortable(self) -> tuple[str, ...]:
        if self._sortable is None:
            names = (*self.table.keys, *(name for name in self.table.fields if name not in self.table.keys))
            self._sortable = self._sortable_among(orderable(names))
        return self._sortable

    def _sortable_among(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those that rows can be ordered by, in a bounded search: formula columns are refused."""

        def works(some: tuple[str, ...]) -> bool:
            return self._works(Window(), replace(_PLAIN, order=some), is_search=True)

        try:
            unsortable = refused(names, works)
        except SearchTooLongError:
            unsortable = [name for name in names if name not in self.table.keys]
        return tuple(name for name in names if name not in unsortable)

    def _go_on_in_a_finer_order(self, position: Position) -> Position:
        """Behind the columns that order the list, more do: what has gone out stays in front of the place.

        Raises:
            RequestFailed: there are no more, and rows that differ stand at one place.
        """
        was, told = self._plan, self._equal_keys()
        if was.is_keyset or was.is_by_row:
            raise gives_up(self.where, self._equal_keys_sentence())
        order = self._all_sortable()
        if was.order == self.table.keys and order != was.order and order[: len(was.order)] == was.order:
            plan = replace(was, order=order)
        elif set(self.table.fields) <= set(was.order):
            plan = replace(was, is_by_row=True)
        else:
            raise gives_up(self.where, self._equal_keys_sentence())
        self._plans = [plan]
        logger.warning(f"{self.where}: {told}. {plan.explain(plan)}")
        if self._is_in_order_of_keys(was):
            # A page that is full of one key is the proof; those behind it may be too small to show two rows of it.
            self._note_repeated_keys()
        return self._gone_on_with(position)

    def _gone_on_with(self, position: Position) -> Position:
        """The same place in another way of reading: what was sent is known by its last rows alone."""
        self._ledger = Ledger(
            may_repeat=self.is_incremental, is_partial=bool(position.offset) and not self.is_incremental
        )
        return Position(position.offset, tuple(map(self._identify, self._tail)))

    def _go_on_by_number(self, position: Position, reason: str) -> Position:
        """In the same order, from as many rows on as have gone out."""
        plan = replace(self._plan, is_keyset=False)
        logger.warning(f"{self.where}: {reason}. {plan.explain(plan)}")
        self._plans = [plan]
        return self._gone_on_with(position)

    def _equal_keys(self) -> str:
        return f"more rows than fit into a page of {self._size.rows} have the same {', '.join(self._plan.order[:5])}"

    def _begin_without_filter(self, error: GroupedError) -> Position:
        """All rows, since those that were filtered do not say what the inquiry shows.

        Raises:
            RequestFailed: some have gone out that nothing takes away again.
        """
        if self._tail and not self.is_incremental:
            raise gives_up(self.where, f"{error}, and some have been sent. Leave out start_date, or this stream")
        self._do_without_filter(str(error))
        self._has_come, self._tries = False, 0
        self._ledger = Ledger(may_repeat=self.is_incremental)
        return BEGINNING

    def _do_without_filter(self, reason: str) -> None:
        was, self._may_filter = self._plan, False
        self._plans = [plan for plan in self._plans if not plan.filters] or [was.unfiltered]
        logger.warning(f"{self.where}: {reason}. {self._explain_lower(was)}")

    def _explain_lower(self, was: ODataPlan) -> str:
        """What the plan does otherwise than the one before, and what that cannot make good."""
        is_in_full = was.filters and not self._plan.filters
        return f"{self._plan.explain(was)}{lost_ranks(self.table.cursor) if is_in_full and self.is_ranked else ''}"

    def _equal_keys_sentence(self) -> str:
        return f"{self._equal_keys()}, so they cannot be told apart: raise max_page_size, or leave this stream out"

    # ------------------------------------------------------------------------------------ what the ERP does not support

    def _lower_plan(self, window: Window, error: RequestFailed, position: Position) -> Position:
        """Go on in the next way that the ERP supports, as long as no row has gone out; says so in the log.

        Raises:
            RequestFailed: the same, where there is none, the way has worked before, or the user has to mend something.
        """
        if position.after and self._plan.is_keyset and self._may_go_on_by_number(window, error, position):
            return self._go_on_by_number(position, f"{error.problem.sentence}, when asked for rows by their keys")
        if self._has_come or not _may_be_the_ways(error):
            raise error
        # An empty body also comes when all seats are taken; this request waits for one.
        if not self._works(window, _PLAIN):
            raise error
        self._tries += 1
        if self._tries < (1 if error.problem.status in _REFUSALS else _TRIES_OF_A_WAY):
            self.pause(self._tries)
            return position
        if not self._plans[1:]:
            raise error
        was = self._plans.pop(0)
        self._tries = 0
        if (was.filters, was.order) != (self._plan.filters, self._plan.order):
            logger.warning(f"{self.where}: {error.problem.sentence}. {self._explain_lower(was)}")
        elif self.facts.has_unstamped or self.facts.is_first:
            logger.warning(
                f"{self.where}: {error.problem.sentence}, when asked for rows without a stamp ({self.table.cursor}). "
                "Those do not arrive but with a full refresh, and none behind a start date."
            )
        return BEGINNING

    def _may_go_on_by_number(self, window: Window, error: RequestFailed, position: Position) -> bool:
        """Whether it is the keys that fail, which may be of a type that cannot be compared, and none of the rows."""
        plan = replace(self._plan, is_keyset=False)
        return _may_be_the_ways(error) and self._works(window, plan, skip=position.offset, top=self._given_rows)

    def _works(self, window: Window, plan: ODataPlan, **page: int) -> bool:
        try:
            self.ask(window, {"plan": plan, "top": 1, **page})
        except RequestFailed as error:
            if _may_be_the_ways(error):
                return False
            raise
        return True

    def _loses_changed(self, window: Window) -> bool:
        """Whether changed rows are there, and only those without a stamp came: half of the filter is not looked at."""
        apart = replace(self._plan, with_null=False)
        if apart == self._plan or not self._has_unstamped_come or not self.ask(window, {"plan": apart, "top": 1}).rows:
            return False
        self._plans = [apart]
        self.facts.learn(LOSES_UNSTAMPED)
        logger.warning(
            f"{self.where}: the ERP leaves out the changed rows when it is asked for them together with those without "
            f"a stamp ({self.table.cursor}). They are asked for apart."
        )
        return True

    def _refuse_empty_beginning(self, window: Window) -> None:
        """Ask once more for the beginning of a list that had no rows there, before it is believed.

        Raises:
            _EmptyByChanceError: there are rows.
            MovingListError: so it is each time.
        """
        if self._tail or not self._begins_empty:
            return
        if not self._rows(window, {}, min(self._size.rows, SMALL_PAGE_ROWS))[0]:
            return
        self._empty_beginnings += 1
        if self._empty_beginnings == _MOST_EMPTY_BEGINNINGS:
            sentence = "the ERP gives a list without rows, and rows where a few of them are asked for"
            raise MovingListError(sentence)
        raise _EmptyByChanceError

    def _hides_rows(self) -> bool:
        """Whether an empty answer to a filter is no answer; asked once a day, and then all rows are read."""
        if not self._plan.filters or self.facts.knows(FILTER_WORKS):
            return False
        was = self._plan
        filtered = replace(was, with_null=False)
        if not hides_rows(
            self.facts,
            lambda: bool(self.ask(EVER, {"plan": filtered, "top": 1}).rows),
            lambda: bool(self.ask(Window(), {"plan": was.unfiltered, "top": 1}).rows),
        ):
            return False
        self._plans = [was.unfiltered]
        logger.warning(
            f"{self.where}: the ERP answers a filter by {self.table.cursor} with no rows, although there are some. "
            f"{self._explain_lower(was)}"
        )
        return True


# Answers that say themselves that they will be the same the next time: 400 and 501.
_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED})


def _may_be_the_ways(error: RequestFailed) -> bool:
    """Whether another way of asking may be answered: it was refused, or failed by an error of the ERP's own."""
    return error.problem.action is Action.CLIMB_DOWN or error.problem.failure_type.value == "system_error"
