"""Reads one tenant's rows of an inquiry or a table through OData, by the best plan that the ERP supports.

The plan is chosen with the first page, before any row is sent. From then on only changes that keep the place reached
are allowed: fewer rows in a page, more columns behind those that order the list, or row numbers instead of values.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from source_acumatica.airbyte.records import in_pieces
from source_acumatica.erp.errors import RequestFailed
from source_acumatica.erp.helpers import Helpers
from source_acumatica.odata.keyset import UnreliableOrderError
from source_acumatica.odata.list_requests import AskOData, ListRequests, another_plan_may_work
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.plan_choice import PlanChoice
from source_acumatica.odata.plan_pages import PlanPages
from source_acumatica.odata.query import IDS_IN_A_CONDITION, ODataPlan
from source_acumatica.odata.refused_links import may_be_for_links, refused_links, without_links
from source_acumatica.odata.row_identity import RowIdentity, key_of
from source_acumatica.odata.sort_columns import SortColumns
from source_acumatica.odata.stamp_filter import StampFilter
from source_acumatica.odata.tables import NOTE_ID, ODataFeed, ODataTable
from source_acumatica.reading.end_probes import SMALL_PAGE_ROWS
from source_acumatica.reading.fields import Raw, utc_instant
from source_acumatica.reading.page_size import PageSize
from source_acumatica.reading.paging import BEGINNING, EqualKeysError, MovingListError, Page, Position
from source_acumatica.reading.reader import (
    Facts,
    Reader,
    end_probes_of,
    gives_up,
    known_longest,
    stopped,
    unserved_sentence,
    where_of,
)
from source_acumatica.reading.sent_rows import SentMarks
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# So many beginnings without rows, although there are some, end the reading.
_MOST_EMPTY_BEGINNINGS = 3
# Rows in front of a place that are remembered for going on by another plan.
_ROWS_IN_FRONT = 50


class _GroupedError(Exception):
    """The inquiry was filtered, and groups its rows or may do so; the text says which."""


class _EmptyByChanceError(Exception):
    """The first answer of a list had no rows, and there are some."""


@dataclass
class ODataReader(Reader):
    """The rows of a table, by keyset in the order of its keys, or of an inquiry, by row number."""

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
    _requests: ListRequests = field(init=False)
    _filter: StampFilter = field(init=False)
    _choice: PlanChoice = field(init=False)
    _sent_marks: SentMarks = field(default_factory=SentMarks)
    _tail: Sequence[Raw] = ()
    """The rows of the window that were sent last."""
    _empty_beginnings: int = 0
    """How often the first answer for the window had no rows although there are some."""

    def __post_init__(self) -> None:
        size = PageSize(self.config.max_page_size, lists=lambda: self.helpers.lists)
        links = tuple(self.table.linked(self.columns))
        self._requests = requests = ListRequests(self.ask, self.pause, self.where, size, self._note_page, links=links)
        columns = self.columns or self.table.fields.keys()
        self._filter = StampFilter(self.table, columns, requests, self.facts, self.is_stamped)
        sorting = SortColumns(self.table, requests)
        self._choice = PlanChoice(self.table, requests, sorting, self._filter, self.facts, self.is_ranked)

    @property
    def where(self) -> str:
        """How log lines and errors begin."""
        return where_of(self.tenant, self.table.name)

    @property
    def _plan(self) -> ODataPlan:
        return self._requests.plan

    def is_stamped(self, row: Raw) -> bool:
        """Whether a row says when it was changed."""
        return bool(row.get(self.table.cursor or ""))

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return bool(self._requests.plans) and self._plan.filters

    def has_rows_since(self, since: str, *, is_unconditional: bool = False) -> bool:
        """Whether there are rows that have changed since, or that cannot be found out; also without the row filter."""
        plan = replace(self._plan, with_null=False)
        return not plan.filters or self._requests.has_rows(Window(since), plan, is_unconditional=is_unconditional)

    def has_row_at(self, window: Window, rows: int) -> bool | None:
        """Whether the window has a row behind so many others; None where the ERP refuses to say it."""
        plan = replace(self._plan, with_null=False, is_keyset=False)
        if not plan.order:
            return None
        try:
            return self._requests.has_rows(window, plan, skip=rows)
        except RequestFailed as error:
            if another_plan_may_work(error):
                return None
            raise

    def latest(self) -> str | None:
        """The latest stamp that the list shows, in UTC; None where it cannot be asked for that."""
        try:
            rows = self.ask(Window(), {"plan": ODataPlan((f"{self.table.cursor} desc",), filters=False), "top": 1}).rows
        except RequestFailed as error:
            if another_plan_may_work(error):
                return None
            raise
        return utc_instant(rows[0].get(self.table.cursor or "")) if rows else None

    def by_ids(self, ids: Sequence[str], *, is_unconditional: bool = False) -> Iterator[tuple[str, Raw | None]]:
        """Each of these NoteIDs with its row; None where there is none."""
        for some in in_pieces(ids, IDS_IN_A_CONDITION):
            rows: dict[str, Raw] = {}
            # An answer may have fewer rows than there are.
            while rest := [id_ for id_ in some if id_.lower() not in rows]:
                more = self._rows_of(rest, is_unconditional=is_unconditional)
                if more.keys() <= rows.keys():
                    break
                rows |= more
            yield from ((id_, rows.get(id_.lower())) for id_ in some)

    def _rows_of(self, ids: Sequence[str], *, is_unconditional: bool) -> dict[str, Raw]:
        """The rows of one answer, by their NoteIDs in lower case."""
        plan = ODataPlan((), filters=False)
        token: dict[str, Any] = {"plan": plan, "top": len(ids), "ids": ids, "is_unconditional": is_unconditional}

        def ask(links: Sequence[str]) -> ODataPage:
            return self.ask(Window(), {**token, "links": links})

        try:
            page = ask(self._requests.links)
        except RequestFailed as error:
            if not self._leaves_out_links(error, ask):
                raise
            page = ask(self._requests.links)
        self._note_unserved(page)
        return {str(row.get(NOTE_ID)).lower(): row for row in page.rows}

    @property
    def leaves_unstamped(self) -> bool:
        """Whether rows without a stamp, if there are any, have to be asked for separately."""
        return self._choice.leaves_unstamped and self._plan.filters

    def has_unstamped(self) -> bool | None:
        """Whether there are rows without a stamp that did not come with the changed ones, although asked for."""
        return self._filter.has_unstamped()

    # ------------------------------------------------------------------------------------------------------- reading

    def pages(self, window: Window) -> Iterator[Page[Raw]]:
        """The window's pages from where it was left, or from its beginning where that place is one of another list."""
        self._sent_marks = SentMarks(may_repeat=self.is_incremental)
        self.end_probes = end_probes_of(self.facts)
        position = self._choice.begin(window)
        has_rows, have_unstamped_come, self._tail, self._empty_beginnings = False, False, (), 0
        while True:
            self._requests.begins_empty = False
            try:
                for page in self._pages(window, position):
                    self._refuse_empty_beginning(window)
                    self._refuse_groups(window, page.rows)
                    self._filter.note(window, page.rows)
                    position, self._tail = page.position, page.rows[-_ROWS_IN_FRONT:]
                    # An ERP that ignores half of the filter gives only the rows without a stamp.
                    has_rows |= not self._plan.with_null or any(map(self.is_stamped, page.rows))
                    self._warn_of_repeated_keys(page.rows)
                    if have_unstamped_come:
                        page = replace(page, rows=[*filter(self.is_stamped, page.rows)])
                    yield page
                    del page
                if not self.is_incremental:
                    # A wrong empty list would empty the destination's table; an incremental sync only keeps its state.
                    self._refuse_empty_beginning(window)
            except MovingListError as error:
                raise stopped(self.where, error) from None
            except _EmptyByChanceError:
                position, self._sent_marks = BEGINNING, SentMarks(may_repeat=self.is_incremental)
            except EqualKeysError:
                position = self._go_on_sorted_by_more(position)
            except UnreliableOrderError:
                position = self._go_on_by_number(
                    position, "the ERP does not find its own rows by the values that it shows"
                )
            except _GroupedError as error:
                position = self._begin_without_filter(error)
            except RequestFailed as error:
                position = self._simplify_plan(window, error, position)
            else:
                if has_rows or window.is_unstamped or not self._choice.corrects_filter(window):
                    return
                position, self._tail, have_unstamped_come = BEGINNING, (), self._filter.has_unstamped_come

    def _pages(self, window: Window, position: Position) -> Iterator[Page[Raw]]:
        identity, longest = RowIdentity(self.table, self._plan), known_longest(self.facts)
        reading = PlanPages(self._requests, identity, self.helpers, self._sent_marks, self.end_probes, longest)
        return reading.pages(window, position)

    def _note_page(self, page: ODataPage) -> None:
        self.record_bytes = page.size_bytes / max(len(page.rows), 1)
        self._note_unserved(page)

    def _note_unserved(self, page: ODataPage) -> None:
        if new := [name for name in page.unserved if name not in self.left_out]:
            self.left_out = (*self.left_out, *new)
            logger.warning(unserved_sentence(self.where, new))

    def _refuse_groups(self, window: Window, rows: Sequence[Raw]) -> None:
        """Check on changed rows, before they are sent, whether the inquiry groups.

        Raises:
            _GroupedError: it does, or that cannot be found out.
        """
        if doubt := self._filter.doubt(window, rows):
            raise _GroupedError(doubt)

    def _refuse_empty_beginning(self, window: Window) -> None:
        """Ask once more for the beginning of a list that had no rows, before it counts as empty.

        Raises:
            _EmptyByChanceError: there are rows.
            MovingListError: that happens again and again.
        """
        if self._tail or not self._requests.begins_empty:
            return
        if not self._requests.rows(window, {}, min(self._requests.size.rows, SMALL_PAGE_ROWS))[0]:
            return
        self._empty_beginnings += 1
        if self._empty_beginnings == _MOST_EMPTY_BEGINNINGS:
            sentence = "the ERP gives a list without rows, and rows where a few of them are asked for"
            raise MovingListError(sentence)
        raise _EmptyByChanceError

    # ----------------------------------------------------------------------------------------------- keys that repeat

    def _warn_of_repeated_keys(self, rows: Sequence[Raw]) -> None:
        """Warn of keys that do not identify an inquiry's rows: they are those of the tables that it joins."""
        if self.repeated_key or not self._is_in_order_of_keys(self._plan):
            return
        keys = [key_of(self.table, row) for row in rows]
        if any(one == other for one, other in itertools.pairwise(keys)):
            self._note_repeated_keys()

    def _is_in_order_of_keys(self, plan: ODataPlan) -> bool:
        """Whether rows of an inquiry with the same keys, which are described as unique, come one after the other."""
        is_said = self.table.feed is ODataFeed.INQUIRIES and self.table.are_keys_unique
        return is_said and plan.order[: len(self.table.keys)] == self.table.keys != ()

    def _note_repeated_keys(self) -> None:
        if not self.repeated_key:
            self.repeated_key = self.table.keys
            logger.warning(
                f"{self.where}: several rows have the same {', '.join(self.table.keys)}, so these do not identify a "
                "row: use another primary key, or none."
            )

    # ----------------------------------------------------------------------------------------- going on by another plan

    def _go_on_sorted_by_more(self, position: Position) -> Position:
        was = self._plan
        self._choice.sort_by_more()
        if self._is_in_order_of_keys(was):
            # A page full of one key proves it; the pages behind it may be too small to show two rows of that key.
            self._note_repeated_keys()
        return self._gone_on_with(position)

    def _go_on_by_number(self, position: Position, reason: str) -> Position:
        """Go on in the same order, behind as many rows as were sent."""
        self._choice.read_by_number(reason)
        return self._gone_on_with(position)

    def _gone_on_with(self, position: Position) -> Position:
        """The same place by the plan that is in use now; of the rows that were sent, only the last ones are known."""
        self._sent_marks = SentMarks(
            may_repeat=self.is_incremental, is_partial=bool(position.offset) and not self.is_incremental
        )
        identify = RowIdentity(self.table, self._plan).identify
        return Position(position.offset, tuple(map(identify, self._tail)))

    def _begin_without_filter(self, error: _GroupedError) -> Position:
        """Begin again with all rows, since filtered ones do not say what the inquiry shows.

        Raises:
            RequestFailed: some were sent that nothing removes again.
        """
        if self._tail and not self.is_incremental:
            raise gives_up(self.where, f"{error}, and some have been sent. Leave out start_date, or this stream")
        self._choice.begin_without_filter(str(error))
        self._sent_marks = SentMarks(may_repeat=self.is_incremental)
        return BEGINNING

    def _simplify_plan(self, window: Window, error: RequestFailed, position: Position) -> Position:
        """Go on by the next plan that the ERP supports, as long as no row was sent; the log says so.

        Raises:
            RequestFailed: the same, where there is none, the plan has worked before, or the user has to act.
        """
        if self._pages_leave_out_links(window, error, position):
            return position
        is_by_keys = position.after and self._plan.is_keyset
        if is_by_keys and self._choice.works_by_number(window, error, position.offset):
            return self._go_on_by_number(position, f"{error.problem.sentence}, when asked for rows by their keys")
        return BEGINNING if self._choice.simplify(window, error) else position

    def _pages_leave_out_links(self, window: Window, error: RequestFailed, position: Position) -> bool:
        """``_leaves_out_links`` for a page; the place stays what it is without them."""
        requests = self._requests
        # Pages of the server's own cannot be gone on with.
        if requests.has_answered and not self._plan.order:
            return False
        place = {"after": position.after} if self._plan.is_keyset else {"skip": position.offset}
        token = {"plan": self._plan, "top": requests.given_rows, **place}
        return self._leaves_out_links(error, lambda names: self.ask(window, {**token, "links": names}))

    def _leaves_out_links(self, error: RequestFailed, ask: Callable[[Sequence[str]], ODataPage]) -> bool:
        """Leave out the links for which the ERP refuses what ``ask`` sends with some of them; whether there are any."""
        requests = self._requests
        bad = refused_links(requests.links, ask) if may_be_for_links(error) else ()
        if bad:
            requests.links = tuple(name for name in requests.links if name not in bad)
            self.left_out = tuple(dict.fromkeys((*self.left_out, *bad)))
            logger.warning(without_links(self.where, error.problem.sentence, bad))
        return bool(bad)
