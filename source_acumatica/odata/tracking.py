"""Reads, once for each tenant and run, which tables the ERP tracks deletions of, since when and for how long."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_acumatica.erp.errors import RequestFailed, message_of
from source_acumatica.erp.sessions import PoolClosed
from source_acumatica.odata.codec import decode_rows
from source_acumatica.odata.service import ODataService
from source_acumatica.odata.tables import ODataFeed, ODataTable, dac_table
from source_acumatica.reading.fields import Raw, format_instant, utc_instant

logger = logging.getLogger("airbyte")

TRACKING_FORM = "Tables to Track Deleted Records (SM207010)"
"""The form on which a customer lists the tables whose deletions are kept, and how long; since 2025 R1."""
_TRACKED_TABLES = "SMDeletedRecordsTrackingTables"
_PREFERENCES = "ODataPreferences"
_DAYS_KEPT = "DaysRetentionHistoryDeletedRecords"
_NAMES = ("TableID", "TableName")
# Each row of a table has one of these columns.
_COLUMNS = {_TRACKED_TABLES: _NAMES, _PREFERENCES: (_DAYS_KEPT,)}
# The form's default (BEHAVIOR.md, "Deletions").
_USUAL_DAYS_KEPT = 10
# Older entries are removed once an hour.
_MARGIN = timedelta(hours=1)
# Positions are made from the `Date` header, which has whole seconds only.
_CLOCK_STEP = timedelta(seconds=1)
# The tables are closed to this user, or do not exist yet.
_NOT_READABLE = (400, 401, 403, 404)


@dataclass(frozen=True)
class History:
    """What the ERP says of the deletions that it keeps in one tenant; a value is None where it does not say."""

    added: Mapping[str, str | None] | None = None
    """Since when each table is tracked, by its names in lower case."""
    days: int | None = None
    """How long an entry is kept."""

    def lists(self, sets: Sequence[str]) -> bool | None:
        """Whether the table with a set of one of these names is among the tracked ones."""
        return None if self.added is None else any(name.lower() in self.added for name in sets)

    def added_at(self, sets: Sequence[str]) -> str | None:
        """Since when the table is tracked."""
        return next((at for name in sets if (at := (self.added or {}).get(name.lower()))), None)

    def kept_since(self, days: int | None) -> History:
        """The same for a pause at whose beginning entries were kept for so many days, if they were fewer."""
        return self if days is None else replace(self, days=days if self.days is None else min(days, self.days))

    @property
    def kept(self) -> str:
        """How long entries are kept, in words."""
        if self.days is None:
            return f"{_USUAL_DAYS_KEPT} days unless that was changed"
        return f"{self.days} days"

    def gap(self, sets: Sequence[str], position: str | None, now: datetime | None) -> str | None:
        """Why deletions since ``position``, or None for all, may be missing in the ERP's list; without a full stop."""
        added = self.added_at(sets)
        if position is None and added:
            return f"the ERP lists what was deleted since {added}, and for {self.kept}; that was not read before"
        if position and added and _instant(added) - _instant(position) > _CLOCK_STEP:
            return f"the ERP tracks the table since {added} only, and deleted records had been read up to {position}"
        if now is None:
            return None
        days = timedelta(days=_USUAL_DAYS_KEPT if self.days is None else self.days)
        if position is None:
            return f"deleted records were not read before, and the ERP lists them for {self.kept}"
        paused = now - _instant(position)
        if not days or paused <= days - _MARGIN:
            return None
        return (
            f"deleted records were last read {position}, {paused / timedelta(days=1):.1f} days ago, and the ERP lists "
            f"them for {self.kept}: what was deleted before {format_instant(now - days)} is not in its list any more"
        )


class Tracking:
    """What is known of each tenant's deletions, for all its streams; asked for on first use."""

    def __init__(self, service: ODataService) -> None:
        self._service = service
        self._dacs: set[str] = set()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._histories: dict[str, History] = {}
        self._tables: dict[str, Mapping[str, ODataTable] | None] = {}

    def expect(self, dac: str) -> None:
        """Note a table that ``table`` will be asked for, so that one download describes all."""
        self._dacs.add(dac)

    def history(self, tenant: str) -> History:
        """What the ERP says of the deletions that it keeps; the log says where that cannot be relied on."""
        with self._lock_of(tenant):
            if tenant not in self._histories:
                self._histories[tenant] = self._read_history(tenant)
            return self._histories[tenant]

    def table(self, tenant: str, dac: str) -> ODataTable | None:
        """An expected table as the tenant describes it; None if it does not, or cannot be asked."""
        with self._lock_of(tenant):
            if tenant not in self._tables:
                self._tables[tenant] = self._describe(tenant)
            return (self._tables[tenant] or {}).get(dac)

    def _lock_of(self, tenant: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(tenant, threading.Lock())

    def _describe(self, tenant: str) -> Mapping[str, ODataTable] | None:
        dacs: Collection[str] = frozenset(self._dacs)
        try:
            metadata = self._service.describe(tenant, ODataFeed.TABLES, lambda _set, dac: dac in dacs)
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            logger.warning(f"{message_of(error)}. Which tables flag their deleted rows is found out by trying.")
            return None
        return {
            entity_set.type_name: dac_table(entity_set, track_deletions=True) for entity_set in metadata.entity_sets
        }

    def _read_history(self, tenant: str) -> History:
        where = f"Tenant '{tenant}', deleted records"
        failures: dict[str, AirbyteTracedException] = {}
        rows, preferences = (self._tried(tenant, name, where, failures) for name in (_TRACKED_TABLES, _PREFERENCES))
        if failures:
            level = logging.INFO if all(map(_is_closed, failures.values())) else logging.WARNING
            logger.log(
                level,
                f"{message_of(next(iter(failures.values())))}. Going on without {' and '.join(failures)}: which tables "
                "are tracked, and for how long, is not known.",
            )
        days = _days(preferences)
        if days == 0:
            logger.warning(
                f"{where}: the ERP keeps its list of deleted records for 0 days, so it cannot be relied on: give "
                f"Days to Keep Records on {TRACKING_FORM} more days than any pause between two syncs has."
            )
        return History(None if rows is None else _added(rows), days)

    def _tried(
        self, tenant: str, name: str, where: str, failures: dict[str, AirbyteTracedException]
    ) -> Sequence[Raw] | None:
        """The rows of a table, or the one row of a singleton; None, and a failure noted, where it cannot be read."""
        decode = partial(decode_rows, columns=_COLUMNS[name])
        try:
            return self._service.all_rows(tenant, ODataFeed.TABLES, name, {}, where=where, decode=decode)
        except PoolClosed:
            raise
        except AirbyteTracedException as error:
            failures[name] = error
            return None


def _is_closed(error: AirbyteTracedException) -> bool:
    """Whether the table does not exist or is closed to this user; any other failure may pass."""
    return isinstance(error, RequestFailed) and error.problem.status in _NOT_READABLE


def _added(rows: Sequence[Raw]) -> dict[str, str | None]:
    """Since when each table is tracked, by its names in addresses: the short one, and the full one with underscores."""
    added: dict[str, str | None] = {}
    for row in rows:
        texts = [row.get(column) for column in _NAMES]
        for text in (each.strip().lower() for each in texts if isinstance(each, str)):
            for name in (text.replace(".", "_"), text.rpartition(".")[2]):
                added[name] = utc_instant(row.get("CreatedDateTime"))
    return added


def _days(rows: Sequence[Raw] | None) -> int | None:
    days = rows[0].get(_DAYS_KEPT) if rows else None
    return days if isinstance(days, int) and days >= 0 else None


_instant = datetime.fromisoformat
