"""Tries on the rows whether an inquiry groups: then a filter by the stamp changes what its rows say."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.query import ODataPlan, places_that_fit, plain_value
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.learnt import FOUND_BY_KEY
from source_acumatica.reading.reader import Facts
from source_acumatica.reading.window import Window

# Each for as many rows as can be named in an address, some thirty; of a page with more rows, those are spread over it.
_MOST_REQUESTS_FOR_A_PAGE = 3
_LISTED_ROWS = 30
# What changes between two requests is not seen to differ again.
_TRIES = 2

GROUPS = (
    "it groups its rows, and a filter works on the rows below, so that a changed row would come with a part of its sums"
)
_UNKNOWN = (
    "whether it groups its rows cannot be tried, since {}; of one that does, a changed row would come with a part of "
    "its sums"
)
WITHOUT_KEY = _UNKNOWN.format("no key of theirs is known")
NOT_FOUND = _UNKNOWN.format("the ERP does not find them by their keys")

# Fewer rows than the ERP has given at once are no way out.
_REFUSALS = (Action.CLIMB_DOWN, Action.STOP, Action.FEWER_ROWS)
Said = tuple[Any, ...]


class _RefusedError(Exception):
    """Rows cannot be asked for by their keys."""


@dataclass(frozen=True)
class Grouping:
    """The trial of one inquiry, read by ``plan``.

    OData makes ``$filter`` a condition of the query, so it works below the groups (BEHAVIOR.md, "OData"): what a group
    says is then summed up of its changed rows. That one group is whole proves nothing about the next.
    """

    table: ODataTable
    plan: ODataPlan
    columns: Collection[str]
    """Those that are asked for; more may come, where an address has no room for their names."""
    most_rows: int
    """So many the ERP gives at once."""
    ask: Callable[[Window, Mapping[str, Any]], ODataPage]
    facts: Facts

    def doubt(self, rows: Sequence[Raw], window: Window) -> str:
        """Why rows that came within the window may say something else without it; empty where they do not."""
        try:
            if not self.facts.knows(FOUND_BY_KEY):
                if doubt := self._doubt_by_key():
                    return doubt
                self.facts.learn(FOUND_BY_KEY)
            is_grouped = any(self._differ(some, window) for some in self._batches(self._spread(rows)))
        except _RefusedError:
            return NOT_FOUND
        return GROUPS if is_grouped else ""

    def _doubt_by_key(self) -> str:
        """Why rows may be others when they are asked for by their keys: a key may be that of one row of a group."""
        for _ in range(_TRIES):
            listed = self._listed()
            found = [row for some in self._batches(listed) for row in self._by_key(some, Window())]
            others = self._not_among(found, listed)
            if not others:
                return ""
        is_found = not {self._key(row) for row in others}.isdisjoint(map(self._key, found))
        return GROUPS if is_found else NOT_FOUND

    def _listed(self) -> Sequence[Raw]:
        """The first rows of the list without the window, as far as it is not refused."""
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
        # They may just have been changed or removed, or the server gives few rows at once: then both say the same.
        whole, within = self._by_key(others, Window()), self._by_key(others, window)
        return bool(self._not_among(whole, within))

    def _spread(self, rows: Sequence[Raw]) -> Sequence[Raw]:
        most = _MOST_REQUESTS_FOR_A_PAGE * self._fitting(rows)
        return rows[:: max(math.ceil(len(rows) / most), 1)]

    def _batches(self, rows: Sequence[Raw]) -> Iterator[Sequence[Raw]]:
        while rows:
            count = self._fitting(rows)
            yield rows[:count]
            rows = rows[count:]

    def _fitting(self, rows: Sequence[Raw]) -> int:
        return min(places_that_fit(self.table, list(map(self._key, rows))), self.most_rows)

    def _by_key(self, rows: Sequence[Raw], window: Window) -> Sequence[Raw]:
        """The rows that are found by the keys of these, and lie within the window."""
        at = list(map(self._key, rows))
        token = {"plan": self.plan, "at": at, "is_within": window.since is not None, "top": len(at)}
        try:
            return self.ask(window, token).rows if at else []
        except RequestFailed as error:
            if error.problem.action in _REFUSALS:
                raise _RefusedError from None
            raise

    def _not_among(self, known: Sequence[Raw], rows: Sequence[Raw]) -> Sequence[Raw]:
        """Those rows of which none of the known ones says the same."""
        said = set(map(self._said, known))
        return [row for row in rows if self._said(row) not in said]

    def _key(self, row: Raw) -> Said:
        return tuple(plain_value(row.get(name)) for name in self.table.keys)

    def _said(self, row: Raw) -> Said:
        return tuple(plain_value(row.get(name)) for name in self.columns)
