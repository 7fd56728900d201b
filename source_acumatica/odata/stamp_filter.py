"""Checks whether the ERP's answers to a filter by the time of the last change can be relied on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from source_acumatica.erp.errors import RequestFailed
from source_acumatica.odata.grouping import Grouping
from source_acumatica.odata.list_requests import ListRequests, another_plan_may_work
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.end_probes import SMALL_PAGE_ROWS
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.learnt import FILTER_WORKS
from source_acumatica.reading.reader import EVER, Facts, hides_rows, refuse_stamped, shows_unstamped
from source_acumatica.reading.window import Window


@dataclass
class StampFilter:
    """The filter by one list's stamp, and what the answers to it have shown."""

    table: ODataTable
    columns: Collection[str]
    """Those that are asked for."""
    requests: ListRequests
    facts: Facts
    is_stamped: Callable[[Raw], bool]
    has_unstamped_come: bool = field(default=False, init=False)
    """Whether rows without a stamp have come beside the changed ones."""

    @property
    def can_be_checked(self) -> bool:
        """Whether it would be noticed if the filter changed what the rows say; that of a table does not."""
        return self.table.feed is ODataFeed.TABLES or self.table.has_unique_keys

    def note(self, window: Window, rows: Sequence[Raw]) -> None:
        """Remember whether the filter brings rows without a stamp.

        Raises:
            RequestFailed: only those were asked for, and others come, which would be sent twice.
        """
        refuse_stamped(self.requests.where, window, rows, self.is_stamped)
        self.has_unstamped_come |= self.requests.plan.with_null and not all(map(self.is_stamped, rows))

    def doubt(self, window: Window, rows: Sequence[Raw]) -> str:
        """Why rows that came for having changed may say something else without the filter; empty where they do not."""
        if self.table.feed is not ODataFeed.INQUIRIES or not self.requests.plan.filters or not window.since:
            return ""
        requests = self.requests
        trial = Grouping(self.table, requests.plan, self.columns, requests.given_rows, requests.ask, self.facts)
        return trial.doubt(rows, window)

    def has_unstamped(self) -> bool | None:
        """Whether there are rows without a stamp that did not come beside the changed ones, although asked for.

        None where the ERP cannot be asked.
        """
        plan = self.requests.plan
        if self.has_unstamped_come or not plan.filters:
            return False
        if not plan.with_null:
            return None
        try:
            rows = self.requests.ask(Window(is_unstamped=True), {"plan": plan, "top": 1}).rows
        except RequestFailed as error:
            if another_plan_may_work(error):
                return None
            raise
        return shows_unstamped(rows, self.is_stamped)

    def loses_changed(self, window: Window) -> bool:
        """Whether there are changed rows, and only those without a stamp came: the ERP ignores half of the filter."""
        plan = self.requests.plan
        changed = replace(plan, with_null=False)
        return changed != plan and self.has_unstamped_come and self.requests.has_rows(window, changed)

    def hides_rows(self) -> bool:
        """Whether the filter brings no rows although there are some; asked once a day."""
        plan = self.requests.plan
        if not plan.filters or self.facts.knows(FILTER_WORKS):
            return False
        return hides_rows(
            self.facts,
            lambda: self.requests.has_rows(EVER, replace(plan, with_null=False)),
            self._has_stamped if self.has_unstamped_come else lambda: self.requests.has_rows(Window(), plan.unfiltered),
        )

    def _has_stamped(self) -> bool:
        """Whether a row has a stamp, though only rows without one have come; True where that cannot be known."""
        plan = replace(self.requests.plan.unfiltered, is_keyset=False, is_by_row=False)
        # Databases differ in where they sort what is null.
        orders = (f"{self.table.cursor} desc", f"{self.table.cursor}")
        try:
            asked = [{"plan": replace(plan, order=(one,)), "top": SMALL_PAGE_ROWS} for one in orders]
            pages = [self.requests.ask(Window(), token) for token in asked]
        except RequestFailed as error:
            if another_plan_may_work(error):
                return True
            raise
        # All of a page may be hidden.
        return not all(page.rows for page in pages) or any(self.is_stamped(row) for page in pages for row in page.rows)
