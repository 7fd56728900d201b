"""Looks at the rows of a generic inquiry to see whether the keys of its description identify them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from source_acumatica.cursor import Window
from source_acumatica.doors import Doors, inquiry_resource
from source_acumatica.errors import Next, RequestFailed
from source_acumatica.feed_pages import FeedPage
from source_acumatica.feeds import FeedTable
from source_acumatica.odata import FeedPlan, feed_options, plain_value
from source_acumatica.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reader import where_of

# Only keys are asked for: so many rows at first, and as many further ones as one more answer has. A bound of time would
# give another catalog whenever the ERP is slow.
_FIRST_ROWS = 1_000
_FURTHER_ROWS = 10_000
_MOST_ROWS = _FIRST_ROWS + _FURTHER_ROWS
# Of a server that cuts its answers into pages of some hundred rows, all of these; of smaller ones, fewer.
_MOST_REQUESTS = 25
# Where the first rows are too many for one answer, so many times fewer are looked at.
_FEWER = 10


@dataclass
class KeyProbe:
    """One inquiry of one tenant."""

    doors: Doors
    tenant: str
    table: FeedTable
    parameters: Mapping[str, Any]

    def doubt(self) -> str:
        """Why the keys do not identify the rows; empty where nothing that was looked at speaks against it.

        Raises:
            RequestFailed: its rows could not be looked at.
        """
        seen: set[tuple[Any, ...]] = set()
        top, requests = _FIRST_ROWS, 0
        while len(seen) < _MOST_ROWS and requests < _MOST_REQUESTS:
            requests += 1
            try:
                page = self._rows(len(seen), top)
            except RequestFailed as error:
                if error.problem.next is not Next.FEWER_ROWS or top <= SMALLEST_PAGE_ROWS:
                    raise
                if seen:
                    # Further rows are not cheap, and what was looked at speaks for the keys.
                    return self._empty_part()
                top = max(top // _FEWER, SMALLEST_PAGE_ROWS)
                continue
            for row in page.rows:
                key = tuple(plain_value(row.get(name)) for name in self.table.keys)
                if None in key:
                    return f"{self.table.keys[key.index(None)]} is empty in some"
                if key in seen:
                    return "several have the same"
                seen.add(key)
            # A short page with a link behind it was cut by the server.
            if not page.rows or (len(page.rows) < top and not page.next_link):
                return ""
            if top < _FIRST_ROWS:
                break
            top = _FURTHER_ROWS
        return self._empty_part()

    def _rows(self, skip: int, top: int) -> FeedPage:
        """Some rows in the order of their keys; in no order, where they cannot be sorted."""
        plan = FeedPlan(self.table.keys)
        try:
            return self._page(plan, {"top": top, "skip": skip})
        except RequestFailed as error:
            if error.problem.next is not Next.CLIMB_DOWN:
                raise
        # An empty body to an order may be a refusal as well as a passing fault; without one it can only be the latter.
        return self._page(replace(plan, order=()), {"top": top, "skip": skip})

    def _empty_part(self) -> str:
        """Of an inquiry with more rows than were looked at: whether a part of a key is empty somewhere behind them."""
        condition = " or ".join(f"{name} eq null" for name in self.table.keys)
        try:
            page = self._page(FeedPlan(()), {"top": 1}, {"$filter": condition})
        except RequestFailed as error:
            if error.problem.next is Next.CLIMB_DOWN:
                # Not every feed compares with null; the rows themselves are held against the key while they are read.
                return ""
            raise
        return "a part of it is empty in some" if page.rows else ""

    def _page(self, plan: FeedPlan, token: Mapping[str, Any], more: Mapping[str, str] | None = None) -> FeedPage:
        version = self.doors.version(self.table.door, self.tenant)
        resource, given = inquiry_resource(self.tenant, self.table, self.parameters, version)
        keys = frozenset(self.table.keys)
        options = feed_options(self.table, plan, keys, Window(), {"version": version, **token})
        is_query = bool(plan.order or more)
        where = where_of(self.tenant, self.table.name)
        return self.doors.rows(
            self.tenant,
            self.table.door,
            resource,
            {**given, **options, **(more or {})},
            where=where,
            is_query=is_query,
            is_page=token["top"] > SMALLEST_PAGE_ROWS,
        )
