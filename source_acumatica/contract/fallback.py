"""Finds what to ask for when the ERP has refused something: the next simpler request, and no simpler than needed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from airbyte_cdk.models import FailureType

from source_acumatica.contract.custom_fields import column_of
from source_acumatica.contract.dialect import Dialect
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import asked_of_list, custom_groups, list_options
from source_acumatica.contract.tables import Table
from source_acumatica.contract.understood import NO_CUSTOM
from source_acumatica.erp.answers import TOO_LONG
from source_acumatica.erp.client import RetryPolicy
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.refusals import SearchTooLongError, refused
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# A failure that comes again after this pause is lasting. More fields than these are tried again together.
_RETRY_POLICY = RetryPolicy(retries=1, wait_seconds=0, first_pause_seconds=4.0)
_MOST_ASKED_TWICE = 8
# A page that takes more requests is not worth reading.
_MOST_REQUESTS_A_PAGE = 20
TOO_MUCH = Problem(
    Action.ASK_FOR_LESS, FailureType.system_error, "the ERP answers with no rows when so much of each is asked for"
)

Works = Callable[[Plan], bool]
"""Whether another plan can read what has just failed: the same page, or the same record."""


@dataclass
class Fallback:
    """The simpler plans for one table, and what was left out on the way."""

    table: Table
    columns: frozenset[str] | None
    where: str
    left_out_before: Callable[[], Sequence[str] | None]
    optional: tuple[str, ...] = ()
    """Custom fields that may be standard fields, which nobody added."""
    in_full: str = "Reading all rows instead of the changed ones."
    """What to log where the filter is given up."""
    is_of_keys: bool = False
    """Whether the keys are all that is asked for."""
    left_out: list[str] = field(default_factory=list)
    """The columns, or custom fields in them, that records lack from now on."""
    doubted: tuple[str, ...] = ()
    """The columns of custom fields that no record has shown, so that it is unknown whether they are empty."""
    _tried: set[Plan] = field(default_factory=set)
    """What has been asked for in another dialect."""

    def simpler(
        self, plan: Plan, window: Window, error: RequestFailed, works: Works, is_filter_innocent: Callable[[], bool]
    ) -> Plan:
        """The plan for a page that has failed, which is logged.

        ``is_filter_innocent`` says whether the window's filter works, and has to stay.

        Raises:
            RequestFailed: ``error``, if there is nothing simpler to ask for.
        """
        problem = error.problem
        is_filtered = bool(plan.filters and (window.since or window.is_unstamped))
        simpler = self._simpler_everywhere(plan, error, works, is_filtered=is_filtered)
        if simpler:
            return simpler
        if problem.action is Action.STOP and works(plan):
            return plan
        may_drop_filter = plan.filters and window.since and problem is not TOO_MUCH and not is_filter_innocent()
        if may_drop_filter and works(replace(plan, filters=False)):
            logger.warning(f"{self.where}: {problem.sentence}. {self.in_full}")
            return replace(plan, filters=False)
        if problem.action is Action.STOP and not self._may_not_be_optimized(problem):
            raise error
        return self._next_simpler(plan, window, error)

    def _may_not_be_optimized(self, problem: Problem) -> bool:
        """Whether a failure in words that are not known may say that the list cannot be read in one query."""
        return self.table.dialect.is_nested and problem.is_unclear and problem.is_explained

    def simpler_for_record(self, plan: Plan, error: RequestFailed, works: Works) -> Plan:
        """The plan for a record by itself that has failed.

        Raises:
            RequestFailed: ``error``, if there is nothing simpler to ask for.
        """
        simpler = self._simpler_everywhere(plan, error, works, is_filtered=False)
        if simpler is None:
            raise error
        return simpler

    def leave_out(self, columns: Iterable[str]) -> None:
        """Records lack these columns from now on."""
        self.left_out.extend(column for column in columns if column not in self.left_out)

    def _simpler_everywhere(self, plan: Plan, error: RequestFailed, works: Works, *, is_filtered: bool) -> Plan | None:
        """What helps lists and single records alike: a shorter address, another dialect, or fewer custom fields."""
        problem = error.problem
        others = partial(self._others, is_filtered=is_filtered) if problem.is_unclear else _no_others
        if problem.action is Action.STOP and others(plan) and works(plan):
            return plan
        if other := self._understood(plan, problem, works, others(plan)):
            return other
        if problem == NO_CUSTOM:
            return self._without_proof(plan)
        if problem.action is Action.STOP and problem.failure_type is FailureType.config_error:
            raise error
        shorter = plan.shorter() if problem.status == TOO_LONG else None
        if shorter:
            logger.info(f"{self.where}: {problem.sentence}. Asking for less in one request.")
            return shorter
        # The plain request first: if not even that works, the custom fields are not to blame.
        plain = replace(plan, custom=())
        if plan.custom and works(plain):
            return self._with_fewer_custom(plan, error, works)
        # What was not understood may be another matter than the custom fields, which may not come for being empty. And
        # one of them that the ERP cannot show makes all dialects fail.
        believing = replace(plan, trusts_custom=True)
        trials = [(each, one) for one in (believing, plain) if plan.custom for each in others(one)]
        return next(filter(None, (self._understood(plan, problem, works, [each], one) for each, one in trials)), None)

    def _understood(
        self, plan: Plan, problem: Problem, works: Works, dialects: Sequence[Dialect], trial: Plan | None = None
    ) -> Plan | None:
        """The plan in the first of ``dialects`` that works, on ``trial``; each is tried once in a run."""
        for dialect in dialects:
            tried = replace(trial or plan, dialect=dialect)
            if tried in self._tried:
                continue
            self._tried.add(tried)
            if works(tried):
                logger.info(
                    f"{self.where}: {problem.sentence}. The endpoint speaks contract version {self.table.contract}: "
                    f"going on with {dialect.described}."
                )
                return replace(plan, dialect=dialect)
        return None

    def _without_proof(self, plan: Plan) -> Plan:
        """The plan that believes custom fields to be empty which no dialect shows; they may also be lost."""
        logger.warning(
            f"{self.where}: the ERP describes the custom fields {', '.join(plan.custom)}, and its first records show "
            "none of them, however they are asked for. As long as this is so, records say so."
        )
        self.doubted = tuple(column_of(name, self.table.path) for name in plan.custom)
        return replace(plan, trusts_custom=True)

    def _others(self, plan: Plan, *, is_filtered: bool = False) -> list[Dialect]:
        """The other dialects in which the same can be asked for."""
        asked = asked_of_list(self.table, plan, self.columns)
        return [*plan.spoken(self.table).alternatives(asked, filters=is_filtered)]

    def _with_fewer_custom(self, plan: Plan, error: RequestFailed, works: Works) -> Plan:
        """The plan without the custom fields that make it fail, or with fewer of them in one request.

        A field is left out if it fails by itself twice, with a pause between; if each of them works by itself, fewer
        are asked for at once.

        Raises:
            RequestFailed: neither helps.
        """
        plan, names = self._least_refused(plan, works)
        simpler = replace(plan, custom=tuple(name for name in plan.custom if name not in names))
        # The fields that are kept have to work together, too.
        while not works(replace(simpler, trusts_custom=True)):
            most = max(map(len, custom_groups(self.table, simpler, self.columns, Window()))) // 2
            if most == 0 or len(simpler.custom) > most * _MOST_REQUESTS_A_PAGE:
                raise error
            simpler = replace(simpler, most_custom=most)
        if names:
            logger.warning(
                f"{self.where}: the ERP fails when asked for the custom fields {', '.join(names)}; they are left out."
            )
            self.leave_out(column_of(name, self.table.path) for name in names)
        elif simpler != plan:
            sentence = f"{error.problem.sentence}. Asking for {simpler.most_custom} custom fields at once"
            logger.warning(f"{self.where}: {sentence}.")
        return simpler

    def _least_refused(self, plan: Plan, works: Works) -> tuple[Plan, list[str]]:
        """The plan in the dialect in which the ERP shows custom fields, and those that fail by themselves.

        If none shows any on this page, in the first that is not refused.
        """
        silent: tuple[Plan, list[str]] | None = None
        for dialect in (plan.dialect, *self._others(plan)):
            spoken = replace(plan, dialect=dialect)
            names = self._refused(spoken, partial(_works_with, works, replace(spoken, trusts_custom=True)))
            kept = tuple(name for name in plan.custom if name not in names)
            if kept and (dialect == plan.dialect or works(replace(spoken, custom=kept))):
                return spoken, names
            if kept and silent is None:
                silent = spoken, names
        return silent or (plan, [*plan.custom])

    def _refused(self, plan: Plan, works_with: Callable[[tuple[str, ...]], bool]) -> list[str]:
        """The custom fields that fail by themselves; all optional ones, where too many fail to find out which."""
        before = self.left_out_before() or ()
        suspects = [name for name in plan.custom if column_of(name, self.table.path) in before]
        try:
            names = refused(plan.custom, works_with, suspects)
        except SearchTooLongError:
            names = [name for name in self.optional if name in plan.custom]
        if not names:
            return []
        time.sleep(_RETRY_POLICY.pause_seconds(1))
        if len(names) > _MOST_ASKED_TWICE:
            return [] if works_with(tuple(names)) else names
        return [name for name in names if not works_with((name,))]

    def _next_simpler(self, plan: Plan, window: Window, error: RequestFailed) -> Plan:
        problem = error.problem
        wanted = {*(self.columns or self.table.rows_shape.json_schema()), *self.table.path}
        options = partial(list_options, self.table, columns=self.columns, window=window)
        simpler = plan.simpler(problem.names, wanted)
        while simpler and options(plan=simpler) == options(plan=plan):
            simpler = simpler.simpler(problem.names, wanted)
        if simpler is None and problem.action is Action.STOP:
            raise error
        if simpler is None:
            sentence = f"{problem.sentence}. Not even its keys can be listed: leave this stream out"
            raise RequestFailed(replace(problem, sentence=sentence), self.where)
        if self.is_of_keys:
            logger.info(f"{self.where}: {problem.sentence}. Whole records are listed for their keys.")
        else:
            logger.warning(f"{self.where}: {problem.sentence}. {_explain(simpler, problem)}")
        return simpler


def _explain(plan: Plan, problem: Problem) -> str:
    if plan.is_by_record:
        named = f" Deselecting {', '.join(problem.names)} would make it fast again." if problem.names else ""
        return f"Reading the keys first and then each record by itself, which costs one request per record.{named}"
    if plan.without:
        return f"Reading it without {', '.join(sorted(plan.without))}, which are not selected."
    return "Asking for whole records instead of single fields."


def _works_with(works: Works, plan: Plan, custom: tuple[str, ...]) -> bool:
    return works(replace(plan, custom=custom))


def _no_others(_plan: Plan) -> list[Dialect]:
    return []
