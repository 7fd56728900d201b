"""Reads the list of an entity page by page, or record by record where the list cannot be read."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from source_acumatica.contract.ad_hoc import AdHocSchemas
from source_acumatica.contract.base_reader import REFUSALS, ContractReader
from source_acumatica.contract.custom_choice import choose_custom
from source_acumatica.contract.custom_fields import column_of
from source_acumatica.contract.empty_parts import EmptyParts
from source_acumatica.contract.fallback import TOO_MUCH, Fallback
from source_acumatica.contract.field_check import FieldCheck
from source_acumatica.contract.identity import identifier
from source_acumatica.contract.list_requests import TRIES_AT_ONE_PAGE, Ask, ListRequests, unless_refused
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.record_addresses import record_filter
from source_acumatica.contract.single_records import SingleRecords
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.erp.helpers import clock
from source_acumatica.reading.anchored import ALIKE_ROWS_TO_REPEAT, anchored_pages
from source_acumatica.reading.end_probes import SMALL_PAGE_ROWS
from source_acumatica.reading.fields import Raw, unwrap
from source_acumatica.reading.learnt import FILTER_WORKS, SHOWS_CUSTOM
from source_acumatica.reading.page_size import PageSize, weight
from source_acumatica.reading.paging import BEGINNING, Fetched, MovingListError, Page, Position
from source_acumatica.reading.prefetch import ByNumber, Prefetch
from source_acumatica.reading.reader import (
    EVER,
    Facts,
    end_probes_of,
    hides_rows,
    known_longest,
    lost_ranks,
    refuse_stamped,
    shows_unstamped,
    stopped,
)
from source_acumatica.reading.sent_rows import SentMarks
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")
Got = TypeVar("Got")

# Read one by one, so many records are held in memory and lie between two states: half a minute at a second each.
_KEYS_IN_A_PAGE = 30
_FAILURE = 500
# With the pauses between them, a minute. And more than there are simpler requests.
_TRIES_AFTER_A_PAGE, _TRIES_AT_ONE_RECORD = 6, 20
_ALL, _CHANGED = "all", "changed"
Key = TypeVar("Key")


@dataclass
class ListReader(ContractReader):
    """The list of an entity; what the ERP refuses is asked for in a simpler way, as ``Plan`` describes it."""

    ask: Ask
    facts: Facts
    ad_hoc: AdHocSchemas
    is_incremental: bool
    is_ranked: bool = False
    """Whether the destination keeps, of the rows with one key, the one with the latest stamp."""
    _plan: Plan = field(default_factory=Plan)
    _size: PageSize | None = None
    _changing_plan: threading.Lock = field(default_factory=threading.Lock)
    """Several pages may be refused at once; only the first one changes the plan."""

    requests: ListRequests = field(init=False)
    records: SingleRecords = field(init=False)
    fallback: Fallback = field(init=False)
    empty_parts: EmptyParts = field(init=False)
    field_check: FieldCheck = field(init=False)

    def __post_init__(self) -> None:
        # All of them now: pages are fetched by several threads.
        table, columns, where = self.table, self.columns, self.where
        self.requests = ListRequests(table, columns, where, identifier(table), self.ask)
        self.records = SingleRecords(
            table, columns, where, self.fetch_object, self.fetch_rows, lambda: self.requests.has_shown_custom
        )
        self.fallback = fallback = Fallback(table, columns, where, lambda: self.facts.left_out, in_full=self._in_full)
        self.empty_parts = EmptyParts(
            table, columns, where, self.facts, self.records, self.requests, lambda: fallback.optional
        )
        self.field_check = FieldCheck(table, columns, where)

    @property
    def _in_full(self) -> str:
        """What to log where the ERP cannot filter by the window, and what the user loses by that."""
        return f"Reading all rows instead of the changed ones.{lost_ranks(self.table.cursor) if self.is_ranked else ''}"

    def pages(self, window: Window) -> Iterator[Page[Raw]]:
        """The list's pages, from where the window was left off."""
        size = self._begun()
        self.requests.has_page = False
        self.end_probes = probes = end_probes_of(self.facts)
        fetch = partial(self._fetch, size, window)
        by_number = ByNumber(shared=1 if self.table.is_identified else ALIKE_ROWS_TO_REPEAT)
        page_rows, most = partial(self._page_rows, size), window.most_rows

        def probe(skip: int) -> Fetched[Raw]:
            return fetch(skip, max(page_rows(), SMALL_PAGE_ROWS), expects_none=True)

        prefetch = Prefetch(self.client.helpers, by_number, fetch, probe, probes, page_rows, lambda: self._plan, most)
        pages = anchored_pages(
            prefetch.fetch,
            self.requests.identify,
            self._begin(window),
            is_unique=self.table.is_identified,
            sent_marks=SentMarks(may_repeat=self.is_incremental),
            longest=known_longest(self.facts),
            probe=prefetch.probe,
            end_probes=probes,
        )
        try:
            for page in prefetch.pages(pages):
                refuse_stamped(self.where, window, page.rows, self.is_stamped)
                position = replace(page.position, list_name=self._list_name)
                rows = list(self._completed(page.rows))
                if self.requests.has_shown_custom and not (self._plan.dialect or self.facts.knows(SHOWS_CUSTOM)):
                    self.facts.learn(SHOWS_CUSTOM)
                self.field_check.look_at(rows, self.fallback.left_out, self.fallback.leave_out)
                self.left_out = tuple(self.fallback.left_out)
                self.broken = self.field_check.broken
                if page.shows_likes and not self.table.path:
                    self.repeated_key = self.table.keys
                yield replace(page, rows=rows, position=position)
                del page, rows
            if not self.is_incremental:
                # Whether there are any lines may be unknown, and an overwrite without any would empty the table.
                self.empty_parts.refuse_unknown_lines()
        except MovingListError as error:
            raise stopped(self.where, error) from None

    def _begun(self) -> PageSize:
        """The size of pages; the first time, with the plan to begin with."""
        if self._size is None:
            values = self.table.values_in_row(self.columns)
            self._size = PageSize(self.config.max_page_size, values, lists=lambda: self.client.helpers.lists)
            self._take(self._first_plan())
        return self._size

    def _first_plan(self) -> Plan:
        return Plan(custom=self._chosen_custom(), trusts_custom=self.facts.knows(SHOWS_CUSTOM))

    @property
    def _list_name(self) -> str:
        return _CHANGED if self._plan.filters else _ALL

    def _begin(self, window: Window) -> Position:
        """Where to start: the place in the state if it belongs to the list that is read now, or else the beginning."""
        start = window.start
        if window.since and start.list_name == _ALL:
            # The filter was found not to work when the window was begun.
            self._plan = replace(self._plan, filters=False)
        return start if start.list_name in ("", self._list_name) else BEGINNING

    def has_unstamped(self) -> bool | None:
        """Whether there are rows without a stamp; None where the ERP cannot be asked for them."""
        if not self._plan.filters:
            # All rows have come.
            return False
        if self._plan.is_by_record:
            return None
        probe = {"top": 1, "plan": replace(self._plan, custom=()), "is_trial": True}
        try:
            rows, _ = self.requests.send(Window(is_unstamped=True), probe)
        except RequestFailed as error:
            if error.problem.action is Action.ASK_FOR_LESS:
                return None
            raise
        return shows_unstamped(rows, self.is_stamped)

    def is_stamped(self, row: Raw) -> bool:
        """Whether a row says when it was changed."""
        return bool(unwrap(row.get(self.table.cursor or "")))

    def has_rows_since(self, since: str, *, is_unconditional: bool = False) -> bool:
        """Whether rows have changed since, or that is unknown; ``is_unconditional``: without the row filter."""
        plan = replace(self._plan, custom=())
        return not self._plan.filters or self.requests.has_rows(Window(since), plan, is_unconditional=is_unconditional)

    def has_row_at(self, window: Window, rows: int) -> bool | None:
        """Whether the window has a row behind so many others; None where the ERP refuses to say it."""
        ask = partial(self.requests.has_rows, window, self._plan.of_keys, skip=rows)
        return unless_refused(ask, None, (*REFUSALS, Action.FEWER_ROWS))

    def id_again(self, row: Raw) -> str | None:
        """The id of ``row`` in another answer; None where it is not found by its keys."""
        if (options := record_filter(self.table, row, self._plan) if self.table.keys else None) is None:
            return None
        ask = partial(self.fetch_rows, self.table.url_path, options)
        found: list[dict[str, Any]] = unless_refused(ask, [], (*REFUSALS, Action.FEWER_ROWS))
        return next((str(other.get("id")) for other in found if self.requests.is_one(row, other)), None)

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return window.since is not None and self._plan.filters

    def _page_rows(self, size: PageSize) -> int:
        return min(size.rows, _KEYS_IN_A_PAGE) if self._plan.is_by_record else size.rows

    def _fetch(
        self, size: PageSize, window: Window, skip: int, asked: int, *, expects_none: bool = False
    ) -> Fetched[Raw]:
        """A page, also of an ERP that fails for a while."""
        return self._through_an_outage(lambda: self._fetch_now(size, window, skip, asked, expects_none=expects_none))

    def _through_an_outage(self, ask: Callable[[], Got]) -> Got:
        """What ``ask`` returns; an ERP that has answered pages of the list and now fails without a word is waited for.

        A pool that restarts may answer 500 to everything for half a minute.
        """
        for tries in itertools.count(1):
            try:
                return ask()
            except RequestFailed as error:
                is_wordless = error.problem.status == _FAILURE and not error.problem.is_explained
                if not (is_wordless and self.requests.has_page and tries <= _TRIES_AFTER_A_PAGE):
                    raise
                logger.warning(f"{self.where}: {error.problem.sentence}. Trying again.")
                self.client.pause(tries)
        raise AssertionError

    def _fetch_now(self, size: PageSize, window: Window, skip: int, asked: int, *, expects_none: bool) -> Fetched[Raw]:
        """One page from ``skip`` on, and how many rows were asked for: less where the ERP refuses more."""
        tries: Counter[Plan] = Counter()
        is_suspect = False
        while True:
            plan, began = self._plan, clock()
            if self.empty_parts.is_misread:
                # Noticed in a prefetched page, which may not have been used.
                raise self.empty_parts.misread()
            is_too_much: Callable[[], bool] = partial(self._asks_too_much, window, plan, skip)
            if expects_none:
                is_too_much, expects_none = self.client.helpers.beside(is_too_much), False
            try:
                rows, size_bytes = self.requests.page(window, {"skip": skip, "top": asked, "plan": plan})
                is_doubtful = not rows and tries[plan] < TRIES_AT_ONE_PAGE
                if is_doubtful and is_too_much():
                    if not is_suspect:
                        # It may have been empty by chance, or a row was removed: the same page once more.
                        is_suspect = True
                        continue
                    is_suspect = False
                    tries[plan] += 1
                    self._simplify(plan, window, {"skip": skip, "top": asked}, RequestFailed(TOO_MUCH, self.where))
                    asked = self._page_rows(size)
                    continue
            except RequestFailed as error:
                match error.problem.action:
                    case Action.FEWER_ROWS if size.shrink(asked):
                        logger.warning(f"{self.where}: {error.problem.sentence}. Asking for {size.rows} rows.")
                    case Action.ASK_FOR_LESS | Action.STOP if tries[plan] < TRIES_AT_ONE_PAGE:
                        tries[plan] += 1
                        self._simplify(plan, window, {"skip": skip, "top": asked}, error)
                    case _:
                        raise
                asked = self._page_rows(size)
            else:
                size.observe(clock() - began, weight(size_bytes, rows), asked)
                self.record_bytes = size_bytes / max(len(rows), 1)
                if not rows and not skip and self._hides_rows(window):
                    self._plan = replace(plan, filters=False)
                elif rows and self._has_empty_parts(rows, window, {"skip": skip, "top": asked, "plan": plan}):
                    self._plan = replace(plan, is_by_record=True)
                    asked = self._page_rows(size)
                else:
                    self.requests.has_page |= bool(rows)
                    return rows, asked

    def _simplify(self, plan: Plan, window: Window, page: Mapping[str, int], error: RequestFailed) -> None:
        """Ask for less than ``plan`` does, unless another page has changed the plan already."""
        with self._changing_plan, self.client.helpers.needed_at_once():
            if plan == self._plan:
                works = partial(self.requests.accepts, window, page, needs_rows=error.problem is TOO_MUCH)
                is_innocent = partial(self._is_filter_innocent, window, error.problem)
                self._take(self.fallback.simpler(plan, window, error, works, is_innocent))

    def _asks_too_much(self, window: Window, plan: Plan, skip: int) -> bool:
        """Whether a page is empty only because of all that is asked for of its rows (BEHAVIOR.md, "Custom fields").

        A first page without rows is believed where the filter is known to work. A later one is not: it should begin
        with the last row of the page before it.
        """
        is_proven = self.is_filtered(window) and self.facts.knows(FILTER_WORKS)
        return not (plan.is_by_record or (is_proven and not skip)) and self.requests.has_keys(window, plan, skip)

    def _is_filter_innocent(self, window: Window, problem: Problem) -> bool:
        """Whether the filter works, so that a page fails for another reason, such as one of its rows."""
        if self.requests.has_page or problem.action is not Action.STOP:
            return self.requests.has_page
        ask = partial(self.requests.send, window, {"top": 1, "plan": replace(self._plan.of_keys, filters=True)})
        return unless_refused(ask, None) is not None

    def _hides_rows(self, window: Window) -> bool:
        """Whether the filter hides rows: a few forms return no rows for any filter by a field that is not a key.

        This is tested unless the filter has returned a row within the last day (BEHAVIOR.md, "Lists").
        """
        if self.requests.has_page or not self.is_filtered(window) or self.facts.knows(FILTER_WORKS):
            return False
        probe = replace(self._plan, custom=())
        has_rows = self.requests.has_rows
        if not hides_rows(self.facts, partial(has_rows, EVER, probe), partial(has_rows, Window(), probe)):
            return False
        told = f"{self.where}: the ERP answers a filter by {self.table.cursor} with no rows, although there are some."
        logger.warning(f"{told} {self._in_full}")
        return True

    def _has_empty_parts(self, rows: Sequence[Raw], window: Window, page: Mapping[str, Any]) -> bool:
        """Whether the list leaves parts of its records empty that they have.

        Raises:
            RequestFailed: it does, and rows that lack the part have been sent.
        """
        try:
            return self.empty_parts.are_in(rows, window, page)
        finally:
            # Pages are fetched by several threads, so neither is ever reset.
            self.emptied = self.empty_parts.emptied or self.emptied
            self.is_misread = self.empty_parts.is_misread or self.is_misread

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns that come empty, although the records may have values."""
        return (*self.empty_parts.unknown, *(() if self.requests.has_shown_custom else self.fallback.doubted))

    def _completed(self, rows: Sequence[Raw]) -> Iterator[Raw]:
        """The rows as they are, or, where the list gave keys only, each record fetched by itself."""
        if not self._plan.is_by_record:
            yield from rows
            return
        records = [*self._records(rows, self.records.read, self.records.can_address)]
        self.requests.note_custom([*filter(None, records)], self._plan)
        yield from filter(None, records)
        if removed := records.count(None):
            logger.info(f"{self.where}: {removed} records were removed while they were read.")

    def by_ids(self, ids: Sequence[str], *, is_unconditional: bool = False) -> Iterator[tuple[str, Raw | None]]:
        """Each of these NoteIDs with its record, which is asked for by itself; None where there is none."""
        self._begun()
        read = self.records.of_id if is_unconditional else self.records.wanted
        yield from zip(ids, self._records(ids, read, bool), strict=True)

    def _records(
        self, known: Sequence[Key], read: Callable[[Key, Plan], Raw | None], can_address: Callable[[Key], bool]
    ) -> Iterator[Raw | None]:
        """The records that are ``known`` by something, in the same order; None for those that are gone."""

        def one(known: Key) -> Raw | None:
            return self._through_an_outage(partial(self._record, known, read, can_address(known)))

        return self.client.helpers.map(one, known)

    def _record(self, known: Key, read: Callable[[Key, Plan], Raw | None], is_addressable: bool) -> Raw | None:
        """One record in full; None where it was removed since its key was read."""
        tries_left = _TRIES_AT_ONE_RECORD
        while True:
            plan, tries_left = self._plan, tries_left - 1
            try:
                return read(known, plan)
            except RequestFailed as error:
                if error.problem.action not in REFUSALS or not (is_addressable and tries_left):
                    raise
                works = partial(self.records.accepts, read, known)
                with self._changing_plan, self.client.helpers.needed_at_once():
                    if plan == self._plan:
                        self._take(self.fallback.simpler_for_record(plan, error, works))

    def _take(self, plan: Plan) -> None:
        self._plan, self.left_out = plan, tuple(self.fallback.left_out)
        self.custom = tuple(column_of(name, self.table.path) for name in plan.custom)

    def _chosen_custom(self) -> tuple[str, ...]:
        """The names of the custom fields to ask for."""
        has_any = self.config.include_custom_fields and not self.table.is_files
        if not has_any or (self.columns is not None and "custom" not in self.columns):
            return ()
        choice = choose_custom(
            self.tenant, self.table, self.columns, self.where, self.facts, self.ad_hoc, self.fetch_object
        )
        self.fallback.optional = choice.optional
        self.fallback.leave_out(choice.left_out)
        if choice.is_cut:
            self.cut = ("custom",)
        return choice.names

    def runs(self, rows: Sequence[Raw]) -> Iterable[tuple[Sequence[Raw], tuple[str, ...]]]:
        """The rows of the last page in their order, in runs that lack the same columns beside ``lacking``."""
        return self.field_check.runs(rows)
