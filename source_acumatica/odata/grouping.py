"""Checks on its rows whether an inquiry groups, so that a filter by the stamp would change what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.query import ODataPlan, places_that_fit
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.codec import plain_value
from source_acumatica.reading.fields import ROUNDING, Raw, moved, utc_instant
from source_acumatica.reading.learnt import FOUND_BY_KEY
from source_acumatica.reading.reader import Facts
from source_acumatica.reading.window import Window

# Each for as many rows as can be named in an address, some thirty; of a page with more rows, those are spread over it.
_MOST_REQUESTS_FOR_A_PAGE = 40
_LISTED_ROWS = 30
# What changes between two requests is not seen to differ again.
_TRIES = 2

GROUPS = (
    "it groups its rows, and a filter works on the rows below, so that a changed row would come with a part of its sums"
)
_UNKNOWN = (
    "whether it groups its rows cannot be checked, since {}; if it does, a changed row would come with a part of its "
    "sums"
)
SHARES_KEYS = "several of its rows have the same key, and of those one may have changed and not the other"
WITHOUT_KEY = _UNKNOWN.format("they have no known key, or the connection's schema has another one")
NOT_FOUND = _UNKNOWN.format("the ERP does not find them by their keys")

# Asking for fewer rows would not help: the ERP has given more at once.
_REFUSALS = (Action.ASK_FOR_LESS, Action.STOP, Action.FEWER_ROWS)
Said = tuple[Any, ...]


class _RefusedError(Exception):
    """Rows cannot be asked for by their keys."""


class _SharedKeyError(Exception):
    """Several rows have come for one key."""


@dataclass(frozen=True)
class Grouping:
    """The check of one inquiry, read by ``plan``.

    OData makes ``$filter`` a condition of the query below the groups (BEHAVIOR.md, "OData"): a group is then computed
    from its changed rows alone. One complete group proves nothing about the next.
    """

    table: ODataTable
    plan: ODataPlan
    columns: Collection[str]
    """Those that are asked for; more may come where an address has no room for their names."""
    most_rows: int
    """The ERP gives so many rows at once."""
    ask: Callable[[Window, Mapping[str, Any]], ODataPage]
    facts: Facts

    def doubt(self, rows: Sequence[Raw], window: Window) -> str:
        """Why rows that came within the window may say something else without it; empty if they do not."""
        try:
            if not self.facts.knows(FOUND_BY_KEY):
                listed = self._listed()
                if doubt := self._doubt_by_key(listed) or self._doubt_by_own_stamp(listed):
                    return doubt
                self.facts.learn(FOUND_BY_KEY)
            is_grouped = any(self._differ(some, window) for some in self._batches(self._spread(rows)))
        except _RefusedError:
            return NOT_FOUND
        except _SharedKeyError:
            return SHARES_KEYS
        return GROUPS if is_grouped else ""

    def _doubt_by_key(self, listed: Sequence[Raw]) -> str:
        """Why rows may be others when they are asked for by their keys: a key may be that of one row of a group."""
        for tries in range(_TRIES):
            listed = self._listed() if tries else listed
            found = [row for some in self._batches(listed) for row in self._by_key(some, Window())]
            others = self._not_among(found, listed)
            if not others:
                return ""
        is_found = not {self._key(row) for row in others}.isdisjoint(map(self._key, found))
        return GROUPS if is_found else NOT_FOUND

    def _doubt_by_own_stamp(self, listed: Sequence[Raw]) -> str:
        """Why a row may say something else with a filter by its own stamp: a group then loses its older rows.

        A window in which new groups come, each of them whole, would not show it. A row that is not found says nothing:
        its stamp may be shown in another zone than the filter's.
        """
        stamped = [row for row in listed if self._stamp(row)]
        for some in self._batches(stamped, per_row=2):
            whole = {self._key(row): self._said(row) for row in some}
            for _ in range(_TRIES):
                differ = [row for row in self._by_own_stamp(some) if self._said(row) != whole.get(self._key(row))]
                if not differ:
                    break
                whole = {self._key(row): self._said(row) for row in self._by_key(some, Window())}
            else:
                return GROUPS
        return ""

    def _listed(self) -> Sequence[Raw]:
        """The first rows of the list without the window, as far as the ERP gives them."""
        listed: list[Raw] = []
        top = min(_LISTED_ROWS, self.most_rows)
        token = {"plan": self.plan.unfiltered, "top": top}
        try:
            while len(listed) < _LISTED_ROWS:
                rows = self.ask(Window(), {**token, "skip": len(listed)}).rows
                listed += rows
                if len(rows) < top:
                    break
        except RequestFailed as error:
            if error.problem.action not in _REFUSALS:
                raise
        return listed

    def _differ(self, rows: Sequence[Raw], window: Window) -> bool:
        others = self._not_among(self._by_key(rows, Window()), rows)
        if not others:
            return False
        # They may just have been changed or deleted, or the server gives few rows at once: then both requests agree.
        whole, within = self._by_key(others, Window()), self._by_key(others, window)
        return bool(self._not_among(whole, within))

    def _spread(self, rows: Sequence[Raw]) -> Sequence[Raw]:
        most = _MOST_REQUESTS_FOR_A_PAGE * self._fitting(rows)
        return rows[:: max(math.ceil(len(rows) / most), 1)]

    def _batches(self, rows: Sequence[Raw], per_row: int = 1) -> Iterator[Sequence[Raw]]:
        """The rows, as many at once as can be named in an address where each takes the room of ``per_row``."""
        while rows:
            count = max(self._fitting([row for row in rows for _ in range(per_row)]) // per_row, 1)
            yield rows[:count]
            rows = rows[count:]

    def _fitting(self, rows: Sequence[Raw]) -> int:
        return min(places_that_fit(self.table, list(map(self._key, rows))), self.most_rows)

    def _by_key(self, rows: Sequence[Raw], window: Window) -> Sequence[Raw]:
        """The rows that are found by the keys of these, and lie within the window."""
        found = self._at(rows, window, is_within=window.since is not None)
        if len(found) > len(set(map(self._key, found))):
            raise _SharedKeyError
        return found

    def _by_own_stamp(self, rows: Sequence[Raw]) -> Sequence[Raw]:
        """The rows that are found by the keys of these and by a stamp that is not before theirs."""
        stamps = [moved(utc_instant(self._stamp(row)) or "", -ROUNDING) for row in rows]
        return self._at(rows, Window(), stamped=stamps)

    def _at(self, rows: Sequence[Raw], window: Window, **more: Any) -> Sequence[Raw]:
        # More than there should be, so that a second row of a key is seen.
        token = {"plan": self.plan, "at": list(map(self._key, rows)), "top": 2 * len(rows), **more}
        try:
            return self.ask(window, token).rows if rows else []
        except RequestFailed as error:
            if error.problem.action in _REFUSALS:
                raise _RefusedError from None
            raise

    def _not_among(self, known: Sequence[Raw], rows: Sequence[Raw]) -> Sequence[Raw]:
        """The rows that do not equal any of the known ones."""
        said = set(map(self._said, known))
        return [row for row in rows if self._said(row) not in said]

    def _stamp(self, row: Raw) -> Any:
        return row.get(self.table.cursor or "")

    def _key(self, row: Raw) -> Said:
        return tuple(plain_value(row.get(name)) for name in self.table.keys)

    def _said(self, row: Raw) -> Said:
        return tuple(plain_value(row.get(name)) for name in self.columns)
