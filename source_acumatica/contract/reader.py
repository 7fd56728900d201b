"""Reads the list of an entity: page by page, with its custom fields, and where that fails record by record."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import groupby
from typing import Any, TypeVar

import msgspec
from airbyte_cdk.models import FailureType

from source_acumatica.contract.ad_hoc import AdHocSchemas, is_refusal
from source_acumatica.contract.base_reader import ContractReader, lacks
from source_acumatica.contract.custom_fields import column_of, custom_fields, merge_custom, parts_of
from source_acumatica.contract.hollow import FEW_SAMPLES, FIRST_SAMPLES, HollowParts, Part, ShownPage, told
from source_acumatica.contract.ladder import TOO_MUCH, Ladder
from source_acumatica.contract.parts import foreign, missing, unserved
from source_acumatica.contract.query import Plan, asked_parts, custom_groups, expanded, record_filter, room_for_custom
from source_acumatica.contract.single_records import SingleRecords
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.anchored import ALIKE_ROWS_TO_REPEAT, anchored_pages
from source_acumatica.reading.credentials import is_credential, left_out
from source_acumatica.reading.fields import FieldKind, Raw, unwrap
from source_acumatica.reading.learnt import EMPTIES_PARTS, FILTER_WORKS, LISTS_ALL
from source_acumatica.reading.looks import SMALL_PAGE_ROWS
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS, PageSize
from source_acumatica.reading.paging import BEGINNING, MovingListError, Page, Position
from source_acumatica.reading.prefetch import ByNumber, Prefetch
from source_acumatica.reading.reader import (
    EVER,
    Facts,
    hides_rows,
    known_longest,
    looks_at,
    lost_ranks,
    refuse_stamped,
    shows_unstamped,
    stopped,
    unserved_sentence,
)
from source_acumatica.reading.trail import Identity, Ledger
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# What differs between two answers with the same record, at every depth: ids may be made up, custom fields be others.
_TRANSIENT = frozenset({"id", "rowNumber", "_links", "custom"})
# A page that has moved between the requests for its custom fields, or works and fails by turns, is read again.
_TRIES_AT_ONE_PAGE = 5
# Read one by one, so many records are held at a time and come between two states: at a second each, half a minute.
_KEYS_IN_A_PAGE = 30
_ALL, _CHANGED = "all", "changed"
_MISREAD = (
    ", and records have been sent before one was found that shows it. They come anew, each record by itself, with the "
    "next try of an incremental sync; a full refresh may find it earlier then, or leave out those columns"
)
# What asking for less may help with.
_REFUSALS = (Action.CLIMB_DOWN, Action.STOP)
# What is passed over where something is asked beside the pages.
_MISHAPS = (*_REFUSALS, Action.FEWER_ROWS)

Got = TypeVar("Got")
Ask = Callable[[Window, Mapping[str, Any]], tuple[Sequence[Raw], int]]
"""Sends a list request for a window and a page token, and returns the rows and the size of the answer in bytes."""


@dataclass
class ListReader(ContractReader):
    """The list of an entity, as far down the ladder of ``Plan`` as the ERP makes it go."""

    ask: Ask
    facts: Facts
    ad_hoc: AdHocSchemas
    is_incremental: bool
    is_ranked: bool = False
    """Whether the destination keeps, of the rows with one key, the one with the latest stamp."""
    _plan: Plan = field(default_factory=Plan)
    _size: PageSize | None = None
    _lowering: threading.Lock = field(default_factory=threading.Lock)
    """Several pages may be refused at once; the plan is lowered for the first."""
    _has_answered: bool = False
    """Whether the list has been read from in this run, if only by its keys: then the form is set up."""
    _refusal: RequestFailed | None = None
    """Why a record that was to tell of a part could not be read by itself."""
    _has_broken: bool = False
    """Whether records of the page that came last have something else in the place of a value."""
    _has_page: bool = False
    """Whether a page of this window has come: its rows are those of the plan's filter then, and stay so."""

    @cached_property
    def hollow(self) -> HollowParts:
        """What the list has shown nothing of."""
        return HollowParts(FEW_SAMPLES if self.facts.knows(LISTS_ALL) else FIRST_SAMPLES)

    @cached_property
    def records(self) -> SingleRecords:
        """The records, each by itself."""
        return SingleRecords(self.table, self.columns, self.where, self.fetch_object, self.fetch_rows)

    @cached_property
    def ladder(self) -> Ladder:
        """What to ask for instead of what was refused."""
        return Ladder(self.table, self.columns, self.where, lambda: self.facts.left_out, in_full=self._in_full)

    @property
    def _in_full(self) -> str:
        """What to say where the window cannot be asked for, with what that cannot make good."""
        return f"Reading all rows instead of the changed ones.{lost_ranks(self.table.cursor) if self.is_ranked else ''}"

    def pages(self, window: Window) -> Iterator[Page[Raw]]:
        """The list's pages from where the window was left."""
        if self._size is None:
            self._size = PageSize(self.config.max_page_size)
            self._take(Plan(custom=self._custom_fields()))
        self._has_page = False
        self.looks = looks_at(self.facts)
        size = self._size
        fetch = partial(self._fetch, size, window)
        by_number = ByNumber(shared=1 if self.table.is_identified else ALIKE_ROWS_TO_REPEAT)
        prefetch = Prefetch(self.client.helpers, by_number, fetch, partial(self._page_rows, size), lambda: self._plan)
        ledger = Ledger(may_repeat=self.is_incremental)
        pages = anchored_pages(
            prefetch.fetch,
            self._identify,
            self._begin(window),
            is_unique=self.table.is_identified,
            ledger=ledger,
            longest=known_longest(self.facts),
            look=lambda skip: fetch(skip, max(self._page_rows(size), SMALL_PAGE_ROWS)),
            looks=self.looks,
        )
        try:
            for page in prefetch.pages(pages):
                refuse_stamped(self.where, window, page.rows, self.is_stamped)
                position = replace(page.position, list_name=self._list_name)
                rows = list(self._completed(page.rows))
                self._note_unserved(rows)
                if page.shows_likes and not self.table.path:
                    self.repeated_key = self.table.keys
                yield replace(page, rows=rows, position=position)
            self._refuse_unknown_lines()
        except MovingListError as error:
            raise stopped(self.where, error) from None

    @property
    def _list_name(self) -> str:
        return _CHANGED if self._plan.filters else _ALL

    def _begin(self, window: Window) -> Position:
        """The place in the window, if it is one of the list that is going to be read."""
        start = window.start
        if window.since and start.list_name == _ALL:
            # The filter was found to be of no use when the window was begun.
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
            rows, _ = self._answer(Window(is_unstamped=True), probe)
        except RequestFailed as error:
            if error.problem.action is Action.CLIMB_DOWN:
                return None
            raise
        return shows_unstamped(rows, self.is_stamped)

    def is_stamped(self, row: Raw) -> bool:
        """Whether a row says when it was changed."""
        return bool(unwrap(row.get(self.table.cursor or "")))

    def has_rows_since(self, since: str, *, is_unconditional: bool = False) -> bool:
        """Whether rows are there that have changed since, or nobody can say; also without the row filter."""
        plan = replace(self._plan, custom=())
        return not self._plan.filters or self._has_rows(Window(since), plan, is_unconditional=is_unconditional)

    def id_again(self, row: Raw) -> str | None:
        """The id that the record of ``row`` has in another answer; None where it is not found by its keys."""
        options = record_filter(self.table, row, self._plan) if self.table.keys else None
        if options is None:
            return None
        none: list[dict[str, Any]] = []
        rows = _unless_refused(lambda: self.fetch_rows(self.table.url_path, options), none, _MISHAPS)
        return next((str(other.get("id")) for other in rows if self._is_one(row, other)), None)

    def is_filtered(self, window: Window) -> bool:
        """Whether the server was asked for the window alone, and not for all rows."""
        return window.since is not None and self._plan.filters

    def _page_rows(self, size: PageSize) -> int:
        return min(size.rows, _KEYS_IN_A_PAGE) if self._plan.is_by_record else size.rows

    # ------------------------------------------------------------------------------------------------------ one page

    def _fetch(self, size: PageSize, window: Window, skip: int, asked: int) -> tuple[Sequence[Raw], int]:
        """One page from ``skip`` on, and how many rows were asked for; asks for less where the ERP bears no more."""
        tries: Counter[Plan] = Counter()
        is_suspect = False
        while True:
            plan, began = self._plan, time.monotonic()
            if self.is_misread:
                # Noticed in a page that was fetched ahead, and maybe not taken.
                raise self._misread()
            try:
                rows, size_bytes = self._list(window, {"skip": skip, "top": asked, "plan": plan})
                is_doubtful = not rows and tries[plan] < _TRIES_AT_ONE_PAGE
                if is_doubtful and (is_suspect or self._asks_too_much(window, plan, skip)):
                    if not is_suspect:
                        # It may have been empty by chance: the same page once more.
                        is_suspect = True
                        continue
                    is_suspect = False
                    tries[plan] += 1
                    self._lower(plan, window, {"skip": skip, "top": asked}, RequestFailed(TOO_MUCH, self.where))
                    asked = self._page_rows(size)
                    continue
            except RequestFailed as error:
                match error.problem.action:
                    case Action.FEWER_ROWS if size.shrink(asked):
                        logger.warning(f"{self.where}: {error.problem.sentence}. Asking for {size.rows} rows.")
                    case Action.CLIMB_DOWN | Action.STOP if tries[plan] < _TRIES_AT_ONE_PAGE:
                        tries[plan] += 1
                        self._lower(plan, window, {"skip": skip, "top": asked}, error)
                    case _:
                        raise
                asked = self._page_rows(size)
            else:
                size.observe(time.monotonic() - began, size_bytes)
                self.record_bytes = size_bytes / max(len(rows), 1)
                if not rows and not skip and self._hides_rows(window):
                    self._plan = replace(plan, filters=False)
                elif rows and self._gives_less(rows, window, {"skip": skip, "top": asked, "plan": plan}):
                    self._plan = replace(plan, is_by_record=True)
                    asked = self._page_rows(size)
                else:
                    self._has_page = self._has_page or bool(rows)
                    return rows, asked

    def _lower(self, plan: Plan, window: Window, page: Mapping[str, int], error: RequestFailed) -> None:
        """Ask for less than ``plan`` does, unless another page has brought that about already."""
        with self._lowering:
            if plan == self._plan:
                works = partial(self._accepts, window, page, needs_rows=error.problem is TOO_MUCH)
                is_innocent = partial(self._is_filter_innocent, window, error.problem)
                self._take(self.ladder.lower(plan, window, error, works, is_innocent))

    def _list(self, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Raw], int]:
        """A page, asked for once for each group of custom fields, and its size in bytes."""
        plan: Plan = token["plan"]
        groups = [()] if plan.is_by_record else custom_groups(self.table, plan, self.columns, window)
        token = {**token, "as_dicts": len(groups) > 1}
        for _ in range(_TRIES_AT_ONE_PAGE):
            rows, size_bytes = self._answer(window, {**token, "plan": replace(plan, custom=groups[0])})
            lacking = None if plan.is_by_record else missing(rows, expanded(self.table, plan, self.columns))
            if lacking:
                raise RequestFailed(lacks(lacking), self.where)
            rest = (self._answer(window, {**token, "plan": replace(plan, custom=group)})[0] for group in groups[1:])
            if all(self._merge(rows, more) for more in rest):
                return rows, size_bytes
        sentence = "its rows change faster than their custom fields can be read"
        raise RequestFailed(Problem(Action.STOP, FailureType.transient_error, sentence), self.where)

    def _answer(self, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Raw], int]:
        try:
            answer = self.ask(window, token)
        except RequestFailed as error:
            if error.problem.action is Action.SKIP and (self._has_answered or self._answers_for_keys(error)):
                action = Action.STOP if self._has_page else Action.CLIMB_DOWN
                raise RequestFailed(replace(error.problem, action=action), self.where) from None
            raise
        self._has_answered = True
        return answer

    def _answers_for_keys(self, error: RequestFailed) -> bool:
        """Whether a form that is said not to be set up answers for its keys alone.

        The set-up that is missing may be that of another form: of an extension, or of a part that was asked for.

        Raises:
            RequestFailed: nobody knows; ``error`` is no reason to pass the form over then.
        """
        try:
            self.ask(Window(), {"top": 1, "plan": Plan(is_by_record=True)})
        except RequestFailed as other:
            if other.problem.action in _REFUSALS:
                raise RequestFailed(replace(error.problem, action=Action.STOP), self.where) from None
            if other.problem.action is not Action.SKIP:
                raise
            return False
        self._has_answered = True
        return True

    def _merge(self, rows: Sequence[Raw], more: Sequence[Raw]) -> bool:
        """Whether both pages hold the same records; ``rows`` then has the custom fields of both."""
        return len(rows) == len(more) and all(
            self._is_one(row, other) and merge_custom(row, other, self.table.path)
            for row, other in zip(rows, more, strict=True)
        )

    # ------------------------------------------------------------------------------------- is it what the ERP has?

    def _asks_too_much(self, window: Window, plan: Plan, skip: int) -> bool:
        """Whether a page is empty only because of all that is asked for of its rows (BEHAVIOR.md, "Custom fields").

        Where the filter is known to bring rows, none are believed, but not behind others: a page there begins with one
        that has come.
        """
        is_proven = self.is_filtered(window) and self.facts.knows(FILTER_WORKS)
        if plan.is_by_record or (is_proven and not skip):
            return False
        try:
            return self._has_rows(window, Plan(is_by_record=True, filters=plan.filters), skip=skip)
        except RequestFailed as error:
            # A form that may not be asked for its keys alone; where no parts were asked for, none can be too much.
            if error.problem.action in _REFUSALS and not asked_parts(self.table, plan, self.columns):
                return False
            raise

    def _is_filter_innocent(self, window: Window, problem: Problem) -> bool:
        """Whether the filter has let rows through, or would: a page may fail for one of its rows, too."""
        if self._has_page or problem.action is not Action.STOP:
            return self._has_page
        return (
            _unless_refused(lambda: self._answer(window, {"top": 1, "plan": Plan(is_by_record=True)}), None) is not None
        )

    def _hides_rows(self, window: Window) -> bool:
        """Whether an empty answer is no answer: a few forms answer every filter by a field that is no key with no rows.

        It is asked for unless the filter has brought a row within the last day (BEHAVIOR.md, "Lists").
        """
        if self._has_page or not self.is_filtered(window) or self.facts.knows(FILTER_WORKS):
            return False
        probe = replace(self._plan, custom=())
        if not hides_rows(self.facts, partial(self._has_rows, EVER, probe), partial(self._has_rows, Window(), probe)):
            return False
        logger.warning(
            f"{self.where}: the ERP answers a filter by {self.table.cursor} with no rows, although there are some. "
            + self._in_full
        )
        return True

    def _has_rows(self, window: Window, plan: Plan, **place: int) -> bool:
        return bool(self._answer(window, {**place, "top": 1, "plan": plan})[0])

    def _gives_less(self, rows: Sequence[Raw], window: Window, page: Mapping[str, Any]) -> bool:
        """Whether the list leaves empty what its records have: of each part, until the list has shown some of it.

        Raises:
            RequestFailed: it does, and rows that lack the part have gone out.
        """
        parts = self._parts(page["plan"], window)
        hollow = self.hollow.unproven(rows, parts)
        had = self._emptied(rows, hollow, window, page) if hollow else []
        if not had:
            self.hollow.believe(hollow)
            is_told = not (hollow and len(rows) < FIRST_SAMPLES) and not self.hollow.unknown
            if parts and is_told and not self.facts.knows(LISTS_ALL):
                self.facts.learn(LISTS_ALL)
            if parts and not hollow and self.facts.knows(EMPTIES_PARTS):
                self.facts.forget(EMPTIES_PARTS)
            return False
        if not self.facts.knows(EMPTIES_PARTS):
            self.emptied = told(had)
            self.facts.forget(LISTS_ALL)
        if self.hollow.have_gone_out(had):
            self.is_misread = True
            raise self._misread()
        logger.warning(
            f"{self.where}: the list comes without {', '.join(told(had))}, which its records have. Reading the keys "
            "first and then each record by itself, which costs one request per record."
        )
        return True

    def _misread(self) -> RequestFailed:
        sentence = f"the list comes without {', '.join(self.emptied)}, which its records have{_MISREAD}"
        return RequestFailed(Problem(Action.STOP, FailureType.transient_error, sentence), self.where)

    def _parts(self, plan: Plan, window: Window) -> list[Part]:
        """What a list under this plan may leave empty."""
        if plan.is_by_record:
            return []
        parts = asked_parts(self.table, replace(plan, custom=()), self.columns)
        groups = custom_groups(self.table, plan, self.columns, window)
        return [*((part,) for part in parts), *parts_of(groups, self.ladder.optional, self.table.path)]

    def _emptied(
        self, rows: Sequence[Raw], hollow: Sequence[Part], window: Window, page: Mapping[str, Any]
    ) -> Sequence[Part]:
        """Those of the hollow parts that records by themselves have."""
        if self.facts.knows(EMPTIES_PARTS):
            return hollow
        plan: Plan = page["plan"]
        keys = replace(plan, is_by_record=True, selects=True)

        def listed(skip: int, top: int, plan: Plan) -> Sequence[Raw]:
            return _unless_refused(
                lambda: self._list(window, {"skip": skip, "top": top, "plan": plan})[0], [], _MISHAPS
            )

        refusals: list[RequestFailed] = []

        def alone(row: Raw) -> Raw | None:
            return self._alone(row, plan, refusals) if self.records.can_address(row) else None

        shown = ShownPage(
            rows,
            page["skip"],
            page["top"],
            alone=alone,
            keys_at=lambda place: listed(place, 1, keys),
            again=lambda skip, top: listed(skip, top, plan),
            is_one=self._is_one,
        )
        had = self.hollow.emptied(shown, hollow)
        if refusals and not had:
            self._doubt(hollow, refusals[-1])
        return had

    def _doubt(self, hollow: Sequence[Part], refusal: RequestFailed) -> None:
        """Records that cannot be read do not say that they have nothing: where none could be, nobody knows."""
        was = self.hollow.unknown
        self.hollow.doubt(hollow)
        self._refusal = refusal
        if new := [part for part in self.hollow.unknown if part not in was]:
            logger.warning(
                f"{self.where}: the list comes without {', '.join(told(new))}, and whether its records have that is "
                f"unknown, since none could be read by itself: {refusal.problem.sentence}. As long as this is so, "
                "records say so; once it is known, all are read anew."
            )

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns of which nobody knows whether they are empty."""
        inside = "".join(f"{part}/" for part in self.table.path)
        return tuple(name.removeprefix(inside).replace("/", ".") for name in told(self.hollow.unknown))

    def _refuse_unknown_lines(self) -> None:
        """A full refresh without a line, of which nobody knows whether there are any, would empty a table.

        Raises:
            RequestFailed: it is one.
        """
        lines = "/".join(self.table.path)
        if self._refusal and not self.is_incremental and lines and (lines,) in self.hollow.unknown:
            sentence = (
                f"the list comes without {lines}, and whether its records have any is unknown, since none could be "
                f"read by itself: {self._refusal.problem.sentence}"
            )
            raise RequestFailed(replace(self._refusal.problem, action=Action.STOP, sentence=sentence), self.where)

    def _is_one(self, row: Raw, other: Raw) -> bool:
        """Whether both are the same record."""
        return self._identify(row)[0] == self._identify(other)[0]

    def _accepts(self, window: Window, page: Mapping[str, int], plan: Plan, *, needs_rows: bool = False) -> bool:
        """Whether the page that failed comes under another plan; one that is too slow is asked for with fewer rows."""
        top = page["top"]
        while True:
            try:
                rows, _ = self._list(window, {**page, "top": top, "plan": plan})
            except RequestFailed as error:
                if error.problem.action in _REFUSALS:
                    return False
                if error.problem.action is not Action.FEWER_ROWS or top <= SMALLEST_PAGE_ROWS:
                    raise
                top = max(top // 2, SMALLEST_PAGE_ROWS)
            else:
                return bool(rows) or not needs_rows

    # ------------------------------------------------------------------------------------------------ single records

    def _alone(self, row: Raw, plan: Plan, refusals: list[RequestFailed] | None = None) -> Raw | None:
        """The record by itself, where that works; otherwise why it does not is added to ``refusals``."""
        try:
            return self.records.read(row, plan)
        except RequestFailed as error:
            if error.problem.action not in _REFUSALS:
                raise
            if refusals is not None:
                refusals.append(error)
            return None

    def _completed(self, rows: Sequence[Raw]) -> Iterator[Raw]:
        """The rows as they are, or, where the list gave keys only, each record fetched by itself."""
        if not self._plan.is_by_record:
            yield from rows
            return
        removed = 0
        for record in self.client.helpers.map(self._record, rows):
            if record is None:
                removed += 1
            else:
                yield record
        if removed:
            logger.info(f"{self.where}: {removed} records were removed while they were read.")

    def _record(self, row: Raw) -> Raw | None:
        """One record in full; None where it was removed since its key was read."""
        while True:
            plan = self._plan
            try:
                return self.records.read(row, plan)
            except RequestFailed as error:
                if error.problem.action not in _REFUSALS or not self.records.can_address(row):
                    raise
                with self._lowering:
                    if plan == self._plan:
                        self._take(self.ladder.lower_record(plan, error, partial(self._accepts_record, row)))

    def _accepts_record(self, row: Raw, plan: Plan) -> bool:
        return self._alone(row, plan) is not None

    def _take(self, plan: Plan) -> None:
        self._plan, self.left_out = plan, tuple(self.ladder.left_out)
        self.custom = tuple(column_of(name, self.table.path) for name in plan.custom)

    @cached_property
    def _scalars(self) -> list[str]:
        """The fields of the table's rows that are asked for."""
        fields = self.table.rows_shape.fields.items()
        known = [name for name, kind in fields if kind is not FieldKind.UNKNOWN]
        return [name for name in known if self.columns is None or name in self.columns]

    def _note_unserved(self, rows: Sequence[Raw]) -> None:
        """Fields that the ERP describes and does not send are no empty ones: rows from now on say so."""
        names = unserved(rows, self.table.path, self._scalars)
        if new := [name for name in names if name not in self.ladder.left_out]:
            self.ladder.leave_out(new)
            self.left_out = tuple(self.ladder.left_out)
            logger.warning(unserved_sentence(self.where, new))
        broken = foreign(rows, self.table.path, self._scalars)
        self._has_broken = bool(broken)
        if new := [name for name in broken if name not in self.broken]:
            self.broken = (*self.broken, *new)
            logger.warning(
                f"{self.where}: in some records the ERP sends something that is no value, as an error, for "
                f"{', '.join(new)}. Those come without it and say so; once none does, all are read anew. Deselect it "
                "if that is to stay."
            )

    def runs(self, rows: Sequence[Raw]) -> Iterable[tuple[Sequence[Raw], tuple[str, ...]]]:
        """The rows of the page that came last, in their order, with what those lack beside ``lacking``."""
        if not self._has_broken:
            return [(rows, ())]
        runs = groupby(rows, lambda row: foreign([row], self.table.path, self._scalars))
        return [(list(some), names) for names, some in runs]

    # ------------------------------------------------------------------------------------------------- custom fields

    def _custom_fields(self) -> tuple[str, ...]:
        """The names of the tenant's custom fields: they come only when they are asked for by name."""
        if not self.config.include_custom_fields or (self.columns is not None and "custom" not in self.columns):
            return ()
        before = self.facts.left_out
        ask = partial(self.fetch_object, f"{self.table.url_path}/$adHocSchema")
        is_known = before is not None and "custom" in before
        try:
            schema = self.ad_hoc.get(self.tenant, self.table.url_path, ask, is_refusal_known=is_known)
        except RequestFailed as error:
            if not is_refusal(error):
                raise
            return self._without_schema(error, before)
        fields = custom_fields(self.table, schema)
        hidden = [name for name in (*fields.added, *fields.others) if is_credential(name.rpartition(".")[2])]
        if hidden:
            logger.info(left_out(self.where, hidden))
            fields = fields.without(hidden)
        named = {name: column_of(name, self.table.path) for name in (*fields.added, *fields.others)}
        # A new one is not to push out what rows have already.
        new = {*self.facts.new_custom(named.values())}
        known = {name for name in fields.others if named[name] not in new}
        chosen, left = fields.within(room_for_custom(self.table, self.columns), known)
        self.ladder.optional = tuple(name for name in chosen if name in fields.others)
        if left:
            self.cut = ("custom",)
            logger.warning(
                f"{self.where}: the ERP lists more custom fields than fit into one request. Those that a customization "
                f"added come first; these are not read: {', '.join(left)}."
            )
        if fields.unreadable:
            logger.info(f"{self.where}: custom fields of no readable type: {', '.join(fields.unreadable)}.")
        missed = self.facts.missed_custom(named.values())
        if missed:
            logger.warning(
                f"{self.where}: the custom fields {', '.join(missed)} have come before, and the ERP does not name them "
                "now. Records come without them and say so; once they are back, all are read anew. If they were "
                "removed for good, refresh this stream."
            )
            self.ladder.leave_out(missed)
        return chosen

    def _without_schema(self, error: RequestFailed, before: Sequence[str] | None) -> tuple[str, ...]:
        """No custom fields: believed only where they have never come, since they would be taken away otherwise."""
        if before is not None and "custom" not in before:
            sentence = f"{error.problem.sentence}. It named custom fields before, and records are not to lose them"
            raise RequestFailed(replace(error.problem, action=Action.STOP, sentence=sentence), self.where)
        logger.warning(f"{error.message}. Custom fields are not read; each record says so.")
        self.ladder.leave_out(["custom"])
        return ()

    def _identify(self, row: Raw) -> Identity:
        """By its keys or its NoteID; where neither is known, by all that it says but its id, which may be made up.

        What keeps its NoteID may be renamed, and stands elsewhere then: its stamp tells that it was changed.
        """
        if self.table.keys:
            return ("\x1f".join([str(unwrap(row.get(key))) for key in self.table.keys]),)
        if self.table.has_note_id:
            return str(row.get("id")), str(unwrap(row.get(self.table.cursor or "")))
        said = msgspec.json.encode(_lasting(row), order="sorted")
        return (hashlib.sha256(said).hexdigest(),)


def _unless_refused(ask: Callable[[], Got], otherwise: Got, refusals: Sequence[Action] = _REFUSALS) -> Got:
    """What ``ask`` brings, or ``otherwise`` where the ERP refuses it."""
    try:
        return ask()
    except RequestFailed as error:
        if error.problem.action in refusals:
            return otherwise
        raise


def _lasting(value: Any) -> Any:
    """What a record says in every answer, in a form that can be serialized."""
    match value:
        case dict():
            return {name: _lasting(inner) for name, inner in value.items() if name not in _TRANSIENT}
        case list():
            return [_lasting(inner) for inner in value]
        case _:
            return value
