"""Finds out by which columns the ERP can sort the rows of an inquiry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from source_acumatica.odata.list_requests import PLAIN, ListRequests
from source_acumatica.odata.query import orderable
from source_acumatica.odata.tables import ODataFeed, ODataTable
from source_acumatica.reading.refusals import SearchTooLongError, refused
from source_acumatica.reading.window import Window


@dataclass
class SortColumns:
    """The columns that one table or inquiry can be sorted by; of a table they are its keys."""

    table: ODataTable
    requests: ListRequests
    _all: tuple[str, ...] | None = field(default=None, init=False)

    def fewest(self) -> tuple[str, ...]:
        """The keys where they identify a row, and otherwise all columns that can be sorted by."""
        if self.table.feed is ODataFeed.TABLES or self.table.has_unique_keys:
            return self.table.keys
        return self.all()

    def all(self) -> tuple[str, ...]:
        """The columns that can be sorted by, the keys first, as many as fit into an address."""
        if self._all is None:
            names = (*self.table.keys, *(name for name in self.table.fields if name not in self.table.keys))
            self._all = self._sortable_among(orderable(names))
        return self._all

    def _sortable_among(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the columns that the ERP sorts by, in a bounded search: it refuses formula columns."""

        def works(some: tuple[str, ...]) -> bool:
            return self.requests.supports(Window(), replace(PLAIN, order=some), is_search=True)

        try:
            unsortable = refused(names, works)
        except SearchTooLongError:
            unsortable = [name for name in names if name not in self.table.keys]
        return tuple(name for name in names if name not in unsortable)
