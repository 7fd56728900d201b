"""Checks on rows of a generic inquiry whether the keys in its description identify them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.query import ODataPlan, odata_options
from source_acumatica.odata.resources import inquiry_resource
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.codec import plain_value
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.reader import where_of
from source_acumatica.reading.window import Window

# Only keys are asked for: so many rows at first, and as many more as a second answer has. A limit of time would give
# another catalog whenever the ERP is slow.
_FIRST_ROWS = 1_000
_FURTHER_ROWS = 10_000
# Each answer after the first begins with the last row of the one before.
_MOST_ROWS = _FIRST_ROWS + _FURTHER_ROWS - 1
# Enough for all of these rows from a server that cuts answers into pages of a few hundred rows.
_MOST_REQUESTS = 25
# Where an answer fails twice for having too many rows, so many times fewer are asked for.
_FEWER = 10
# A refusal of an order or of a filter may be a passing failure.
_TRIES = 3


@dataclass
class KeyProbe:
    """The check of one inquiry of one tenant."""

    service: ODataService
    tenant: str
    table: ODataTable
    parameters: Mapping[str, Any]
    has_rows: bool = field(default=False, init=False)
    """Whether a row has come; without any, nothing can contradict the keys."""
    _is_ordered: bool = True

    def doubt(self) -> str:
        """Why the keys do not identify the rows; empty where none of those that were read contradicts it.

        A key that comes again in another answer may be that of a row which others have moved: only within one answer
        does it prove that several rows have it. So each answer begins with the last row of the one before.

        Raises:
            RequestFailed: its rows could not be read.
        """
        read, top, largest, has_been_refused = 0, _FIRST_ROWS, _FURTHER_ROWS, False
        for _ in range(_MOST_REQUESTS):
            try:
                skip, page = self._rows(max(read - 1, 0), top)
            except RequestFailed as error:
                # A time-out takes eleven minutes.
                is_again = has_been_refused or not error.problem.status
                if error.problem.action is not Action.FEWER_ROWS or (is_again and top <= SMALLEST_PAGE_ROWS):
                    raise
                if is_again:
                    top = largest = max(top // _FEWER if error.problem.status else 0, SMALLEST_PAGE_ROWS)
                has_been_refused = not is_again
                continue
            has_been_refused = False
            self.has_rows |= bool(page.rows)
            keys = [tuple(plain_value(row.get(name)) for name in self.table.keys) for row in page.rows]
            if (holed := next((key for key in keys if None in key), None)) is not None:
                return f"{self.table.keys[holed.index(None)]} is empty in some"
            if len(set(keys)) < len(keys):
                return "several have the same"
            # A short page with a link behind it was cut by the server.
            if not page.rows or (len(page.rows) < top and not page.next_link):
                return ""
            before, read, top = read, skip + len(page.rows), largest
            if read >= _MOST_ROWS or read <= before:
                break
        return self._empty_part()

    def _rows(self, skip: int, top: int) -> tuple[int, ODataPage]:
        """Some rows in the order of their keys, and how many are in front of them; without an order, the first rows."""
        token = {"top": top, "skip": skip}
        for _ in range(_TRIES if self._is_ordered else 0):
            try:
                return skip, self._page(ODataPlan(self.table.keys), token)
            except RequestFailed as error:
                if error.problem.action is not Action.ASK_FOR_LESS:
                    raise
        # An empty body to an order may be a refusal or a passing failure; without an order it can only be the latter.
        self._is_ordered = False
        return 0, self._page(ODataPlan(()), {"top": top, "skip": 0})

    def _empty_part(self) -> str:
        """Why the keys of an inquiry with further rows do not identify them: a part of a key may be empty in some."""
        condition = " or ".join(f"{name} eq null" for name in self.table.keys)
        for _ in range(_TRIES):
            try:
                page = self._page(ODataPlan(()), {"top": 1}, {"$filter": condition})
            except RequestFailed as error:
                if error.problem.action is not Action.ASK_FOR_LESS:
                    raise
            else:
                return "a part of it is empty in some" if page.rows else ""
        # Not every inquiry can be compared with null; a read checks all rows against the key.
        return ""

    def _page(self, plan: ODataPlan, token: Mapping[str, Any], more: Mapping[str, str] | None = None) -> ODataPage:
        version = self.service.version(self.table.feed, self.tenant)
        resource, given = inquiry_resource(self.tenant, self.table, self.parameters, version)
        keys = frozenset(self.table.keys)
        options = odata_options(self.table, plan, keys, Window(), {"version": version, **token})
        is_query = bool(plan.order or more)
        where = where_of(self.tenant, self.table.name)
        return self.service.rows(
            self.tenant,
            self.table.feed,
            resource,
            {**given, **options, **(more or {})},
            where=where,
            is_query=is_query,
            # The caller waits for a passing failure to end: going on with fewer rows would give another catalog.
            is_page=True,
        )
