"""Sends the requests for one list's pages: for fewer rows, or once more, where the ERP fails one."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from source_acumatica.erp.errors import Action, RequestFailed
from source_acumatica.odata.pages import FEWEST_ROWS, CutPages, ODataPage, sized_page
from source_acumatica.odata.query import ODataPlan
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.page_size import PageSize
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

AskOData = Callable[[Window, Mapping[str, Any]], ODataPage]
"""Sends a request for a window and a page token with its ``plan``."""
PLAIN = ODataPlan((), filters=False, with_null=False)
"""All rows, in no order: every list can be asked for that, so it shows what is wrong with another request."""
REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED})
"""The statuses of answers that will be the same the next time."""
# So often a page is asked for where others have come with the same plan: the plan is not what fails then.
_TRIES_OF_A_PAGE = 6


@dataclass
class ListRequests:
    """The requests for one tenant's inquiry or table, by the plan in use."""

    ask: AskOData
    pause: Callable[[int], None]
    """Waits before a try with this number."""
    where: str
    size: PageSize
    note_page: Callable[[ODataPage], None]
    """Is called with each page that came, in the thread that fetched it."""
    plans: list[ODataPlan] = field(default_factory=list)
    """The plans that are left; the first one is in use."""
    links: tuple[str, ...] = ()
    """The links that pages are asked to follow."""
    has_answered: bool = False
    """Whether a page has come by the plan in use: the ERP supports it."""
    begins_empty: bool = False
    """Whether the first answer of the list had no rows."""
    _cut: CutPages = field(init=False)

    def __post_init__(self) -> None:
        self._cut = CutPages(self.where)

    @property
    def plan(self) -> ODataPlan:
        """The plan in use."""
        return self.plans[0]

    @property
    def given_rows(self) -> int:
        """So many rows the ERP has given at once at least: a page that was quick doubles what the next one asks for."""
        return max(self.size.rows // 2, 1)

    def rows(
        self, window: Window, token: Mapping[str, Any], asked: int, fewest: int = FEWEST_ROWS
    ) -> tuple[Sequence[Raw], int]:
        """A page's rows, and how many were asked for: fewer than ``asked`` where the ERP cannot give as many."""
        page, asked = sized_page(self.size, asked, lambda top: self.page(window, {**token, "top": top}), self.where)
        page = self._cut.filled(page, lambda link: self.page(window, {"link": link}), fewest)
        self.note_page(page)
        self.begins_empty |= not (page.rows or token.get("skip") or token.get("after"))
        # A link to the next page says that this one was cut short: the list goes on behind its last row.
        return page.rows, len(page.rows) if page.next_link else asked

    def page(self, window: Window, token: Mapping[str, Any]) -> ODataPage:
        """An answer by the plan in use; asked for again, after pauses, where others have come by it."""
        for tries in itertools.count(1):
            try:
                links = {"links": self.links} if self.links else {}
                more = {"plan": self.plan, "is_proven": self.has_answered, **links}
                page = self.ask(window, {**token, **more})
            except RequestFailed as error:
                is_lasting = error.problem.status in REFUSALS and tries > 1
                if not self.has_answered or not another_plan_may_work(error) or is_lasting or tries == _TRIES_OF_A_PAGE:
                    raise
                logger.warning(f"{self.where}: {error.problem.sentence}. Trying the same page again.")
                self.pause(tries)
            else:
                self.has_answered = True
                return page
        raise AssertionError

    def has_rows(self, window: Window, plan: ODataPlan, **more: Any) -> bool:
        """Whether there is a row within the window, as the plan asks for it."""
        return bool(self.ask(window, {"plan": plan, "top": 1, **more}).rows)

    def supports(self, window: Window, plan: ODataPlan, **more: Any) -> bool:
        """Whether the ERP answers a request for one row by this plan."""
        try:
            self.ask(window, {"plan": plan, "top": 1, **more})
        except RequestFailed as error:
            if another_plan_may_work(error):
                return False
            raise
        return True


def another_plan_may_work(error: RequestFailed) -> bool:
    """Whether another plan may work: the request was refused, or failed by an error of the ERP's own."""
    return error.problem.action is Action.ASK_FOR_LESS or error.problem.failure_type.value == "system_error"
