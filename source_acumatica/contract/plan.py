"""Says how a table is asked for: all at once, or in the simpler ways that the ERP was found to accept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from source_acumatica.contract.dialect import Dialect
from source_acumatica.contract.tables import Table
from source_acumatica.erp.addresses import LONGEST_QUERY_CHARACTERS

# No server refuses shorter ones for their length.
_SHORTEST_QUERY_CHARACTERS = 200


@dataclass(frozen=True)
class Plan:
    """How a table is asked for: all at once, until the ERP has refused something.

    The plans, each simpler than the one before: with ``$select``; without; without what the refusal named, if it is not
    selected; keys first and each record by itself, the keys with ``$select`` or else without.
    """

    selects: bool = True
    without: frozenset[str] = frozenset()
    is_by_record: bool = False
    beside: tuple[str, ...] = ()
    """In a list of keys, the fields to select beside these."""
    filters: bool = True
    """Whether the window is asked for; otherwise all rows are."""
    custom: tuple[str, ...] = ()
    most_custom: int | None = None
    """How many custom fields are asked for in one request at most; None: as many as an address holds."""
    longest: int = LONGEST_QUERY_CHARACTERS
    """How many characters all options of a request may have."""
    dialect: Dialect | None = None
    """How the request is written, where that is not the usual way of the endpoint's contract version."""
    trusts_custom: bool = False
    """Whether custom fields that no answer names are believed to be empty."""

    def spoken(self, table: Table) -> Dialect:
        """How requests to the table's endpoint are written."""
        return self.dialect or table.dialect

    @property
    def of_keys(self) -> Plan:
        """The same for the keys alone."""
        return Plan(is_by_record=True, filters=self.filters, dialect=self.dialect)

    def shorter(self) -> Plan | None:
        """The same in shorter requests; None where they would be too short for their length to be the cause."""
        longest = self.longest * 2 // 3
        return replace(self, longest=longest) if longest >= _SHORTEST_QUERY_CHARACTERS else None

    def simpler(self, named: Iterable[str], wanted: Iterable[str]) -> Plan | None:
        """The next simpler plan, by which no wanted field is lost; None behind the last."""
        if self.is_by_record:
            if self.beside:
                return replace(self, beside=())
            return replace(self, selects=False) if self.selects else None
        if self.selects and not self.without:
            return replace(self, selects=False)
        tops = {name.split("/")[0] for name in named}
        if tops - self.without and not tops & set(wanted):
            return replace(self, selects=True, without=self.without | tops)
        return replace(self, selects=True, is_by_record=True)
