"""Reads the records of a list one by one, each from its own address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airbyte_cdk.models import FailureType

from source_acumatica.cursor import Window
from source_acumatica.custom_fields import merge_custom
from source_acumatica.entity import Wire, unwrap
from source_acumatica.errors import Next, Problem, RequestFailed
from source_acumatica.parts import missing
from source_acumatica.query import Plan, custom_groups, expanded, id_path, record_filter, record_options, record_path
from source_acumatica.tables import Table

# A record whose lines change between the requests for its custom fields is read again.
_TRIES_AT_ONE_RECORD = 5

_NOT_ADDRESSABLE = (
    "it cannot be read by itself, since neither its key can stand in an address nor does the ERP give it an id that "
    "stays the same"
)

FetchObject = Callable[[str, Mapping[str, str]], dict[str, Any]]
FetchRows = Callable[[str, Mapping[str, str]], Sequence[Wire]]


@dataclass(frozen=True)
class SingleRecords:
    """The records of one table; each failure names the record."""

    table: Table
    columns: frozenset[str] | None
    where: str
    fetch_object: FetchObject
    fetch_rows: FetchRows

    def can_address(self, row: Wire) -> bool:
        """Whether the record of a row of the list can be asked for by itself."""
        return record_path(self.table, row) is not None

    def read(self, row: Wire, plan: Plan) -> Wire | None:
        """The record in full; None where it was removed since the list was read.

        Raises:
            RequestFailed: it cannot be read, or is not found although the list still has it.
        """
        path = record_path(self.table, row)
        # An id that may be made up is tried, and believed if it leads to the same record.
        is_sure, path = path is not None, path or id_path(self.table, row)
        if path is None:
            raise self._failure(row, _NOT_ADDRESSABLE)
        try:
            record = self._read(path, plan)
        except RequestFailed as error:
            problem = error.problem
            if problem.next is Next.GONE and is_sure:
                self._believe_removed(row, plan)
                return None
            if problem.next is Next.GONE:
                raise self._failure(row, _NOT_ADDRESSABLE) from None
            # What is set up for the list is set up for its records.
            next_ = Next.STOP if problem.next is Next.SKIP else problem.next
            named = replace(problem, next=next_, sentence=f"{problem.sentence} (record {self._name(row)})")
            raise RequestFailed(named, self.where) from None
        if not is_sure and not self._is_same(record, row):
            raise self._failure(row, _NOT_ADDRESSABLE)
        if is_sure and path != id_path(self.table, row) and self._is_another(record, row):
            raise self._failure(row, "the ERP gives another record at its address")
        lacking = missing([record], expanded(self.table, plan, self.columns))
        if lacking:
            raise self._failure(row, f"the ERP leaves out {lacking} although it was asked for")
        return record

    def _read(self, path: str, plan: Plan) -> Wire:
        groups = custom_groups(self.table, plan, self.columns, Window())
        for _ in range(_TRIES_AT_ONE_RECORD):
            record, *more = [
                self.fetch_object(path, record_options(self.table, replace(plan, custom=group), self.columns))
                for group in groups
            ]
            if all(merge_custom(record, other, self.table.path) for other in more):
                return record
        sentence = "its lines change faster than their custom fields can be read"
        raise RequestFailed(Problem(Next.STOP, FailureType.transient_error, sentence), self.where)

    def _believe_removed(self, row: Wire, plan: Plan) -> None:
        """A record that is not found at its address was removed only if the list does not have it any more either.

        Raises:
            RequestFailed: the list has it, or cannot be asked for it.
        """
        options, rows = record_filter(self.table, row, plan), None
        try:
            rows = None if options is None else self.fetch_rows(self.table.url_path, options)
        except RequestFailed as error:
            if error.problem.next not in (Next.CLIMB_DOWN, Next.STOP):
                raise
        if rows is None:
            raise self._failure(row, "the ERP does not find it, and its list cannot be asked for it alone")
        if rows:
            raise self._failure(row, "the ERP does not find it at its address, although its list has it")

    def _is_same(self, record: Wire, row: Wire) -> bool:
        """Whether they have the same keys, or where none are known, the same values."""
        names = self.table.keys or [name for name in self.table.shape.fields if row.get(name) is not None]
        return bool(names) and all(unwrap(record.get(name)) == unwrap(row.get(name)) for name in names)

    def _is_another(self, record: Wire, row: Wire) -> bool:
        """Whether a record that was asked for by its keys shows others; case and padding make no other key."""
        names = [name for name in self.table.keys if unwrap(record.get(name)) is not None]
        return any(_folded(unwrap(record[name])) != _folded(unwrap(row.get(name))) for name in names)

    def _failure(self, row: Wire, sentence: str) -> RequestFailed:
        problem = Problem(Next.STOP, FailureType.system_error, f"record {self._name(row)}: {sentence}")
        return RequestFailed(problem, self.where)

    def _name(self, row: Wire) -> str:
        return ", ".join(repr(unwrap(row.get(key))) for key in self.table.keys) or str(row.get("id"))


def _folded(key: Any) -> str:
    return str(key).strip().casefold()
