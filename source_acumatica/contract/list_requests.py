"""Asks for pages of an entity's list, each in as many requests as its custom fields need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from airbyte_cdk.models import FailureType

from source_acumatica.contract.base_reader import REFUSALS, lacks
from source_acumatica.contract.custom_fields import merge_custom
from source_acumatica.contract.parts import missing, shows_custom
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import asked_parts, custom_groups, expanded
from source_acumatica.contract.tables import Table
from source_acumatica.contract.understood import refuse_lost_fields, refuse_misunderstood
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.sent_rows import Identity
from source_acumatica.reading.window import Window

TRIES_AT_ONE_PAGE = 5
"""A page is read again if it changes between the requests for its custom fields, or fails only now and then."""

# Enough that one of them has a value of each field that is seldom empty.
_FEW_ROWS = 10

Got = TypeVar("Got")
Ask = Callable[[Window, Mapping[str, Any]], tuple[Sequence[Raw], int]]
"""Sends a list request for a window and a page token, and returns the rows and the size of the answer in bytes."""


@dataclass
class ListRequests:
    """The requests for one table's list in one run."""

    table: Table
    columns: frozenset[str] | None
    where: str
    identify: Callable[[Raw], Identity]
    ask: Ask
    has_page: bool = False
    """Whether a page of the window has come: from then on the filter stays as it is."""
    has_shown_custom: bool = False
    """Whether any answer of this run has named a custom field that was asked for, in the way of the plan."""
    _has_compared: bool = False
    """Whether the first page was compared with one that was asked for without custom fields."""
    _has_answered: bool = False
    """Whether the list has answered in this run, if only for its keys: then the form is set up."""

    def page(self, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Raw], int]:
        """A page, asked for once for each group of custom fields, and its size in bytes.

        Raises:
            RequestFailed: it cannot be read, or lacks a part that was asked for.
        """
        plan: Plan = token["plan"]
        groups = [()] if plan.is_by_record else custom_groups(self.table, plan, self.columns, window)
        token = {**token, "as_dicts": len(groups) > 1}
        for _ in range(TRIES_AT_ONE_PAGE):
            rows, size_bytes = self._understood(window, {**token, "plan": replace(plan, custom=groups[0])})
            lacking = None if plan.is_by_record else missing(rows, expanded(self.table, plan, self.columns))
            if lacking:
                raise RequestFailed(lacks(lacking), self.where)
            more_plans = (replace(plan, custom=group) for group in groups[1:])
            rest = (self._understood(window, {**token, "plan": one})[0] for one in more_plans)
            if all(self._merge(rows, more) for more in rest):
                return rows, size_bytes
        sentence = "its rows change faster than their custom fields can be read"
        raise RequestFailed(Problem(Action.STOP, FailureType.transient_error, sentence), self.where)

    def send(self, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Raw], int]:
        """The answer to one request.

        Raises:
            RequestFailed: it is refused; ``Action.SKIP`` only where the form is not set up.
        """
        try:
            answer = self.ask(window, token)
        except RequestFailed as error:
            if error.problem.action is Action.SKIP and (self._has_answered or self._answers_for_keys(error)):
                action = Action.STOP if self.has_page else Action.ASK_FOR_LESS
                raise RequestFailed(replace(error.problem, action=action), self.where) from None
            raise
        self._has_answered = True
        return answer

    def _understood(self, window: Window, token: Mapping[str, Any]) -> tuple[Sequence[Raw], int]:
        """The answer to one request for a page, which names what was asked for."""
        rows, size_bytes = self.send(window, token)
        plan: Plan = token["plan"]
        if plan.is_by_record or not plan.spoken(self.table).is_nested:
            return rows, size_bytes
        refuse_misunderstood(self.table, plan, self.where, rows, has_shown_custom=self.has_shown_custom)
        if rows and not self._has_compared:
            few = {**token, "top": min(len(rows), _FEW_ROWS), "plan": replace(plan, custom=())}
            refuse_lost_fields(self.table, plan, self.where, rows, lambda: self.send(window, few)[0])
            self._has_compared = True
        self.note_custom(rows, plan)
        return rows, size_bytes

    def note_custom(self, rows: Sequence[Raw], plan: Plan) -> None:
        """Look whether rows name custom fields that were asked for."""
        self.has_shown_custom |= shows_custom(rows, self.table.path, plan.custom)

    def has_rows(self, window: Window, plan: Plan, **place: int) -> bool:
        """Whether there is a row in the window, from a place on."""
        return bool(self.send(window, {**place, "top": 1, "plan": plan})[0])

    def has_keys(self, window: Window, plan: Plan, skip: int) -> bool:
        """Whether there is a row from ``skip`` on if hardly anything is asked for of it; False if nothing less can be.

        Raises:
            RequestFailed: that is unknown.
        """
        try:
            return self.has_rows(window, plan.of_keys, skip=skip)
        except RequestFailed as error:
            # A form that may not be asked for its keys alone; where no parts were asked for, none can be too much.
            if error.problem.action in REFUSALS and not asked_parts(self.table, plan, self.columns):
                return False
            raise

    def accepts(self, window: Window, page: Mapping[str, int], plan: Plan, *, needs_rows: bool = False) -> bool:
        """Whether another plan can read the page that failed, if need be with fewer rows where it is too slow."""
        top = page["top"]
        while True:
            try:
                rows, _ = self.page(window, {**page, "top": top, "plan": plan})
            except RequestFailed as error:
                if error.problem.action in REFUSALS:
                    return False
                if error.problem.action is not Action.FEWER_ROWS or top <= SMALLEST_PAGE_ROWS:
                    raise
                top = max(top // 2, SMALLEST_PAGE_ROWS)
            else:
                return bool(rows) or not needs_rows

    def is_one(self, row: Raw, other: Raw) -> bool:
        """Whether both are the same record."""
        return self.identify(row)[0] == self.identify(other)[0]

    def _answers_for_keys(self, error: RequestFailed) -> bool:
        """Whether a form that is said not to be set up answers for its keys alone.

        What is not set up may be another form: that of an extension, or of a part that was asked for.

        Raises:
            RequestFailed: that is unknown, so ``error`` is no reason to skip the stream.
        """
        try:
            self.ask(Window(), {"top": 1, "plan": Plan().of_keys})
        except RequestFailed as other:
            if other.problem.action in REFUSALS:
                raise RequestFailed(replace(error.problem, action=Action.STOP), self.where) from None
            if other.problem.action is not Action.SKIP:
                raise
            return False
        self._has_answered = True
        return True

    def _merge(self, rows: Sequence[Raw], more: Sequence[Raw]) -> bool:
        """Whether both pages hold the same records; ``rows`` then has the custom fields of both."""
        return len(rows) == len(more) and all(
            self.is_one(row, other) and merge_custom(row, other, self.table)
            for row, other in zip(rows, more, strict=True)
        )


def unless_refused(ask: Callable[[], Got], otherwise: Got, refusals: Sequence[Action] = REFUSALS) -> Got:
    """What ``ask`` returns, or ``otherwise`` where the ERP refuses it."""
    try:
        return ask()
    except RequestFailed as error:
        if error.problem.action in refusals:
            return otherwise
        raise
