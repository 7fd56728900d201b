"""Gives the streams of both APIs the deleted records of their tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from source_acumatica.airbyte.removals import RemovalQuery
from source_acumatica.erp.errors import RequestFailed
from source_acumatica.odata.deletions import Deletions, sets_of
from source_acumatica.odata.removed_reader import RemovedReader
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataTable
from source_acumatica.odata.tracking import Tracking
from source_acumatica.reading.progress import Progress


class TableRemovals:
    """The deletions in all tenants' tables, as the ``Removals`` that streams ask."""

    def __init__(self, service: ODataService) -> None:
        self._service, self._tracking = service, Tracking(service)

    def expect(self, dac: str) -> None:
        """Note a table that ``described`` will be asked for, so that one download describes all."""
        self._tracking.expect(dac)

    def described(self, tenant: str, dac: str) -> ODataTable | None:
        """An expected table as the tenant describes it; None if it does not, or cannot be asked."""
        return self._tracking.table(tenant, dac)

    def names_of(self, dac: str) -> Sequence[str]:
        """The names of a table's entity sets, the surest first."""
        return sets_of(dac)

    def has_rows(self, tenant: str, sets: Sequence[str], where: str) -> bool | None:
        """Whether OData shows a row of the table with one of these names; None where it cannot be asked."""
        if not all(sets):
            return None
        try:
            return Deletions(tenant, self._service, sets, where).has_rows()
        except RequestFailed:
            return None

    def has_any(self, tenant: str, sets: Sequence[str], where: str, ids: Sequence[str]) -> bool | None:
        """Whether any of the ids is a NoteID in the table as OData shows it; None where it cannot be asked."""
        try:
            return Deletions(tenant, self._service, sets, where).has_any(ids)
        except RequestFailed:
            return None

    def are_kept(self, tenant: str, sets: Sequence[str], was: Progress, now: datetime | None) -> bool:
        """Whether the ERP is known to keep all deletions of the table since they were read last."""
        history = self._tracking.history(tenant)
        known = history.kept_since(was.kept_days)
        # Where the ERP does not say how long it keeps them, or that it does not, its list cannot be relied on.
        if not history.lists(sets) or not (history.days and known.days):
            return False
        asked = was.deletions_asked or was.deletions
        return not (was.reached or asked) or known.gap(sets, asked, now) is None

    def reader(self, query: RemovalQuery) -> RemovedReader:
        """The reader of a stream's deleted records."""
        deletions = Deletions(
            query.tenant,
            self._service,
            query.sets,
            query.where,
            query.most_rows,
            query.table if isinstance(query.table, ODataTable) else None,
            query.newest,
            has_own_stamp=query.has_own_stamp,
            sent_by=query.sent_by,
        )
        history = self._tracking.history(query.tenant)
        known = query.is_header_known, query.is_compared, query.closes_gap
        return RemovedReader(deletions, history, query.was, query.now, query.may_have_flags, *known)
