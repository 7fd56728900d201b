"""Chooses the plan that a list is read by, and the next one where the ERP does not support it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from source_acumatica.erp.errors import RequestFailed
from source_acumatica.odata.grouping import WITHOUT_KEY
from source_acumatica.odata.list_requests import PLAIN, REFUSALS, ListRequests, another_plan_may_work
from source_acumatica.odata.query import ODataPlan, plans
from source_acumatica.odata.sort_columns import SortColumns
from source_acumatica.odata.stamp_filter import StampFilter
from source_acumatica.odata.tables import ODataTable
from source_acumatica.reading.learnt import LOSES_UNSTAMPED
from source_acumatica.reading.paging import BEGINNING, Position
from source_acumatica.reading.reader import Facts, gives_up, lost_ranks
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# So often a plan that has not brought a page yet is tried before it counts as refused; where the ERP says so, once.
_TRIES_OF_A_PLAN = 3


@dataclass
class PlanChoice:
    """The plans for one list; the one in use is changed in ``requests``."""

    table: ODataTable
    requests: ListRequests
    sorting: SortColumns
    stamp_filter: StampFilter
    facts: Facts
    is_ranked: bool
    """Whether the destination keeps, of the rows with one key, the one with the latest stamp."""
    leaves_unstamped: bool = field(default=False, init=False)
    """Whether the rows without a stamp are not asked for beside the changed ones."""
    _may_filter: bool = field(default=True, init=False)
    """Whether rows say the same within a window and without it, as far as is known."""
    _tries: int = field(default=0, init=False)

    @property
    def plan(self) -> ODataPlan:
        """The plan in use."""
        return self.requests.plan

    def begin(self, window: Window) -> Position:
        """Choose the plans for a window, and the place to begin at.

        A window that was left in the middle is gone on with by the plan of that place: it means nothing in another.
        """
        self._use(plans(self.table, self.sorting.fewest(), window))
        if self.plan.filters and self._may_filter and not self.stamp_filter.can_be_checked:
            self._do_without_filter(WITHOUT_KEY)
        elif not self._may_filter:
            self.requests.plans = [plan for plan in self.requests.plans if not plan.filters]
        elif window.is_unstamped:
            self.requests.plans = self.requests.plans[:1]
            return BEGINNING
        self.leaves_unstamped = self.facts.knows(LOSES_UNSTAMPED)
        if self.leaves_unstamped:
            self.requests.plans = [plan for plan in self.requests.plans if not plan.with_null]
        left = ODataPlan.of_name(window.start.list_name, self.table.fields)
        if left is None or (left.filters and not self._may_filter) or (self.leaves_unstamped and left.with_null):
            return BEGINNING
        self.requests.plans = [left, *(plan for plan in self.requests.plans if plan != left)]
        return window.start

    def _use(self, some: list[ODataPlan]) -> None:
        self.requests.plans = some
        self.requests.has_answered, self._tries = False, 0

    # ---------------------------------------------------------------------------- what keeps the place that was reached

    def sort_by_more(self) -> None:
        """Sort by more columns behind those in use, so that what was sent stays in front of the place.

        Raises:
            RequestFailed: there are no more, and rows that differ are equal in all of them.
        """
        was = self.plan
        equal = f"more rows than fit into a page of {self.requests.size.rows} have the same {', '.join(was.order[:5])}"
        failure = gives_up(
            self.requests.where,
            f"{equal}, so they cannot be distinguished: raise max_page_size, or leave this stream out",
        )
        if was.is_keyset or was.is_by_row:
            raise failure
        order = self.sorting.all()
        if was.order == self.table.keys and order != was.order and order[: len(was.order)] == was.order:
            plan = replace(was, order=order)
        elif set(self.table.fields) <= set(was.order):
            plan = replace(was, is_by_row=True)
        else:
            raise failure
        self._replace_with(plan, equal)

    def read_by_number(self, reason: str) -> None:
        """Keep the order, and name places by the number of rows in front of them."""
        self._replace_with(replace(self.plan, is_keyset=False), reason)

    def _replace_with(self, plan: ODataPlan, reason: str) -> None:
        logger.warning(f"{self.requests.where}: {reason}. {plan.explain(plan)}")
        self.requests.plans = [plan]

    def works_by_number(self, window: Window, error: RequestFailed, offset: int) -> bool:
        """Whether a request by keys failed because of the keys and not of the rows.

        The keys may be of a type that cannot be compared.
        """
        plan, top = replace(self.plan, is_keyset=False), self.requests.given_rows
        return another_plan_may_work(error) and self.requests.supports(window, plan, skip=offset, top=top)

    # ------------------------------------------------------------------------------------ what the ERP does not support

    def simplify(self, window: Window, error: RequestFailed) -> bool:
        """Take the next plan, as long as no page has come; False where the same one is to be tried once more.

        Raises:
            RequestFailed: the same, where there is no other plan, this one has worked, or the user has to act.
        """
        if self.requests.has_answered or not another_plan_may_work(error):
            raise error
        # An empty body also comes when all seats are taken; this request waits for one.
        if not self.requests.supports(window, PLAIN):
            raise error
        self._tries += 1
        if self._tries < (1 if error.problem.status in REFUSALS else _TRIES_OF_A_PLAN):
            self.requests.pause(self._tries)
            return False
        if not self.requests.plans[1:]:
            raise error
        was = self.requests.plans.pop(0)
        self._tries = 0
        where, sentence = self.requests.where, error.problem.sentence
        if (was.filters, was.order) != (self.plan.filters, self.plan.order):
            logger.warning(f"{where}: {sentence}. {self._explain(was)}")
        elif self.facts.has_unstamped or self.facts.is_first:
            logger.warning(
                f"{where}: {sentence}, when asked for rows without a stamp ({self.table.cursor}). "
                "Such rows arrive only with a full refresh, and not at all where a start date is set."
            )
        return True

    def begin_without_filter(self, reason: str) -> None:
        """Ask for all rows: those that were filtered do not say what the inquiry shows."""
        self._do_without_filter(reason)
        self.requests.has_answered, self._tries = False, 0

    def _do_without_filter(self, reason: str) -> None:
        was, self._may_filter = self.plan, False
        self.requests.plans = [plan for plan in self.requests.plans if not plan.filters] or [was.unfiltered]
        logger.warning(f"{self.requests.where}: {reason}. {self._explain(was)}")

    def _explain(self, was: ODataPlan) -> str:
        """What the plan in use does otherwise than the one before, and what that cannot make good."""
        is_in_full = was.filters and not self.plan.filters
        return f"{self.plan.explain(was)}{lost_ranks(self.table.cursor) if is_in_full and self.is_ranked else ''}"

    def corrects_filter(self, window: Window) -> bool:
        """Replace the filter where it brought no changed rows although there are some; False where there are none."""
        was, where = self.plan, self.requests.where
        if self.stamp_filter.loses_changed(window):
            self.requests.plans = [replace(was, with_null=False)]
            self.facts.learn(LOSES_UNSTAMPED)
            logger.warning(
                f"{where}: the ERP leaves out the changed rows when it is asked for them together with those without "
                f"a stamp ({self.table.cursor}). They are asked for separately."
            )
            return True
        if self.stamp_filter.hides_rows():
            self.requests.plans = [was.unfiltered]
            logger.warning(
                f"{where}: the ERP answers a filter by {self.table.cursor} with no rows, although there are some. "
                f"{self._explain(was)}"
            )
            return True
        return False
