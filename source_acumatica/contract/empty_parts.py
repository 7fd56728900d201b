"""Finds out whether a list leaves parts of its records empty that they have, by reading some of them by themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from airbyte_cdk.models import FailureType

from source_acumatica.contract.base_reader import REFUSALS
from source_acumatica.contract.custom_fields import parts_of
from source_acumatica.contract.list_requests import ListRequests, unless_refused
from source_acumatica.contract.part_evidence import (
    FEW_SAMPLES,
    FIRST_SAMPLES,
    Part,
    PartEvidence,
    ShownPage,
    part_names,
)
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import asked_of_list, asked_parts, custom_groups
from source_acumatica.contract.single_records import SingleRecords
from source_acumatica.contract.tables import Table
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.fields import Raw
from source_acumatica.reading.learnt import EMPTIES_PARTS, LISTS_ALL
from source_acumatica.reading.reader import Facts
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

_MISREAD = (
    ", and records have been sent before one was found that shows it. They come again, each record by itself, with the "
    "next try of an incremental sync; a full refresh may find it earlier then, or leave out those columns"
)
# A sample that fails in one of these ways is passed over.
_PASSED_OVER = (*REFUSALS, Action.FEWER_ROWS)


@dataclass
class EmptyParts:
    """The parts of one list that come empty."""

    table: Table
    columns: frozenset[str] | None
    where: str
    facts: Facts
    records: SingleRecords
    requests: ListRequests
    optional_custom: Callable[[], Collection[str]]
    """The custom fields that may be standard fields, which nobody added."""
    emptied: tuple[str, ...] = ()
    """What the list leaves empty although its records have it."""
    is_misread: bool = False
    """Whether rows were sent without those parts before that was noticed."""
    _refusal: RequestFailed | None = None
    """Why a sample could not be read by itself."""

    @cached_property
    def evidence(self) -> PartEvidence:
        """What the list has shown so far."""
        return PartEvidence(FEW_SAMPLES if self.facts.knows(LISTS_ALL) else FIRST_SAMPLES)

    def are_in(self, rows: Sequence[Raw], window: Window, page: Mapping[str, Any]) -> bool:
        """Whether the list leaves empty what its records have: of each part, until the list has shown some of it.

        Raises:
            RequestFailed: it does, and rows that lack the part have been sent.
        """
        parts = self._parts(page["plan"], window)
        empty = self.evidence.unproven(rows, parts)
        had = self._had(rows, empty, window, page) if empty else []
        if not had:
            self._believe(rows, parts, empty)
            return False
        if not self.facts.knows(EMPTIES_PARTS):
            self.emptied = part_names(had)
            self.facts.forget(LISTS_ALL)
        if self.evidence.were_sent_without(had):
            self.is_misread = True
            raise self.misread()
        logger.warning(
            f"{self.where}: the list comes without {', '.join(part_names(had))}, which its records have. Reading the "
            "keys first and then each record by itself, which costs one request per record."
        )
        return True

    def misread(self) -> RequestFailed:
        """The error of a list whose rows were sent without parts that they have."""
        sentence = f"the list comes without {', '.join(self.emptied)}, which its records have{_MISREAD}"
        return RequestFailed(Problem(Action.STOP, FailureType.transient_error, sentence), self.where)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns that come empty, although the records may have values."""
        inside = "".join(f"{part}/" for part in self.table.path)
        return tuple(name.removeprefix(inside).replace("/", ".") for name in part_names(self.evidence.unknown))

    def refuse_unknown_lines(self) -> None:
        """Check that it is known whether there are lines, if the list has shown none.

        Raises:
            RequestFailed: it is unknown.
        """
        lines = "/".join(self.table.path)
        if self._refusal and lines and (lines,) in self.evidence.unknown:
            sentence = (
                f"the list comes without {lines}, and whether its records have any is unknown, since not all "
                f"that were looked at could be read by themselves: {self._refusal.problem.sentence}. Read the stream "
                "incrementally, where its records say so, or leave it out"
            )
            raise RequestFailed(replace(self._refusal.problem, action=Action.STOP, sentence=sentence), self.where)

    def _believe(self, rows: Sequence[Raw], parts: Sequence[Part], empty: Sequence[Part]) -> None:
        self.evidence.believe(empty)
        is_sure = not (empty and len(rows) < FIRST_SAMPLES) and not self.evidence.unknown
        if parts and is_sure and not self.facts.knows(LISTS_ALL):
            self.facts.learn(LISTS_ALL)
        if parts and not empty and self.facts.knows(EMPTIES_PARTS):
            self.facts.forget(EMPTIES_PARTS)

    def _parts(self, plan: Plan, window: Window) -> list[Part]:
        """What a list under this plan may leave empty."""
        if plan.is_by_record:
            return []
        parts = asked_parts(self.table, replace(plan, custom=()), self.columns)
        groups = custom_groups(self.table, plan, self.columns, window)
        return [*((part,) for part in parts), *parts_of(groups, self.optional_custom(), self.table.path)]

    def _had(
        self, rows: Sequence[Raw], empty: Sequence[Part], window: Window, page: Mapping[str, Any]
    ) -> Sequence[Part]:
        """Those of the empty parts that records by themselves have."""
        if self.facts.knows(EMPTIES_PARTS):
            return empty
        plan: Plan = page["plan"]
        keys = replace(plan, is_by_record=True, selects=True)

        def listed(skip: int, top: int, plan: Plan) -> Sequence[Raw]:
            token = {"skip": skip, "top": top, "plan": plan}
            return unless_refused(lambda: self.requests.page(window, token)[0], [], _PASSED_OVER)

        refusals: list[RequestFailed] = []

        def alone(row: Raw) -> Raw | None:
            if not self.records.can_address(row):
                return None
            found = (self.records.try_to_read(row, one, refusals) for one in self._as_understood(plan))
            return next((record for record in found if record is not None), None)

        shown = ShownPage(
            rows,
            page["skip"],
            page["top"],
            alone=alone,
            keys_at=lambda place: listed(place, 1, keys),
            again=lambda skip, top: listed(skip, top, plan),
            is_one=self.requests.is_one,
        )
        had = self.evidence.emptied(shown, empty)
        if refusals and not had:
            self._doubt(empty, refusals[-1])
        return had

    def _as_understood(self, plan: Plan) -> Iterator[Plan]:
        """The plan, and where its dialect is documented in parts only, in all its ways: a sample may show which."""
        plan = replace(plan, trusts_custom=True)
        asked = asked_of_list(self.table, plan, self.columns)
        others = plan.spoken(self.table).alternatives(asked, filters=False)
        yield from (plan, *(replace(plan, dialect=other) for other in others))

    def _doubt(self, empty: Sequence[Part], refusal: RequestFailed) -> None:
        """Records that cannot be read may have the parts, so that it is unknown whether any has."""
        was = self.evidence.unknown
        self.evidence.doubt(empty)
        self._refusal = refusal
        if new := [part for part in self.evidence.unknown if part not in was]:
            logger.warning(
                f"{self.where}: the list comes without {', '.join(part_names(new))}, and whether its records have that "
                f"is unknown, since not all that were looked at could be read by themselves: "
                f"{refusal.problem.sentence}. As long as this is so, records say so; once it is known, all are read "
                "again."
            )
