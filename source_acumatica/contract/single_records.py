"""Reads the records of a list one by one, each from its own address."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airbyte_cdk.models import FailureType

from source_acumatica.contract.base_reader import REFUSALS
from source_acumatica.contract.custom_fields import merge_custom
from source_acumatica.contract.parts import missing
from source_acumatica.contract.plan import Plan
from source_acumatica.contract.query import custom_groups, expanded, record_options
from source_acumatica.contract.record_addresses import can_address, id_path, record_filter, record_paths
from source_acumatica.contract.tables import Table
from source_acumatica.contract.understood import NO_CUSTOM, refuse_misunderstood
from source_acumatica.erp.errors import Action, Problem, RequestFailed
from source_acumatica.reading.fields import Raw, unwrap
from source_acumatica.reading.window import Window

logger = logging.getLogger("airbyte")

# A record whose lines change between the requests for its custom fields is read again.
_TRIES_AT_ONE_RECORD = 5
_NOT_FOUND = 404

_NOT_ADDRESSABLE = (
    "it cannot be read by itself, since its key cannot stand in an address, and the ERP gives it no id that stays the "
    "same"
)

FetchObject = Callable[[str, Mapping[str, str]], dict[str, Any]]
FetchRows = Callable[[str, Mapping[str, str]], Sequence[Raw]]


@dataclass(frozen=True)
class SingleRecords:
    """The records of one table; each failure names the record."""

    table: Table
    columns: frozenset[str] | None
    where: str
    fetch_object: FetchObject
    fetch_rows: FetchRows
    has_shown_custom: Callable[[], bool]
    """Whether another record has named a custom field, so that one without them has none."""

    def can_address(self, row: Raw) -> bool:
        """Whether the record of a row of the list can be asked for by itself."""
        return can_address(self.table, row)

    def read(self, row: Raw, plan: Plan) -> Raw | None:
        """The record in full; None where it was removed since the list was read.

        Raises:
            RequestFailed: it cannot be read, or is not found although the list still has it.
        """
        paths = record_paths(self.table, row)
        if not paths:
            raise self._failure(row, _NOT_ADDRESSABLE)
        found = (self._at(path, row, plan) for path in paths)
        record = next((one for one in found if one is not None), None)
        if record is None:
            is_listed = self._is_listed(row, plan) if self.can_address(row) else None
            if is_listed is False:
                return None
            raise self._failure(row, self._not_found(row, is_listed=is_listed))
        lacking = missing([record], expanded(self.table, plan, self.columns))
        if lacking:
            raise self._failure(row, f"the ERP leaves out {lacking} although it was asked for")
        return record

    def of_id(self, id_: str, plan: Plan) -> Raw | None:
        """The record with this NoteID in full; None where there is none.

        Raises:
            RequestFailed: it cannot be read.
        """
        row = {"id": id_}
        path = id_path(self.table, row)
        return self._at(path, row, plan) if path else None

    def wanted(self, id_: str, plan: Plan) -> Raw | None:
        """As ``of_id``, but None also where the row filter leaves the record out, or the ERP does not say it.

        Raises:
            RequestFailed: it cannot be read.
        """
        record = self.of_id(id_, plan)
        if record is None or not self.table.condition:
            return record
        is_listed = self._is_listed(record, plan, self.table.condition)
        if is_listed is None:
            name = self._name(record)
            logger.warning(f"{self.where}: whether record {name} meets the row filter is not known. It does not come.")
        return record if is_listed else None

    def accepts(self, read: Callable[[Any, Plan], Raw | None], known: Any, plan: Plan) -> bool:
        """Whether the ERP accepts to be asked for a record under this plan, and has it."""
        try:
            return read(known, plan) is not None
        except RequestFailed as error:
            if error.problem.action not in REFUSALS:
                raise
            return False

    def try_to_read(self, row: Raw, plan: Plan, refusals: list[RequestFailed] | None = None) -> Raw | None:
        """The record by itself, or None where the ERP refuses it; the refusal is added to ``refusals``."""
        try:
            return self.read(row, plan)
        except RequestFailed as error:
            if error.problem.action not in (*REFUSALS, Action.FEWER_ROWS):
                raise
            if refusals is not None:
                refusals.append(error)
            return None

    def _at(self, path: str, row: Raw, plan: Plan) -> Raw | None:
        """The record of ``row`` if it is at this address.

        Raises:
            RequestFailed: what is there cannot be read.
        """
        try:
            record = self._read(path, plan)
        except RequestFailed as error:
            problem = error.problem
            if problem.action is Action.GONE or problem.status == _NOT_FOUND:
                return None
            # The list could be read, so the form is set up: the stream must not be skipped.
            if problem == NO_CUSTOM:
                raise
            action = Action.STOP if problem.action is Action.SKIP else problem.action
            named = replace(problem, action=action, sentence=f"{problem.sentence} (record {self._name(row)})")
            raise RequestFailed(named, self.where) from None
        is_sure = self.table.has_note_id and path == id_path(self.table, row)
        return record if is_sure or self._is_same(record, row) else None

    def _not_found(self, row: Raw, *, is_listed: bool | None) -> str:
        if not self.can_address(row):
            return _NOT_ADDRESSABLE
        if is_listed is None:
            return "the ERP does not find it, and its list cannot be asked for it alone"
        return "the ERP does not find it at its address, although its list has it"

    def _read(self, path: str, plan: Plan) -> Raw:
        groups = custom_groups(self.table, plan, self.columns, Window())
        for _ in range(_TRIES_AT_ONE_RECORD):
            record, *more = [self._answer(path, replace(plan, custom=group)) for group in groups]
            if all(merge_custom(record, other, self.table) for other in more):
                return record
        sentence = "its lines change faster than their custom fields can be read"
        raise RequestFailed(Problem(Action.STOP, FailureType.transient_error, sentence), self.where)

    def _answer(self, path: str, plan: Plan) -> dict[str, Any]:
        record = self.fetch_object(path, record_options(self.table, plan, self.columns))
        refuse_misunderstood(self.table, plan, self.where, [record], has_shown_custom=self.has_shown_custom())
        return record

    def _is_listed(self, row: Raw, plan: Plan, condition: str = "") -> bool | None:
        """Whether the list has the record of ``row``, and it meets the condition; None if it cannot be asked."""
        options = record_filter(self.table, row, plan)
        if options and condition:
            options["$filter"] += f" and {condition}"
        try:
            return None if options is None else bool(self.fetch_rows(self.table.url_path, options))
        except RequestFailed as error:
            if error.problem.action not in REFUSALS or error.problem.status == _NOT_FOUND:
                raise
            return None

    def _is_same(self, record: Raw, row: Raw) -> bool:
        """Whether they have the same keys, or where none are known, the same values."""
        names = self.table.keys or [name for name in self.table.shape.fields if row.get(name) is not None]
        return bool(names) and all(_compared(record.get(name)) == _compared(row.get(name)) for name in names)

    def _failure(self, row: Raw, sentence: str) -> RequestFailed:
        problem = Problem(Action.STOP, FailureType.system_error, f"record {self._name(row)}: {sentence}")
        return RequestFailed(problem, self.where)

    def _name(self, row: Raw) -> str:
        return ", ".join(repr(unwrap(row.get(key))) for key in self.table.keys) or str(row.get("id"))


def _compared(value: Any) -> Any:
    """As the database compares: case and trailing spaces of a key do not matter."""
    plain = unwrap(value)
    return plain.rstrip().casefold() if isinstance(plain, str) else plain
