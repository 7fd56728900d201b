"""Looks at the rows of a generic inquiry to see whether the keys of its description identify them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata.pages import ODataPage
from source_acumatica.odata.query import ODataPlan, odata_options, plain_value
from source_acumatica.odata.service import ODataService, inquiry_resource
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.reader import where_of
from source_acumatica.reading.window import Window

# Only keys are asked for: so many rows at first, and as many further ones as one more answer has. A bound of time would
# give another catalog whenever the ERP is slow.
_FIRST_ROWS = 1_000
_FURTHER_ROWS = 10_000
# Each answer but the first begins with the last row of the one before.
_MOST_ROWS = _FIRST_ROWS + _FURTHER_ROWS - 1
# Of a server that cuts its answers into pages of some hundred rows, all of these; of smaller ones, fewer.
_MOST_REQUESTS = 25
# Where rows are too many for one answer twice in a row, so many times fewer are asked for at once.
_FEWER = 10
# A refusal of an order or of a filter may be a passing fault.
_TRIES = 3


@dataclass
class KeyProbe:
    """One inquiry of one tenant."""

    service: ODataService
    tenant: str
    table: ODataTable
    parameters: Mapping[str, Any]
    has_rows: bool = field(default=False, init=False)
    """Whether a row has come: where none has, nothing can speak against the keys."""
    _is_ordered: bool = True

    def doubt(self) -> str:
        """Why the keys do not identify the rows; empty where nothing that was looked at speaks against it.

        What comes again in another answer may be a row that others have moved, so each answer begins with the last row
        of the one before: only within one answer several rows of one key are several.

        Raises:
            RequestFailed: its rows could not be looked at.
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
        """Some rows in the order of their keys, and how many are in front; without an order, the first ones."""
        token = {"top": top, "skip": skip}
        for _ in range(_TRIES if self._is_ordered else 0):
            try:
                return skip, self._page(ODataPlan(self.table.keys), token)
            except RequestFailed as error:
                if error.problem.action is not Action.CLIMB_DOWN:
                    raise
        # An empty body to an order may be a refusal as well as a passing fault; without one it can only be the latter.
        self._is_ordered = False
        return 0, self._page(ODataPlan(()), {"top": top, "skip": 0})

    def _empty_part(self) -> str:
        """Of an inquiry with more rows than were looked at: whether a part of a key is empty somewhere behind them."""
        condition = " or ".join(f"{name} eq null" for name in self.table.keys)
        for _ in range(_TRIES):
            try:
                page = self._page(ODataPlan(()), {"top": 1}, {"$filter": condition})
            except RequestFailed as error:
                if error.problem.action is not Action.CLIMB_DOWN:
                    raise
            else:
                return "a part of it is empty in some" if page.rows else ""
        # Not every feed compares with null; the rows themselves are held against the key while they are read.
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
            # Whatever may pass is waited out by whoever asks: to go on with fewer rows gives another catalog.
            is_page=True,
        )
